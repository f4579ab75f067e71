"""Backups, from either kind of database into either kind."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import orjson
import pytest

from solovirt.machinery.errors import Expired, Fenced
from solovirt.machinery.store import backup, integrity
from solovirt.machinery.store.backup import BackupError
from solovirt.machinery.store.dialect import DatabaseFailed, DatabaseInUse
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import POSTGRESQL, MakeStores, Stores
from tests.machinery.store.objects import PODS, VMS, adding, document, key, putting, removing, value_of

BOTH = ["file", POSTGRESQL]


async def fill(store: SqlStore) -> None:
    for number in range(3):
        await store.write(VMS, key("a"), putting(document(key("a"), number)))
    await store.write(PODS, key("p"), putting(document(key("p"), 'ü\u2028\\"')))
    await store.write(VMS, key("gone"), putting(document(key("gone"))))
    await store.write(VMS, key("gone"), removing)
    await store.facts.put("guests", "g1", b"\x00\xff")


def bodies(store: SqlStore) -> dict[str, bytes]:
    return {record.key.name: record.body for one in (VMS, PODS) for record in store.now.list(one)}


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize("source", BOTH)
async def test_what_is_restored_is_what_was_there(
    make_stores: MakeStores, tmp_path: Path, source: str, target: str
) -> None:
    origin = await make_stores(source)
    store = await origin.open()
    await fill(store)
    # While the server runs.
    content = await backup.back_up(origin.url, tmp_path / "backup", facts={("pki", "keys"): b"secret"})
    assert content == (2, 2, store.now.revision)
    expected = bodies(store)
    await store.write(VMS, key("later"), putting(document(key("later"))))
    await origin.close(store)
    place = await make_stores(target) if target != source else Stores(f"{origin.url}", target)
    if place.url == origin.url:
        restored = await backup.restore(tmp_path / "backup", place.url, replace=True, by=1000)
    else:
        restored = await backup.restore(tmp_path / "backup", place.url, by=1000)
    assert restored.objects == 2
    assert await integrity.check(place.url) == []
    again = await place.open()
    try:
        assert bodies(again) == expected
        assert again.now.revision == restored.revision
        assert await again.facts.all("guests") == {"g1": b"\x00\xff"}
        assert await again.facts.get("pki", "keys") == b"secret"
        with pytest.raises(Expired):
            again.watch(VMS, content.revision)
        written = await again.write(VMS, key("a"), adding())
        assert written.after is not None
        assert written.after.revision == restored.revision + 1
    finally:
        await place.close(again)


async def test_versions_go_on_after_those_of_the_database_that_is_replaced(sqlite: Stores, tmp_path: Path) -> None:
    store = await sqlite.open()
    await fill(store)
    await backup.back_up(sqlite.url, tmp_path / "backup")
    claimed = await store.write(VMS, key("lease"), putting(document(key("lease"))), claim=True)
    for _ in range(20):
        await store.write(VMS, key("a"), adding())
    newest = store.now.revision
    await sqlite.close(store)
    with pytest.raises(BackupError, match="the database holds 3 objects"):
        await backup.restore(tmp_path / "backup", sqlite.url)
    assert (await backup.restore(tmp_path / "backup", sqlite.url, replace=True, by=10)).revision == newest + 10
    store = await sqlite.open()
    assert value_of(store.now.get(VMS, key("a"))) == 2
    with pytest.raises(Fenced):
        await store.write(VMS, key("a"), adding(), epoch=claimed.epoch)


async def test_a_backup_is_one_state_however_much_is_written_meanwhile(durable: Stores, tmp_path: Path) -> None:
    store = await durable.open()
    for number in range(200):
        await store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}"), 0)))
    stop = False

    async def write() -> None:
        while not stop:
            # Both or none: they are written in one batch, first one and then the other.
            await asyncio.gather(store.write(VMS, key("n0"), adding()), store.write(VMS, key("n199"), adding()))

    writing = asyncio.create_task(write())
    for number in range(3):
        content = await backup.back_up(durable.url, tmp_path / f"backup-{number}")
        assert await integrity.check(f"sqlite:///{tmp_path}/backup-{number}") == []
        with sqlite3.connect(tmp_path / f"backup-{number}") as connection:
            rows = dict(connection.execute("SELECT name, object FROM object WHERE name IN ('n0', 'n199')").fetchall())
        connection.close()
        assert orjson.loads(rows["n0"])["spec"]["value"] == orjson.loads(rows["n199"])["spec"]["value"]
        assert content.objects == 200
    stop = True
    await writing


async def test_a_backup_is_for_its_owner_only_and_never_written_over(sqlite: Stores, tmp_path: Path) -> None:
    await sqlite.open()
    await backup.back_up(sqlite.url, tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="exists already"):
        await backup.back_up(sqlite.url, tmp_path / "backup")
    with pytest.raises(DatabaseFailed, match="is not there to be read"):
        await backup.back_up(f"sqlite:///{tmp_path}/nothing.db", tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name or "other" in path.name) == [
        "backup"
    ]


async def test_nothing_is_restored_under_a_running_server(durable: Stores, tmp_path: Path) -> None:
    store = await durable.open()
    await fill(store)
    await backup.back_up(durable.url, tmp_path / "backup")
    expected = "is in use" if not durable.shared else "other connections use the database"
    with pytest.raises((DatabaseInUse, BackupError), match=expected):
        await backup.restore(tmp_path / "backup", durable.url, replace=True)
    assert (await store.write(VMS, key("a"), adding())).changed


async def test_what_is_no_backup_is_not_restored(sqlite: Stores, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no backup"):
        await backup.restore(tmp_path / "nothing", sqlite.url)
    (tmp_path / "text").write_text("no database at all, but long enough to be taken for one" * 30)
    with pytest.raises(BackupError, match="is no backup"):
        await backup.restore(tmp_path / "text", sqlite.url)
    await sqlite.open()
    await backup.back_up(sqlite.url, tmp_path / "backup")
    with sqlite3.connect(tmp_path / "backup") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(BackupError, match="has schema 9999, which is later"):
        await backup.restore(tmp_path / "backup", sqlite.url)


DAMAGE = {
    "UPDATE object SET object = replace(object, 'uid-a', 'uid-x') WHERE name = 'a'": "of which the log says something else",
    "DELETE FROM object WHERE name = 'a'": "is at 102 by the log, and is not there",
    "DELETE FROM revision WHERE resource_version = 102": "of which the log says something else",
    "UPDATE head SET resource_version = 103": "and its head says 103",
    "UPDATE head SET horizon = 1000": "the log is compacted up to 1000",
    "UPDATE object SET object = '{' WHERE name = 'p'": "can't be read",
    "UPDATE object SET uid = 'other' WHERE name = 'p'": "under another name, uid or version",
    "UPDATE object SET name = 'other' WHERE name = 'p'": "of which the log says something else",
}


@pytest.mark.parametrize("statement", DAMAGE)
async def test_damage_is_found(sqlite: Stores, statement: str) -> None:
    store = await sqlite.open()
    await store.write(VMS, key("b"), putting(document(key("b"))))
    await store.write(VMS, key("a"), putting(document(key("a"))))
    await store.write(PODS, key("p"), putting(document(key("p"))))
    await store.write(VMS, key("gone"), putting(document(key("gone"))))
    await store.write(VMS, key("gone"), removing)
    assert await integrity.check(sqlite.url) == []
    await sqlite.close(store)
    with sqlite3.connect(sqlite.url.split("///")[1]) as connection:
        connection.execute(statement)
    connection.close()
    problems = await integrity.check(sqlite.url)
    assert any(DAMAGE[statement] in problem for problem in problems), problems


async def test_a_compacted_and_restored_database_is_whole(durable: Stores, tmp_path: Path) -> None:
    store = await durable.open()
    await fill(store)
    await store.compact(keep_revisions=2, keep_seconds=0)
    assert await integrity.check(durable.url) == []
    await store.compact(keep_revisions=0, keep_seconds=0)
    await store.write(VMS, key("a"), adding())
    assert await integrity.check(durable.url) == []


async def test_tidying_up_gives_space_back(durable: Stores) -> None:
    from solovirt.machinery.store.vacuum import vacuum

    store = await durable.open()
    for number in range(20):
        await store.write(VMS, key(f"n{number}"), putting(document(key(f"n{number}"), "x" * 100_000)))
        await store.write(VMS, key(f"n{number}"), removing)
    await store.compact(keep_revisions=0, keep_seconds=0)
    if not durable.shared:
        with pytest.raises(DatabaseInUse):
            await vacuum(durable.url)
        await durable.close(store)
    before, after = await vacuum(durable.url)
    assert after < before or durable.shared, "PostgreSQL keeps pages for later unless they are the last"
    store = store if durable.shared else await durable.open()
    assert store.now.count(VMS) == 0
