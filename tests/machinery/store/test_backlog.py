"""Watches that begin further back than the hub's window."""

from __future__ import annotations

import asyncio

import pytest

from solovirt.machinery.errors import Expired
from solovirt.machinery.store.protocol import Cursor, Event
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import PODS, VMS, document, key, putting, removing, told

WINDOW = 8_000


async def _write(store: SqlStore, count: int) -> list[tuple[str, str, object, object]]:
    """Writes and removals; what a watcher should be told of them."""
    expected: list[tuple[str, str, object, object]] = []
    current: dict[str, object] = {}
    for step in range(count):
        name = "abc"[step % 3]
        await store.write(PODS, key(name), putting(document(key(name), step)))
        if step % 7 == 6 and name in current:
            await store.write(VMS, key(name), removing)
            expected.append(("remove", name, current[name], current.pop(name)))
        else:
            await store.write(VMS, key(name), putting(document(key(name), step)))
            expected.append(("put", name, current.get(name), step))
            current[name] = step
    return expected


async def _read(cursor: Cursor, count: int) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(20):
        while len(events) < count:
            events += await cursor.next()
    return events


async def test_it_is_told_everything_once_and_goes_on_live(stores: Stores) -> None:
    store = await stores.open(window_bytes=WINDOW)
    since = store.now.revision
    expected = await _write(store, 120)
    cursor = store.watch(VMS, since)
    assert cursor.revision == since
    assert cursor.pending() == ()
    first = await cursor.next()
    assert 0 < len(first) < len(expected)
    assert cursor.revision >= first[-1].record.revision
    events = [*first, *await _read(cursor, len(expected) - len(first))]
    assert told(events) == expected
    assert list(await cursor.next(timeout=0)) == []
    await store.write(VMS, key("live"), putting(document(key("live"))))
    assert told(list(cursor.pending())) == [("put", "live", None, 0)]
    assert cursor.revision == store.now.revision
    cursor.close()
    assert list(await cursor.next()) == []


async def test_it_survives_a_restart(durable: Stores) -> None:
    store = await durable.open(window_bytes=WINDOW)
    since = store.now.revision
    expected = await _write(store, 60)
    store = await durable.restart(store, window_bytes=WINDOW)
    assert told(await _read(store.watch(VMS, since), len(expected))) == expected


async def test_events_that_go_on_meanwhile_are_not_lost(stores: Stores) -> None:
    store = await stores.open(window_bytes=WINDOW)
    since = store.now.revision
    before = await _write(store, 60)
    cursor = store.watch(VMS, since)
    reading = asyncio.create_task(_read(cursor, len(before) + 60))
    for number in range(60):
        await store.write(VMS, key("meanwhile"), putting(document(key("meanwhile"), number)))
    events = await reading
    assert [event.record.revision for event in events] == sorted({event.record.revision for event in events})
    assert told(events)[: len(before)] == before
    assert [after for _, _, _, after in told(events)[len(before) :]] == list(range(60))


async def test_compaction_ends_it_with_expired(stores: Stores) -> None:
    store = await stores.open(window_bytes=WINDOW)
    since = store.now.revision
    await _write(store, 120)
    cursor = store.watch(VMS, since)
    await cursor.next()
    await store.compact(keep_revisions=0, keep_seconds=0)
    with pytest.raises(Expired, match=rf"^too old resource version: \d+ \({store.horizon}\)$"):
        await cursor.next()


async def test_closing_it_or_the_store_ends_it(stores: Stores) -> None:
    store = await stores.open(window_bytes=WINDOW)
    since = store.now.revision
    await _write(store, 60)
    closed, open_ = store.watch(VMS, since), store.watch(VMS, since)
    closed.close()
    assert list(await closed.next()) == []
    await stores.close(store)
    assert list(await open_.next()) == []
