"""
An index over objects by a value that is inside them, such as the claims that a pod mounts.

The store indexes what every object has; a question about one kind's fields would have to parse all its objects each time. A
`Relation` remembers the values of each object and brings itself up to date from the event log when it is asked, so it is as fresh as
the store and costs nothing while nobody asks. It owns nothing: it can be thrown away and built again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from solovirt.machinery.errors import Expired
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Cursor, Event, EventType, Record, Store


class Relation:
    """Keys of the objects of one resource by (namespace, value), for the values that *values* finds in a document."""

    def __init__(
        self, store: Store, registry: Registry, resource: GroupResource, values: Callable[[Document], Iterable[str]]
    ) -> None:
        self._store = store
        self._registry = registry
        self._resource = resource
        self._values = values
        self._cursor: Cursor | None = None
        self._keys: defaultdict[tuple[str, str], set[ObjectKey]] = defaultdict(set)
        self._of: dict[ObjectKey, tuple[str, ...]] = {}

    def find(self, namespace: str, value: str) -> list[ObjectKey]:
        """The objects in *namespace* that have *value*, in key order; none if the resource is not served."""
        self._catch_up()
        return sorted(self._keys.get((namespace, value), ()))

    def find_anywhere(self, value: str) -> list[ObjectKey]:
        """The objects of all namespaces that have *value*, in key order. Looks at every value: for relations of few objects."""
        self._catch_up()
        return sorted(key for (_, known), keys in self._keys.items() if known == value for key in keys)

    def close(self) -> None:
        """Let go of the event log. The relation builds itself anew if it is asked again."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def _catch_up(self) -> None:
        events: Iterable[Event] = ()
        if self._cursor is not None:
            try:
                events = self._cursor.pending()
            except Expired:
                self.close()
        if self._cursor is None:
            self._rebuild()
            return
        for event in events:
            self._forget(event.record.key)
            if event.type is EventType.PUT:
                self._learn(event.record)

    def _rebuild(self) -> None:
        self._keys.clear()
        self._of.clear()
        if self._registry.get(self._resource) is None:
            return
        self._cursor = self._store.watch(self._resource)
        for record in self._store.now.list(self._resource):
            self._learn(record)

    def _learn(self, record: Record) -> None:
        declared = self._registry.get(self._resource)
        if declared is None:
            return
        document = record.document(declared.api_version(declared.storage_version.name), declared.kind)
        values = tuple(dict.fromkeys(self._values(document)))
        if not values:
            return
        self._of[record.key] = values
        for value in values:
            self._keys[record.key.namespace, value].add(record.key)

    def _forget(self, key: ObjectKey) -> None:
        for value in self._of.pop(key, ()):
            keys = self._keys[key.namespace, value]
            keys.discard(key)
            if not keys:
                del self._keys[key.namespace, value]
