"""Processors and memory of a running instance that its spec changes (kubevirt-vm.md 8 and 9.2, 9.3)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.fake import Stage
from solovirt.runtime.protocol import GuestSize
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance

KEY = ObjectKey("default", "vmi")


async def change(cluster: Cluster, *, sockets: int | None = None, guest: str | None = None) -> None:
    """Change the instance's spec, as the VM controller does."""

    def edit(document: Document) -> None:
        domain = document["spec"]["domain"]
        if sockets is not None:
            domain["cpu"]["sockets"] = sockets
        if guest is not None:
            domain["memory"]["guest"] = guest

    await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, edit)
    await cluster.manager.settle()


async def update_methods(cluster: Cluster, *methods: str) -> None:
    def edit(document: Document) -> None:
        document["spec"]["workloadUpdateStrategy"] = {"workloadUpdateMethods": list(methods)}

    await cluster.system.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), edit)
    await cluster.manager.settle()


@pytest.fixture
async def running(cluster: Cluster) -> Cluster:
    await cluster.create(instance())
    await cluster.advance(3)
    assert cluster.condition("LiveMigratable") == ("True", "", "")
    return cluster


async def size(cluster: Cluster) -> Any:
    guest = await cluster.guest()
    assert guest is not None
    return guest.size


async def test_processors_are_plugged_in(running: Cluster):
    await change(running, sockets=3)
    assert running.condition("HotVCPUChange") == ("True", "", "")
    assert running.status()["currentCPUTopology"]["sockets"] == 1
    await running.advance(2)
    assert running.condition("HotVCPUChange") is None
    assert running.status()["currentCPUTopology"] == {"cores": 1, "sockets": 3, "threads": 1}
    assert await size(running) == GuestSize(3, 1 << 30)


async def test_memory_is_plugged_in(running: Cluster):
    await change(running, guest="2Gi")
    assert running.condition("HotMemoryChange") == ("True", "", "")
    await running.advance(2)
    assert running.condition("HotMemoryChange") is None
    memory = running.status()["memory"]
    assert (memory["guestAtBoot"], memory["guestRequested"], memory["guestCurrent"]) == ("1Gi", "2Gi", "2Gi")
    assert await size(running) == GuestSize(1, 2 << 30)


async def test_both_at_once(running: Cluster):
    await change(running, sockets=2, guest="2Gi")
    await running.advance(2)
    assert await size(running) == GuestSize(2, 2 << 30)
    assert running.condition("HotVCPUChange") is None
    assert running.condition("HotMemoryChange") is None


async def test_without_an_update_method_the_change_stays_due(running: Cluster):
    await update_methods(running)
    await change(running, sockets=2)
    await running.advance(5)
    assert running.condition("HotVCPUChange") == ("True", "", "")
    assert await size(running) == GuestSize(1, 1 << 30)
    await update_methods(running, "LiveMigrate")
    await running.advance(35)
    assert running.condition("HotVCPUChange") is None


async def test_an_instance_that_cannot_migrate_keeps_its_size(cluster: Cluster):
    document = instance()
    document["spec"]["domain"]["devices"]["interfaces"] = [{"name": "default", "bridge": {}}]
    await cluster.create(document)
    await cluster.advance(3)
    assert cluster.condition("LiveMigratable") is not None
    await change(cluster, sockets=2)
    await cluster.advance(5)
    assert cluster.condition("HotVCPUChange") == ("True", "", "")
    assert await size(cluster) == GuestSize(1, 1 << 30)


async def test_memory_that_cannot_be_plugged_says_so(cluster: Cluster):
    cluster.scenario.add(Stage.of(refuse_to_resize="no virtio-mem"))
    await cluster.create(instance())
    await cluster.advance(3)
    await change(cluster, guest="2Gi")
    await cluster.advance(2)
    assert cluster.condition("HotMemoryChange") == (
        "False",
        "Memory Hotplug Failed",
        "memory hotplug failed, the VM configuration is not supported",
    )
    assert cluster.status()["memory"]["guestRequested"] == "1Gi"


async def test_a_change_survives_a_restart(running: Cluster):
    await change(running, sockets=2)
    await running.restart()
    await running.advance(2)
    assert running.condition("HotVCPUChange") is None
    assert running.status()["currentCPUTopology"]["sockets"] == 2


async def test_a_new_interface_waits_until_it_may_come(running: Cluster):
    """Section 9.2, MigrationRequired."""

    def plug(document: Document) -> None:
        document["spec"]["domain"]["devices"]["interfaces"].append({"name": "blue", "bridge": {}})
        document["spec"]["networks"].append({"name": "blue", "multus": {"networkName": "blue"}})

    await update_methods(running)
    await running.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, plug)
    await running.manager.settle()
    await running.advance(5)
    assert running.condition("MigrationRequired") == ("True", "AutoMigrationDueToLiveUpdate", "")
    assert [one["name"] for one in running.status()["interfaces"]] == ["default"]
    await update_methods(running, "LiveMigrate")
    await running.advance(35)
    assert running.condition("MigrationRequired") is None
    assert [one["name"] for one in running.status()["interfaces"]] == ["default", "blue"]
