"""The manual clock: time stands still until it is moved, and sleepers wake at their own instants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from solovirt.machinery.clock import ManualClock, SystemClock, micro_timestamp, parse_timestamp, timestamp

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_sleepers_wake_in_the_order_of_their_deadlines_at_those_instants() -> None:
    clock = ManualClock(START)
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep_until(START + timedelta(seconds=seconds))
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 20))
        group.create_task(sleeper("early", 5))
        await clock.advance(30)

    assert woken == [("early", START + timedelta(seconds=5)), ("late", START + timedelta(seconds=20))]
    assert clock.now() == START + timedelta(seconds=30)


async def test_a_timer_set_by_a_woken_sleeper_fires_within_the_same_advance() -> None:
    clock = ManualClock(START)
    instants: list[float] = []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep_until(clock.now() + timedelta(seconds=10))
            instants.append((clock.now() - START).total_seconds())

    async with asyncio.TaskGroup() as group:
        group.create_task(ticker())
        await clock.advance(35)

    assert instants == [10, 20, 30]


async def test_a_past_deadline_does_not_wait() -> None:
    clock = ManualClock(START)
    await clock.sleep_until(START)
    await SystemClock().sleep_until(datetime(2020, 1, 1, tzinfo=UTC))


async def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        await ManualClock(START).move_to(START - timedelta(seconds=1))


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock(START)
    task = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_deadline() is None
    await clock.advance(5)


def test_timestamps_are_those_of_kubernetes() -> None:
    """kubernetes-api.md 3.2: RFC 3339 in UTC, whole seconds; MicroTime with six digits."""
    when = datetime(2026, 11, 23, 7, 1, 3, 250_000, tzinfo=UTC)
    assert timestamp(when) == "2026-11-23T07:01:03Z"
    assert micro_timestamp(when) == "2026-11-23T07:01:03.250000Z"
    assert parse_timestamp("2026-11-23T07:01:03Z") == when.replace(microsecond=0)
    with pytest.raises(ValueError, match="time zone"):
        parse_timestamp("2026-11-23T07:01:03")
