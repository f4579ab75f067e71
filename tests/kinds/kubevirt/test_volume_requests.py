"""Volumes that are asked for while a machine runs (kubevirt-validation.md 3.5)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from solovirt.kinds.kubevirt.behaviour_vm import STATUS_VALIDATOR, VALIDATOR
from solovirt.machinery.admission import Operation
from tests.kinds.kubevirt.admitted import RESOURCES, admission, causes

BEHAVIOUR = RESOURCES["VirtualMachine"].behaviour
FIELD = "Status.volumeRequests"
SECOND_DISK = "spec.domain.devices.disks[1]"


def add(name: str = "extra", *, claim: str = "c", disk: Any = "scsi", **more: Any) -> dict[str, Any]:
    options = {"name": name, "volumeSource": {"persistentVolumeClaim": {"claimName": claim}}}
    if disk is not None:
        options["disk"] = {"name": name, "disk": {"bus": disk}, **more} if isinstance(disk, str) else disk
    return {"addVolumeOptions": options}


def machine(*requests: dict[str, Any]) -> dict[str, Any]:
    template = {
        "spec": {
            "domain": {"devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}, "memory": {"guest": "1Gi"}},
            "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "root"}}],
        }
    }
    return {
        "kind": "VirtualMachine",
        "metadata": {"name": "it", "namespace": "default"},
        "spec": {"runStrategy": "Always", "template": template},
        "status": {"ready": True, "volumeRequests": [*requests]},
    }


def instance(**status: Any) -> dict[str, Any]:
    spec = copy.deepcopy(machine()["spec"]["template"]["spec"])
    return {
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "it", "namespace": "default"},
        "spec": {**spec, "architecture": "amd64"},
        "status": {"phase": "Running", **status},
    }


ROWS = [
    (56, [{"addVolumeOptions": add()["addVolumeOptions"], "removeVolumeOptions": {"name": "x"}}], "VolumeRequests require either addVolumeOptions or removeVolumeOptions to be set, not both"),
    (56, [{}], "VolumeRequests require one of either addVolumeOptions or removeVolumeOptions to be set"),
    (58, [add(), add()], "AddVolume request for [extra] aleady exists"),
    (58, 2 * [{"removeVolumeOptions": {"name": "root"}}], "RemoveVolume request for [root] aleady exists"),
    (59, [add("root", claim="other")], "AddVolume request for [root] conflicts with an existing volume of the same name on the vmi template."),
    (61, [add(disk=None)], "AddVolume request for [extra] requires the disk field to be set."),
    (62, [add(disk="sata")], "AddVolume request for disk [extra] requires bus to be 'scsi' or 'virtio'. [sata] is not permitted."),
    (62, [add(disk={"name": "extra", "lun": {"bus": "virtio"}})], "AddVolume request for LUN [extra] requires bus to be 'scsi'. [virtio] is not permitted."),
    (63, [add(disk={"name": "extra", "cdrom": {"bus": "scsi"}})], "AddVolume request for [extra] requires diskDevice of type 'disk' or 'lun' to be used."),
    (64, [add(dedicatedIOThread=True)], "AddVolume request for [extra] requires virtio bus for IOThreads."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "requests", "message"), ROWS)
@pytest.mark.parametrize(("subresource", "webhook"), [("", VALIDATOR), ("status", STATUS_VALIDATOR)])
def test_a_wrong_request_is_refused_where_the_machine_and_where_its_status_is_written(
    rule, requests, message, subresource, webhook
):
    asked = admission("VirtualMachine", operation=Operation.UPDATE, subresource=subresource)
    found = causes(lambda: BEHAVIOUR.validate_update(machine(*requests), machine(), asked), webhook)
    assert found == [("Invalid", FIELD, message)], rule


def written(requests: list[dict[str, Any]], *documents: dict[str, Any]) -> list[Any]:
    asked = admission("VirtualMachine", *documents, operation=Operation.UPDATE, subresource="status")
    return causes(lambda: BEHAVIOUR.validate_update(machine(*requests), machine(), asked), STATUS_VALIDATOR)


def test_a_boot_order_of_zero_is_refused_under_the_name_of_the_second_disk():
    """Rule 65: the index is fixed."""
    message = f"{SECOND_DISK} must have a boot order > 0, if supplied"
    assert written([add(bootOrder=0)]) == [("Invalid", f"{SECOND_DISK}.bootOrder", message)]


def test_good_requests_pass():
    """A volume to remove need not be there."""
    assert written([add(), {"removeVolumeOptions": {"name": "lost"}}], instance()) == []


def test_a_volume_of_the_running_instance_is_not_replaced():
    """Rule 60."""
    running = instance()
    running["spec"]["volumes"].append({"name": "extra", "persistentVolumeClaim": {"claimName": "other"}})
    message = (
        "AddVolume request for [extra] conflicts with an existing volume of the same name on currently running vmi"
    )
    assert written([add()], running) == [("Invalid", FIELD, message)]


def test_nothing_is_plugged_while_the_instance_migrates():
    """Rule 57; a migration that is over does not count."""
    message = "Cannot handle volume requests while VMI migration is in progress"
    assert written([add()], instance(migrationState={"startTimestamp": "x"})) == [("NotSupported", "spec", message)]
    assert written([add()], instance(migrationState={"completed": True})) == []


def test_what_comes_out_is_checked_as_a_whole():
    """A disk that only the template's other disks make wrong."""
    requests = [add(bootOrder=1)]
    vm = machine(*requests)
    vm["spec"]["template"]["spec"]["domain"]["devices"]["disks"][0]["bootOrder"] = 1
    asked = admission("VirtualMachine", operation=Operation.UPDATE, subresource="status")
    ((reason, field, _),) = causes(lambda: BEHAVIOUR.validate_update(vm, machine(), asked), STATUS_VALIDATOR)
    assert (reason, field) == ("Invalid", "spec.template.spec.domain.devices.disks[1].bootOrder")
