"""Sees to it that a guest that was asked to shut down does so, or is destroyed when its grace is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from solovirt.machinery.clock import Clock
from solovirt.runtime.libvirt import domains
from solovirt.runtime.libvirt.guests import Guests
from solovirt.runtime.libvirt.hosts import Hosts
from solovirt.runtime.protocol import GuestError, GuestId

logger = logging.getLogger("solovirt.libvirt")

_PRESS_AGAIN = timedelta(seconds=5)
"""A guest that is still booting does not hear the power button: it is pressed until the grace is over."""


class Grace:
    """One task for each guest that is shutting down; *destroy* ends one."""

    def __init__(
        self, guests: Guests, hosts: Hosts, clock: Clock, destroy: Callable[[GuestId], Awaitable[None]]
    ) -> None:
        self._guests = guests
        self._hosts = hosts
        self._clock = clock
        self._destroy = destroy
        self._tasks: dict[GuestId, asyncio.Task[None]] = {}

    def watch(self, guest: GuestId) -> None:
        """Its record has a deadline, perhaps a new one."""
        if (before := self._tasks.pop(guest, None)) is not None:
            before.cancel()
        task = asyncio.get_running_loop().create_task(self._enforce(guest), name=f"shutdown of {guest}")
        self._tasks[guest] = task
        task.add_done_callback(lambda done: self._done(guest, done))

    def is_watched(self, guest: GuestId) -> bool:
        return guest in self._tasks

    def _done(self, guest: GuestId, task: asyncio.Task[None]) -> None:
        if self._tasks.get(guest) is task:
            del self._tasks[guest]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _enforce(self, guest: GuestId) -> None:
        while True:
            entry = self._guests.find(guest)
            if entry is None or not entry.record.is_live or entry.record.deadline is None:
                return
            now, deadline = self._clock.now(), entry.record.deadline
            try:
                if now >= deadline:
                    await self._destroy(guest)
                    return
                await self._hosts.require(entry.record.node).call(domains.shut_down, entry.record.uuid)
            except GuestError as error:
                # A paused guest does not take it, and a node may be away: the deadline stands.
                logger.debug("%s was not ended: %s", entry.record.name, error)
            again = now + _PRESS_AGAIN
            await self._clock.sleep_until(again if now >= deadline else min(deadline, again))
