"""
The verbs over a real store in memory, with the kind that the reference's examples are about.

`vms.example.com` is the custom resource that kubernetes-api.md was observed with; ConfigMaps, Services and Namespaces are the real ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt import kinds
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, Resource, Scope, Version
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.protocol import Record, parse
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.machinery.verbs.protocol import Caller, FieldValidation, Stored, Target
from tests import databases

VM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "cpu": {"type": "integer", "minimum": 1, "maximum": 8},
                "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
                "mode": {"type": "string", "enum": ["a", "b"]},
                "when": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "cmds": {"type": "array", "items": {"type": "string"}},
                "vols": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
                    },
                },
            },
        },
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    },
}
VMS = Resource(
    group="example.com",
    kind="VM",
    plural="vms",
    singular="vm",
    scope=Scope.NAMESPACED,
    versions=(Version("v1", schema=VM_SCHEMA),),
    behaviour=Behaviour(),
    status_subresource=True,
)


@dataclass
class World:
    """The verbs, and short ways to call them."""

    registry: Registry
    store: SqlStore
    api: Verbs
    clock: ManualClock
    caller: Caller = field(default_factory=lambda: Caller(User("tester"), field_manager="tester"))

    def target(self, plural: str, name: str = "", *, namespace: str = "default", subresource: str = "") -> Target:
        resource = next(one for one in self.registry if one.plural == plural)
        version = resource.storage_version.name
        return Target(resource, version, namespace if resource.namespaced else "", name, subresource)

    def document(self, record: Record) -> Document:
        resource = self.registry.get(record.resource)
        assert resource is not None
        return parse(record, resource.api_version(resource.storage_version.name), resource.kind)

    async def create(self, plural: str, document: Document, **caller: Any) -> Document:
        namespace = document.get("metadata", {}).get("namespace", "default")
        stored = await self.api.create(self.target(plural, namespace=namespace), document, self.asking(**caller))
        return self.document(stored.record)

    async def get(self, plural: str, name: str, namespace: str = "default") -> Document:
        return self.document(await self.api.get(self.target(plural, name, namespace=namespace)))

    async def has(self, plural: str, name: str, namespace: str = "default") -> bool:
        key = self.target(plural, name, namespace=namespace).key
        return self.store.now.get(self.target(plural).resource.group_resource, key) is not None

    def asking(self, **changes: Any) -> Caller:
        self.caller = Caller(
            User("tester"),
            **{"field_manager": "tester", "field_validation": FieldValidation.WARN, **changes},
        )
        return self.caller

    def seen(self, stored: Stored) -> Document:
        return self.document(stored.record)


def vm(name: str = "a", **spec: Any) -> Document:
    return {"apiVersion": "example.com/v1", "kind": "VM", "metadata": {"name": name}, "spec": spec}


def config_map(name: str = "c1", **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    registry = Registry()
    for resource in kinds.builtin():
        if resource.group == "" and resource.plural in ("namespaces", "configmaps", "services", "pods", "nodes"):
            registry.register(resource)
    registry.register(VMS)
    clock = ManualClock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC))
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    world = World(registry, store, Verbs(registry, store, SchemaSet(registry), clock), clock)
    await world.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    yield world
    await store.close()


VMS_RESOURCE = GroupResource("example.com", "vms")
