"""
The controllers of this package at work on a real store in memory, with the clock in the test's hands.

What others do in a whole control plane is done by short stand-ins here, one step at a time and only when the test says so: instances come into
phases, claims are bound. The whole thing together is tested in `test_end_to_end.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from solovirt import controllers, kinds
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock, timestamp
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from tests import databases

FLAVORS = GroupResource("flavor.kubevirt.io", "virtualmachineflavors")
CLUSTER_FLAVORS = GroupResource("flavor.kubevirt.io", "virtualmachineclusterflavors")


def machine(name: str = "vm", **spec: Any) -> Document:
    """A VirtualMachine with the least template; *spec* goes over it."""
    template = {"spec": {"domain": {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}}}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": template, **spec},
    }


@dataclass
class World:
    """The control plane without HTTP and runtime, and short ways to use it."""

    clock: ManualClock
    store: SqlStore
    registry: Registry
    manager: Manager
    user: Objects
    """What an ordinary user does."""
    system: Objects
    """What the stand-ins do."""

    async def create(self, resource: GroupResource, document: Document) -> Document:
        made = await self.user.create(resource, document)
        await self.manager.settle()
        return made

    async def vm(self, document: Document) -> Document:
        return await self.create(names.VIRTUAL_MACHINES, document)

    def get(self, resource: GroupResource, name: str) -> Document | None:
        declared = self.registry.get(resource)
        namespace = "default" if declared is not None and declared.namespaced else ""
        return self.user.get(resource, ObjectKey(namespace, name))

    def the_vm(self, name: str = "vm") -> Document:
        found = self.get(names.VIRTUAL_MACHINES, name)
        assert found is not None
        return found

    def instance(self, name: str = "vm") -> Document | None:
        return self.get(names.VIRTUAL_MACHINE_INSTANCES, name)

    def the_instance(self, name: str = "vm") -> Document:
        found = self.instance(name)
        assert found is not None
        return found

    def word(self, name: str = "vm") -> str:
        return str(self.the_vm(name)["status"]["printableStatus"])

    def events(self, reason: str | None = None) -> list[tuple[str, str, str]]:
        """(type, reason, message) of all events, or of those with *reason*, in the order of their names."""
        found = [(one["type"], one["reason"], one["message"]) for one in self.user.list(core.EVENTS)]
        return [one for one in found if reason is None or one[1] == reason]

    async def edit(self, resource: GroupResource, name: str, **spec: Any) -> None:
        def change(document: Document) -> None:
            document["spec"].update(spec)

        await self.user.edit(resource, ObjectKey("default", name), change)
        await self.manager.settle()

    async def ask(self, *requests: Document, name: str = "vm") -> None:
        """Queue state change requests, as the start and stop endpoints do."""

        def change(document: Document) -> None:
            document.setdefault("status", {})["stateChangeRequests"] = list(requests)

        await self.system.edit(names.VIRTUAL_MACHINES, ObjectKey("default", name), change, status=True)
        await self.manager.settle()

    async def instance_is(self, phase: str, name: str = "vm") -> None:
        """Put the instance into *phase*, as the VMI controller and the node's agent do between them."""

        def change(document: Document) -> None:
            status = document.setdefault("status", {})
            status["phase"] = phase
            now = timestamp(self.clock.now())
            status.setdefault("phaseTransitionTimestamps", []).append({"phase": phase, "phaseTransitionTimestamp": now})
            ready = {"type": "Ready", "status": "True" if phase == "Running" else "False", "lastProbeTime": None}
            if phase != "Running":
                ready["reason"] = "GuestNotRunning"
            status["conditions"] = [{**ready, "lastTransitionTime": now}]
            if phase in ("Succeeded", "Failed"):
                finalizers = document["metadata"].get("finalizers") or []
                document["metadata"]["finalizers"] = [
                    one for one in finalizers if one != names.VMI_FOREGROUND_FINALIZER
                ]

        await self.system.edit(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", name), change)
        await self.manager.settle()

    async def bind(self, name: str) -> None:
        """Bind a claim, as the volume controller does."""

        def change(document: Document) -> None:
            document.setdefault("status", {})["phase"] = "Bound"

        await self.system.edit(core.PERSISTENT_VOLUME_CLAIMS, ObjectKey("default", name), change, status=True)
        await self.manager.settle()

    async def advance(self, seconds: float) -> None:
        """Let time pass in steps of a second at most, everything settling between two."""
        while seconds > 0:
            step = min(1.0, seconds)
            await self.clock.advance(step)
            await self.manager.settle()
            seconds -= step

    def data_volume(self, name: str) -> Document:
        found = self.get(cdi.DATA_VOLUMES, name)
        assert found is not None
        return found


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    api = Verbs(registry, store, SchemaSet(registry), clock)
    manager = Manager(registry=registry, store=store, api=api, clock=clock)
    user = manager.tools("tester", user=User("jane", ("system:authenticated",))).objects
    system = manager.tools("stand-in", user=controllers.VIRT_CONTROLLER).objects
    controllers.install_virtual_machines(manager)
    await controllers.bootstrap(manager, registry=registry)
    await manager.start()
    await manager.settle()
    yield World(clock, store, registry, manager, user, system)
    await manager.stop()
    await store.close()
