"""Volumes and memory dumps of machines whose instances run (kubevirt-vm.md 4, 8 and 11)."""

from __future__ import annotations

from typing import Any

from solovirt.kinds.core import names as core
from solovirt.kinds.kubevirt import names
from solovirt.machinery.resource import Document
from tests.controllers.conftest import World
from tests.controllers.virtual_machine.running import (
    KEY,
    OTHER,
    configure,
    edit,
    failure,
    restart,
    runs,
    sized,
    volume_is,
)

# Volumes


def plugged(claim: str = "data", name: str = "data") -> Document:
    return {"name": name, "persistentVolumeClaim": {"claimName": claim, "hotpluggable": True}}


DISK = {"name": "data", "disk": {"bus": "scsi"}}


def plug(spec: Document) -> None:
    spec["volumes"].append(plugged())
    spec["domain"]["devices"]["disks"].append(dict(DISK))


def unplug(spec: Document) -> None:
    spec["volumes"] = spec["volumes"][:1]
    spec["domain"]["devices"]["disks"] = spec["domain"]["devices"]["disks"][:1]


def shown(world: World) -> tuple[list[Document], list[str]]:
    spec = world.the_instance()["spec"]
    return spec["volumes"][1:], [disk["name"] for disk in spec["domain"]["devices"]["disks"]]


async def test_a_hotpluggable_volume_goes_to_the_running_instance_and_comes_back(world):
    await runs(world)
    await volume_is(world, "root", "", hotplugVolume=None)
    await edit(world, plug)
    assert shown(world) == ([plugged()], ["root", "data"])
    assert restart(world) is None
    await volume_is(world, "data", "Ready")
    await edit(world, unplug)
    assert shown(world) == ([], ["root"])
    assert restart(world) is None


async def test_a_changed_volume_is_taken_out_before_it_is_put_in_again(world):
    await runs(world)
    await edit(world, plug)
    await volume_is(world, "data", "Ready")
    await edit(world, lambda spec: spec["volumes"].__setitem__(1, plugged("other")))
    assert shown(world) == ([], ["root"])
    await volume_is(world, "data", None)
    assert shown(world) == ([plugged("other")], ["root", "data"])


async def test_a_medium_is_swapped_in_its_drive(world):
    document = sized()
    spec = document["spec"]["template"]["spec"]
    spec["domain"]["devices"]["disks"].append({"name": "data", "cdrom": {"bus": "sata"}})
    await runs(world, document)
    await edit(world, lambda spec: spec["volumes"].append(plugged()))
    assert shown(world) == ([plugged()], ["root", "data"])
    await volume_is(world, "data", "Ready")
    await edit(world, lambda spec: spec["volumes"].pop())
    assert shown(world) == ([], ["root", "data"])
    assert restart(world) is None


async def test_a_built_in_volume_takes_a_restart(world):
    await runs(world)

    def add(spec: Document) -> None:
        spec["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})
        spec["domain"]["devices"]["disks"].append(dict(DISK))

    await edit(world, add)
    assert restart(world) == OTHER
    assert shown(world) == ([], ["root"])


async def test_volumes_stay_as_they_are_without_the_gate(world):
    await configure(world, developerConfiguration={"disabledFeatureGates": ["DeclarativeHotplugVolumes"]})
    await runs(world)
    await edit(world, plug)
    assert shown(world) == ([], ["root"])


async def request(world: World, *requests: Document) -> None:
    def change(document: Document) -> None:
        document.setdefault("status", {})["volumeRequests"] = list(requests)

    await world.system.edit(names.VIRTUAL_MACHINES, KEY, change, status=True)
    await world.manager.settle()


ADD = {
    "addVolumeOptions": {
        "name": "data",
        "disk": dict(DISK),
        "volumeSource": {"persistentVolumeClaim": {"claimName": "data", "hotpluggable": True}},
    }
}


async def test_requested_volumes_go_to_template_and_instance(world):
    """The gate HotplugVolumes (kubevirt-vm.md 11); a request is dropped when the template shows it (4)."""
    await configure(world, developerConfiguration={"featureGates": ["HotplugVolumes"]})
    await runs(world)
    await request(world, ADD)
    assert shown(world) == ([plugged()], ["root", "data"])
    template = world.the_vm()["spec"]["template"]["spec"]
    assert template["volumes"][1:] == [plugged()]
    assert template["domain"]["devices"]["disks"][1:] == [DISK]
    assert "volumeRequests" not in world.the_vm()["status"]
    assert restart(world) is None
    await volume_is(world, "data", "Ready")
    await request(world, {"removeVolumeOptions": {"name": "data"}})
    assert shown(world) == ([], ["root"])
    assert "volumeRequests" not in world.the_vm()["status"]


async def test_a_volume_requested_of_a_stopped_machine_goes_to_its_template(world):
    await world.vm({**sized(), "spec": {**sized()["spec"], "runStrategy": "Halted"}})
    await request(world, ADD)
    assert world.the_vm()["spec"]["template"]["spec"]["volumes"][1:] == [plugged()]
    assert "volumeRequests" not in world.the_vm()["status"]


async def test_a_requested_volume_waits_until_the_instance_runs(world):
    await world.vm(sized())
    await request(world, ADD)
    assert failure(world) == (
        "HotPlugVolumeError",
        (
            "Error encountered while handling volume hotplug requests: Operation cannot be fulfilled on "
            'virtualmachineinstance.kubevirt.io "vm": VMI is not running'
        ),
    )
    await world.instance_is("Running")
    assert failure(world) is None
    assert shown(world)[0] == [plugged()]


# Memory dump


async def dump(world: World, **fields: Any) -> None:
    """As the subresources write it."""

    def change(document: Document) -> None:
        document.setdefault("status", {})["memoryDumpRequest"] = {"claimName": "dump", **fields}

    await world.system.edit(names.VIRTUAL_MACHINES, KEY, change, status=True)
    await world.manager.settle()


def dumped(world: World) -> Document:
    found: Document = world.the_vm()["status"]["memoryDumpRequest"]
    return found


DUMP_VOLUME = {"name": "dump", "memoryDump": {"claimName": "dump", "hotpluggable": True}}
CLAIM = {
    "metadata": {"name": "dump", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "4Gi"}}},
}
FILE = "vm-dump-20260101-000000.memory.dump"
BEGUN, ENDED = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"


