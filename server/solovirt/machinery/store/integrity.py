"""
Whether a database is what it should be: its pages, and the log and the objects in it.

It is looked at as one consistent state, beside servers that write.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import sqlalchemy as sa

from solovirt.machinery.store import log, migrate
from solovirt.machinery.store.dialect import Transaction, database_for
from solovirt.machinery.store.tables import object_, revision

_MOST = 20
"""So many problems of one sort are told; more of them say nothing more."""

_newer = revision.alias("newer")
_where = (object_.c.api_group, object_.c.plural, object_.c.namespace, object_.c.name)
_UNLOGGED = (
    sa.select(*_where, object_.c.resource_version)
    .outerjoin(revision, revision.c.resource_version == object_.c.resource_version)
    .where(
        sa.or_(
            revision.c.resource_version.is_(None),
            revision.c.operation != "put",
            revision.c.api_group != object_.c.api_group,
            revision.c.plural != object_.c.plural,
            revision.c.namespace != object_.c.namespace,
            revision.c.name != object_.c.name,
            sa.cast(revision.c.object, sa.Text) != sa.cast(object_.c.object, sa.Text),
        )
    )
    .limit(_MOST)
)
_SUPERSEDED = (
    sa.select(*_where, object_.c.resource_version, _newer.c.resource_version)
    .join(_newer, _newer.c.previous == object_.c.resource_version)
    .limit(_MOST)
)
_LOST = (
    sa.select(
        revision.c.api_group, revision.c.plural, revision.c.namespace, revision.c.name, revision.c.resource_version
    )
    .outerjoin(_newer, _newer.c.previous == revision.c.resource_version)
    .outerjoin(object_, object_.c.resource_version == revision.c.resource_version)
    .where(revision.c.operation == "put", _newer.c.resource_version.is_(None), object_.c.resource_version.is_(None))
    .limit(_MOST)
)
_OBJECTS = sa.select(*_where, object_.c.uid, object_.c.resource_version, sa.cast(object_.c.object, sa.Text))


async def check(url: str) -> list[str]:
    """What is wrong with the database at *url*, in words; nothing if all is well. Raises SchemaNotCurrent, and the errors of `Database`."""
    database = database_for(url, read_only=True)
    await database.open()
    try:
        return await database.read(lambda transaction: list(_problems(transaction)))
    finally:
        await database.close()


def _problems(transaction: Transaction) -> Iterator[str]:
    core = transaction.core
    migrate.check(core)
    if core.dialect.name == "sqlite":
        for (text,) in core.exec_driver_sql(f"PRAGMA integrity_check({_MOST})"):
            if text != "ok":
                yield f"SQLite: {text}"
    yield from _of_the_log(transaction)
    for *where, version in core.execute(_UNLOGGED):
        yield f"{_named(where)} is at {version}, of which the log says something else"
    for *where, version, newer in core.execute(_SUPERSEDED):
        yield f"{_named(where)} is at {version}, and the log goes on with {newer}"
    for *where, version in core.execute(_LOST):
        yield f"{_named(where)} is at {version} by the log, and is not there"
    for problem, _ in zip(_of_the_objects(core), range(_MOST), strict=False):
        yield problem


def _of_the_log(transaction: Transaction) -> Iterator[str]:
    head = log.head(transaction)
    if head.horizon > head.revision:
        yield f"the log is compacted up to {head.horizon}, and ends at {head.revision}"
    above: int
    above, newest = transaction.core.execute(
        sa.select(sa.func.count(), sa.func.max(revision.c.resource_version)).where(
            revision.c.resource_version > head.horizon
        )
    ).one()
    if newest is not None and newest > head.revision:
        yield f"the log goes to {newest}, and its head says {head.revision}"
    elif above != head.revision - head.horizon:
        yield f"the log has {above} versions after {head.horizon}, and should have {head.revision - head.horizon}"


def _of_the_objects(core: sa.Connection) -> Iterator[str]:
    for *where, uid, version, text in core.execute(_OBJECTS, execution_options={"yield_per": 500}):
        try:
            metadata = orjson.loads(text)["metadata"]
            found = metadata.get("namespace", ""), metadata["name"], metadata["uid"], metadata["resourceVersion"]
        except (ValueError, KeyError, TypeError) as error:
            yield f"{_named(where)} at {version} can't be read: {error!r}"
            continue
        if found != (where[2], where[3], uid, str(version)):
            yield f"{_named(where)} at {version} is stored under another name, uid or version than it has"


def _named(where: list[str]) -> str:
    group, plural, namespace, name = where
    return f"{plural}{'.' if group else ''}{group} {namespace}{'/' if namespace else ''}{name}"
