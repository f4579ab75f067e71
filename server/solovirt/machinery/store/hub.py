"""
The watch hub: recent events of each resource, and the cursors that read them.

Events sit in one ring per resource, bounded in bytes. A watcher is a position in a ring, nothing more: it costs the writer a wake-up and
holds no memory for others. One that is so slow that its position leaves the ring is told Expired and must list again, as in
kube-apiserver's watch cache (reference kubernetes-api.md 2.3, 410 forms).
"""

from __future__ import annotations

import asyncio
import bisect
import heapq
import itertools
from collections.abc import Sequence

from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store.protocol import Event

# An event without its bytes: the event, its record, key and index, and their dictionaries.
_EVENT_OVERHEAD = 1000


def too_old(since: int, start: int) -> Expired:
    """The refusal of a watch from before the window (reference kubernetes-api.md 2.3)."""
    return Expired(f"too old resource version: {since} ({start})")


class Ring:
    """The recent events of one resource. Positions count all events that ever went in."""

    __slots__ = ("_bytes", "_limit", "_weights", "base", "events", "start", "waiting")

    def __init__(self, start: int, limit: int) -> None:
        self.start = start
        """Every event after this revision is here."""
        self.base = 0
        """The position of the first event here."""
        self.events: list[Event] = []
        self.waiting: dict[asyncio.Future[None], None] = {}
        self._weights: list[int] = []
        self._bytes = 0
        self._limit = limit

    @property
    def end(self) -> int:
        return self.base + len(self.events)

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            # The body counts twice: once for the version that only the ring still holds, once for the watch line made of it.
            weight = _EVENT_OVERHEAD + 2 * len(event.record.body)
            self._weights.append(weight)
            self._bytes += weight
        self.events += events
        if self._bytes > self._limit:
            self._shrink()

    def _shrink(self) -> None:
        # A tenth at a time, so that a full ring doesn't move its whole list with each event. The newest event always stays.
        target = self._limit - self._limit // 10
        drop = 0
        last = len(self.events) - 1
        while drop < last and self._bytes > target:
            self._bytes -= self._weights[drop]
            drop += 1
        self._drop(drop)

    def forget(self, horizon: int) -> None:
        """Drop what happened at or before *horizon*."""
        drop = self.after(horizon)
        self._bytes -= sum(self._weights[:drop])
        self._drop(drop)
        self.start = max(self.start, horizon)

    def _drop(self, count: int) -> None:
        if count:
            self.start = max(self.start, self.events[count - 1].record.revision)
            del self.events[:count]
            del self._weights[:count]
            self.base += count

    def after(self, revision: int) -> int:
        """The index in `events` of the first one after *revision*."""
        return bisect.bisect_right(self.events, revision, key=lambda event: event.record.revision)

    def wake(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Hub:
    """All rings. Publishing and reading happen on the event loop and never wait for each other."""

    def __init__(self, *, window_bytes: int) -> None:
        self._rings: dict[GroupResource, Ring] = {}
        self._window_bytes = window_bytes
        self._start = 0
        self.revision = 0
        self.closed = False
        self._awaited: list[tuple[int, int, asyncio.Future[None]]] = []
        self._sequence = itertools.count()

    def begin(self, *, start: int) -> None:
        """Nothing is known of events up to *start*; those after it are published next."""
        self._start = self.revision = start

    def publish(self, events: Sequence[Event], revision: int) -> None:
        """Make *events*, in the order of their commit, known to watchers; the log has reached *revision*."""
        self.revision = revision
        if len(events) == 1:
            by_resource: dict[GroupResource, list[Event]] = {events[0].record.resource: [events[0]]}
        else:
            by_resource = {}
            for event in events:
                by_resource.setdefault(event.record.resource, []).append(event)
        for resource, some in by_resource.items():
            ring = self._ring(resource)
            ring.add(some)
            ring.wake()
        while self._awaited and self._awaited[0][0] <= revision:
            future = heapq.heappop(self._awaited)[2]
            if not future.done():
                future.set_result(None)

    def reaches_back_to(self, resource: GroupResource, revision: int) -> bool:
        """Whether every event of *resource* after *revision* is here."""
        return revision >= self._ring(resource).start

    def watch(self, resource: GroupResource, since: int | None) -> HubCursor:
        """Raises Expired if events after *since* are gone."""
        ring = self._ring(resource)
        if since is None:
            since = self.revision
        elif since < ring.start:
            raise too_old(since, ring.start)
        return HubCursor(self, ring, since)

    def events_after(self, resource: GroupResource, revision: int) -> Sequence[Event] | None:
        """Everything that happened to *resource* after *revision*, or None if the window starts later."""
        ring = self._ring(resource)
        if revision < ring.start:
            return None
        return ring.events[ring.after(revision) :]

    async def reached(self, revision: int, timeout: float) -> bool:  # noqa: ASYNC109 - the protocol's `wait_for` has it
        """Wait until the log has reached *revision*; False after *timeout* seconds of real time."""
        if self.revision >= revision:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._awaited, (revision, next(self._sequence), future))
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            return self.revision >= revision
        return self.revision >= revision

    def forget(self, horizon: int) -> None:
        """The log was compacted: nothing at or before *horizon* is handed out from now on."""
        self._start = max(self._start, horizon)
        for ring in self._rings.values():
            ring.forget(horizon)

    def restart(self, revision: int) -> None:
        """Everything up to *revision* happened without events: whoever was behind it has to list again."""
        self.revision = max(self.revision, revision)
        self.forget(revision)
        for ring in self._rings.values():
            # A cursor that had read everything is behind all the same; one position more puts it outside the window.
            ring.base += 1
            ring.wake()

    def close(self) -> None:
        """End every cursor's waiting."""
        self.closed = True
        for ring in self._rings.values():
            ring.wake()
        for _, _, future in self._awaited:
            if not future.done():
                future.set_result(None)
        self._awaited.clear()

    def _ring(self, resource: GroupResource) -> Ring:
        ring = self._rings.get(resource)
        if ring is None:
            ring = self._rings[resource] = Ring(self._start, self._window_bytes)
        return ring


