"""A store in memory, the verbs over it, and a manager under a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from solovirt import kinds
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.machinery.verbs.protocol import Caller, DeleteOptions, FieldValidation, Target
from tests import databases

CONFIG_MAPS = GroupResource("", "configmaps")
EVENTS = GroupResource("", "events")
NAMESPACES = GroupResource("", "namespaces")
SECRETS = GroupResource("", "secrets")


@dataclass
class World:
    """What a client can do, and managers over the same store."""

    registry: Registry
    store: SqlStore
    api: Verbs
    clock: ManualClock
    managers: list[Manager] = field(default_factory=list)

    def manager(self, *controllers: Any, **options: Any) -> Manager:
        manager = Manager(registry=self.registry, store=self.store, api=self.api, clock=self.clock, **options)
        self.managers.append(manager)
        for controller in controllers:
            manager.add(controller)
        return manager

    async def running(self, *controllers: Any, **options: Any) -> Manager:
        manager = self.manager(*controllers, **options)
        await manager.start()
        await manager.settle()
        return manager

    def caller(self) -> Caller:
        return Caller(User("client"), "client", field_validation=FieldValidation.STRICT)

    def target(self, resource: GroupResource, name: str = "", namespace: str = "default") -> Target:
        declared = self.registry.get(resource)
        assert declared is not None
        return Target(declared, "v1", namespace if declared.namespaced else "", name)

    async def create(self, resource: GroupResource, name: str, **fields: Any) -> Document:
        target = self.target(resource)
        metadata: Document = {"name": name}
        if target.namespace:
            metadata["namespace"] = target.namespace
        await self.api.create(target, {"metadata": metadata, **fields}, self.caller())
        found = self.find(resource, name)
        assert found is not None
        return found

    async def edit(self, resource: GroupResource, name: str, **fields: Any) -> None:
        await self.api.edit(self.target(resource, name), lambda obj: obj.update(fields), self.caller())

    async def delete(self, resource: GroupResource, name: str) -> None:
        await self.api.delete(self.target(resource, name), DeleteOptions(), self.caller())

    def find(self, resource: GroupResource, name: str) -> Document | None:
        target = self.target(resource)
        record = self.store.now.get(resource, ObjectKey(target.namespace, name))
        return None if record is None else record.document("v1", target.resource.kind)

    def all(self, resource: GroupResource, namespace: str | None = None) -> list[Document]:
        kind = self.target(resource).resource.kind
        return [record.document("v1", kind) for record in self.store.now.list(resource, namespace)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    world = World(registry, store, Verbs(registry, store, SchemaSet(registry), clock), clock)
    await world.create(NAMESPACES, "default")
    yield world
    for manager in world.managers:
        await manager.stop()
    await store.close()
