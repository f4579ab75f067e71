"""Slow watchers, and the memory that events take."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store.hub import Hub
from solovirt.machinery.store.protocol import Event, EventType, Index, Record
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import PODS, VMS, document, key, putting


class _Labels(dict[str, str]):
    """Labels that can be asked whether they are still held."""


def _event(revision: int, *, resource: GroupResource = VMS, labels: dict[str, str] | None = None) -> Event:
    record = Record(resource, ObjectKey("", f"n{revision}"), revision, b"x" * 1000, Index("", labels or {}))
    return Event(EventType.PUT, record, None)


def _hub(window_bytes: int = 30_000) -> Hub:
    hub = Hub(window_bytes=window_bytes)
    hub.begin(start=100)
    return hub


async def test_a_watcher_that_falls_out_of_the_window_is_expired() -> None:
    hub = _hub()
    slow, quick = hub.watch(VMS, None), hub.watch(VMS, None)
    read = 0
    for revision in range(101, 201):
        hub.publish([_event(revision)], revision)
        read += len(quick.pending())
    assert read == 100
    with pytest.raises(Expired, match=r"^too old resource version: 100 \(1\d\d\)$"):
        slow.pending()
    with pytest.raises(Expired):
        await slow.next()
    assert slow.revision == 100


async def test_a_slow_watcher_holds_no_memory() -> None:
    hub = _hub()
    slow = hub.watch(VMS, None)
    held = []
    for revision in range(101, 301):
        labels = _Labels()
        held.append(weakref.ref(labels))
        hub.publish([_event(revision, labels=labels)], revision)
        del labels
    gc.collect()
    assert sum(ref() is not None for ref in held) <= 30_000 // 1000
    assert slow.revision == 100


async def test_a_watcher_of_a_quiet_resource_is_not_affected_by_a_busy_one() -> None:
    hub = _hub()
    quiet = hub.watch(PODS, None)
    for revision in range(101, 301):
        hub.publish([_event(revision)], revision)
    assert quiet.pending() == ()
    assert quiet.revision == 300
    hub.publish([_event(301, resource=PODS)], 301)
    assert [event.record.revision for event in quiet.pending()] == [301]
    assert len(hub.watch(PODS, 100).pending()) == 1


async def test_an_event_larger_than_the_window_is_delivered_all_the_same() -> None:
    hub = _hub(window_bytes=10)
    cursor = hub.watch(VMS, None)
    hub.publish([_event(101)], 101)
    assert len(cursor.pending()) == 1
    hub.publish([_event(102)], 102)
    assert len(cursor.pending()) == 1


async def test_the_revision_of_a_cursor_never_passes_what_it_has_handed_out() -> None:
    hub = _hub()
    cursor = hub.watch(VMS, None)
    assert cursor.revision == 100
    hub.publish([], 105)
    assert cursor.revision == 105
    hub.publish([_event(110), _event(112, resource=PODS), _event(115)], 120)
    assert cursor.revision == 109
    cursor.pending()
    assert cursor.revision == 120


async def test_events_of_one_commit_come_together_and_wake_each_watcher_once() -> None:
    hub = _hub()
    cursors = [hub.watch(VMS, None) for _ in range(50)]
    tasks = [asyncio.create_task(cursor.next()) for cursor in cursors]
    await asyncio.sleep(0)
    hub.publish([_event(101), _event(102)], 102)
    for events in await asyncio.gather(*tasks):
        assert [event.record.revision for event in events] == [101, 102]


async def test_watchers_that_time_out_leave_nothing_behind() -> None:
    hub = _hub()
    cursor = hub.watch(VMS, None)
    for _ in range(5):
        assert await cursor.next(timeout=0) == ()
    task = asyncio.create_task(cursor.next())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert hub.watch(VMS, None)._ring.waiting == {}


async def test_closing_the_hub_ends_all_who_wait() -> None:
    hub = _hub()
    cursor = hub.watch(VMS, None)
    tasks = [asyncio.create_task(cursor.next()), asyncio.create_task(hub.reached(500, 60))]
    await asyncio.sleep(0)
    hub.close()
    assert await asyncio.gather(*tasks) == [(), False]


async def test_a_store_expires_a_slow_watcher_and_serves_the_others(stores: Stores) -> None:
    store = await stores.open(window_bytes=20_000)
    slow, quick = store.watch(VMS), store.watch(VMS)
    for number in range(40):
        await store.write(VMS, key("a"), putting(document(key("a"), "x" * 1000 + str(number))))
        assert len(quick.pending()) == 1
    with pytest.raises(Expired, match="too old resource version"):
        await slow.next()
    slow.close()
    await store.write(VMS, key("a"), putting(document(key("a"))))
    assert len(await quick.next()) == 1
