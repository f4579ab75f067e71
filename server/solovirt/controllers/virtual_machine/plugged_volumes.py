"""
Volumes that a VirtualMachine's running instance is given and relieved of (reference kubevirt-vm.md 11).

Declared: what the template has of hotpluggable volumes and disks is what the instance should have. Requested (behind the gate HotplugVolumes): each of
`status.volumeRequests` is applied to the template and to the instance, and dropped once the template shows it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from solovirt.kinds.kubevirt import volume_requests
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules.volumes import is_declared_hotplug
from solovirt.machinery.resource import Document

_REQUESTED_GATE, _DECLARED_GATE = "HotplugVolumes", "DeclarativeHotplugVolumes"

Devices = tuple[list[Document], list[Document]]
"""Volumes and disks."""


def are_declared(cluster: Cluster) -> bool:
    """Whether the template decides, rather than requests."""
    return cluster.has(_DECLARED_GATE) and not cluster.has(_REQUESTED_GATE)


def declared(vm: Document, instance: Document) -> Devices | None:
    """
    The volumes and disks that the running *instance* should have by the template, None if it has them.

    A volume that changed is taken out first, and put in again when it is gone. A drive stays when its medium is taken out.
    """
    if (
        vm["spec"].get("updateVolumesStrategy") == "Migration"
        or (instance.get("status") or {}).get("phase") != "Running"
    ):
        return None
    template, spec = vm["spec"]["template"]["spec"], instance["spec"]
    wanted, wanted_disks = _named(template.get("volumes")), _named(_disks(template))
    present, present_disks = spec.get("volumes") or [], _disks(spec)
    volumes = [volume for volume in present if not _is_outdated(volume, wanted)]
    volumes += _new(wanted, present, instance)
    kept = _named(volumes)
    disks = [disk for disk in present_disks if disk["name"] in kept or _stays_empty(disk, wanted, wanted_disks)]
    shown = _named(present_disks)
    disks += [
        copy.deepcopy(disk)
        for name, disk in wanted_disks.items()
        if name in kept and is_declared_hotplug(kept[name]) and name not in shown
    ]
    return None if (volumes, disks) == (present, present_disks) else (volumes, disks)


def put(instance: Document, devices: Devices) -> None:
    """Give *instance* these volumes and disks."""
    instance["spec"]["volumes"], instance["spec"]["domain"]["devices"]["disks"] = copy.deepcopy(devices)


def _is_outdated(volume: Document, wanted: dict[str, Document]) -> bool:
    if not is_declared_hotplug(volume):
        return False
    found = wanted.get(volume["name"])
    return found is None or (is_declared_hotplug(found) and found != volume)


def _new(wanted: dict[str, Document], present: Iterable[Document], instance: Document) -> list[Document]:
    # A status outlives its volume until that is unplugged.
    statuses = (instance.get("status") or {}).get("volumeStatus") or ()
    taken = {one["name"] for one in [*present, *statuses]}
    return [
        copy.deepcopy(volume) for name, volume in wanted.items() if is_declared_hotplug(volume) and name not in taken
    ]


def _stays_empty(disk: Document, wanted: dict[str, Document], wanted_disks: dict[str, Document]) -> bool:
    """Whether a disk without a volume is kept: if the template has it, and no other medium that a plain disk would have to give way to."""
    found = wanted_disks.get(disk["name"])
    if found is None:
        return False
    are_drives = found.get("cdrom") is not None and disk.get("cdrom") is not None
    return disk["name"] not in wanted or are_drives


def _disks(spec: Document) -> list[Document]:
    disks: list[Document] = ((spec.get("domain") or {}).get("devices") or {}).get("disks") or []
    return disks


def _named(things: Iterable[Document] | None) -> dict[str, Document]:
    return {thing["name"]: thing for thing in things or ()}


# Requests


def requests_of(vm: Document) -> list[dict[str, Any]]:
    return list((vm.get("status") or {}).get("volumeRequests") or ())


def apply_requests(vm: Document, spec: Document) -> None:
    """Change *spec*, the template's or the instance's, as the requests of *vm* ask. Doing it again changes nothing."""
    for request in requests_of(vm):
        volume_requests.apply(spec, request)


def would_change(vm: Document, spec: Document) -> bool:
    """Whether the requests of *vm* ask for anything that *spec* does not show."""
    names = {volume["name"] for volume in spec.get("volumes") or ()}
    added = (request.get("addVolumeOptions") for request in requests_of(vm))
    removed = (request.get("removeVolumeOptions") for request in requests_of(vm))
    return any(one is not None and one["name"] not in names for one in added) or any(
        one is not None and one["name"] in names for one in removed
    )


def open_requests(vm: Document) -> list[dict[str, Any]]:
    """The requests that the template does not show yet, volume and disk."""
    spec = vm["spec"]["template"]["spec"]
    volumes, disks = _named(spec.get("volumes")), _named(_disks(spec))

    def is_open(request: dict[str, Any]) -> bool:
        added = request.get("addVolumeOptions")
        name = (added or request.get("removeVolumeOptions") or {}).get("name")
        shown = (name in volumes, name in disks)
        return shown != (True, True) if added is not None else shown != (False, False)

    return [request for request in requests_of(vm) if is_open(request)]
