"""The whole control plane but for HTTP, with the engine on files, and a web server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from solovirt import controllers, kinds
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.runtime.fake import create_runtime
from solovirt.runtime.registry import RuntimeContext
from solovirt.volumes.files import FileVolumes
from tests import databases
from tests.volumes.files.conftest import IMPATIENT, Site


@dataclass
class Cluster:
    """A control plane on files, and short ways to use it."""

    clock: ManualClock
    manager: Manager
    root: Path
    volumes: FileVolumes

    def __post_init__(self) -> None:
        self.user = self.manager.tools("tester", user=User("jane", ("system:authenticated",))).objects

    async def data_volume(self, name: str, source: Document, *, size: str = "4Mi", **spec: Any) -> None:
        storage = {"resources": {"requests": {"storage": size}}}
        document = {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"source": source, "storage": storage, **spec},
        }
        await self.user.create(cdi.DATA_VOLUMES, document)

    def get(self, resource: GroupResource, name: str) -> Document:
        return self.user.get(resource, ObjectKey("default", name)) or {}

    def status(self, name: str) -> Document:
        found: Document = self.get(cdi.DATA_VOLUMES, name).get("status") or {}
        return found

    def condition(self, name: str, type: str = "Running") -> tuple[str, str, str]:
        found = next(one for one in self.status(name)["conditions"] if one["type"] == type)
        return found["status"], found.get("reason", ""), found.get("message", "")

    def disk(self, name: str) -> Path:
        volume: str = self.get(core.PERSISTENT_VOLUME_CLAIMS, name)["spec"]["volumeName"]
        return self.root / volume / "data" / "disk.img"

    def claims(self) -> list[Document]:
        return list(self.user.list(core.PERSISTENT_VOLUME_CLAIMS))

    def told(self) -> set[tuple[str, str]]:
        return {(one["reason"], one["message"]) for one in self.user.list(core.EVENTS)}

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let work be done, which takes real time, until *reached*."""
        async with asyncio.timeout(20):
            while not reached():
                await self.manager.settle()
                await asyncio.sleep(0.005)
        await self.manager.settle()

    async def until_phase(self, name: str, phase: str) -> None:
        await self.until(lambda: self.status(name).get("phase") == phase)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    runtime = create_runtime(RuntimeContext(clock=clock, facts=store.facts, data_dir=directory, nodes=1))
    await runtime.start()
    manager = Manager(
        registry=registry, store=store, api=Verbs(registry, store, SchemaSet(registry), clock), clock=clock
    )
    root = directory / "volumes"
    volumes = FileVolumes(root, clock=clock, cluster=controllers.cluster_of(manager), limits=IMPATIENT)
    controllers.install(manager, runtime=runtime, registry=registry, volumes=volumes)
    await controllers.bootstrap(manager, registry=registry)
    await controllers.start_volumes(manager, volumes)
    await manager.start()
    await manager.settle()
    yield Cluster(clock, manager, root, volumes)
    await manager.stop()
    await volumes.close()
    await runtime.close()
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.start()
    yield made
    await made.stop()
