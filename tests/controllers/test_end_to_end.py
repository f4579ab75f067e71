"""A machine's way through all controllers and the fake runtime, by the clock: what users of the API see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from solovirt import controllers, kinds
from solovirt.kinds.cdi import names as cdi
from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.manager import Manager
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.schema.compiled import SchemaSet
from solovirt.machinery.store.sql import SqlStore
from solovirt.machinery.verbs.api import Verbs
from solovirt.runtime.fake import FakeRuntime, create_runtime
from solovirt.runtime.protocol import GuestId
from solovirt.runtime.registry import RuntimeContext
from tests import databases
from tests.controllers.conftest import CLUSTER_FLAVORS, FLAVORS, machine
from tests.controllers.virtual_machine.test_data_volume_templates import with_disk


@dataclass
class Cluster:
    """A whole control plane but for HTTP."""

    clock: ManualClock
    store: SqlStore
    runtime: FakeRuntime
    manager: Manager

    def __post_init__(self) -> None:
        self.user = self.manager.tools("tester", user=User("jane", ("system:authenticated",))).objects

    def get(self, resource: GroupResource, name: str) -> Document | None:
        return self.user.get(resource, ObjectKey("default", name))

    def word(self) -> str:
        vm = self.get(names.VIRTUAL_MACHINES, "vm")
        return "" if vm is None else str((vm.get("status") or {}).get("printableStatus"))

    def uid(self) -> str:
        instance = self.get(names.VIRTUAL_MACHINE_INSTANCES, "vm")
        return "" if instance is None else str(instance["metadata"]["uid"])

    async def vm(self, document: Document) -> None:
        await self.user.create(names.VIRTUAL_MACHINES, document)
        await self.manager.settle()

    async def edit(self, change: Callable[[Document], Any]) -> None:
        await self.user.edit(names.VIRTUAL_MACHINES, ObjectKey("default", "vm"), change)
        await self.manager.settle()

    async def advance(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            await self.clock.advance(0.5)
            await self.manager.settle()

    async def until(self, word: str, *, seconds: float = 120) -> None:
        """Let time pass until the VM's printable status is *word*."""
        for _ in range(int(seconds * 2)):
            if self.word() == word:
                return
            await self.advance(0.5)
        pytest.fail(f"the VM is {self.word()} and not {word} after {seconds} seconds")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    clock = ManualClock()
    registry = Registry()
    for resource in kinds.builtin():
        registry.register(resource)
    store = SqlStore(databases.url(), clock=clock, selectable=registry.selectable)
    await store.start()
    runtime = create_runtime(RuntimeContext(clock=clock, facts=store.facts, data_dir=tmp_path, nodes=2))
    await runtime.start()
    api = Verbs(registry, store, SchemaSet(registry), clock)
    manager = Manager(registry=registry, store=store, api=api, clock=clock)
    controllers.install(manager, runtime=runtime, registry=registry)
    await controllers.bootstrap(manager, registry=registry)
    await manager.start()
    await manager.settle()
    yield Cluster(clock, store, runtime, manager)
    await manager.stop()
    await runtime.close()
    await store.close()


async def test_a_vm_starts_runs_and_is_deleted_with_all_that_it_owns(cluster):
    await cluster.vm(machine(running=True))
    assert cluster.word() == "Starting"
    await cluster.until("Running")
    status = cluster.get(names.VIRTUAL_MACHINES, "vm")["status"]
    assert (status["created"], status["ready"]) == (True, True)
    assert {one["type"]: one["status"] for one in status["conditions"]}["Ready"] == "True"
    await cluster.user.delete(names.VIRTUAL_MACHINES, ObjectKey("default", "vm"))
    await cluster.manager.settle()
    assert cluster.word() == "Terminating"
    await cluster.advance(40)
    for resource in (names.VIRTUAL_MACHINES, names.VIRTUAL_MACHINE_INSTANCES, core.PODS, names.CONTROLLER_REVISIONS):
        assert list(cluster.user.list(resource, "default")) == []
    assert await cluster.runtime.list_guests() == []


async def test_switching_running_off_and_on(cluster):
    await cluster.vm(machine(running=False))
    assert (cluster.word(), cluster.uid()) == ("Stopped", "")
    await cluster.edit(lambda vm: vm["spec"].update(running=True))
    await cluster.until("Running")
    await cluster.edit(lambda vm: vm["spec"].update(running=False))
    assert cluster.word() == "Stopping"
    await cluster.until("Stopped")
    assert cluster.uid() == ""


@pytest.mark.parametrize(
    ("strategy", "trouble", "restarts", "word"),
    [
        ("Always", "crash", True, "Running"),
        ("Always", "power off", True, "Running"),
        ("RerunOnFailure", "crash", True, "Running"),
        ("RerunOnFailure", "power off", False, "Stopped"),
        ("Once", "crash", False, "Stopped"),
        ("Once", "power off", False, "Stopped"),
    ],
)
async def test_strategies_react_to_the_end_of_a_guest(cluster, strategy, trouble, restarts, word):
    """Reference kubevirt-vm.md 3: rows "Guest powers off" and "Guest crash"."""
    await cluster.vm(machine(runStrategy=strategy))
    await cluster.until("Running")
    before = cluster.uid()
    if trouble == "crash":
        await cluster.runtime.crash(GuestId(before))
    else:
        await cluster.runtime.power_off(GuestId(before))
    await cluster.manager.settle()
    await cluster.advance(1)
    await cluster.until(word)
    assert (cluster.uid() not in (before, "")) is restarts


