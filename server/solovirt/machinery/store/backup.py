"""
Backups: a database's content in a file, and back.

A backup is a SQLite database in the store's own tables, whatever it was taken from, so it can be looked into with SQL and restored into either kind of
database. It is taken while servers write, as one consistent state. Of the log it holds each object's newest version: history is no part of it.

What is restored lies behind what clients have seen. Versions between the two were given out once, for other writes: they must not be used
again, and whoever watched from one of them has to list again. So the head jumps forward, further than can have been written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from solovirt.machinery.store import log, migrate, tables
from solovirt.machinery.store.dialect import Database, DatabaseFailed, Transaction, database_for
from solovirt.machinery.store.restore import LEAP
from solovirt.machinery.store.statements import FACT_COLUMNS, OBJECT_COLUMNS, REVISION_COLUMNS
from solovirt.machinery.store.tables import fact, head, object_, revision

_PORTION = 500
_RESTORING = "solovirt-restore"
_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND application_name <> :ours"
)
_MOVE = sa.update(head).values(
    resource_version=sa.bindparam("revision"), horizon=sa.bindparam("revision"), epoch=sa.bindparam("its_epoch")
)

Keys = Mapping[tuple[str, str], bytes]
"""Further facts, by scope and key."""


class BackupError(Exception):
    """It can't be backed up or restored like this; the text says why."""


class Content(NamedTuple):
    """What a backup holds."""

    objects: int
    facts: int
    revision: int


async def back_up(url: str, target: Path, *, facts: Keys | None = None) -> Content:
    """
    Write the content of the database at *url* to *target*, and *facts* that are not in the database.

    Raises BackupError if there is a file already, SchemaNotCurrent, and the errors of `Database`.
    """
    if await asyncio.to_thread(target.exists):
        raise BackupError(f"{target} exists already")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    # It holds every Secret and, as a rule, the keys.
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        await migrate.upgrade(f"sqlite+aiosqlite:///{part}")
        database = database_for(url, read_only=True)
        await database.open()
        try:
            content = await database.read(lambda source: _fill(source, part, facts or {}))
        finally:
            await database.close()
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(target)
        part.with_name(f"{part.name}.lock").unlink(missing_ok=True)
    except BaseException:
        for left in target.parent.glob(f"{part.name}*"):
            left.unlink(missing_ok=True)
        raise
    return content


def _fill(source: Transaction, part: Path, facts: Keys) -> Content:
    migrate.check(source.core)
    now = log.head(source)
    with closing(sqlite3.connect(part)) as target, target:
        # All in one file: what lies beside it is easily left behind.
        target.execute("PRAGMA journal_mode = DELETE")
        objects = 0
        for rows in _objects(source.core):
            objects += len(rows)
            target.executemany(_insert("object", OBJECT_COLUMNS), rows)
        for rows in _revisions(source.core):
            target.executemany(_insert("revision", REVISION_COLUMNS), rows)
        kept = {**dict(_facts(source.core)), **facts}
        target.executemany(_insert("fact", FACT_COLUMNS), [(*where, value) for where, value in kept.items()])
        target.execute(
            "UPDATE head SET resource_version = ?, horizon = ?, epoch = ?", (now.revision, now.revision, now.epoch)
        )
    return Content(objects, len(kept), now.revision)


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


def _columns(table: sa.Table, names: Sequence[str]) -> list[Any]:
    # cast: the text is wanted, not the tree that SQLAlchemy would make of a JSON column.
    return [sa.cast(table.c[name], sa.Text) if name == "object" else table.c[name] for name in names]


