"""Compaction forgets what it should and nothing else."""

from __future__ import annotations

import random

import pytest

from solovirt.machinery.errors import Expired
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import PODS, VMS, document, key, putting, removing, value_of

State = dict[str, object]


async def _history(store: SqlStore, steps: int, seed: int) -> dict[int, State]:
    """Write at random; what VMs there were, by revision."""
    chance = random.Random(seed)
    current: State = {record.key.name: value_of(record) for record in store.now.list(VMS)}
    states = {store.now.revision: current}
    for step in range(steps):
        name = chance.choice("abcdefg")
        if name in current and chance.random() < 0.35:
            await store.write(VMS, key(name), removing)
            current = {other: value for other, value in current.items() if other != name}
        else:
            await store.write(VMS, key(name), putting(document(key(name), f"{seed}.{step}")))
            current = {**current, name: f"{seed}.{step}"}
        states[store.now.revision] = current
    return states


async def _check_states(store: SqlStore, states: dict[int, State]) -> None:
    for revision, state in states.items():
        if revision < store.horizon:
            with pytest.raises(Expired, match=r"^The resourceVersion for the provided list is too old\.$"):
                await store.at(VMS, revision)
            with pytest.raises(Expired, match=rf"^too old resource version: {revision} \({store.horizon}\)$"):
                store.watch(VMS, revision)
        else:
            records = await store.at(VMS, revision)
            assert {record.key.name: value_of(record) for record in records} == state, revision


@pytest.mark.parametrize("keep", [0, 1, 17, 60])
async def test_states_from_the_horizon_on_stay_exact(stores: Stores, keep: int) -> None:
    store = await stores.open()
    states = await _history(store, 60, seed=1)
    await store.compact(keep_revisions=keep, keep_seconds=0)
    assert store.horizon == store.now.revision - keep
    await _check_states(store, states)
    if stores.durable:
        store = await stores.restart(store, window_bytes=3000)
        for revision in states:
            if revision >= store.horizon:
                records = await store.at(VMS, revision)
                assert {record.key.name: value_of(record) for record in records} == states[revision]
            else:
                with pytest.raises(Expired):
                    await store.at(VMS, revision)


async def test_compacting_again_and_again_leaves_one_row_for_each_object(sqlite: Stores) -> None:
    import sqlite3

    store = await sqlite.open()
    states: dict[int, State] = {}
    for seed in range(5):
        states |= await _history(store, 30, seed)
        await store.compact(keep_revisions=10, keep_seconds=0)
        await _check_states(store, states)
    await store.compact(keep_revisions=0, keep_seconds=0)
    assert await store.compact(keep_revisions=0, keep_seconds=0) == 0
    alive = {(record.key.name, record.revision) for record in store.now.list(VMS)}
    await sqlite.close(store)
    connection = sqlite3.connect(sqlite.url.split("///")[1])
    try:
        rows = connection.execute("SELECT name, resource_version FROM revision").fetchall()
    finally:
        connection.close()
    assert sorted(rows) == sorted(alive)


async def test_a_transition_across_the_horizon_keeps_its_previous_version(durable: Stores) -> None:
    store = await durable.open()
    await store.write(VMS, key("a"), putting(document(key("a"), "before")))
    await store.write(PODS, key("p"), putting(document(key("p"))))
    horizon = store.now.revision
    await store.write(VMS, key("a"), putting(document(key("a"), "after")))
    await store.compact(keep_revisions=1, keep_seconds=0)
    assert store.horizon == horizon
    store = await durable.restart(store)
    (event,) = store.watch(VMS, horizon).pending()
    assert value_of(event.previous) == "before"
    assert value_of(event.record) == "after"


async def test_only_what_is_both_old_and_beyond_the_count_goes(stores: Stores) -> None:
    store = await stores.open()
    for number in range(10):
        await store.write(VMS, key("a"), putting(document(key("a"), number)))
    middle = store.now.revision
    await stores.clock.advance(600)
    for number in range(10):
        await store.write(VMS, key("a"), putting(document(key("a"), number)))
    assert await store.compact(keep_revisions=100, keep_seconds=0) == 0
    assert await store.compact(keep_revisions=0, keep_seconds=3600) == 0
    await store.compact(keep_revisions=15, keep_seconds=300)
    assert store.horizon == store.now.revision - 15
    assert await store.compact(keep_revisions=0, keep_seconds=300) == 5
    assert store.horizon == middle


async def test_more_than_one_step_is_compacted_while_writing_goes_on(stores: Stores) -> None:
    import asyncio

    store = await stores.open()
    await asyncio.gather(*(store.write(VMS, key("a"), putting(document(key("a"), n))) for n in range(1200)))
    compacting = asyncio.create_task(store.compact(keep_revisions=100, keep_seconds=0))
    await asyncio.gather(*(store.write(VMS, key("b"), putting(document(key("b"), number))) for number in range(50)))
    assert await compacting >= 1100 - 1
    assert value_of(store.now.get(VMS, key("a"))) == 1199
    assert value_of(store.now.get(VMS, key("b"))) == 49
