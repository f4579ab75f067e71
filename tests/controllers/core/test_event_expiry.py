"""Events live for an hour after their last write (reference kubernetes-api.md 7)."""

from __future__ import annotations

from solovirt.kinds.core import names

EVENTS = names.EVENTS
ABOUT = {"kind": "Pod", "namespace": "default", "name": "p"}


async def test_an_event_goes_after_an_hour(cluster):
    await cluster.create(EVENTS, "e", involvedObject=ABOUT)
    await cluster.settle()
    await cluster.wait(3599)
    assert cluster.names(EVENTS) == ["e"]
    await cluster.wait(1)
    assert cluster.names(EVENTS) == []


async def test_an_event_that_is_written_again_lives_on(cluster):
    await cluster.create(EVENTS, "e", involvedObject=ABOUT, count=1)
    await cluster.create(EVENTS, "other", involvedObject=ABOUT)
    await cluster.wait(1800)
    await cluster.patch(EVENTS, "e", {"count": 2})
    await cluster.wait(1800)
    assert cluster.names(EVENTS) == ["e"]
    await cluster.wait(1800)
    assert cluster.names(EVENTS) == []


async def test_the_hour_is_not_started_again_by_a_restart(cluster):
    await cluster.create(EVENTS, "e", involvedObject=ABOUT)
    await cluster.wait(1800)
    await cluster.run()
    await cluster.wait(1799)
    assert cluster.names(EVENTS) == ["e"]
    await cluster.wait(1)
    assert cluster.names(EVENTS) == []


async def test_what_expired_while_nobody_watched_goes_at_the_start(cluster):
    for number in range(200):
        await cluster.create(EVENTS, f"e{number}", involvedObject=ABOUT)
    await cluster.halt()
    await cluster.wait(7200)
    await cluster.run()
    await cluster.settle()
    assert cluster.names(EVENTS) == []
