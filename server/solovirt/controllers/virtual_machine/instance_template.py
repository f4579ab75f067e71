"""
From a VirtualMachine's template to the instance that is created (reference kubevirt-vm.md 5).

What the VM controller itself puts into the instance is here; everything else is defaulted when the instance is admitted, as for one that a
user creates.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine import memory_dump, run_strategy
from solovirt.kinds.instancetype import preference_application
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective
from solovirt.machinery.clock import timestamp
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

_FIRMWARE_NAMESPACE = uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895")
_PCI_TOPOLOGY_VERSION = "v3"


def instance_of(vm: Document, preference: Document | None = None) -> Document:
    """
    The instance as the VM's template describes it, before a flavor or an instance type is applied.

    Of the preference's spec it is asked here which devices it wants unasked; all else of it comes later, when they are there.

    It carries the VM's name, the template's labels and annotations (the VM's own are not copied), the VM as its controlling owner and the finalizer
    that keeps it until the VM controller has seen how it ended.
    """
    template = vm["spec"]["template"]
    metadata: dict[str, Any] = copied(template.get("metadata") or {})
    metadata.pop("generateName", None)
    metadata.pop("creationTimestamp", None)
    metadata["name"] = vm["metadata"]["name"]
    metadata["namespace"] = vm["metadata"]["namespace"]
    generation = vm["metadata"].get("generation", 1)
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        names.VM_GENERATION_ANNOTATION: str(generation),
        names.PCI_TOPOLOGY_VERSION_ANNOTATION: _PCI_TOPOLOGY_VERSION,
        names.LATEST_OBSERVED_API_VERSION_ANNOTATION: "v1",
        names.STORAGE_OBSERVED_API_VERSION_ANNOTATION: "v1",
    }
    if effective(vm["spec"]) is RunStrategy.WAIT_AS_RECEIVER:
        metadata["annotations"][names.MIGRATION_TARGET_ANNOTATION] = "true"
    metadata["ownerReferences"] = [owner_reference(vm)]
    metadata["finalizers"] = [*(metadata.get("finalizers") or ()), names.VM_CONTROLLER_FINALIZER]
    spec = copied(template["spec"])
    _identify_firmware(spec, vm["metadata"]["name"])
    if preference is not None:
        preference_application.apply_autoattach(preference, spec)
    _attach_input_device(spec)
    _drop_finished_memory_dump(vm, spec)
    if run_strategy.is_asked_to_start_paused(vm):
        spec["startStrategy"] = "Paused"
    return {
        "apiVersion": names.API_VERSION,
        "kind": "VirtualMachineInstance",
        "metadata": metadata,
        "spec": spec,
        "status": {"virtualMachineRevisionName": revision_name(vm)},
    }


def not_ready_yet(now: datetime) -> dict[str, Any]:
    """The condition that the instance's controller is about to set; the VM, which mirrors it, then need not be written once more."""
    return {
        "type": "Ready",
        "status": "False",
        "reason": "GuestNotRunning",
        "message": "Guest VM is not reported as running",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }


def owner_reference(vm: Document) -> dict[str, Any]:
    """The reference by which the VM owns and controls an object."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "VirtualMachine",
        "name": vm["metadata"]["name"],
        "uid": vm["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def revision_name(vm: Document) -> str:
    """The name of the ControllerRevision that keeps the spec which a start used."""
    return f"revision-start-vm-{vm['metadata']['uid']}-{vm['metadata'].get('generation', 1)}"


def legacy_firmware_uuid(name: str) -> str:
    """The firmware uuid of a VM that stores none: derived from its name, so that it is the same at every start."""
    return str(uuid.uuid5(_FIRMWARE_NAMESPACE, name))


def _identify_firmware(spec: Document, name: str) -> None:
    firmware = spec["domain"].setdefault("firmware", {})
    if not firmware.get("uuid"):
        firmware["uuid"] = legacy_firmware_uuid(name)


def _attach_input_device(spec: Document) -> None:
    devices = spec["domain"].setdefault("devices", {})
    if devices.get("autoattachInputDevice") is True and not devices.get("inputs"):
        devices["inputs"] = [{"name": "default-0"}]


def _drop_finished_memory_dump(vm: Document, spec: Document) -> None:
    if memory_dump.is_over(vm):
        memory_dump.drop(spec, (memory_dump.request_of(vm) or {})["claimName"])
