"""What outlives the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from solovirt.machinery.errors import Expired
from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store import migrate
from solovirt.machinery.store.dialect import DatabaseFailed, DatabaseInUse
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import (
    PODS,
    VMS,
    adding,
    document,
    key,
    parsed,
    putting,
    removing,
    selectable,
    told,
    value_of,
)


async def test_everything_is_there_again(durable: Stores) -> None:
    store = await durable.open()
    await store.write(VMS, key("a"), putting(document(key("a"), 1, labels={"l": "v"}, owners=("o",))))
    await store.write(VMS, key("a"), adding())
    await store.write(VMS, key("b"), putting(document(key("b"))))
    await store.write(VMS, key("b"), removing)
    await store.write(PODS, key("p"), putting({**document(key("p")), "spec": {"nodeName": "node-1"}}))
    before = {record.key: record.body for resource in (VMS, PODS) for record in store.now.list(resource)}
    revision = store.now.revision

    store = await durable.restart(store)
    assert store.now.revision == revision
    assert {record.key: record.body for resource in (VMS, PODS) for record in store.now.list(resource)} == before
    record = store.now.get(VMS, key("a"))
    assert record is not None
    assert record.index.labels == {"l": "v"}
    assert record.index.uid == "uid-a"
    assert store.now.owned_by("o") == [record]
    pod = store.now.get(PODS, key("p"))
    assert pod is not None
    assert pod.index.fields == ("node-1",)


async def test_revisions_go_on_upwards_even_if_the_newest_object_is_gone(durable: Stores) -> None:
    store = await durable.open()
    await store.write(VMS, key("a"), putting(document(key("a"))))
    await store.write(VMS, key("a"), removing)
    revision = store.now.revision
    await store.compact(keep_revisions=0, keep_seconds=0)
    store = await durable.restart(store)
    written = await store.write(VMS, key("a"), putting(document(key("a"))))
    assert written.after is not None
    assert written.after.revision == revision + 1


async def test_a_watch_goes_on_from_any_version_in_the_log(durable: Stores) -> None:
    store = await durable.open()
    revisions = [store.now.revision]
    expected: list[tuple[str, str, object, object]] = []
    for name in ("a", "b", "a", "c"):
        await store.write(VMS, key(name), putting(document(key(name), len(expected))))
        previous = next((after for _, other, _, after in reversed(expected) if other == name), None)
        expected.append(("put", name, previous, len(expected)))
        revisions.append(store.now.revision)
    await store.write(VMS, key("a"), removing)
    expected.append(("remove", "a", 2, 2))

    store = await durable.restart(store)
    await store.write(VMS, key("a"), putting(document(key("a"), "again")))
    expected.append(("put", "a", None, "again"))
    for skipped, revision in enumerate(revisions):
        assert told(list(store.watch(VMS, revision).pending())) == expected[skipped:]


async def test_the_log_and_the_state_share_their_records(durable: Stores) -> None:
    store = await durable.open()
    since = store.now.revision
    await store.write(VMS, key("a"), putting(document(key("a"))))
    store = await durable.restart(store)
    (event,) = store.watch(VMS, since).pending()
    assert event.record is store.now.get(VMS, key("a"))


async def test_a_watch_from_before_the_log_is_expired(durable: Stores) -> None:
    """Reference kubernetes-api.md 2.3: `too old resource version: 5 (300)`, the second being where the log starts."""
    store = await durable.open()
    first = store.now.revision
    for number in range(30):
        await store.write(VMS, key("a"), putting(document(key("a"), number)))
    await store.compact(keep_revisions=10, keep_seconds=0)
    start = store.now.revision - 10
    store = await durable.restart(store)
    with pytest.raises(Expired, match=rf"^too old resource version: {first} \({start}\)$"):
        store.watch(VMS, first)
    with pytest.raises(Expired):
        store.watch(VMS, start - 1)
    (event, *_) = store.watch(VMS, start).pending()
    assert event.record.revision == start + 1
    assert event.previous is not None
    assert event.previous.revision == start


async def test_earlier_states_can_be_told_from_the_log_alone(durable: Stores) -> None:
    store = await durable.open()
    states: dict[int, dict[str, object]] = {store.now.revision: {}}
    current: dict[str, object] = {}
    for step, name in enumerate("abcabdacd" * 3):
        if step % 5 == 4:
            await store.write(VMS, key(name), removing)
            current = {other: value for other, value in current.items() if other != name}
        else:
            await store.write(VMS, key(name), putting(document(key(name), "x" * 500 + str(step))))
            current = {**current, name: "x" * 500 + str(step)}
        states[store.now.revision] = current
    store = await durable.restart(store, window_bytes=5_000)
    assert store._hub.events_after(VMS, min(states)) is None
    for revision, state in states.items():
        records = await store.at(VMS, revision)
        assert {record.key.name: value_of(record) for record in records} == state


async def test_sql_users_can_read_the_documents(sqlite: Stores) -> None:
    import sqlite3

    store = await sqlite.open()
    await store.write(VMS, key("a"), putting(document(key("a"), 42)))
    await sqlite.close(store)
    connection = sqlite3.connect(sqlite.url.split("///")[1])
    try:
        rows = connection.execute(
            "SELECT plural, namespace, name, object ->> '$.spec.value', object ->> '$.metadata.resourceVersion' FROM object"
        ).fetchall()
        modes = connection.execute("PRAGMA journal_mode").fetchall()
    finally:
        connection.close()
    assert rows == [("virtualmachines", "default", "a", 42, "101")]
    assert modes == [("wal",)]


async def test_a_second_process_is_told_that_the_file_is_in_use(sqlite: Stores) -> None:
    await sqlite.open()
    second = SqlStore(sqlite.url, clock=sqlite.clock, selectable=selectable)
    with pytest.raises(DatabaseInUse, match=f"solovirt.db is in use by process {os.getpid()}"):
        await second.start()


async def test_the_lock_is_let_go_with_the_store(sqlite: Stores) -> None:
    store = await sqlite.open()
    await sqlite.close(store)
    descriptor = os.open(sqlite.url.split("///")[1] + ".lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


async def test_nobody_else_can_read_the_file(sqlite: Stores) -> None:
    """Secrets are stored in it."""
    store = await sqlite.open()
    await store.write(VMS, key("a"), putting(document(key("a"))))
    folder = Path(sqlite.url.split("///")[1]).parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "solovirt.db-wal" in modes


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "solovirt.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseFailed, match="not a database"):
        await migrate.upgrade(f"sqlite+aiosqlite:///{tmp_path}/solovirt.db")


async def test_an_empty_database_is_not_served(tmp_path: Path) -> None:
    from solovirt.machinery.clock import ManualClock

    store = SqlStore(f"sqlite:///{tmp_path}/new.db", clock=ManualClock(), selectable=selectable)
    with pytest.raises(migrate.SchemaNotCurrent, match="is empty"):
        await store.start()


async def test_other_databases_are_refused() -> None:
    from solovirt.machinery.clock import ManualClock

    with pytest.raises(ValueError, match="not on mysql"):
        SqlStore("mysql://localhost/x", clock=ManualClock(), selectable=selectable)


async def test_fields_become_selectable_when_their_declaration_arrives(stores: Stores) -> None:
    """A CustomResourceDefinition is itself an object: its resource's objects are loaded before it is known."""
    widgets = GroupResource("example.com", "widgets")
    paths: dict[GroupResource, tuple[str, ...]] = {}
    await migrate.upgrade(stores.url)
    store = SqlStore(stores.url, clock=stores.clock, selectable=lambda resource: paths.get(resource, ()))
    await store.start()
    stores.opened.append(store)
    await store.write(widgets, key("w"), putting(document(key("w"), 5, owners=("o",))))
    before = store.now.get(widgets, key("w"))
    assert before is not None
    assert before.index.fields == ()
    paths[widgets] = (".spec.value", "spec.absent")
    store.reindex(widgets)
    record = store.now.get(widgets, key("w"))
    assert record is not None
    assert record.index.fields == ("5", "")
    assert (record.body, record.revision) == (before.body, before.revision)
    assert store.now.owned_by("o") == [record]
    assert parsed(record) == parsed(before)
