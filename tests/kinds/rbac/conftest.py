"""Roles and bindings in a store, without the rest of a control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from solovirt import kinds
from solovirt.kinds.rbac import names
from solovirt.kinds.rbac.authoriser import RbacAuthoriser
from solovirt.machinery.auth.identity import Attributes, User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.objects import ApiObjects
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from tests import databases

NAMESPACES = GroupResource("", "namespaces")
PODS = {"apiGroups": [""], "resources": ["pods"]}


@dataclass
class Cluster:
    registry: Registry
    store: SqlStore
    api: Verbs
    rbac: RbacAuthoriser

    def as_user(self, name: str, *groups: str) -> ApiObjects:
        user = User(name, groups)
        return ApiObjects(registry=self.registry, store=self.store, api=self.api, user=user, field_manager="test")

    @property
    def root(self) -> ApiObjects:
        return self.as_user("root", "system:masters")

    async def role(self, name: str, *verbs: str, namespace: str = "", **rule: Any) -> None:
        resource = names.ROLES if namespace else names.CLUSTER_ROLES
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        await self.root.create(resource, {"metadata": metadata, "rules": [{"verbs": list(verbs), **(rule or PODS)}]})

    async def bind(self, name: str, role: str, *subjects: Any, namespace: str = "", kind: str = "ClusterRole") -> None:
        resource = names.ROLE_BINDINGS if namespace else names.CLUSTER_ROLE_BINDINGS
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        reference = {"apiGroup": names.GROUP, "kind": kind, "name": role}
        await self.root.create(resource, {"metadata": metadata, "roleRef": reference, "subjects": list(subjects)})

    async def unbind(self, name: str, namespace: str = "") -> None:
        resource = names.ROLE_BINDINGS if namespace else names.CLUSTER_ROLE_BINDINGS
        assert await self.root.delete(resource, ObjectKey(namespace, name))

    def asks(self, user: User, verb: str, resource: str = "pods", **more: str) -> tuple[bool, str]:
        return self.rbac.allows(user, Attributes(verb, version="v1", resource=resource, **more))


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name}


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name}


def account(name: str, namespace: str | None = None) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, **({"namespace": namespace} if namespace else {})}


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    api = Verbs(registry, store, SchemaSet(registry), clock)
    made = Cluster(registry, store, api, RbacAuthoriser(store))
    for name in ("a", "b"):
        await made.root.create(NAMESPACES, {"metadata": {"name": name}})
    yield made
    await store.close()
