"""
Time as a dependency.

Everything simulated, scheduled or stamped asks a `Clock`, so that a five-minute back-off can be tested in milliseconds.
Sockets, request time-outs and leases use real time and do not come here.

`SystemClock` is real time. `ManualClock` stands still until it is moved; sleepers wake in the order of their deadlines, and each
gets the loop to itself until everything runnable has run, so that a chain of timers inside one `advance` fires at the right
simulated instants.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is, and a way to wait for a later one."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once `now()` is at or after *when*; at once if it already is."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, when: datetime) -> None:
        # Re-checked after each nap: asyncio sleeps on the monotonic clock, and the wall clock may be stepped meanwhile.
        while (left := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(min(left, 60.0))


class ManualClock:
    """
    A clock that stands still until `advance` or `move_to` moves it.

    Sleepers whose deadline is reached are woken in order of deadline; before the next one is woken the loop is drained, so that
    work started by the first may add an earlier deadline than the second's.
    """

    # How many turns of the event loop count as "everything runnable has run". Work that leaves the loop (a database thread) takes
    # real time; tests wait for its effect, not for the clock.
    _DRAIN_TURNS = 20

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._sequence = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, when: datetime) -> None:
        if when <= self._now:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._sequence), future))
        await future

    def next_deadline(self) -> datetime | None:
        """When the first sleeper would wake, or None if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, by: timedelta | float) -> None:
        """Move time on by *by* (seconds, if a number)."""
        await self.move_to(self._now + (by if isinstance(by, timedelta) else timedelta(seconds=by)))

    async def move_to(self, when: datetime) -> None:
        """Move time on to *when*, waking everyone due on the way. Raises ValueError if *when* lies in the past."""
        if when < self._now:
            raise ValueError(f"time does not run backwards: it is {self._now}, not yet {when}")
        await self._drain()
        while (deadline := self.next_deadline()) is not None and deadline <= when:
            self._now = max(self._now, deadline)
            heapq.heappop(self._sleepers)[2].set_result(None)
            await self._drain()
        self._now = when
        await self._drain()

    async def _drain(self) -> None:
        for _ in range(self._DRAIN_TURNS):
            await asyncio.sleep(0)


def timestamp(when: datetime) -> str:
    """Kubernetes' metav1.Time: RFC 3339 in UTC, whole seconds."""
    when = when.astimezone(UTC)
    # Every write is stamped: this takes a tenth of strftime's time.
    return f"{when.year:04}-{when.month:02}-{when.day:02}T{when.hour:02}:{when.minute:02}:{when.second:02}Z"


def micro_timestamp(when: datetime) -> str:
    """Kubernetes' metav1.MicroTime: RFC 3339 in UTC, microseconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """Read an RFC 3339 time. Raises ValueError if *text* is none."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return when.astimezone(UTC)
