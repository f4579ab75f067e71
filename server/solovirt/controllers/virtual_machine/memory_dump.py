"""
Memory dumps: `status.memoryDumpRequest` of a VirtualMachine, from the request to the file on the claim (reference kubevirt-vm.md 11).

Associating gives template and instance a volume of the claim's name; InProgress lasts while the node writes; Unmounting (or Failed) takes the volume from the
instance and notes the outcome on the claim; Completed leaves it in the template until it is dissociated.
"""

from __future__ import annotations

import copy
from typing import Any

from solovirt.controllers.virtual_machine import run_strategy
from solovirt.machinery.resource import Document

CLAIM_ANNOTATION = "kubevirt.io/memory-dump"
FAILED_TEXT = "Memory dump failed"
_BEFORE_DUMP = ("Associating", "InProgress")

Request = dict[str, Any]


def request_of(vm: Document) -> Request | None:
    request: Request | None = (vm.get("status") or {}).get("memoryDumpRequest")
    return request


def is_over(vm: Document) -> bool:
    """Whether the dump that was asked for need not be made (again) at the next start."""
    request = request_of(vm)
    return request is not None and request.get("phase") not in _BEFORE_DUMP


def wanted_in_template(vm: Document, instance: Document | None) -> bool | None:
    """Whether the template should have the claim's volume; None if it is to stay as it is."""
    match (request_of(vm) or {}).get("phase"):
        case "Associating" if _runs(instance):
            return True
        case "Dissociating":
            return False
    return None


def wanted_in_instance(vm: Document, instance: Document | None) -> bool | None:
    """The same of the instance."""
    match (request_of(vm) or {}).get("phase"):
        case "Associating" if _runs(instance):
            return True
        case "Unmounting" | "Failed" | "Dissociating" if instance is not None:
            return False
    return None


def _runs(instance: Document | None) -> bool:
    return instance is not None and not run_strategy.is_deleting(instance) and run_strategy.phase(instance) == "Running"


def has_volume(spec: Document, claim: str) -> bool:
    return any(volume["name"] == claim for volume in spec.get("volumes") or ())


def add(spec: Document, claim: str) -> None:
    """Give *spec* the claim's volume, unless there is one of its name."""
    if not has_volume(spec, claim):
        volume = {"name": claim, "memoryDump": {"claimName": claim, "hotpluggable": True}}
        spec["volumes"] = [*(spec.get("volumes") or ()), volume]


def drop(spec: Document, claim: str) -> None:
    """Take the claim's volume from *spec*."""
    spec["volumes"] = [volume for volume in spec.get("volumes") or () if volume["name"] != claim]


def claim_annotation(vm: Document) -> str | None:
    """What the claim should say of its dump, None if nothing is to be said now."""
    request = request_of(vm) or {}
    match request.get("phase"):
        case "Unmounting":
            name: str | None = request.get("fileName")
            return name
        case "Failed":
            return FAILED_TEXT
    return None


def updated(vm: Document, instance: Document | None) -> Request | None:
    """What the request should be, given the template and the instance as they are."""
    request = request_of(vm)
    if request is None:
        return None
    out = copy.deepcopy(request)
    if request.get("remove"):
        out["phase"] = "Dissociating"
    claim = request["claimName"]
    in_template = has_volume(vm["spec"]["template"]["spec"], claim)
    listed = ((instance or {}).get("status") or {}).get("volumeStatus") or ()
    status = next((one for one in listed if one["name"] == claim), None)
    match request.get("phase"):
        case "Associating" if in_template:
            out["phase"] = "InProgress"
        case "InProgress" if status is not None and status.get("memoryDumpVolume") is not None:
            _follow(out, status)
        case "Unmounting" if status is None:
            out["phase"] = "Completed"
        case "Dissociating" if status is None and not in_template:
            return None
    return out


def _follow(out: Request, status: Document) -> None:
    info = status["memoryDumpVolume"]
    if info.get("startTimestamp"):
        out["startTimestamp"] = info["startTimestamp"]
    if status.get("phase") == "MemoryDumpCompleted":
        out.update(phase="Unmounting", endTimestamp=info["endTimestamp"], fileName=info["targetFileName"])
    elif status.get("phase") == "MemoryDumpFailed":
        out.update(phase="Failed", endTimestamp=info["endTimestamp"], message=status.get("message", ""))
