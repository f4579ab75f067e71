"""
Reading the log and the current state back from SQL.

Everything here is work for a `Transaction`, and turns rows into records and events. A record's index is made anew from its document:
this is the only place where the store parses JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from sys import intern
from typing import Any, NamedTuple, TypeVar

import orjson
import sqlalchemy as sa

from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store import tables
from solovirt.machinery.store.dialect import Head, Transaction
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Event, EventType, Record

Selectable = Callable[[GroupResource], Sequence[str]]
"""The paths of a resource's selectable fields."""

Versions = dict[int, Record]
"""Records by revision."""

T = TypeVar("T")

# Bind parameters of one IN; PostgreSQL takes 32,767 and SQLite as many.
_IN_LIMIT = 500
# Rows that are fetched at a time where there may be very many.
_PORTION = 1000

# cast: the text is wanted, not the tree that SQLAlchemy would make of a JSON column.
_HEAD = sa.select(tables.head.c.resource_version, tables.head.c.horizon, tables.head.c.epoch)
_REVISIONS = sa.select(
    tables.revision.c.resource_version,
    tables.revision.c.api_group,
    tables.revision.c.plural,
    tables.revision.c.namespace,
    tables.revision.c.name,
    tables.revision.c.operation,
    tables.revision.c.previous,
    sa.cast(tables.revision.c.object, sa.Text),
)
_OBJECTS = sa.select(
    tables.object_.c.api_group,
    tables.object_.c.plural,
    tables.object_.c.namespace,
    tables.object_.c.name,
    tables.object_.c.resource_version,
    sa.cast(tables.object_.c.object, sa.Text),
)
_AFTER = _REVISIONS.where(
    tables.revision.c.resource_version > sa.bindparam("after"),
    tables.revision.c.resource_version <= sa.bindparam("until"),
)
_OLDEST_FIRST = _AFTER.order_by(tables.revision.c.resource_version).limit(sa.bindparam("limit"))
_OF_RESOURCE = _OLDEST_FIRST.where(
    tables.revision.c.api_group == sa.bindparam("its_group"), tables.revision.c.plural == sa.bindparam("its_plural")
)
_NEWEST_FIRST = _AFTER.order_by(tables.revision.c.resource_version.desc()).limit(sa.bindparam("limit"))
_BY_VERSION = _REVISIONS.where(tables.revision.c.resource_version.in_(sa.bindparam("versions", expanding=True)))
_CHANGES = (
    sa.select(tables.revision.c.namespace, tables.revision.c.name, tables.revision.c.previous)
    .where(
        tables.revision.c.api_group == sa.bindparam("its_group"),
        tables.revision.c.plural == sa.bindparam("its_plural"),
        tables.revision.c.resource_version > sa.bindparam("after"),
        tables.revision.c.resource_version <= sa.bindparam("until"),
    )
    .order_by(tables.revision.c.resource_version.desc())
)
_BATCH = sa.select(tables.revision.c.batch).where(tables.revision.c.resource_version == sa.bindparam("first"))


class Entry(NamedTuple):
    """A row of the log."""

    record: Record
    type: EventType
    previous: int | None


class Reader:
    """Makes records of rows."""

    def __init__(self, selectable: Selectable) -> None:
        self._selectable = selectable
        # Tuples shared by the records of a resource, and its paths.
        self._resources: dict[tuple[str, str], tuple[GroupResource, Sequence[str]]] = {}

    def forget_paths(self) -> None:
        """Ask anew which fields are selectable."""
        self._resources.clear()

    def record(self, where: Sequence[str], revision: int, text: str) -> Record:
        """*where* is group, plural, namespace, name."""
        group, plural, namespace, name = where
        resource, paths = self._resource(group, plural)
        body = text.encode()
        return Record(
            resource=resource,
            key=ObjectKey(intern(namespace), name),
            revision=revision,
            body=body[1:],
            index=index_of(orjson.loads(body), paths),
        )

    def reindexed(self, record: Record) -> Record:
        """*record* with its index made anew."""
        _, paths = self._resource(*record.resource)
        index = index_of(orjson.loads(b"{" + record.body), paths)
        return Record(record.resource, record.key, record.revision, record.body, index)

    def entry(self, row: Sequence[Any]) -> Entry:
        revision, *where, operation, previous, text = row
        return Entry(self.record(where, revision, text), EventType(operation), previous)

    def _resource(self, group: str, plural: str) -> tuple[GroupResource, Sequence[str]]:
        known = self._resources.get((group, plural))
        if known is None:
            resource = GroupResource(intern(group), intern(plural))
            known = self._resources[group, plural] = resource, tuple(self._selectable(resource))
        return known


