"""
The work queue of a control loop.

Same contract as client-go's: a key that waits is there once however often it is added; a key that is being worked on is not handed
out a second time, but comes again if it was added meanwhile; a key that failed comes back after 5 ms, then 10, 20 … up to 1000 s.
All waiting is by the control plane's clock, so that a frozen clock freezes every retry with it. client-go's second limiter, ten
retries a second over all keys, protects an API server across the network and has no counterpart here.

    queue.add(key)
    key = await queue.get()
    try: ...  # and, to come again: queue.retry(key) or queue.add_after(key, delay)
    finally: queue.done(key)
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from solovirt.machinery.clock import Clock

Key = TypeVar("Key", bound=Hashable)


class QueueClosed(Exception):
    """The queue hands out nothing any more."""


class QueueMetrics(Protocol):
    """What one queue reports about itself; times are seconds of real time."""

    def added(self, depth: int) -> None:
        """A key was added; *depth* keys now wait."""
        ...

    def taken(self, depth: int, waited: float) -> None:
        """A key was handed out after it *waited*; *depth* still wait."""
        ...

    def finished(self, worked: float) -> None:
        """A key was done with after *worked* seconds."""
        ...

    def retried(self) -> None:
        """A key will come again because it failed."""
        ...


class _NoMetrics:
    def added(self, depth: int) -> None: ...

    def taken(self, depth: int, waited: float) -> None: ...

    def finished(self, worked: float) -> None: ...

    def retried(self) -> None: ...


NO_METRICS: QueueMetrics = _NoMetrics()


class Backoff(Generic[Key]):
    """How long each key waits before its next try: *base* doubled with each failure since it was last forgotten, up to *limit*."""

    def __init__(self, base: timedelta = timedelta(milliseconds=5), limit: timedelta = timedelta(seconds=1000)) -> None:
        self._base = base
        self._limit = limit
        self._failures: dict[Key, int] = {}

    def next(self, key: Key) -> timedelta:
        """Count a failure of *key* and say how long it should wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The exponent is bounded first: 2**n of a key that failed all week does not fit a timedelta.
        return min(self._base * (1 << min(failures, 40)), self._limit)

    def failures(self, key: Key) -> int:
        """How often *key* has failed since it was last forgotten."""
        return self._failures.get(key, 0)

    def forget(self, key: Key) -> None:
        self._failures.pop(key, None)


class WorkQueue(Generic[Key]):
    """
    Keys to work on, each at most once at a time. Belongs to one event loop.

    `start` must have been called before delays run; `close` ends every `get`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: QueueMetrics = NO_METRICS,
        backoff: Backoff[Key] | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._backoff: Backoff[Key] = backoff or Backoff()
        # Called when the queue may have become idle.
        self._changed = changed
        # One None in here tells every getter in turn that the queue is closed.
        self._ready: asyncio.Queue[Key | None] = asyncio.Queue()
        self._dirty: dict[Key, float] = {}
        self._working: dict[Key, float] = {}
        self._due: dict[Key, datetime] = {}
        # Holds outdated entries too, for keys that were moved forward; `_due` says which one counts.
        self._timers: list[tuple[datetime, int, Key]] = []
        self._sequence = itertools.count()
        self._earlier = asyncio.Event()
        self._timer_task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to serve delays. Safe to call twice."""
        if self._timer_task is None and not self._closed:
            self._timer_task = asyncio.get_running_loop().create_task(self._run_timers(), name="work queue timers")

    async def close(self) -> None:
        """Drop what waits and end every `get` with QueueClosed; keys being worked on can still be `done`. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        while not self._ready.empty():
            self._ready.get_nowait()
        self._dirty.clear()
        self._due.clear()
        self._timers.clear()
        self._ready.put_nowait(None)
        if self._timer_task is not None:
            self._timer_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timer_task

    @property
    def depth(self) -> int:
        """How many keys wait to be handed out."""
        return self._ready.qsize() - (1 if self._closed else 0)

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is worked on, and no delay is over."""
        return not self._dirty and not self._working and not self._has_due_timer()

    def next_due(self) -> datetime | None:
        """When the first delayed key comes, None if none is delayed."""
        self._drop_outdated_timers()
        return self._timers[0][0] if self._timers else None

    def add(self, key: Key) -> None:
        """Have *key* worked on soon. Nothing if it waits already or the queue is closed."""
        if self._closed or key in self._dirty:
            return
        self._dirty[key] = _real_time()
        if key in self._working:
            self._metrics.added(self.depth)
            return
        self._ready.put_nowait(key)
        self._metrics.added(self.depth)

    def add_after(self, key: Key, delay: timedelta) -> None:
        """Have *key* worked on after *delay* by the clock; if it has a delay already, the earlier one counts."""
        if self._closed:
            return
        if delay <= timedelta(0):
            self.add(key)
            return
        when = self._clock.now() + delay
        if (known := self._due.get(key)) is not None and known <= when:
            return
        self._due[key] = when
        heapq.heappush(self._timers, (when, next(self._sequence), key))
        if self._timers[0][2] == key:
            self._earlier.set()

    def retry(self, key: Key) -> timedelta:
        """Have a key that failed worked on again after its back-off; says how long that is."""
        delay = self._backoff.next(key)
        self._metrics.retried()
        self.add_after(key, delay)
        return delay

    def failures(self, key: Key) -> int:
        """How often in a row *key* was retried."""
        return self._backoff.failures(key)

    def forget(self, key: Key) -> None:
        """Start the back-off of *key* from its beginning again; it succeeded, or was given up."""
        self._backoff.forget(key)

    async def get(self) -> Key:
        """Wait for a key and take it; `done` must follow. Raises QueueClosed."""
        key = await self._ready.get()
        if key is None:
            self._ready.put_nowait(None)
            raise QueueClosed
        now = _real_time()
        waited = now - self._dirty.pop(key, now)
        self._working[key] = now
        self._metrics.taken(self.depth, waited)
        return key

    def done(self, key: Key) -> None:
        """Say that the work on *key* ended, however it went."""
        started = self._working.pop(key)
        self._metrics.finished(_real_time() - started)
        if key in self._dirty and not self._closed:
            self._ready.put_nowait(key)
        if self._changed is not None:
            self._changed()

    def _has_due_timer(self) -> bool:
        due = self.next_due()
        return due is not None and due <= self._clock.now()

    def _drop_outdated_timers(self) -> None:
        while self._timers and self._due.get(self._timers[0][2]) != self._timers[0][0]:
            heapq.heappop(self._timers)

    async def _run_timers(self) -> None:
        while True:
            self._earlier.clear()
            while self._has_due_timer():
                _, _, key = heapq.heappop(self._timers)
                del self._due[key]
                self.add(key)
            await self._sleep_until_due_or_earlier(self.next_due())

    async def _sleep_until_due_or_earlier(self, due: datetime | None) -> None:
        """Sleep until *due*, or until a key is added that is due before."""
        if due is None:
            await self._earlier.wait()
            return
        waits = {
            asyncio.ensure_future(self._clock.sleep_until(due)),
            asyncio.ensure_future(self._earlier.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _real_time() -> float:
    # Metrics measure the process, not the simulated world; the loop's clock is monotonic.
    return asyncio.get_running_loop().time()