async def test_a_manual_vm_starts_when_it_is_asked_to(cluster):
    await cluster.vm(machine(runStrategy="Manual"))
    assert cluster.word() == "Stopped"

    def ask(vm: Document) -> None:
        vm.setdefault("status", {})["stateChangeRequests"] = [{"action": "Start"}]

    await cluster.user.edit(names.VIRTUAL_MACHINES, ObjectKey("default", "vm"), ask, status=True)
    await cluster.manager.settle()
    await cluster.until("Running")
    assert not cluster.get(names.VIRTUAL_MACHINES, "vm")["status"].get("stateChangeRequests")


async def test_a_guest_that_cannot_start_loops_with_back_off(cluster):
    """Reference kubevirt-vm.md 3.1."""
    vm = machine(runStrategy="Always")
    vm["spec"]["template"]["metadata"] = {"annotations": {"fake.solovirt.io/fail-to-start": "no disk"}}
    await cluster.vm(vm)
    await cluster.until("CrashLoopBackOff")
    assert cluster.get(names.VIRTUAL_MACHINES, "vm")["status"]["startFailure"]["consecutiveFailCount"] == 1
    await cluster.advance(20)
    await cluster.until("CrashLoopBackOff")
    assert cluster.get(names.VIRTUAL_MACHINES, "vm")["status"]["startFailure"]["consecutiveFailCount"] == 2

    def mend(document: Document) -> None:
        document["spec"]["template"]["metadata"]["annotations"].clear()

    await cluster.edit(mend)
    await cluster.until("Running")
    assert "startFailure" not in cluster.get(names.VIRTUAL_MACHINES, "vm")["status"]


@pytest.mark.parametrize("kind", ["VirtualMachineFlavor", "VirtualMachineClusterFlavor"])
async def test_a_flavor_fills_the_cpu(cluster, kind):
    metadata = {"name": "two", "namespace": "default"} if kind == "VirtualMachineFlavor" else {"name": "two"}
    resource = FLAVORS if kind == "VirtualMachineFlavor" else CLUSTER_FLAVORS
    await cluster.user.create(resource, {"metadata": metadata, "spec": {"cpu": {"cores": 2}}})
    await cluster.vm(machine(running=True, flavor={"name": "two", "kind": kind}))
    await cluster.until("Running")
    instance = cluster.get(names.VIRTUAL_MACHINE_INSTANCES, "vm")
    assert instance["spec"]["domain"]["cpu"]["cores"] == 2
    assert instance["status"]["currentCPUTopology"] == {"cores": 2, "sockets": 1, "threads": 1}


async def test_a_disk_is_imported_used_and_dies_with_the_vm(cluster):
    await cluster.vm(with_disk(running=True))
    assert cluster.word() == "Provisioning"
    assert cluster.uid() == ""
    await cluster.until("Running")
    assert cluster.get(cdi.DATA_VOLUMES, "disk")["status"]["phase"] == "Succeeded"
    volumes = cluster.get(names.VIRTUAL_MACHINE_INSTANCES, "vm")["spec"]["volumes"]
    assert volumes == [{"name": "root", "dataVolume": {"name": "disk"}}]
    await cluster.user.delete(names.VIRTUAL_MACHINES, ObjectKey("default", "vm"))
    await cluster.advance(40)
    for resource in (names.VIRTUAL_MACHINES, cdi.DATA_VOLUMES, core.PERSISTENT_VOLUME_CLAIMS):
        assert list(cluster.user.list(resource, "default")) == []


async def test_a_disk_that_waits_for_its_consumer_lets_the_vm_start(cluster):
    """Reference cdi.md 6.3 and 14.2."""

    def wait(storage_class: Document) -> None:
        storage_class["metadata"]["annotations"] = {}

    await cluster.user.edit(core.STORAGE_CLASSES, ObjectKey("", "local"), wait)
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    late = {
        "metadata": {"name": "late", "annotations": annotations},
        "provisioner": "solovirt.io/local",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    await cluster.user.create(core.STORAGE_CLASSES, late)
    await cluster.manager.settle()
    await cluster.vm(with_disk(running=True))
    await cluster.until("Running")
    assert cluster.get(cdi.DATA_VOLUMES, "disk")["status"]["phase"] == "Succeeded"


async def test_an_idle_cluster_writes_nothing_but_heartbeats(cluster):
    await cluster.vm(machine(running=True))
    await cluster.until("Running")
    await cluster.advance(10)
    before = cluster.store.now.revision
    await cluster.advance(60)
    assert cluster.store.now.revision == before


@pytest.mark.parametrize(("boot", "of_instance"), [("1", 4), ("0", 2)], ids=["slowly", "at once"])
async def test_few_writes_lead_to_running(cluster, boot, of_instance):
    """The budget of the design: at most 12 for a VM, from its creation to Running, its Events among them."""
    resources = [one.group_resource for one in cluster.manager.registry if not one.virtual]
    watched = {resource: cluster.store.watch(resource) for resource in resources}
    vm = machine(running=True)
    vm["spec"]["template"]["metadata"] = {"annotations": {"fake.solovirt.io/boot-seconds": boot}}
    await cluster.vm(vm)
    await cluster.until("Running")
    writes = {resource.plural: len(events) for resource in resources if (events := list(watched[resource].pending()))}
    # The machine is created, prepared (with its first status) and running; its start is kept as a revision.
    others = {"virtualmachines": 3, "controllerrevisions": 1, "pods": 1, "events": 4}
    assert writes == {**others, "virtualmachineinstances": of_instance}
    # The Event that it has started is told of a machine that runs.
    assert sum(writes.values()) - 1 <= 12