def head(transaction: Transaction) -> Head:
    return Head(*transaction.core.execute(_HEAD).one())


def locked_head(transaction: Transaction) -> Head:
    """The head, which nobody moves before this transaction ends."""
    return Head(*transaction.core.execute(_HEAD.with_for_update()).one())


def objects(transaction: Transaction, reader: Reader) -> dict[GroupResource, list[Record]]:
    """The current state."""
    found: dict[GroupResource, list[Record]] = {}
    # In portions: otherwise asyncpg holds all rows at once, beside the records made of them.
    for *where, revision, text in transaction.core.execute(_OBJECTS, execution_options={"yield_per": _PORTION}):
        record = reader.record(where, revision, text)
        found.setdefault(record.resource, []).append(record)
    return found


def after(transaction: Transaction, reader: Reader, *, revision: int, until: int, limit: int) -> list[Entry]:
    """The first *limit* entries after *revision*, up to *until*."""
    rows = transaction.core.execute(_OLDEST_FIRST, {"after": revision, "until": until, "limit": limit})
    return [reader.entry(row) for row in rows]


def history(
    transaction: Transaction, reader: Reader, resource: GroupResource, *, revision: int, until: int, limit: int
) -> list[Event]:
    """The first *limit* events of *resource* after *revision*, up to *until*."""
    rows = transaction.core.execute(
        _OF_RESOURCE,
        {
            "after": revision,
            "until": until,
            "limit": limit,
            "its_group": resource.group,
            "its_plural": resource.plural,
        },
    )
    entries = [reader.entry(row) for row in rows]
    return linked(transaction, reader, entries)


def newest(
    transaction: Transaction, reader: Reader, *, known: Versions, revision: int, until: int, max_bytes: int
) -> tuple[list[Entry], int]:
    """
    The newest entries after *revision* and up to *until* whose documents take *max_bytes* at most, in order, and the revision after which
    they are complete.

    Records in *known* are used instead of making new ones, so that log and state share them.
    """
    entries: list[Entry] = []
    chunk = 500
    below = until
    taken = 0
    while True:
        rows = transaction.core.execute(_NEWEST_FIRST, {"after": revision, "until": below, "limit": chunk}).all()
        for row in rows:
            taken += len(row[7])
            if taken > max_bytes:
                return entries[::-1], row[0]
            record = known.get(row[0])
            entries.append(reader.entry(row) if record is None else Entry(record, EventType(row[5]), row[6]))
        if len(rows) < chunk:
            return entries[::-1], revision
        below = rows[-1][0] - 1


def versions(transaction: Transaction, reader: Reader, wanted: Iterable[int]) -> Versions:
    """The records of these revisions, as far as the log has them."""
    found: Versions = {}
    for some in _chunks(sorted(wanted), _IN_LIMIT):
        for row in transaction.core.execute(_BY_VERSION, {"versions": some}):
            found[row[0]] = reader.entry(row).record
    return found


def before_changes(
    transaction: Transaction, reader: Reader, resource: GroupResource, *, revision: int, until: int
) -> dict[ObjectKey, Record | None]:
    """What the objects of *resource* that changed after *revision*, up to *until*, were at *revision*."""
    rows = transaction.core.execute(
        _CHANGES, {"its_group": resource.group, "its_plural": resource.plural, "after": revision, "until": until}
    )
    # From the newest to the oldest: what stays is what the oldest change found.
    previous = {ObjectKey(intern(namespace), name): version for namespace, name, version in rows}
    found = versions(transaction, reader, (version for version in previous.values() if version is not None))
    return {key: None if version is None else found.get(version) for key, version in previous.items()}


def batch_at(transaction: Transaction, first: int) -> int | None:
    """The id of the batch that wrote revision *first*; None if nobody has."""
    batch: int | None = transaction.core.execute(_BATCH, {"first": first}).scalar_one_or_none()
    return batch


def linked(transaction: Transaction, reader: Reader, entries: Sequence[Entry]) -> list[Event]:
    """Make events of *entries*; predecessors from before them are read from the log."""
    inside = {entry.record.revision for entry in entries}
    before = versions(transaction, reader, {entry.previous for entry in entries if entry.previous is not None} - inside)
    return events_of(entries, lambda entry: before.get(entry.previous or 0))


def events_of(entries: Sequence[Entry], before: Callable[[Entry], Record | None]) -> list[Event]:
    """Link each entry with its predecessor: an earlier one of *entries*, or what *before* says."""
    events: list[Event] = []
    made: Versions = {}
    for entry in entries:
        previous = None
        if entry.previous is not None:
            previous = made.get(entry.previous) or before(entry)
        made[entry.record.revision] = entry.record
        events.append(Event(entry.type, entry.record, previous))
    return events


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
