"""Several processes on one PostgreSQL database, as two stores."""

from __future__ import annotations

import asyncio

import pytest

from solovirt.machinery.errors import Conflict, Expired, Fenced
from solovirt.machinery.store.protocol import Event, Written
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import (
    PODS,
    VMS,
    adding,
    creating,
    document,
    keeping,
    key,
    putting,
    removing,
    told,
    value_of,
)
from tests.postgresql import Cluster

pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture
async def pair(postgresql: Stores) -> tuple[SqlStore, SqlStore]:
    return await postgresql.open(), await postgresql.open()


async def test_a_fresh_view_has_what_another_replica_acknowledged(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    for number in range(10):
        written = await first.write(VMS, key("a"), putting(document(key("a"), number)))
        view = await second.fresh()
        assert value_of(view.get(VMS, key("a"))) == number
        assert view.get(VMS, key("a")) == written.after


async def test_readers_share_one_look_at_the_head(pair: tuple[SqlStore, SqlStore], monkeypatch) -> None:
    first, second = pair
    await first.write(VMS, key("a"), putting(document(key("a"))))
    await second.fresh()
    database = second._database
    reads = 0
    read = database.read

    async def counted(work):
        nonlocal reads
        reads += 1
        return await read(work)

    monkeypatch.setattr(database, "read", counted)
    await asyncio.gather(*(second.fresh() for _ in range(50)))
    assert reads <= 2


async def test_a_watcher_hears_what_another_replica_writes(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    cursor = second.watch(VMS)
    await first.write(VMS, key("a"), putting(document(key("a"), 1)))
    await first.write(PODS, key("p"), putting(document(key("p"), 1)))
    await first.write(VMS, key("a"), adding())
    await first.write(VMS, key("a"), removing)
    events: list[Event] = []
    async with asyncio.timeout(10):
        while len(events) < 3:
            events += await cursor.next()
    assert told(events) == [("put", "a", None, 1), ("put", "a", 1, 2), ("remove", "a", 2, 2)]
    assert await second.wait_for(first.now.revision, timeout=10)


async def test_polling_makes_up_for_lost_notifications(postgresql: Stores, monkeypatch) -> None:
    first, second = await postgresql.open(), await postgresql.open()
    follower = second._follower
    assert follower is not None
    monkeypatch.setattr(follower, "_told", asyncio.Event())
    monkeypatch.setattr(follower, "_poll_seconds", 0.05)
    listener = second._database._listener  # type: ignore[attr-defined]  # only PostgreSQL has one
    listener.cancel()
    await first.write(VMS, key("a"), putting(document(key("a"))))
    assert await second.wait_for(first.now.revision, timeout=10)


async def test_a_change_sees_what_another_replica_has_just_written(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    await first.write(VMS, key("a"), putting(document(key("a"), 1)))
    await second.write(VMS, key("a"), adding(10))
    await first.write(VMS, key("a"), adding(100))
    assert value_of((await second.fresh()).get(VMS, key("a"))) == 111


async def test_one_of_several_creators_wins(pair: tuple[SqlStore, SqlStore]) -> None:
    results = await asyncio.gather(
        *(store.write(VMS, key("a"), creating(VMS, document(key("a"), number))) for number, store in enumerate(pair)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["AlreadyExists", "Written"]


async def test_concurrent_replicas_lose_no_write_and_agree_on_the_order(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    await first.write(VMS, key("hot"), putting(document(key("hot"), 0)))
    await second.fresh()
    cursors = [store.watch(VMS, first.now.revision) for store in pair]
    results = await asyncio.gather(
        *(pair[number % 2].write(VMS, key("hot"), adding()) for number in range(100)),
        *(
            pair[number % 2].write(VMS, key(f"n{number}"), putting(document(key(f"n{number}"), number)))
            for number in range(100)
        ),
    )
    for store in pair:
        await store.fresh()
        assert value_of(store.now.get(VMS, key("hot"))) == 100
        assert store.now.count(VMS) == 101
    revisions = [result.after.revision for result in results if result.after is not None]
    assert len(set(revisions)) == 200
    seen = [list(cursor.pending()) for cursor in cursors]
    assert [event.record.revision for event in seen[0]] == sorted(revisions)
    assert [(event.record, event.previous) for event in seen[0]] == [
        (event.record, event.previous) for event in seen[1]
    ]


async def test_a_replica_that_was_away_for_too_long_starts_over(postgresql: Stores, monkeypatch) -> None:
    first, second = await postgresql.open(), await postgresql.open()
    await first.write(VMS, key("old"), putting(document(key("old"))))
    await first.write(VMS, key("both"), putting(document(key("both"), 1)))
    await second.fresh()
    cursor = second.watch(VMS)
    # Away: neither notified nor polling.
    follower = second._follower
    assert follower is not None
    await follower.close()
    for number in range(5):
        await first.write(VMS, key("both"), putting(document(key("both"), number)))
    await first.write(VMS, key("old"), removing)
    await first.compact(keep_revisions=0, keep_seconds=0)
    view = await second.fresh()
    assert [record.key.name for record in view.list(VMS)] == ["both"]
    assert value_of(view.get(VMS, key("both"))) == 4
    with pytest.raises(Expired):
        cursor.pending()
    with pytest.raises(Expired):
        second.watch(VMS, first.horizon - 1)
    live = second.watch(VMS)
    await second.write(VMS, key("new"), putting(document(key("new"))))
    assert told(list(live.pending())) == [("put", "new", None, 0)]


async def test_compaction_by_one_replica_expires_watches_of_the_other(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    since = first.now.revision
    for number in range(5):
        await first.write(VMS, key("a"), putting(document(key("a"), number)))
    await second.fresh()
    assert len(second.watch(VMS, since).pending()) == 5
    await first.compact(keep_revisions=0, keep_seconds=0)
    await second.fresh()
    with pytest.raises(Expired, match="too old resource version"):
        second.watch(VMS, since)
    with pytest.raises(Expired, match="The resourceVersion for the provided list is too old"):
        await second.at(VMS, since)


async def test_writes_of_an_earlier_epoch_are_refused_everywhere(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    old = await first.claim_epoch()
    assert (await first.write(VMS, key("a"), putting(document(key("a"))), epoch=old)).changed
    new = await second.claim_epoch()
    assert new > old
    with pytest.raises(Conflict, match=f"written in epoch {old} of the controllers, now it is {new}"):
        await first.write(VMS, key("a"), putting(document(key("a"))), epoch=old)
    assert (await second.write(VMS, key("b"), putting(document(key("b"))), epoch=new)).changed
    assert (await first.write(VMS, key("c"), putting(document(key("c"))))).changed


async def test_an_epoch_begins_with_the_write_that_claims_it(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    old = await first.write(VMS, key("lease"), putting(document(key("lease"))), claim=True)
    results = await asyncio.gather(
        second.write(VMS, key("lease"), adding(), claim=True),
        second.write(VMS, key("a"), putting(document(key("a"))), epoch=old.epoch),
        return_exceptions=True,
    )
    claimed = results[0]
    assert isinstance(claimed, Written)
    assert claimed.epoch == old.epoch + 1
    assert isinstance(results[1], Fenced)
    with pytest.raises(Fenced):
        await first.write(VMS, key("a"), putting(document(key("a"))), epoch=old.epoch)
    # A claim that changes nothing begins nothing.
    assert (await first.write(VMS, key("lease"), keeping, claim=True)).epoch == 0
    assert (await second.write(VMS, key("a"), putting(document(key("a"))), epoch=claimed.epoch)).changed


async def test_a_lost_connection_is_replaced(pair: tuple[SqlStore, SqlStore], cluster: Cluster) -> None:
    first, second = pair
    await first.write(VMS, key("a"), putting(document(key("a"))))
    await second.fresh()
    await cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'solovirt'")
    await first.write(VMS, key("b"), putting(document(key("b"))))
    assert (await second.fresh()).get(VMS, key("b")) is not None


async def test_facts_are_shared(pair: tuple[SqlStore, SqlStore]) -> None:
    first, second = pair
    await first.facts.put("guests", "g", b"running")
    assert await second.facts.get("guests", "g") == b"running"
