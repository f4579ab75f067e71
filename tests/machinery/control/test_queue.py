"""The work queue keeps client-go's contract, under a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.queue import Backoff, QueueClosed, WorkQueue


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def queue(clock):
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    queue.start()
    yield queue
    await queue.close()


async def take_all(queue):
    taken = []
    while queue.depth:
        key = await queue.get()
        queue.done(key)
        taken.append(key)
    return taken


async def test_a_key_added_twice_is_handed_out_once(queue):
    queue.add("a")
    queue.add("b")
    queue.add("a")
    assert await take_all(queue) == ["a", "b"]


async def test_a_key_added_while_it_is_worked_on_comes_again_afterwards(queue):
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    queue.add("a")
    assert queue.depth == 0
    assert not queue.idle
    queue.done(key)
    assert await take_all(queue) == ["a"]
    assert queue.idle


async def test_two_workers_never_hold_the_same_key(queue):
    held: set[str] = set()
    runs = 0

    async def work():
        nonlocal runs
        while True:
            key = await queue.get()
            assert key not in held
            held.add(key)
            await asyncio.sleep(0)
            held.discard(key)
            runs += 1
            queue.done(key)

    workers = [asyncio.ensure_future(work()) for _ in range(4)]
    for _ in range(50):
        for key in "abc":
            queue.add(key)
        await asyncio.sleep(0)
    while not queue.idle:
        await asyncio.sleep(0)
    assert runs >= 50
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


async def test_back_off_doubles_from_five_milliseconds_to_a_thousand_seconds():
    backoff: Backoff[str] = Backoff()
    delays = [backoff.next("a").total_seconds() for _ in range(20)]
    # client-go's ItemExponentialFailureRateLimiter(5ms, 1000s)
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[17] == pytest.approx(655.36)
    assert delays[18:] == [1000.0, 1000.0]
    assert backoff.next("b") == timedelta(milliseconds=5)
    backoff.forget("a")
    assert backoff.next("a") == timedelta(milliseconds=5)


async def test_back_off_of_a_key_that_fails_for_ever_stays_at_its_limit():
    backoff: Backoff[str] = Backoff()
    for _ in range(5000):
        delay = backoff.next("a")
    assert delay == timedelta(seconds=1000)


async def test_a_retried_key_comes_exactly_when_its_back_off_is_over(queue, clock):
    for delay in (0.005, 0.01, 0.02):
        queue.retry("a")
        await clock.advance(delay - 0.001)
        assert queue.depth == 0
        await clock.advance(0.001)
        assert await take_all(queue) == ["a"]
    queue.forget("a")
    queue.retry("a")
    await clock.advance(0.005)
    assert await take_all(queue) == ["a"]


async def test_delays_end_in_the_order_of_their_deadlines(queue, clock):
    queue.add_after("late", timedelta(seconds=30))
    await clock.advance(0)
    queue.add_after("early", timedelta(seconds=10))
    await clock.advance(10)
    assert await take_all(queue) == ["early"]
    await clock.advance(20)
    assert await take_all(queue) == ["late"]


async def test_of_two_delays_of_one_key_the_earlier_counts(queue, clock):
    queue.add_after("a", timedelta(seconds=10))
    queue.add_after("a", timedelta(seconds=60))
    await clock.advance(10)
    assert await take_all(queue) == ["a"]
    await clock.advance(100)
    assert await take_all(queue) == []
    queue.add_after("b", timedelta(seconds=60))
    queue.add_after("b", timedelta(seconds=10))
    await clock.advance(10)
    assert await take_all(queue) == ["b"]
    await clock.advance(100)
    assert await take_all(queue) == []


async def test_a_delay_in_the_future_leaves_the_queue_idle(queue, clock):
    queue.add_after("a", timedelta(seconds=10))
    assert queue.idle
    assert queue.next_due() == clock.now() + timedelta(seconds=10)


async def test_closing_ends_every_getter_and_drops_what_waits(queue):
    queue.add("a")
    held = await queue.get()
    queue.add("b")
    getters = [asyncio.ensure_future(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    assert await getters[0] == "b"
    await queue.close()
    for getter in getters[1:]:
        with pytest.raises(QueueClosed):
            await getter
    queue.add("c")
    queue.done(held)
    with pytest.raises(QueueClosed):
        await queue.get()


async def test_a_cancelled_getter_loses_no_key(queue):
    getter = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    getter.cancel()
    await asyncio.gather(getter, return_exceptions=True)
    assert await take_all(queue) == ["a"]
