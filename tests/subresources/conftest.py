"""The handlers of subresources.kubevirt.io behind a real HTTP server; no controller acts on what they write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from solovirt import controllers, kinds
from solovirt.kinds.kubevirt import names
from solovirt.machinery.auth.authoriser import MastersOnly
from solovirt.machinery.auth.identity import Credentials, User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.http.app import create_app
from solovirt.machinery.http.health import Health
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.subresources import virtual_machine_expansion, virtual_machine_lifecycle
from tests import databases

KEY = ObjectKey("default", "vm")
JANE = User("jane", ("system:masters", "system:authenticated"))


class Everyone:
    def authenticate(self, credentials: Credentials) -> User | None:
        return JANE


@dataclass
class Reply:
    """An answer, read to its end."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """The server, and what is behind it."""

    def __init__(self, client: TestClient[Any, Any], manager: Manager, store: SqlStore) -> None:
        self._client = client
        self.store = store
        self.user = manager.tools("tester", user=JANE).objects
        self.system = manager.tools("stand-in", user=controllers.VIRT_CONTROLLER).objects
        self.version = "v1"

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        async with self._client.request(method, path, data=data, headers=headers) as response:
            return Reply(response.status, await response.read())

    async def put(self, verb: str, body: Any = None, *, name: str = "vm", **headers: str) -> Reply:
        """PUT to the VM's start, stop or restart."""
        root = f"/apis/subresources.kubevirt.io/{self.version}/namespaces/default/virtualmachines"
        return await self.ask("PUT", f"{root}/{name}/{verb}", body, **headers)

    async def vm(self, status: Document | None = None, **spec: Any) -> None:
        """Create the VM, with *status* as its controller might have written it."""
        template = {"spec": {"domain": {"devices": {}, "memory": {"guest": "1Gi"}}}}
        metadata = {"name": "vm", "namespace": "default"}
        await self.user.create(names.VIRTUAL_MACHINES, {"metadata": metadata, "spec": {"template": template, **spec}})
        if status is not None:

            def write(document: Document) -> None:
                document["status"] = status

            await self.system.edit(names.VIRTUAL_MACHINES, KEY, write, status=True)

    async def instance(self, phase: str, **spec: Any) -> str:
        """Create the VM's instance in *phase*; returns its uid."""
        domain = {"devices": {}, "memory": {"guest": "1Gi"}}
        metadata = {"name": "vm", "namespace": "default"}
        document = {"metadata": metadata, "spec": {"domain": domain, **spec}}
        made = await self.user.create(names.VIRTUAL_MACHINE_INSTANCES, document)

        def write(document: Document) -> None:
            document["status"]["phase"] = phase

        await self.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, write)
        return str(made["metadata"]["uid"])

    def get(self, resource: GroupResource = names.VIRTUAL_MACHINES) -> Document:
        found = self.user.get(resource, KEY)
        assert found is not None
        return found

    @property
    def spec(self) -> Document:
        spec: Document = self.get()["spec"]
        return spec

    @property
    def status(self) -> Document:
        return self.get().get("status") or {}

    @property
    def grace(self) -> Any:
        return self.get(names.VIRTUAL_MACHINE_INSTANCES)["spec"].get("terminationGracePeriodSeconds")


@pytest.fixture(scope="session")
def served() -> tuple[Registry, SchemaSet]:
    """Shared, with the registry: compiling them takes longer than any test."""
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    return registry, SchemaSet(registry)


@pytest.fixture
async def door(served: tuple[Registry, SchemaSet]) -> AsyncIterator[Door]:
    clock = ManualClock()
    registry, schemas = served
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    api = Verbs(registry, store, schemas, clock)
    manager = Manager(registry=registry, store=store, api=api, clock=clock)
    await controllers.bootstrap(manager, registry=registry)
    virtual_machine_lifecycle.install(registry, api, store)
    virtual_machine_expansion.install(registry, store)
    app = create_app(
        registry=registry,
        api=api,
        store=store,
        schemas=schemas,
        clock=clock,
        authenticator=Everyone(),
        authoriser=MastersOnly(),
        health=Health(),
        version_info={},
    )
    async with TestClient(TestServer(app)) as client:
        yield Door(client, manager, store)
    await store.close()
