"""Instances on the fake runtime, on a real store in memory: everything of a control plane but HTTP, virtual machines and disks."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from solovirt import controllers, kinds
from solovirt.controllers import builtin, node, virtual_machine_instance
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.protocol import Event, EventType
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.runtime.fake import FakeRuntime, Scenario
from solovirt.runtime.protocol import Guest, GuestId
from solovirt.runtime.registry import RuntimeContext
from tests import databases

INSTANCE: Document = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachineInstance",
    "metadata": {"name": "vmi", "namespace": "default"},
    "spec": {
        "domain": {
            "memory": {"guest": "1Gi"},
            "devices": {
                "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
                "interfaces": [{"name": "default", "masquerade": {}}],
            },
        },
        "networks": [{"name": "default", "pod": {}}],
        "volumes": [{"name": "root", "containerDisk": {"image": "quay.io/containerdisks/fedora:41"}}],
    },
}


def instance(name: str = "vmi", *, annotations: dict[str, str] | None = None, **spec: Any) -> Document:
    document = copy.deepcopy(INSTANCE)
    document["metadata"]["name"] = name
    if annotations:
        document["metadata"]["annotations"] = {f"fake.solovirt.io/{key}": value for key, value in annotations.items()}
    document["spec"].update(copy.deepcopy(spec))
    return document


class Cluster:
    """The control plane. `stop` and `start` are a restart; `kill` forgets what the process had in memory, as kill -9 would."""

    def __init__(self, *, launcher_pods: bool = True, nodes: int = 2) -> None:
        self.clock = ManualClock()
        self.registry = Registry()
        for resource in kinds.builtin():
            self.registry.register(resource)
        self.store = SqlStore(databases.url(), clock=self.clock, selectable=self.registry.selectable)
        self.api = Verbs(self.registry, self.store, SchemaSet(self.registry), self.clock)
        self.scenario = Scenario()
        self.launcher_pods = launcher_pods
        self.nodes = nodes

    async def open(self) -> None:
        await self.store.start()
        await self.start()

    async def start(self) -> None:
        context = RuntimeContext(self.clock, self.store.facts, Path("unused"), nodes=self.nodes)
        self.runtime = FakeRuntime(context, self.scenario)
        await self.runtime.start()
        self.manager = Manager(registry=self.registry, store=self.store, api=self.api, clock=self.clock)
        self.user = self.manager.tools("tester", user=User("jane", ("system:authenticated",))).objects
        self.system = self.manager.tools("stand-in", user=controllers.VIRT_CONTROLLER).objects
        builtin.install(self.manager)
        node.install(self.manager, self.runtime)
        virtual_machine_instance.install(self.manager, self.runtime, launcher_pods=self.launcher_pods)
        await controllers.bootstrap(self.manager, registry=self.registry)
        await self.manager.start()
        await self.manager.settle()

    async def stop(self) -> None:
        await self.manager.stop()
        await self.runtime.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def close(self) -> None:
        await self.stop()
        await self.store.close()

    async def advance(self, seconds: float) -> None:
        """Let time pass in steps of a second at most, everything settling between two."""
        while seconds > 0:
            step = min(1.0, seconds)
            await self.clock.advance(step)
            await self.manager.settle()
            seconds -= step

    # -- what a user does and sees

    async def create(self, document: Document, resource: GroupResource = names.VIRTUAL_MACHINE_INSTANCES) -> Document:
        made = await self.user.create(resource, document)
        await self.manager.settle()
        return made

    async def delete(self, name: str = "vmi", resource: GroupResource = names.VIRTUAL_MACHINE_INSTANCES) -> None:
        namespace = "" if resource == core.NODES else "default"
        await self.user.delete(resource, ObjectKey(namespace, name))
        await self.manager.settle()

    def find(self, name: str = "vmi") -> Document | None:
        return self.user.get(names.VIRTUAL_MACHINE_INSTANCES, ObjectKey("default", name))

    def get(self, name: str = "vmi") -> Document:
        found = self.find(name)
        assert found is not None
        return found

    def status(self, name: str = "vmi") -> dict[str, Any]:
        return dict(self.get(name)["status"])

    def phases(self, name: str = "vmi") -> list[str]:
        return [one["phase"] for one in self.status(name)["phaseTransitionTimestamps"]]

    def condition(self, type: str, name: str = "vmi") -> tuple[str, str, str] | None:
        for one in self.status(name).get("conditions", ()):
            if one["type"] == type:
                return one["status"], one.get("reason", ""), one.get("message", "")
        return None

    def pods(self) -> list[Document]:
        return list(self.user.list(core.PODS))

    def pod(self) -> Document:
        (pod,) = self.pods()
        return pod

    def events(self, *components: str) -> list[tuple[str, str, str]]:
        """(component, reason, message) of all events about instances, in order."""
        found = sorted(
            (one for one in self.user.list(core.EVENTS) if one["involvedObject"]["kind"] == "VirtualMachineInstance"),
            key=lambda one: one["metadata"]["name"].rpartition(".")[2],
        )
        return [
            (one["source"]["component"], one["reason"], one["message"])
            for one in found
            if not components or one["source"]["component"] in components
        ]

    async def guest(self, name: str = "vmi") -> Guest | None:
        return await self.runtime.find_guest(GuestId(self.get(name)["metadata"]["uid"]))

    async def guest_id(self, name: str = "vmi") -> GuestId:
        return GuestId(self.get(name)["metadata"]["uid"])

    def watch(self, *resources: GroupResource) -> Writes:
        return Writes(self.store, resources)


class Writes:
    """Counts what is written from now on."""

    def __init__(self, store: SqlStore, resources: tuple[GroupResource, ...]) -> None:
        self._cursors = {resource: store.watch(resource) for resource in resources}

    def count(self) -> dict[str, int]:
        out = {}
        for resource, cursor in self._cursors.items():
            events: list[Event] = [event for event in cursor.pending() if event.type is EventType.PUT]
            out[resource.plural] = len(events)
        return out


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = Cluster()
    await cluster.open()
    yield cluster
    await cluster.close()
