"""Streams of guests' changes: what a runtime's `events` returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from solovirt.runtime.protocol import GuestEvent, GuestId


class Subscription:
    """A stream of changes for one listener: a guest that changes again before it was looked at is told once."""

    def __init__(self) -> None:
        self._pending: dict[GuestId, GuestEvent] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def announce(self, event: GuestEvent) -> None:
        self._pending[event.id] = event
        self._wake.set()

    @property
    def pending(self) -> bool:
        """Whether something was announced that has not been fetched."""
        return bool(self._pending)

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[GuestEvent]:
        return self

    async def __anext__(self) -> GuestEvent:
        while not self._pending:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._pending.pop(next(iter(self._pending)))


class Announcements:
    """Everybody who listens."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def subscribe(self) -> AsyncIterator[GuestEvent]:
        """A stream from now on, not from its first `anext`: that is why it is an object rather than a generator."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        return subscription

    def announce(self, event: GuestEvent) -> None:
        for subscription in self._subscriptions:
            subscription.announce(event)

    def close(self) -> None:
        """End all streams."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
