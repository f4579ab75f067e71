"""
Volumes that somebody asked to add to a machine or to remove from it: `status.volumeRequests` (reference kubevirt-validation.md 3.5).

A request is checked by doing what it asks for, on copies of the machine's template and of its instance: what comes out has to be as valid as
anything else.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial, names
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules import hotplug, instance
from solovirt.machinery.admission import Admission
from solovirt.machinery.errors import Cause
from solovirt.machinery.resource import Document

_FIELD = "Status.volumeRequests"
_TEMPLATE = "spec.template.spec"


def check(vm: Document, template: Document, admission: Admission, *, cluster: Cluster) -> list[Cause]:
    """
    Rules 56 to 65 on the machine *vm*, whose *template* is that with all defaults.

    The running instance counts for as long as the machine is ready. The first thing found answers alone.
    """
    requests = (vm.get("status") or {}).get("volumeRequests") or ()
    if not requests:
        return []
    running = _running_instance(vm, admission)
    of_template = (vm["spec"]["template"].get("spec") or {}).get("volumes") or ()
    of_instance = (running or {}).get("spec", {}).get("volumes") or ()
    wanted = _Wanted(
        {volume.get("name"): volume for volume in of_template},
        {volume.get("name"): volume for volume in of_instance},
    )
    for request in requests:
        for cause in wanted.problems(request):
            return [cause]
    for spec in (template, (running or {}).get("spec")):
        if spec is None:
            continue
        changed = copy.deepcopy(spec)
        for request in requests:
            apply(changed, request)
        if causes := instance.check(changed, _TEMPLATE, cluster=cluster):
            return causes
    if running is not None and is_migrating(running):
        text = "Cannot handle volume requests while VMI migration is in progress"
        return [denial.not_supported("spec", text)]
    return []


def _running_instance(vm: Document, admission: Admission) -> Document | None:
    if not (vm.get("status") or {}).get("ready"):
        return None
    found = admission.lookup.get(names.VIRTUAL_MACHINE_INSTANCES, admission.key)
    return None if found is None or found["metadata"].get("deletionTimestamp") else found


def is_migrating(running: Mapping[str, Any]) -> bool:
    """Whether the instance is on its way to another node."""
    state = (running.get("status") or {}).get("migrationState")
    return state is not None and not state.get("completed") and not state.get("failed")


def volume_of(options: Mapping[str, Any]) -> Document:
    """The volume that addVolumeOptions describe."""
    volume: Document = {"name": options.get("name")}
    source = options.get("volumeSource") or {}
    for kind in ("persistentVolumeClaim", "dataVolume"):
        if source.get(kind) is not None:
            volume[kind] = source[kind]
            break
    return volume


def apply(spec: Document, request: Mapping[str, Any]) -> None:
    """Change the instance's or template's *spec*, in place, as the *request* asks. Doing it again changes nothing."""
    devices: Document = spec.setdefault("domain", {}).setdefault("devices", {})
    volumes, disks = list(spec.get("volumes") or ()), list(devices.get("disks") or ())
    if (options := request.get("addVolumeOptions")) is not None:
        name = options.get("name")
        if any(volume.get("name") == name for volume in volumes):
            return
        volume = volume_of(options)
        volumes.append(
            {key: {**value, "hotpluggable": True} if key != "name" else value for key, value in volume.items()}
        )
        disks.append({**(options.get("disk") or {}), "name": name})
    elif (options := request.get("removeVolumeOptions")) is not None:
        name = options.get("name")
        volumes = [volume for volume in volumes if volume.get("name") != name]
        disks = [disk for disk in disks if disk.get("name") != name]
    spec["volumes"], devices["disks"] = volumes, disks


class _Wanted:
    """The requests so far, and the volumes that there are already."""

    def __init__(self, of_template: Mapping[Any, Document], of_instance: Mapping[Any, Document]) -> None:
        self._of_template = of_template
        self._of_instance = of_instance
        self._added: set[Any] = set()
        self._removed: set[Any] = set()

    def problems(self, request: Mapping[str, Any]) -> Iterator[Cause]:
        added, removed = request.get("addVolumeOptions"), request.get("removeVolumeOptions")
        if added is not None and removed is not None:
            yield _invalid("VolumeRequests require either addVolumeOptions or removeVolumeOptions to be set, not both")
        elif added is not None:
            yield from self._adding(added)
        elif removed is not None:
            name = removed.get("name")
            if name in self._removed:
                yield _invalid(f"RemoveVolume request for [{name}] aleady exists")
            self._removed.add(name)
        else:
            yield _invalid("VolumeRequests require one of either addVolumeOptions or removeVolumeOptions to be set")

    def _adding(self, options: Mapping[str, Any]) -> Iterator[Cause]:
        name = options.get("name")
        subject = f"AddVolume request for [{name}]"
        if name in self._added:
            yield _invalid(f"{subject} aleady exists")
        self._added.add(name)
        yield from hotplug.check_disk(options.get("disk"), str(name), "AddVolume request", _FIELD)
        volume = volume_of(options)
        if self._of_template.get(name, volume) != volume:
            yield _invalid(f"{subject} conflicts with an existing volume of the same name on the vmi template.")
        if self._of_instance.get(name, volume) != volume:
            yield _invalid(f"{subject} conflicts with an existing volume of the same name on currently running vmi")


def _invalid(text: str) -> Cause:
    return denial.invalid(_FIELD, text)