async def dump_to_the_end(world: World, phase: str, **fields: Any) -> None:
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, CLAIM)
    await runs(world)
    await dump(world, phase="Associating")
    assert dumped(world) == {"claimName": "dump", "phase": "InProgress"}
    assert world.the_instance()["spec"]["volumes"][1:] == [DUMP_VOLUME]
    assert world.the_vm()["spec"]["template"]["spec"]["volumes"][1:] == [DUMP_VOLUME]
    assert restart(world) is None
    info = {"claimName": "dump", "targetFileName": FILE, "startTimestamp": BEGUN, "endTimestamp": ENDED}
    await volume_is(world, "dump", phase, memoryDumpVolume=info, **fields)


async def test_a_memory_dump_goes_through_its_phases(world):
    await dump_to_the_end(world, "MemoryDumpCompleted")
    assert dumped(world) == {
        "claimName": "dump",
        "phase": "Unmounting",
        "startTimestamp": BEGUN,
        "endTimestamp": ENDED,
        "fileName": FILE,
    }
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, "dump")
    assert claim is not None
    assert claim["metadata"]["annotations"]["kubevirt.io/memory-dump"] == FILE
    assert world.the_instance()["spec"]["volumes"][1:] == []
    await volume_is(world, "dump", None)
    assert dumped(world)["phase"] == "Completed"
    # It stays the machine's until it is dissociated, and the next instance has none of it.
    assert world.the_vm()["spec"]["template"]["spec"]["volumes"][1:] == [DUMP_VOLUME]
    await world.instance_is("Succeeded")
    assert world.the_instance()["spec"]["volumes"][1:] == []
    await dump(world, phase="Dissociating", remove=True)
    assert "memoryDumpRequest" not in world.the_vm()["status"]
    assert world.the_vm()["spec"]["template"]["spec"]["volumes"][1:] == []


async def test_a_memory_dump_that_failed_says_so(world):
    await dump_to_the_end(world, "MemoryDumpFailed", message="Memory dump to pvc dump failed: no space left")
    assert dumped(world) == {
        "claimName": "dump",
        "phase": "Failed",
        "startTimestamp": BEGUN,
        "endTimestamp": ENDED,
        "message": "Memory dump to pvc dump failed: no space left",
    }
    claim = world.get(core.PERSISTENT_VOLUME_CLAIMS, "dump")
    assert claim is not None
    assert claim["metadata"]["annotations"]["kubevirt.io/memory-dump"] == "Memory dump failed"
    assert world.the_instance()["spec"]["volumes"][1:] == []


async def test_a_dump_can_be_dissociated_while_it_is_made(world):
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, CLAIM)
    await runs(world)
    await dump(world, phase="Associating")
    await volume_is(world, "dump", "MountedToPod", memoryDumpVolume={"claimName": "dump"})
    await dump(world, phase="Dissociating", remove=True)
    assert dumped(world)["phase"] == "Dissociating"
    assert world.the_instance()["spec"]["volumes"][1:] == []
    await volume_is(world, "dump", None)
    assert "memoryDumpRequest" not in world.the_vm()["status"]


async def test_a_dump_waits_for_a_running_instance(world):
    await world.create(core.PERSISTENT_VOLUME_CLAIMS, CLAIM)
    await world.vm(sized())
    await dump(world, phase="Associating")
    assert dumped(world)["phase"] == "Associating"
    assert world.the_vm()["spec"]["template"]["spec"]["volumes"][1:] == []
    await world.instance_is("Running")
    assert dumped(world)["phase"] == "InProgress"
