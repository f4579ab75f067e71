"""The registry follows the stored definitions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from solovirt.kinds.apiextensions import names
from solovirt.kinds.apiextensions.behaviour import installed
from solovirt.kinds.apiextensions.serving import resource_of
from solovirt.machinery.errors import Expired
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.store.protocol import Cursor, Event, EventType, Record, Store

logger = logging.getLogger("solovirt.definitions")

_KIND = "CustomResourceDefinition"
_API_VERSION = f"{names.GROUP}/v1"


class ServedDefinitions:
    """
    Registers what is Established, with every change of its definition, and unregisters what is gone.

    `load` once when the store is open; then run it as a background task of the manager. *changed* is called after each change of the registry.
    """

    name = "custom resource definitions"

    def __init__(self, registry: Registry, store: Store, *, changed: Callable[[], None] = lambda: None) -> None:
        self._registry = registry
        self._store = store
        self._changed = changed
        self._cursor: Cursor | None = None
        # What is served of each definition, by its name, and the revision that says so.
        self._served: dict[str, tuple[GroupResource, int]] = {}

    def load(self) -> None:
        """Serve everything that is Established."""
        self._cursor = self._store.watch(names.DEFINITIONS)
        stored = {record.key.name: record for record in self._store.now.list(names.DEFINITIONS)}
        for name in set(self._served) - set(stored):
            self._forget(name)
        for record in stored.values():
            self._follow(record)

    async def run(self) -> None:
        """Follow the definitions until cancelled."""
        while True:
            if self._cursor is None:
                self.load()
            assert self._cursor is not None, "opened by load"
            try:
                self._apply(await self._cursor.next())
            except Expired:
                self._cursor.close()
                self._cursor = None

    @property
    def busy(self) -> bool:
        """Always at rest once this was asked: what is there to follow is followed."""
        if self._cursor is not None:
            self._apply(self._cursor.pending())
        return False

    def serve(self, definition: Document) -> None:
        """Serve *definition*, which is about to be stored like this."""
        self._register(definition, int(definition["metadata"].get("resourceVersion") or 0))

    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type is EventType.REMOVE:
                self._forget(event.record.key.name)
            else:
                self._follow(event.record)

    def _follow(self, record: Record) -> None:
        if record.key.name in installed():
            return
        known = self._served.get(record.key.name)
        if known is not None and known[1] >= record.revision:
            return
        definition = record.document(_API_VERSION, _KIND)
        if names.is_true(definition, names.ESTABLISHED):
            self._register(definition, record.revision)

    def _register(self, definition: Document, revision: int) -> None:
        name = definition["metadata"]["name"]
        resource = resource_of(definition, terminating=bool(definition["metadata"].get("deletionTimestamp")))
        before = self._registry.get(resource.group_resource)
        if before is not None and name not in self._served:
            # Another part of the server serves it already, and goes on doing so.
            logger.warning("the definition %s names what the server serves by itself; it is not followed", name)
            return
        self._served[name] = (resource.group_resource, revision)
        self._registry.register(resource)
        if (dict(before.selectable_fields) if before is not None else {}) != dict(resource.selectable_fields):
            self._store.reindex(resource.group_resource)
        self._changed()

    def _forget(self, name: str) -> None:
        known = self._served.pop(name, None)
        if known is not None:
            self._registry.unregister(known[0])
            self._changed()
