"""A server that dies while a running instance is changed, and the one after it: wherever it happened, things end alike."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import GuestSize
from tests.controllers.virtual_machine_instance.conftest import Cluster, instance
from tests.controllers.virtual_machine_instance.test_hotplug import Hotplug
from tests.controllers.virtual_machine_instance.test_kill import run_dying

KEY = ObjectKey("default", "vmi")

pytestmark = pytest.mark.slow


@pytest.fixture
async def running(cluster: Cluster) -> Hotplug:
    await cluster.create(instance(annotations={"agent-after": "never"}))
    await cluster.advance(3)
    hotplug = Hotplug(cluster)
    await hotplug.claim("data")
    return hotplug


def plug(document: Document) -> None:
    spec = document["spec"]
    source = {"claimName": "data", "hotpluggable": True}
    spec["volumes"] = [*spec["volumes"][:1], {"name": "data", "persistentVolumeClaim": source}]
    disks = spec["domain"]["devices"]["disks"]
    spec["domain"]["devices"]["disks"] = [*disks[:1], {"name": "data", "disk": {"bus": "scsi"}}]


def unplug(document: Document) -> None:
    spec = document["spec"]
    spec["volumes"], spec["domain"]["devices"]["disks"] = (
        spec["volumes"][:1],
        spec["domain"]["devices"]["disks"][:1],
    )


def grow(document: Document) -> None:
    document["spec"]["domain"]["cpu"]["sockets"] = 2
    document["spec"]["domain"]["memory"]["guest"] = "2Gi"


@pytest.mark.parametrize("writes", range(14))
async def test_plugging_survives_a_kill_at_any_write(running: Hotplug, writes: int):
    cluster = running.cluster

    async def act() -> None:
        await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, plug)

    await run_dying(cluster, writes, act)
    await cluster.advance(4)
    (pod,) = running.attachment_pods()
    status = running.status("data")
    assert status is not None
    assert (status["phase"], status["target"]) == ("Ready", "sda")
    assert status["hotplugVolume"] == {
        "attachPodName": pod["metadata"]["name"],
        "attachPodUID": pod["metadata"]["uid"],
    }
    assert pod["status"]["phase"] == "Running"


@pytest.mark.parametrize("writes", range(14))
async def test_unplugging_survives_a_kill_at_any_write(running: Hotplug, writes: int):
    cluster = running.cluster
    await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, plug)
    await cluster.advance(3)

    async def act() -> None:
        await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, unplug)

    await run_dying(cluster, writes, act)
    await cluster.advance(4)
    assert running.status("data") is None
    assert running.attachment_pods() == []
    guest = await cluster.guest()
    assert guest is not None
    assert [disk.volume for disk in guest.disks] == ["root"]
    assert len(list(cluster.user.list(core.PODS))) == 1


@pytest.mark.parametrize("writes", range(6))
async def test_growing_survives_a_kill_at_any_write(running: Hotplug, writes: int):
    cluster = running.cluster

    async def act() -> None:
        await cluster.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, grow)

    await run_dying(cluster, writes, act)
    await cluster.advance(4)
    guest = await cluster.guest()
    assert guest is not None
    assert guest.size == GuestSize(2, 2 << 30)
    status = cluster.status()
    assert status["currentCPUTopology"]["sockets"] == 2
    assert status["memory"]["guestRequested"] == "2Gi"
    assert cluster.condition("HotVCPUChange") is None
    assert cluster.condition("HotMemoryChange") is None
