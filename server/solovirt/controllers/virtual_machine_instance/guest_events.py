"""
From the runtime to the instances: what happens to guests wakes the reconciler.

When it starts, all guests are compared with all instances: one without an instance is left over from before a crash and is removed, and every
other one's instance is looked at, since its guest may have changed while no server ran. (The manager queues every instance too; this
is for guests.) The listening begins before the comparison, so nothing falls in between.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

from solovirt.kinds.kubevirt import names
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.resource import ObjectKey
from solovirt.runtime.protocol import Guest, GuestError, GuestEvent, Runtime

logger = logging.getLogger("solovirt.instances")


class GuestEvents:
    """A background task: passes the runtime's events on to *enqueue*."""

    name = "guest events"

    def __init__(self, objects: Objects, runtime: Runtime, enqueue: Callable[[ObjectKey], None]) -> None:
        self._objects = objects
        self._runtime = runtime
        self._enqueue = enqueue
        self._events: AsyncIterator[GuestEvent] | None = None
        self._compared = False

    @property
    def busy(self) -> bool:
        """Whether there are events, known to the runtime, that have not been passed on."""
        return not self._compared or bool(getattr(self._events, "pending", False))

    async def run(self) -> None:
        self._events = events = self._runtime.events()
        for guest in await self._runtime.list_guests():
            await self._reconcile(guest)
        self._compared = True
        async for event in events:
            self._enqueue(ObjectKey(event.namespace, event.name))

    async def _reconcile(self, guest: Guest) -> None:
        key = ObjectKey(guest.namespace, guest.name)
        instance = self._objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        if instance is None or instance["metadata"]["uid"] != guest.id:
            logger.info("removing the guest %s of %s, which has no instance any more", guest.id, key)
            try:
                await self._runtime.remove(guest.id)
            except GuestError as error:
                # The others have to be looked at all the same; the next start tries again.
                logger.warning("the guest %s could not be removed: %s", guest.id, error)
        else:
            self._enqueue(key)
