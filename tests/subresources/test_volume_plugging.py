"""addvolume and removevolume (reference kubevirt-subresources.md 3.7)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import ManualClock
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.verbs.api import Verbs
from solovirt.subresources import volume_plugging
from tests.subresources.conftest import KEY, Door

ADD: Document = {
    "name": "data",
    "disk": {"name": "whatever", "disk": {"bus": "scsi"}},
    "volumeSource": {"persistentVolumeClaim": {"claimName": "claim"}},
}
REMOVE: Document = {"name": "data"}
VOLUME: Document = {"name": "data", "persistentVolumeClaim": {"claimName": "claim", "hotpluggable": True}}
DISK: Document = {"name": "data", "disk": {"bus": "scsi"}}
KINDS = ("virtualmachines", "virtualmachineinstances")


class Plug:
    """The door, with both subresources behind it."""

    def __init__(self, door: Door) -> None:
        self.door = door

    async def put(self, kind: str, verb: str, body: Any = None, name: str = "vm") -> Any:
        path = f"/apis/subresources.kubevirt.io/v1/namespaces/default/{kind}/{name}/{verb}"
        return await self.door.ask("PUT", path, body)

    async def accepted(self, kind: str, verb: str, body: Any) -> None:
        reply = await self.put(kind, verb, body)
        assert (reply.status, reply.body) == (202, b""), reply.body

    async def refused(self, kind: str, verb: str, body: Any, code: int, message: str) -> None:
        reply = await self.put(kind, verb, body)
        assert (reply.status, reply.json["message"]) == (code, message)

    async def conflicts(self, kind: str, verb: str, body: Any, why: str) -> None:
        singular = kind.removesuffix("s")
        text = f'Operation cannot be fulfilled on {singular}.kubevirt.io "vm": {why}'
        await self.refused(kind, verb, body, 409, text)

    def spec(self, kind: str = "virtualmachines") -> Document:
        if kind == "virtualmachines":
            found: Document = self.door.get()["spec"]["template"]["spec"]
        else:
            found = self.door.get(names.VIRTUAL_MACHINE_INSTANCES)["spec"]
        return found

    async def gates(self, *on: str, off: tuple[str, ...] = ()) -> None:
        def configure(document: Document) -> None:
            developer = {"featureGates": list(on), "disabledFeatureGates": list(off)}
            document["spec"]["configuration"] = {"developerConfiguration": developer}

        await self.door.system.edit(names.KUBEVIRTS, ObjectKey("kubevirt", "kubevirt"), configure)

    async def has(self, kind: str, *volumes: Document) -> None:
        """Give the machine's template or the instance these volumes, each with a disk."""
        resource = names.VIRTUAL_MACHINES if kind == "virtualmachines" else names.VIRTUAL_MACHINE_INSTANCES

        def edit(document: Document) -> None:
            spec = document["spec"]["template"]["spec"] if kind == "virtualmachines" else document["spec"]
            spec["volumes"] = list(volumes)
            spec["domain"]["devices"]["disks"] = [
                {"name": volume["name"], "disk": {"bus": "scsi"}} for volume in volumes
            ]

        await self.door.system.edit(resource, KEY, edit)


@pytest.fixture
async def plug(door, served) -> Plug:
    registry, schemas = served
    volume_plugging.install(registry, Verbs(registry, door.store, schemas, ManualClock()), door.store)
    await door.vm(runStrategy="Always")
    await door.instance("Running")
    return Plug(door)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_volume_is_added_with_its_disk_and_taken_out_again(plug, kind):
    await plug.accepted(kind, "addvolume", ADD)
    assert plug.spec(kind)["volumes"] == [VOLUME]
    assert plug.spec(kind)["domain"]["devices"]["disks"] == [DISK]
    await plug.accepted(kind, "removevolume", REMOVE)
    assert not plug.spec(kind).get("volumes")
    assert not plug.spec(kind)["domain"]["devices"].get("disks")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_data_volume_is_added_too(plug, kind):
    await plug.accepted(kind, "addvolume", {**ADD, "volumeSource": {"dataVolume": {"name": "dv"}}})
    assert plug.spec(kind)["volumes"] == [{"name": "data", "dataVolume": {"name": "dv", "hotpluggable": True}}]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dry_run_stores_nothing(plug, kind):
    await plug.accepted(kind, "addvolume", {**ADD, "dryRun": ["All"]})
    assert not plug.spec(kind).get("volumes")
    await plug.has(kind, VOLUME)
    await plug.accepted(kind, "removevolume", {**REMOVE, "dryRun": ["All"]})
    assert plug.spec(kind)["volumes"] == [VOLUME]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("verb", "body", "message"),
    [
        ("addvolume", {}, "AddVolumeOptions requires name to be set"),
        ("addvolume", {"name": "data"}, "AddVolumeOptions requires disk to not be nil"),
        ("addvolume", {"name": "data", "disk": {}}, "AddVolumeOptions requires VolumeSource to not be nil"),
        ("removevolume", {}, "RemoveVolumeOptions requires name to be set"),
        (
            "addvolume",
            {"name": 1},
            (
                "Can not unmarshal Request body to struct, error: json: cannot unmarshal number into Go struct field "
                "AddVolumeOptions.name of type string"
            ),
        ),
        (
            "addvolume",
            {"name": "data", "disk": "scsi"},
            (
                "Can not unmarshal Request body to struct, error: json: cannot unmarshal string into Go struct field "
                "AddVolumeOptions.disk of type v1.Disk"
            ),
        ),
    ],
)
async def test_options_are_needed(plug, kind, verb, body, message):
    await plug.refused(kind, verb, body, 400, message)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_there_cannot_be_added(plug, kind):
    await plug.has(kind, VOLUME)
    text = "Unable to add volume [data] because volume with that name already exists"
    await plug.conflicts(kind, "addvolume", ADD, text)
    text = "Unable to add volume source [claim] because it already exists"
    await plug.conflicts(kind, "addvolume", {**ADD, "name": "other"}, text)
    again = {**ADD, "name": "other", "volumeSource": {"dataVolume": {"name": "claim"}}}
    await plug.conflicts(kind, "addvolume", again, text)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_plugged_in_cannot_be_taken_out(plug, kind):
    text = "Unable to remove volume [data] because it does not exist"
    await plug.conflicts(kind, "removevolume", REMOVE, text)
    built_in = copy.deepcopy(VOLUME)
    del built_in["persistentVolumeClaim"]["hotpluggable"]
    await plug.has(kind, built_in)
    text = "Unable to remove volume [data] because it is not hotpluggable"
    await plug.conflicts(kind, "removevolume", REMOVE, text)
    await plug.conflicts(kind, "removevolume", {"name": "claim"}, text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("verb", "body"), [("addvolume", ADD), ("removevolume", REMOVE)])
