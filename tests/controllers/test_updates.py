"""Machines that change while they run, through all controllers and the fake runtime (kubevirt-vm.md 8 and 11)."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document, ObjectKey
from tests.controllers.conftest import machine
from tests.controllers.test_end_to_end import Cluster, cluster

__all__ = ["cluster"]


def resizable() -> Document:
    domain: dict[str, Any] = {
        "cpu": {"sockets": 1},
        "memory": {"guest": "1Gi"},
        "devices": {"interfaces": [{"name": "default", "masquerade": {}}]},
    }
    spec = {"domain": domain, "networks": [{"name": "default", "pod": {}}]}
    return machine(runStrategy="Always", template={"spec": spec})


async def claim(cluster: Cluster, name: str) -> None:
    document = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "2Gi"}}},
    }
    await cluster.user.create(core.PERSISTENT_VOLUME_CLAIMS, document)
    await cluster.manager.settle()


def found(cluster: Cluster, resource: Any = names.VIRTUAL_MACHINES, name: str = "vm") -> Document:
    document = cluster.get(resource, name)
    assert document is not None
    return document


def condition(cluster: Cluster, type_: str) -> Document | None:
    listed = found(cluster)["status"]["conditions"]
    return next((one for one in listed if one["type"] == type_), None)


async def test_processors_and_memory_grow_while_it_runs(cluster):
    await cluster.vm(resizable())
    await cluster.until("Running")
    uid = cluster.uid()

    def grow(vm: Document) -> None:
        domain = vm["spec"]["template"]["spec"]["domain"]
        domain["cpu"]["sockets"], domain["memory"]["guest"] = 4, "2Gi"

    await cluster.edit(grow)
    assert condition(cluster, "HotVCPUChange") is not None
    await cluster.advance(3)
    status = found(cluster, names.VIRTUAL_MACHINE_INSTANCES)["status"]
    assert status["currentCPUTopology"]["sockets"] == 4
    assert (status["memory"]["guestCurrent"], status["memory"]["guestAtBoot"]) == ("2Gi", "1Gi")
    for type_ in ("HotVCPUChange", "HotMemoryChange", "RestartRequired", "Failure"):
        assert condition(cluster, type_) is None
    assert cluster.uid() == uid


async def test_a_change_that_takes_a_restart_comes_with_it(cluster):
    await cluster.vm(resizable())
    await cluster.until("Running")
    uid = cluster.uid()

    def shrink_and_grow(vm: Document) -> None:
        vm["spec"]["template"]["spec"]["domain"]["cpu"].update(sockets=1, cores=2)

    await cluster.edit(shrink_and_grow)
    required = condition(cluster, "RestartRequired")
    assert required is not None
    assert required["message"] == "a non-live-updatable field was changed in the template spec"

    def restart(vm: Document) -> None:
        vm["status"]["stateChangeRequests"] = [{"action": "Stop", "uid": uid}, {"action": "Start"}]

    await cluster.manager.tools("virt-api").objects.edit(
        names.VIRTUAL_MACHINES, ObjectKey("default", "vm"), restart, status=True
    )
    await cluster.manager.settle()
    assert condition(cluster, "RestartRequired") is None
    await cluster.advance(3)
    await cluster.until("Running")
    assert cluster.uid() != uid
    assert found(cluster, names.VIRTUAL_MACHINE_INSTANCES)["spec"]["domain"]["cpu"]["cores"] == 2
    assert condition(cluster, "RestartRequired") is None


async def test_a_disk_comes_and_goes_and_comes_again(cluster):
    await cluster.vm(resizable())
    await cluster.until("Running")
    await claim(cluster, "data")

    def plug(vm: Document) -> None:
        spec = vm["spec"]["template"]["spec"]
        source = {"claimName": "data", "hotpluggable": True}
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": source}]
        spec["domain"]["devices"]["disks"] = [{"name": "data", "disk": {"bus": "virtio"}}]

    def unplug(vm: Document) -> None:
        spec = vm["spec"]["template"]["spec"]
        spec["volumes"], spec["domain"]["devices"]["disks"] = [], []

    def shown() -> list[tuple[str, str]]:
        listed = found(cluster, names.VIRTUAL_MACHINE_INSTANCES)["status"].get("volumeStatus") or ()
        return [(one["phase"], one["target"]) for one in listed]

    for _ in range(2):
        await cluster.edit(plug)
        await cluster.advance(3)
        assert shown() == [("Ready", "vda")]
        await cluster.edit(unplug)
        await cluster.advance(3)
        assert shown() == []
    assert condition(cluster, "RestartRequired") is None
    assert condition(cluster, "Failure") is None
    assert len(list(cluster.user.list(core.PODS))) == 1


async def test_a_memory_dump_from_the_request_to_its_end(cluster):
    await cluster.vm(resizable())
    await cluster.until("Running")
    await claim(cluster, "dump")
    virt_api = cluster.manager.tools("virt-api").objects

    async def request(**fields: Any) -> None:
        def write(vm: Document) -> None:
            vm["status"]["memoryDumpRequest"] = {"claimName": "dump", **fields}

        await virt_api.edit(names.VIRTUAL_MACHINES, ObjectKey("default", "vm"), write, status=True)
        await cluster.manager.settle()

    await request(phase="Associating")
    await cluster.advance(5)
    dumped = found(cluster)["status"]["memoryDumpRequest"]
    assert dumped["phase"] == "Completed"
    annotation = found(cluster, core.PERSISTENT_VOLUME_CLAIMS, "dump")["metadata"]["annotations"]
    assert annotation["kubevirt.io/memory-dump"] == dumped["fileName"]
    assert found(cluster, names.VIRTUAL_MACHINE_INSTANCES)["status"].get("volumeStatus") is None
    # Again to the same claim, then it is let go.
    await request(phase="Associating")
    await cluster.advance(5)
    assert found(cluster)["status"]["memoryDumpRequest"]["fileName"] != dumped["fileName"]
    await request(phase="Dissociating", remove=True)
    await cluster.advance(3)
    assert "memoryDumpRequest" not in found(cluster)["status"]
    assert not found(cluster)["spec"]["template"]["spec"].get("volumes")
    assert condition(cluster, "RestartRequired") is None


async def test_an_interface_comes_and_goes(cluster):
    await cluster.vm(resizable())
    await cluster.until("Running")

    def links() -> dict[str, str]:
        status = found(cluster, names.VIRTUAL_MACHINE_INSTANCES)["status"]
        return {one["name"]: one["linkState"] for one in status["interfaces"]}

    def plug(vm: Document) -> None:
        spec = vm["spec"]["template"]["spec"]
        spec["domain"]["devices"]["interfaces"].append({"name": "blue", "bridge": {}})
        spec["networks"].append({"name": "blue", "multus": {"networkName": "blue"}})

    await cluster.edit(plug)
    await cluster.advance(2)
    assert links() == {"default": "up", "blue": "up"}
    assert condition(cluster, "MigrationRequired") is None
    for state, link in (("down", {"default": "up", "blue": "down"}), ("absent", {"default": "up"})):

        def change(vm: Document, state: str = state) -> None:
            vm["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"][1]["state"] = state

        await cluster.edit(change)
        await cluster.advance(2)
        assert links() == link
    assert condition(cluster, "RestartRequired") is None
    assert len(found(cluster)["spec"]["template"]["spec"]["networks"]) == 1
