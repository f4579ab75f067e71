"""Kubernetes' own control loops over a store in memory, under a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from solovirt import kinds
from solovirt.controllers import builtin
from solovirt.kinds.core import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.machinery.verbs.protocol import Caller, DeleteOptions, FieldValidation, PatchType, Target
from solovirt.subresources import namespace_finalize
from tests import databases


@dataclass
class Cluster:
    """What a client sees, and the control loops behind it."""

    registry: Registry
    store: SqlStore
    api: Verbs
    clock: ManualClock
    managers: list[Manager] = field(default_factory=list)

    async def run(self) -> None:
        """Start the control loops, in place of those that ran before."""
        await self.halt()
        manager = Manager(registry=self.registry, store=self.store, api=self.api, clock=self.clock)
        builtin.install(manager, root_certificate="PEM")
        self.managers.append(manager)
        await manager.start()
        await manager.settle()

    async def halt(self) -> None:
        for manager in self.managers:
            await manager.stop()
        self.managers.clear()

    async def settle(self) -> None:
        for manager in self.managers:
            await manager.settle()

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.settle()

    def caller(self) -> Caller:
        return Caller(User("client"), "client", field_validation=FieldValidation.STRICT)

    def target(self, resource: GroupResource, name: str = "", namespace: str = "default", sub: str = "") -> Target:
        declared = self.registry.get(resource)
        assert declared is not None
        version = declared.storage_version.name
        return Target(declared, version, namespace if declared.namespaced else "", name, sub)

    async def create(
        self, resource: GroupResource, name: str, *, namespace: str = "default", **fields: Any
    ) -> Document:
        target = self.target(resource, namespace=namespace)
        metadata: Document = {"name": name, **fields.pop("metadata", {})}
        if target.namespace:
            metadata["namespace"] = target.namespace
        declared = target.resource
        document = {
            "apiVersion": declared.api_version(target.version),
            "kind": declared.kind,
            "metadata": metadata,
            **fields,
        }
        await self.api.create(target, document, self.caller())
        return self.get(resource, name, namespace=namespace)

    async def patch(self, resource: GroupResource, name: str, patch: Document, *, sub: str = "", **where: Any) -> None:
        await self.api.patch(self.target(resource, name, sub=sub, **where), PatchType.MERGE, patch, self.caller())

    async def delete(self, resource: GroupResource, name: str, *, namespace: str = "default", **options: Any) -> None:
        await self.api.delete(self.target(resource, name, namespace), DeleteOptions(**options), self.caller())
        await self.settle()

    def find(self, resource: GroupResource, name: str, *, namespace: str = "default") -> Document | None:
        target = self.target(resource, namespace=namespace)
        record = self.store.now.get(resource, ObjectKey(target.namespace, name))
        if record is None:
            return None
        return record.document(target.resource.api_version(target.version), target.resource.kind)

    def get(self, resource: GroupResource, name: str, *, namespace: str = "default") -> Document:
        found = self.find(resource, name, namespace=namespace)
        assert found is not None, f"{resource} {name} is not there"
        return found

    def all(self, resource: GroupResource, namespace: str | None = None) -> list[Document]:
        declared = self.target(resource).resource
        api_version = declared.api_version(declared.storage_version.name)
        return [record.document(api_version, declared.kind) for record in self.store.now.list(resource, namespace)]

    def names(self, resource: GroupResource, namespace: str | None = "default") -> list[str]:
        return [one["metadata"]["name"] for one in self.all(resource, namespace)]

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of what was said about an object, in the order of their writing."""
        events = [one for one in self.all(names.EVENTS) if one["involvedObject"]["name"] == name]
        events.sort(key=lambda one: int(one["metadata"]["resourceVersion"]))
        return [(one["reason"], one["message"]) for one in events]


def owner(of: Document, *, block: bool = False, uid: str = "") -> Document:
    """An owner reference to an object."""
    reference = {
        "apiVersion": of["apiVersion"],
        "kind": of["kind"],
        "name": of["metadata"]["name"],
        "uid": uid or of["metadata"]["uid"],
    }
    return {**reference, "blockOwnerDeletion": True} if block else reference


@pytest.fixture
def owned_by():
    """Metadata of an object that has these owners; each may be a document or a reference."""

    def metadata(*owners: Document, block: bool = False) -> Document:
        return {"ownerReferences": [one if "uid" in one else owner(one, block=block) for one in owners]}

    return metadata


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    api = Verbs(registry, store, SchemaSet(registry), clock)
    namespace_finalize.install(registry, api)
    cluster = Cluster(registry, store, api, clock)
    await cluster.create(names.NAMESPACES, "default")
    await cluster.run()
    yield cluster
    await cluster.halt()
    await store.close()