async def test_one_of_two_gates_has_to_be_open(plug, kind, verb, body):
    await plug.gates(off=("DeclarativeHotplugVolumes",))
    text = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate to use this API."
    await plug.refused(kind, verb, body, 400, text)


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_is_not_found(plug, kind):
    reply = await plug.put(kind, "addvolume", ADD, name="nobody")
    singular = kind.removesuffix("s")
    assert (reply.status, reply.json["message"]) == (404, f'{singular}.kubevirt.io "nobody" not found')
    assert reply.json["details"] == {"name": "nobody", "group": "kubevirt.io", "kind": singular}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_disk_that_cannot_be_plugged_is_refused_by_the_webhook(plug, kind):
    """The inner patch's 422 is passed through (rules 61 to 65 for instances)."""
    body = {**ADD, "disk": {"cdrom": {"bus": "scsi"}, "disk": {"bus": "scsi"}}}
    if kind == "virtualmachineinstances":
        body = {**ADD, "disk": {"disk": {"bus": "sata"}}}
    reply = await plug.put(kind, "addvolume", body)
    assert (reply.status, reply.json["reason"]) == (422, "Invalid")


async def test_the_instance_of_a_machine_is_plugged_through_the_machine(plug):
    owner = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "vm", "uid": "1", "controller": True}

    def own(document: Document) -> None:
        document["metadata"]["ownerReferences"] = [owner]

    await plug.door.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, own)
    text = "VMI default/vm is owned by a VM"
    await plug.refused("virtualmachineinstances", "addvolume", ADD, 400, text)
    await plug.gates("HotplugVolumes")
    await plug.accepted("virtualmachineinstances", "addvolume", ADD)


@pytest.mark.parametrize("phase", ["Scheduled", "Succeeded"])
async def test_an_instance_has_to_run(plug, phase):
    def stop(document: Document) -> None:
        document["status"]["phase"] = phase

    await plug.door.system.edit(names.VIRTUAL_MACHINE_INSTANCES, KEY, stop)
    await plug.conflicts("virtualmachineinstances", "addvolume", ADD, "VMI is not running")


async def test_the_older_gate_makes_requests_of_it(plug):
    await plug.gates("HotplugVolumes")
    await plug.accepted("virtualmachines", "addvolume", ADD)
    options = {
        "name": "data",
        "disk": DISK,
        "volumeSource": {"persistentVolumeClaim": {"claimName": "claim", "hotpluggable": True}},
    }
    assert plug.door.status["volumeRequests"] == [{"addVolumeOptions": options}]
    assert not plug.spec().get("volumes")
    text = "add volume request for volume [data] already exists"
    await plug.conflicts("virtualmachines", "addvolume", ADD, text)


async def test_requests_of_removal_go_before_those_of_addition(plug):
    await plug.gates("HotplugVolumes")
    await plug.has("virtualmachines", VOLUME)
    await plug.accepted("virtualmachines", "removevolume", REMOVE)
    assert plug.door.status["volumeRequests"] == [{"removeVolumeOptions": {"name": "data"}}]
    text = "a remove volume request for volume [data] already exists and is still being processed"
    await plug.conflicts("virtualmachines", "removevolume", REMOVE, text)
    await plug.has("virtualmachines")
    text = (
        "unable to add volume since a remove volume request for volume [data] already exists "
        "and is still being processed"
    )
    await plug.conflicts("virtualmachines", "addvolume", ADD, text)
