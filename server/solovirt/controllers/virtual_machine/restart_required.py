"""
Whether a running instance lacks what its VirtualMachine's template now says, and could only get by a restart (reference kubevirt-vm.md 8).

The comparison is with the spec that the last start used, as its ControllerRevision keeps it. What can be changed on a running guest is left
out of it: plugged volumes and their disks always, processors, memory and scheduling under the rollout strategy LiveUpdate.
"""

from __future__ import annotations

import copy
from typing import Any

from solovirt.controllers.virtual_machine import plugged_interfaces
from solovirt.kinds.kubevirt.rules.volumes import is_hotplug
from solovirt.machinery.resource import Document

OTHER = "a non-live-updatable field was changed in the template spec"
_SCHEDULING = ("nodeSelector", "affinity", "tolerations")


def message(started_with: Document, wanted: Document, instance: Document, *, live_update: bool) -> str | None:
    """
    The message of the RestartRequired condition, None if nothing asks for a restart.

    *started_with* and *wanted* are VM specs with instance type and preference applied, *instance* is what runs.
    """
    before, after = _template_spec(started_with), _template_spec(wanted)
    if before == after:
        return None
    before = copy.deepcopy(before)
    if _volumes_are_live(before, after):
        _take(before, after, "volumes")
    if _disks_are_live(_template_spec(started_with), after):
        _take(_devices(before), _devices(after), "disks")
    if live_update:
        _take_live(before, after)
    if not plugged_interfaces.requires_restart(after, instance):
        _take(_devices(before), _devices(after), "interfaces")
        _take(before, after, "networks")
    _forget_persisted_firmware(before, after, instance)
    return None if _normal(before) == _normal(after) else OTHER


def _template_spec(spec: Document) -> Document:
    template: Document = (spec.get("template") or {}).get("spec") or {}
    return template


def _devices(spec: Document) -> Document:
    devices: Document = spec.setdefault("domain", {}).setdefault("devices", {})
    return devices


def _take(before: Document, after: Document, field: str) -> None:
    if field in after:
        before[field] = after[field]
    else:
        before.pop(field, None)


def _take_live(before: Document, after: Document) -> None:
    old, new = before.setdefault("domain", {}), after.get("domain") or {}
    if old.get("cpu") is not None and new.get("cpu") is not None:
        _take(old["cpu"], new["cpu"], "sockets")
    guest = (new.get("memory") or {}).get("guest")
    if guest is not None:
        old["memory"] = {**(old.get("memory") or {}), "guest": guest}
    for field in _SCHEDULING:
        _take(before, after, field)


def _volumes_are_live(before: Document, after: Document) -> bool:
    """Whether volumes differ in plugged ones alone."""
    old = {volume["name"]: volume for volume in before.get("volumes") or ()}
    for volume in after.get("volumes") or ():
        known = old.pop(volume["name"], None)
        if is_hotplug(volume):
            continue
        if known is None or known != volume:
            return False
    return all(is_hotplug(volume) for volume in old.values())


def _disks_are_live(before: Document, after: Document) -> bool:
    """Whether disks differ in those of plugged volumes alone. A drive that goes away takes a restart."""
    old = {disk["name"]: disk for disk in _disks(before)}
    old_volumes = {volume["name"]: volume for volume in before.get("volumes") or ()}
    volumes = {volume["name"]: volume for volume in after.get("volumes") or ()}
    for disk in _disks(after):
        known = old.pop(disk["name"], None)
        volume = volumes.get(disk["name"])
        if volume is not None and is_hotplug(volume):
            continue
        if known is None or known != disk:
            return False
    for disk in old.values():
        volume = old_volumes.get(disk["name"])
        if (volume is not None and not is_hotplug(volume)) or disk.get("cdrom") is not None:
            return False
    return True


def _disks(spec: Document) -> list[Document]:
    disks: list[Document] = ((spec.get("domain") or {}).get("devices") or {}).get("disks") or []
    return disks


def _forget_persisted_firmware(before: Document, after: Document, instance: Document) -> None:
    """A uuid that the controller wrote into a VM of old is the one that its instance runs with."""
    runs = ((instance["spec"].get("domain") or {}).get("firmware") or {}).get("uuid")
    uuid = ((after.get("domain") or {}).get("firmware") or {}).get("uuid")
    if uuid and uuid == runs:
        firmware = before.setdefault("domain", {}).get("firmware") or {}
        before["domain"]["firmware"] = {**firmware, "uuid": uuid}


def _normal(value: Any) -> Any:
    """*value* without what is the same as its absence: empty lists."""
    if isinstance(value, dict):
        return {key: _normal(one) for key, one in value.items() if one != []}
    return [_normal(one) for one in value] if isinstance(value, list) else value
