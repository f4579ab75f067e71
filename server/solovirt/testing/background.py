"""
A control plane in a thread, for tests that are not asynchronous and for clients that block.

It has its own event loop, a free loopback port, an in-memory database and a directory of its own that goes with it. What the test calls
from its thread runs in that loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from solovirt import settings as settings_module
from solovirt.control_plane import ControlPlane
from solovirt.machinery.clock import Clock, ManualClock, SystemClock

T = TypeVar("T")


class BackgroundControlPlane:
    """
    A control plane while its `with` block lasts.

    *frozen* gives it a clock that stands still until `advance` moves it; otherwise time is real. *settings* overrides
    `solovirt.settings.Settings` by name: a `database_url` or `data_dir` of the caller's outlives the block, and with `instant=True` nothing
    that is simulated takes time. The environment and the settings file don't count: a test does the same on every machine.
    """

    def __init__(self, *, frozen: bool = False, **settings: Any) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="solovirt-")
        self._settings = settings_module.given(
            **{
                "data_dir": Path(self._scratch.name),
                "database_url": "sqlite+aiosqlite://",
                "listen": "127.0.0.1:0",
                **settings,
            }
        )
        self.clock: Clock = ManualClock() if frozen else SystemClock()
        self.control_plane = ControlPlane(self._settings, clock=self.clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="solovirt", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.call(self.control_plane.start())
            # The nodes and whatever else is made by controllers is there when a test begins.
            self.settle()
        except BaseException:
            try:
                self.call(self.control_plane.stop())
            finally:
                self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.call(self.control_plane.stop())
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._scratch.cleanup()

    @property
    def url(self) -> str:
        """Where it serves: `https://127.0.0.1:PORT`."""
        return self.control_plane.url

    @property
    def data_dir(self) -> Path:
        """Its data directory."""
        return self._settings.data_dir

    @property
    def kubeconfig(self) -> str:
        """Path of a kubeconfig with full rights."""
        return str(self.control_plane.kubeconfig_path)

    @property
    def token(self) -> str:
        """The administrator's bearer token; empty for plain HTTP."""
        return self.control_plane.admin_token or ""

    def call(self, coroutine: Coroutine[Any, Any, T], *, timeout: float = 60.0) -> T:
        """Run *coroutine* in the control plane's loop and give back its result; TimeoutError after *timeout* seconds."""
        future: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(timeout)

    def advance(self, seconds: float) -> None:
        """Move a frozen clock on and wait until the controllers have done what was due. TypeError if time is real."""
        self.call(self._advance(seconds))

    def settle(self) -> None:
        """Wait until the controllers have nothing to do at the present time."""
        self.call(self.control_plane.manager.settle())

    async def _advance(self, seconds: float) -> None:
        if not isinstance(self.clock, ManualClock):
            raise TypeError("this control plane runs on real time; make it with frozen=True")
        clock, manager = self.clock, self.control_plane.manager
        end = clock.now().timestamp() + seconds
        # Each deadline on the way gets its reconciles done before time moves on, as it would in reality.
        await manager.settle()
        while (deadline := clock.next_deadline()) is not None and deadline.timestamp() <= end:
            await clock.move_to(max(deadline, clock.now()))
            await manager.settle()
        if (left := end - clock.now().timestamp()) > 0:
            await clock.advance(left)
            await manager.settle()
