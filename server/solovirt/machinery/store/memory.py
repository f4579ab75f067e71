"""
The fold of the revision log: the newest version of every object, in memory.

`Memory` is what everybody reads. It changes only between two awaits of the writer (or of the follower, when another process appended), so
whoever reads it without awaiting sees one revision. `Overlay` is the state inside a batch: the memory with the batch's own
writes on top, which are thrown away if the commit fails.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sortedcontainers import SortedDict

from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Event, EventType, Record

_Owned = dict[tuple[GroupResource, ObjectKey], Record]


class _Table:
    """The objects of one resource in key order."""

    __slots__ = ("_changed", "_snapshot", "objects")

    def __init__(self) -> None:
        self.objects: SortedDict = SortedDict()
        # All records in key order as they were at some time, and the keys that have changed since.
        self._snapshot: list[Record] | None = None
        self._changed: set[ObjectKey] = set()

    def put(self, record: Record) -> None:
        self.objects[record.key] = record
        self._note(record.key)

    def remove(self, key: ObjectKey) -> None:
        del self.objects[key]
        self._note(key)

    def _note(self, key: ObjectKey) -> None:
        if self._snapshot is not None:
            self._changed.add(key)
            if 4 * len(self._changed) > len(self._snapshot):
                self._snapshot = None
                self._changed.clear()

    def records(self) -> list[Record]:
        """
        All records in key order; not to be changed, and it never changes.

        Making the list anew holds up the event loop for 40 ms at 100,000 objects. So the last one is kept, and what has changed since is
        patched into a copy, which takes a millisecond.
        """
        objects = self.objects
        old = self._snapshot
        if old is None:
            self._snapshot = list(map(objects.__getitem__, objects))
            return self._snapshot
        if self._changed:
            new: list[Record] = []
            done = 0
            for key in sorted(self._changed):
                start = bisect.bisect_left(old, key, lo=done, key=_key)
                new += old[done:start]
                done = start + 1 if start < len(old) and old[start].key == key else start
                if (record := objects.get(key)) is not None:
                    new.append(record)
            new += old[done:]
            self._snapshot = old = new
            self._changed.clear()
        return old

    def records_in(self, namespace: str) -> list[Record]:
        """The records of one namespace in key order."""
        objects = self.objects
        first, last = (objects.bisect_left((edge,)) for edge in _edges(namespace))
        if 4 * (last - first) > len(objects):
            # Most of what there is: a cut of the list of all is ten times quicker than a look-up each.
            return self.records()[first:last]
        return list(map(objects.__getitem__, _keys_in(objects, namespace)))


class Memory:
    """The newest committed state that this process has seen; a `View`."""

    def __init__(self) -> None:
        self._tables: dict[GroupResource, _Table] = {}
        self._owned: dict[str, _Owned] = {}
        self._revision = 0

    @property
    def revision(self) -> int:
        return self._revision

    def get(self, resource: GroupResource, key: ObjectKey) -> Record | None:
        table = self._tables.get(resource)
        return None if table is None else table.objects.get(key)

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """In key order, as of now: what is committed while the caller iterates doesn't show."""
        table = self._tables.get(resource)
        if table is None:
            return iter(())
        return iter(table.records() if namespace is None else table.records_in(namespace))

    def records(self, resource: GroupResource) -> Sequence[Record]:
        """All objects of *resource* in key order; the caller must not change the list."""
        table = self._tables.get(resource)
        return () if table is None else table.records()

    def iterate(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """Like `list` but lazy: for callers that stop early and don't await in between."""
        table = self._tables.get(resource)
        if table is None:
            return iter(())
        objects = table.objects
        if namespace is None:
            return iter(objects.values())
        return (objects[key] for key in _keys_in(objects, namespace))

    def count(self, resource: GroupResource) -> int:
        table = self._tables.get(resource)
        return 0 if table is None else len(table.objects)

    def owned_by(self, uid: str) -> Sequence[Record]:
        owned = self._owned.get(uid)
        return list(owned.values()) if owned else []

    def resources(self) -> Sequence[GroupResource]:
        """Every resource that has or had objects."""
        return list(self._tables)

    def fill(self, records: Mapping[GroupResource, Iterable[Record]], revision: int) -> None:
        """Replace everything."""
        self._tables = {}
        self._owned = {}
        for resource, some in records.items():
            table = self._tables[resource] = _Table()
            table.objects.update({record.key: record for record in some})
            for record in table.objects.values():
                self._own(record)
        self._revision = revision

    def apply(self, events: Iterable[Event], revision: int) -> None:
        """Move on to *revision* through *events*."""
        for event in events:
            record = event.record
            table = self._tables.get(record.resource)
            if table is None:
                table = self._tables[record.resource] = _Table()
            previous = event.previous
            if event.type is EventType.PUT:
                table.put(record)
                if previous is None or previous.index.owners or record.index.owners:
                    self._disown(previous)
                    self._own(record)
            else:
                table.remove(record.key)
                self._disown(previous)
        self._revision = revision

    def replace(self, records: Iterable[Record]) -> None:
        """Exchange records for others of the same objects and revisions (their index was made anew)."""
        for record in records:
            self._tables[record.resource].put(record)
            self._own(record)

    def _own(self, record: Record) -> None:
        for uid in record.index.owners:
            self._owned.setdefault(uid, {})[record.resource, record.key] = record

    def _disown(self, record: Record | None) -> None:
        if record is None:
            return
        for uid in record.index.owners:
            owned = self._owned.get(uid)
            if owned is not None:
                owned.pop((record.resource, record.key), None)
                if not owned:
                    del self._owned[uid]


class Overlay:
    """A `View` of memory with the writes of a batch on top."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._changed: dict[GroupResource, dict[ObjectKey, Record | None]] = {}
        self.revision = memory.revision

    def get(self, resource: GroupResource, key: ObjectKey) -> Record | None:
        changed = self._changed.get(resource)
        if changed is not None and key in changed:
            return changed[key]
        return self._memory.get(resource, key)

    def put(self, record: Record) -> None:
        self._changed.setdefault(record.resource, {})[record.key] = record
        self.revision = record.revision

    def remove(self, resource: GroupResource, key: ObjectKey, revision: int) -> None:
        self._changed.setdefault(resource, {})[key] = None
        self.revision = revision

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        below = self._memory.iterate(resource, namespace)
        changed = self._changed.get(resource)
        if not changed:
            return below
        above = sorted(
            (item for item in changed.items() if namespace is None or item[0].namespace == namespace),
            key=lambda item: item[0],
        )
        return merge(below, above)

    def count(self, resource: GroupResource) -> int:
        count = self._memory.count(resource)
        for key, record in self._changed.get(resource, {}).items():
            count += (record is not None) - (self._memory.get(resource, key) is not None)
        return count

    def owned_by(self, uid: str) -> Sequence[Record]:
        owned = [
            record
            for record in self._memory.owned_by(uid)
            if record.key not in self._changed.get(record.resource, _NOTHING)
        ]
        owned += [
            record
            for changed in self._changed.values()
            for record in changed.values()
            if record is not None and uid in record.index.owners
        ]
        return owned


_NOTHING: Mapping[ObjectKey, Record | None] = {}


def merge(below: Iterator[Record], above: Iterable[tuple[ObjectKey, Record | None]]) -> Iterator[Record]:
    """*below* with the keys of *above* replaced by what it has for them; both in key order."""
    lower = next(below, None)
    for key, record in above:
        while lower is not None and lower.key < key:
            yield lower
            lower = next(below, None)
        if lower is not None and lower.key == key:
            lower = next(below, None)
        if record is not None:
            yield record
    while lower is not None:
        yield lower
        lower = next(below, None)


def _key(record: Record) -> ObjectKey:
    return record.key


def _edges(namespace: str) -> tuple[str, str]:
    # A tuple sorts after its own prefix, and no name of a namespace contains NUL.
    return namespace, namespace + "\0"


def _keys_in(objects: SortedDict, namespace: str) -> Iterator[ObjectKey]:
    first, last = _edges(namespace)
    keys: Iterator[ObjectKey] = objects.irange((first,), (last,), inclusive=(True, False))
    return keys


def as_of(now: Sequence[Record], events_after: Sequence[Event]) -> list[Record]:
    """The objects of one resource before *events_after*, given those after it, both in order."""
    undone: dict[ObjectKey, Record | None] = {}
    for event in reversed(events_after):
        undone[event.record.key] = event.previous
    return list(merge(iter(now), sorted(undone.items(), key=lambda item: item[0])))