class HubCursor:
    """A position in a ring; see `protocol.Cursor`."""

    __slots__ = ("_closed", "_hub", "_position", "_ring", "_since", "_waiter")

    def __init__(self, hub: Hub, ring: Ring, since: int) -> None:
        self._hub = hub
        self._ring = ring
        self._since = since
        self._position = ring.base + ring.after(since)
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def revision(self) -> int:
        ring = self._ring
        index = self._position - ring.base
        if index < 0:
            return self._since
        if index < len(ring.events):
            return max(self._since, ring.events[index].record.revision - 1)
        return max(self._since, self._hub.revision)

    def pending(self) -> Sequence[Event]:
        if self._closed:
            return ()
        ring = self._ring
        index = self._position - ring.base
        if index < 0:
            raise too_old(self._since, ring.start)
        if index == len(ring.events):
            return ()
        events = ring.events[index:]
        self._position = ring.end
        if events[0].record.revision <= self._since:
            # The watch was asked to start in the future, and these are still before that.
            events = [event for event in events if event.record.revision > self._since]
            if not events:
                return ()
        self._since = events[-1].record.revision
        return events

    async def next(self, timeout: float | None = None) -> Sequence[Event]:  # noqa: ASYNC109 - part of the protocol
        if events := self.pending():
            return events
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while not self._closed and not self._hub.closed:
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiter = waiter
            self._ring.waiting[waiter] = None
            timer = None if deadline is None else loop.call_at(deadline, _release, waiter)
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
                self._ring.waiting.pop(waiter, None)
            if events := self.pending():
                return events
            if deadline is not None and loop.time() >= deadline:
                break
        return ()

    def close(self) -> None:
        self._closed = True
        if self._waiter is not None:
            _release(self._waiter)


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
