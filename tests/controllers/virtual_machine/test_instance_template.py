"""How the instance is built, reference kubevirt-vm.md 5."""

from __future__ import annotations

import copy
from typing import Any

from solovirt.controllers.virtual_machine import instance_template

VM: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {
        "name": "testvm",
        "namespace": "default",
        "uid": "7a9e",
        "generation": 3,
        "labels": {"of": "the vm"},
        "annotations": {"of": "the vm"},
    },
    "spec": {
        "runStrategy": "Always",
        "template": {
            "metadata": {"generateName": "x-", "labels": {"of": "the template"}, "annotations": {"a": "b"}},
            "spec": {"domain": {"devices": {}}},
        },
    },
}


def test_metadata_comes_from_the_template_and_names_from_the_vm():
    metadata = instance_template.instance_of(VM)["metadata"]
    assert metadata["name"] == "testvm"
    assert metadata["namespace"] == "default"
    assert "generateName" not in metadata
    assert metadata["labels"] == {"of": "the template"}
    assert metadata["annotations"]["kubevirt.io/vm-generation"] == "3"
    assert metadata["annotations"]["a"] == "b"
    assert "of" not in metadata["annotations"]
    assert metadata["finalizers"] == ["kubevirt.io/virtualMachineControllerFinalize"]
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "name": "testvm",
            "uid": "7a9e",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_the_start_revision_is_named():
    assert instance_template.instance_of(VM)["status"]["virtualMachineRevisionName"] == "revision-start-vm-7a9e-3"


def test_firmware_without_uuid_gets_one_that_depends_on_the_name_alone():
    """UUIDv5 of the name in 6a1a24a1-4061-4607-8bf4-a3963d0c5895, computed here by hand: SHA-1 over namespace and name."""
    import hashlib
    import uuid

    digest = hashlib.sha1(uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895").bytes + b"testvm").digest()[:16]  # noqa: S324 - what version 5 is
    expected = str(uuid.UUID(bytes=digest, version=5))
    assert instance_template.instance_of(VM)["spec"]["domain"]["firmware"] == {"uuid": expected}


def test_a_stored_firmware_uuid_stays():
    vm = copy.deepcopy(VM)
    vm["spec"]["template"]["spec"]["domain"]["firmware"] = {"uuid": "11111111-2222-4333-8444-555555555555"}
    firmware = instance_template.instance_of(vm)["spec"]["domain"]["firmware"]
    assert firmware["uuid"] == "11111111-2222-4333-8444-555555555555"


def test_a_paused_start_request_sets_the_start_strategy():
    vm = {**VM, "status": {"stateChangeRequests": [{"action": "Start", "data": {"paused": "true"}}]}}
    assert instance_template.instance_of(vm)["spec"]["startStrategy"] == "Paused"
    assert "startStrategy" not in instance_template.instance_of(VM)["spec"]


def test_an_input_device_is_attached_when_asked_for():
    vm = copy.deepcopy(VM)
    vm["spec"]["template"]["spec"]["domain"]["devices"]["autoattachInputDevice"] = True
    assert instance_template.instance_of(vm)["spec"]["domain"]["devices"]["inputs"] == [{"name": "default-0"}]


def test_the_vm_is_left_as_it_was():
    before = copy.deepcopy(VM)
    instance_template.instance_of(VM)["spec"]["domain"]["devices"]["x"] = 1
    assert before == VM