def _portions(core: sa.Connection, query: sa.Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    for rows in core.execute(query, execution_options={"yield_per": _PORTION}).partitions():
        yield [tuple(row) for row in rows]


def _objects(core: sa.Connection) -> Iterator[list[tuple[Any, ...]]]:
    return _portions(core, sa.select(*_columns(object_, OBJECT_COLUMNS)))


def _revisions(core: sa.Connection) -> Iterator[list[tuple[Any, ...]]]:
    """Those that the objects are at."""
    newest = sa.select(object_.c.resource_version)
    return _portions(
        core, sa.select(*_columns(revision, REVISION_COLUMNS)).where(revision.c.resource_version.in_(newest))
    )


def _facts(core: sa.Connection) -> Iterator[tuple[tuple[str, str], bytes]]:
    # Of the database itself, not of what is in it.
    own = sa.select(fact.c.scope, fact.c.key, fact.c.value).where(fact.c.scope.not_in(tables.OWN_SCOPES))
    for scope, key, value in core.execute(own):
        yield (scope, key), bytes(value)


async def restore(source: Path, url: str, *, replace: bool = False, by: int = LEAP) -> Content:
    """
    Put the backup *source* into the database at *url*, which no server may be using. Its tables are made if there are none.

    With *replace* what is in the database goes; without, it has to be empty. Versions go on *by* after whatever is newer, backup or database. Returns what is
    there then. Raises BackupError, DatabaseInUse, SchemaNotCurrent if backup or database are of a later version, and the errors
    of `Database`.
    """
    if not await asyncio.to_thread(source.is_file):
        raise BackupError(f"there is no backup {source}")
    with tempfile.TemporaryDirectory(prefix="solovirt-restore-") as scratch:
        current = await _brought_up(source, Path(scratch))
        engine = sa.create_engine(f"sqlite+pysqlite:///file:{current}?mode=ro&uri=true", poolclass=sa.StaticPool)
        try:
            with engine.connect() as core:
                await migrate.upgrade(url)
                database = database_for(_named(url))
                await database.open()
                try:
                    await _refuse_company(database)
                    return await database.write(lambda target: _replace(core, target, database, replace=replace, by=by))
                finally:
                    await database.close()
        finally:
            engine.dispose()


async def _brought_up(source: Path, scratch: Path) -> Path:
    """The backup, or, if it is of an earlier version, a copy that has been migrated. Raises BackupError."""
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.DatabaseError, TypeError) as error:
        raise BackupError(f"{source} is no backup: {error}") from error
    if found == tables.SCHEMA:
        return source
    if found > tables.SCHEMA:
        raise BackupError(f"{source} has schema {found}, which is later than this version's {tables.SCHEMA}")
    copy = scratch / "backup.db"
    await asyncio.to_thread(shutil.copyfile, source, copy)
    try:
        await migrate.upgrade(f"sqlite+aiosqlite:///{copy}")
    except migrate.SchemaNotCurrent as error:
        raise BackupError(f"{source}: {error}") from error
    return copy


def _named(url: str) -> str:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return url
    return parsed.update_query_dict({"application_name": _RESTORING}).render_as_string(hide_password=False)


async def _refuse_company(database: Database) -> None:
    if database.in_process:
        return  # opening it has locked it

    def others(transaction: Transaction) -> int:
        count: int = transaction.core.execute(_OTHERS, {"ours": _RESTORING}).scalar_one()
        return count

    if count := await database.read(others):
        raise BackupError(f"{count} other connections use the database: stop the replicas first")


def _replace(source: sa.Connection, target: Transaction, database: Database, *, replace: bool, by: int) -> Content:
    before = log.locked_head(target)
    found: int = target.core.execute(sa.select(sa.func.count()).select_from(object_)).scalar_one()
    if found and not replace:
        raise BackupError(f"the database holds {found} objects; to have them replaced has to be asked for")
    for table in (object_, revision):
        target.core.execute(sa.delete(table))
    target.core.execute(sa.delete(fact).where(fact.c.scope.not_in(tables.OWN_SCOPES)))
    statements = database.statements
    objects = facts = 0
    for rows in _objects(source):
        objects += len(rows)
        target.executemany(statements.put_object, rows)
    for rows in _revisions(source):
        target.executemany(statements.append, rows)
    for where, value in _facts(source):
        facts += 1
        target.execute(statements.put_fact, (*where, value))
    saved = source.execute(sa.select(head.c.resource_version, head.c.epoch)).one()
    now = max(before.revision, saved.resource_version) + by
    target.core.execute(_MOVE, {"revision": now, "its_epoch": max(before.epoch, saved.epoch) + 1})
    count: int = target.core.execute(sa.select(sa.func.count()).select_from(revision)).scalar_one()
    if count != objects:
        raise DatabaseFailed(f"the backup has {objects} objects and {count} versions of them")
    return Content(objects, facts, now)


def fact_in(source: Path, scope: str, key: str) -> bytes | None:
    """One fact of the backup *source*."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT value FROM fact WHERE scope = ? AND key = ?", (scope, key)).fetchone()
    return None if row is None else bytes(row[0])
