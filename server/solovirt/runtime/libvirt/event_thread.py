"""
The thread that libvirt's events come from.

A process has one loop for libvirt's events, registered once and for ever. The binding's own asyncio adapter runs it on an event loop, but calls that
loop's `add_reader` and `add_writer` from whichever thread makes a libvirt call, and none of these is allowed there: asyncio's and uvloop's
loops are no thread's but their own. So libvirt's own loop runs here, in C and in a thread of its own, and each callback crosses over with
`call_soon_threadsafe`. Control planes on several loops can share it.
"""

from __future__ import annotations

import logging
import threading

import libvirt

logger = logging.getLogger("solovirt.libvirt")

_starting = threading.Lock()
_thread: threading.Thread | None = None


def ensure() -> None:
    """Have events dispatched from now on. Must come before the first connection is opened."""
    global _thread  # noqa: PLW0603 - libvirt, too, has one for the whole process
    with _starting:
        if _thread is not None:
            return
        # Errors come as exceptions; libvirt would print each of them to standard error as well.
        libvirt.registerErrorHandler(_swallow, None)
        libvirt.virEventRegisterDefaultImpl()
        _thread = threading.Thread(target=_run, name="libvirt events", daemon=True)
        _thread.start()


def _run() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            logger.exception("an iteration of libvirt's event loop failed")


def _swallow(_context: object, _error: object) -> None:
    """What libvirt tells of an error is in the exception that the call raises."""
