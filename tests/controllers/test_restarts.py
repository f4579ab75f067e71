"""
A server killed at any moment is continued by the next one (design: controllers own nothing in memory).

The first control plane stops dead after so many of its own writes: the next write never returns, and everything is cancelled. A second one on
the same store, with a runtime made anew from the same facts, has to bring the machine to the same end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from solovirt import controllers, kinds
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.runtime.fake import create_runtime
from solovirt.runtime.registry import RuntimeContext
from tests.controllers.conftest import machine
from tests.controllers.test_end_to_end import Cluster
from tests.controllers.virtual_machine.test_data_volume_templates import with_disk

_WRITES = ("create", "update", "patch", "edit", "delete")


class Mortal:
    """Verbs that hang for ever once they have written *life* times."""

    def __init__(self, api: Verbs, life: int | None) -> None:
        self._api = api
        self.left = life

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._api, name)
        return self._counted(verb) if name in _WRITES else verb

    def _counted(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        async def write(*args: Any, **options: Any) -> Any:
            if self.left is not None:
                if self.left == 0:
                    await asyncio.get_running_loop().create_future()
                self.left -= 1
            return await verb(*args, **options)

        return write


class Place:
    """What outlives a server: the database and the time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.registry = Registry()
        for resource in kinds.builtin():
            self.registry.register(resource)
        self.store = SqlStore("sqlite+aiosqlite://", clock=self.clock, selectable=self.registry.selectable)

    @asynccontextmanager
    async def server(self, *, life: int | None = None) -> AsyncIterator[Cluster]:
        """A server that lives for so many writes after its bootstrap."""
        verbs = Verbs(self.registry, self.store, SchemaSet(self.registry), self.clock)
        api = Mortal(verbs, None)
        runtime = create_runtime(
            RuntimeContext(clock=self.clock, facts=self.store.facts, data_dir=self.directory, nodes=2)
        )
        await runtime.start()
        manager = Manager(registry=self.registry, store=self.store, api=api, clock=self.clock)
        controllers.install(manager, runtime=runtime, registry=self.registry)
        await controllers.bootstrap(manager, registry=self.registry)
        await manager.start()
        await manager.settle()
        api.left = life
        try:
            yield Cluster(self.clock, self.store, runtime, manager)
        finally:
            await manager.stop(deadline=0)
            await runtime.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.store.start()
    yield place
    await place.store.close()


async def _die(cluster: Cluster, document: Document, *, seconds: float) -> None:
    """Create *document* and let time pass, without waiting for anybody who may be dead."""
    create = asyncio.ensure_future(cluster.user.create(names.VIRTUAL_MACHINES, document))
    for _ in range(int(seconds * 2)):
        await cluster.clock.advance(0.5)
        # In memory, so a few turns of real time are enough for the writer's thread.
        await asyncio.sleep(0.002)
    await create


@pytest.mark.parametrize("life", range(1, 15))
async def test_a_start_is_finished_by_the_next_server(place, life):
    async with place.server(life=life) as first:
        await _die(first, machine(running=True), seconds=3)
    async with place.server() as second:
        await second.until("Running")
        assert len(list(second.user.list(names.CONTROLLER_REVISIONS))) == 1
        assert len(list(second.user.list(core.PODS))) == 1
        assert [guest.id for guest in await second.runtime.list_guests()] == [second.uid()]
        vm = second.get(names.VIRTUAL_MACHINES, "vm")
        assert "startFailure" not in vm["status"]


@pytest.mark.parametrize("life", range(1, 30, 3))
async def test_an_import_is_finished_by_the_next_server(place, life):
    async with place.server(life=life) as first:
        await _die(first, with_disk(running=True), seconds=5)
    async with place.server() as second:
        await second.until("Running")
        (volume,) = second.user.list(cdi.DATA_VOLUMES)
        assert (volume["status"]["phase"], volume["status"]["progress"]) == ("Succeeded", "100.0%")
        assert len(list(second.user.list(core.PERSISTENT_VOLUME_CLAIMS))) == 1


@pytest.mark.parametrize("life", range(8, 24, 2))
async def test_a_failed_start_is_counted_once_and_tried_again(place, life):
    vm = machine(runStrategy="RerunOnFailure")
    vm["spec"]["template"]["metadata"] = {"annotations": {"fake.solovirt.io/fail-to-start": "no disk"}}
    async with place.server(life=life) as first:
        await _die(first, vm, seconds=3)
    async with place.server() as second:
        await second.until("CrashLoopBackOff")
        assert second.get(names.VIRTUAL_MACHINES, "vm")["status"]["startFailure"]["consecutiveFailCount"] == 1
        await second.edit(lambda document: document["spec"]["template"]["metadata"]["annotations"].clear())
        await second.until("Running")


@pytest.mark.parametrize("life", range(1, 10))
async def test_a_deletion_is_finished_by_the_next_server(place, life):
    async with place.server() as zeroth:
        await zeroth.vm(with_disk(running=True))
        await zeroth.until("Running")
    async with place.server(life=life) as first:
        delete = asyncio.ensure_future(first.user.delete(names.VIRTUAL_MACHINES, ObjectKey("default", "vm")))
        for _ in range(10):
            await first.clock.advance(0.5)
            await asyncio.sleep(0.002)
        await delete
    async with place.server() as second:
        await second.advance(40)
        for resource in (names.VIRTUAL_MACHINES, names.VIRTUAL_MACHINE_INSTANCES, cdi.DATA_VOLUMES, core.PODS):
            assert list(second.user.list(resource, "default")) == []
        assert await second.runtime.list_guests() == []
