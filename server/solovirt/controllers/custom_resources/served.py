"""The registry follows the stored definitions."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from solovirt.kinds.apiextensions import names
from solovirt.kinds.apiextensions.behaviour import installed
from solovirt.kinds.apiextensions.serving import resource_of
from solovirt.machinery.conversion import Forms
from solovirt.machinery.errors import Expired
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.store import encoding
from solovirt.machinery.store.protocol import Cursor, Event, EventType, Record, Store

if TYPE_CHECKING:
    from solovirt.machinery.conversion import Conversion
    from solovirt.machinery.http.outgoing import WebhookClient

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
        # Who reaches the webhooks that convert; made with the first that there is.
        self._client: WebhookClient | None = None
        # What converts the objects of each definition, and what of the definition that was made of.
        self._conversions: dict[str, tuple[Any, Conversion | None]] = {}
        # How the objects of each definition look by its schemas, and those schemas, encoded.
        self._forms: dict[str, tuple[bytes, Forms | None]] = {}
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
        try:
            while True:
                if self._cursor is None:
                    self.load()
                assert self._cursor is not None, "opened by load"
                try:
                    self._apply(await self._cursor.next())
                except Expired:
                    self._cursor.close()
                    self._cursor = None
        finally:
            if self._client is not None:
                await self._client.close()

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
        conversion, forms = self._conversion(definition), self._formed(definition)
        terminating = bool(definition["metadata"].get("deletionTimestamp"))
        resource = resource_of(definition, terminating=terminating, conversion=conversion, forms=forms)
        before = self._registry.get(resource.group_resource)
        if before is not None and name not in self._served:
            # Another part of the server serves it already, and goes on doing so.
            logger.warning("the definition %s names what the server serves by itself; it is not followed", name)
            return
        self._served[name] = (resource.group_resource, revision)
        self._registry.register(resource)
        if (dict(before.selectable_fields) if before is not None else {}) != dict(resource.selectable_fields):
            self._store.reindex(resource.group_resource)
        if before is not None and (before.conversion is not conversion or before.forms is not forms):
            # Whoever watches sees objects as they were converted, and by the schema that was; now they look different.
            for farewell in self._registry.farewells:
                farewell(resource.group_resource)
        self._changed()

    def _conversion(self, definition: Document) -> Conversion | None:
        """What makes one version of another: the same object as long as the definition says the same of it."""
        name, spec = definition["metadata"]["name"], definition["spec"]
        declared = spec.get("conversion") or {}
        stored = (definition.get("status") or {}).get("storedVersions") or ()
        storage = next(one["name"] for one in spec["versions"] if one["storage"])
        says = (declared, storage, [one["name"] for one in spec["versions"]])
        known = self._conversions.get(name)
        if known is not None and known[0] == says:
            return known[1]
        unmarked = f"{spec['group']}/{stored[0] if stored else storage}"
        made: Conversion | None = None
        if declared.get("strategy") == "Webhook":
            from solovirt.kinds.apiextensions.conversion import WebhookConversion

            made = WebhookConversion(unmarked, declared.get("webhook") or {}, self._webhooks())
        elif self._was_converted(GroupResource(spec["group"], spec["names"]["plural"])):
            from solovirt.kinds.apiextensions.conversion import SameForm

            made = SameForm(unmarked)
        self._conversions[name] = (copy.deepcopy(says), made)
        return made

    def _formed(self, definition: Document) -> Forms | None:
        """What is known of the forms of a definition's objects: the same as long as the schemas are. None if there was but one schema."""
        name, versions = definition["metadata"]["name"], definition["spec"]["versions"]
        says = orjson.dumps([(one["name"], one["storage"], one.get("schema")) for one in versions])
        known = self._forms.get(name)
        if known is None or known[0] != says:
            first = known is None and definition["metadata"].get("generation", 1) == 1 and len(versions) == 1
            known = self._forms[name] = (says, None if first else Forms())
        return known[1]

    def _webhooks(self) -> WebhookClient:
        if self._client is None:
            # Imported with the first webhook that there is: few servers know any.
            from solovirt.kinds.core.service_addresses import resolver
            from solovirt.machinery.http.outgoing import WebhookClient

            self._client = WebhookClient(resolver(self._store))
        return self._client

    def _was_converted(self, resource: GroupResource) -> bool:
        """Whether some objects say which version they are in, as only those of a kind with a webhook do."""
        return any(encoding.is_marked(record.body) for record in self._store.now.list(resource))

    def _forget(self, name: str) -> None:
        self._conversions.pop(name, None)
        self._forms.pop(name, None)
        known = self._served.pop(name, None)
        if known is not None:
            self._registry.unregister(known[0])
            self._changed()
