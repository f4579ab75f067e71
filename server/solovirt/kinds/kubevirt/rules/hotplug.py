"""
Rules on volumes that come and go while a guest runs (reference kubevirt-validation.md 3.5 and 7).

The disk of such a volume is looked at when it is asked for (rules 61 to 65), and every change of a running instance's volumes, which only KubeVirt's
own parts may make, is held against what it had (rules 204 to 207). The first thing found answers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_UTILITY_GATE, _EMPTY_TRAY_GATE = "UtilityVolumes", "DeclarativeHotplugVolumes"
_ALWAYS_SECOND = "spec.domain.devices.disks[1]"
"""What KubeVirt calls every hotplugged disk whose boot order it refuses."""


def check_disk(disk: Spec | None, name: str, subject: str, field: str | None) -> list[Cause]:
    """Rules 61 to 65 on the *disk* for the volume *name*. Messages begin with *subject*, as `AddVolume request`."""
    if disk is None:
        return [denial.invalid(field, f"{subject} for [{name}] requires the disk field to be set.")]
    kind = next((kind for kind in ("disk", "lun") if disk.get(kind) is not None), None)
    if kind is None:
        text = f"{subject} for [{name}] requires diskDevice of type 'disk' or 'lun' to be used."
        return [denial.invalid(field, text)]
    bus = disk[kind].get("bus") or ""
    if kind == "disk" and bus not in ("scsi", "virtio"):
        text = f"{subject} for disk [{name}] requires bus to be 'scsi' or 'virtio'. [{bus}] is not permitted."
        return [denial.invalid(field, text)]
    if kind == "lun" and bus != "scsi":
        text = f"{subject} for LUN [{name}] requires bus to be 'scsi'. [{bus}] is not permitted."
        return [denial.invalid(field, text)]
    if disk.get("dedicatedIOThread") and bus != "virtio":
        return [denial.invalid(field, f"{subject} for [{name}] requires virtio bus for IOThreads.")]
    order = disk.get("bootOrder")
    if order is not None and order < 1:
        text = f"{_ALWAYS_SECOND} must have a boot order > 0, if supplied"
        return [denial.invalid(f"{_ALWAYS_SECOND}.bootOrder", text)]
    return []


def _devices(spec: Spec) -> Spec:
    return (spec.get("domain") or {}).get("devices") or {}


def _by_name(things: Iterable[Spec] | None) -> dict[str, Spec]:
    return {thing["name"]: thing for thing in things or () if thing.get("name")}


def check_change(new: Spec, old: Spec, status: Spec, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """
    Rules 204 to 206: KubeVirt's own parts change the volumes of an instance from *old* to *new* (specs).

    Which volumes were there from the start follows from *status*, the instance's. Volumes that are being migrated may change.
    """
    for text in _problems_of_change(new, old, status, cluster):
        return [denial.invalid(None, text)] if isinstance(text, str) else [text]
    return []


def _problems_of_change(new: Spec, old: Spec, status: Spec, cluster: Cluster) -> Iterator[str | Cause]:
    listed, before = new.get("volumes") or (), old.get("volumes") or ()
    declared = {volume.get("name") for volume in listed if volume.get("memoryDump") is None}
    required = _required_volumes(_devices(new), declared, cluster)
    if required != len(declared):
        yield f"mismatch between volumes declared ({len(declared)}) and required ({required})"
    permanent = _permanent(status)
    moved = {volume.get("volumeName") for volume in status.get("migratedVolumes") or ()}
    volumes, old_volumes = _by_name(listed), _by_name(before)
    disks, old_disks = _by_name(_devices(new).get("disks")), _by_name(_devices(old).get("disks"))
    if len(permanent & volumes.keys()) != len(permanent & old_volumes.keys()):
        yield "Number of permanent volumes has changed"
    for name, volume in volumes.items():
        if name in permanent:
            if name not in old_volumes:
                yield f"permanent volume {name}, not found"
            elif name in moved:
                continue
            elif volume != old_volumes[name]:
                yield f"permanent volume {name}, changed"
            elif disks.get(name) != old_disks.get(name):
                yield f"permanent disk {name}, changed"
    for name, volume in volumes.items():
        if name not in permanent:
            yield from _problems_of_plugged(volume, old_volumes.get(name), disks, old_disks, is_moved=name in moved)


def _required_volumes(devices: Spec, declared: set[Any], cluster: Cluster) -> int:
    """How many volumes disks and filesystems ask for. An empty CD-ROM asks for none."""
    may_be_empty = cluster.has(_EMPTY_TRAY_GATE)
    disks = devices.get("disks") or ()
    shown = sum(disk.get("name") in declared or disk.get("cdrom") is None or not may_be_empty for disk in disks)
    return shown + len(devices.get("filesystems") or ())


def _permanent(status: Spec) -> set[str]:
    """The names of the volumes that an instance started with."""
    return {one["name"] for one in status.get("volumeStatus") or () if one.get("hotplugVolume") is None}


def _problems_of_plugged(
    volume: Spec, before: Spec | None, disks: Mapping[str, Spec], old_disks: Mapping[str, Spec], *, is_moved: bool
) -> Iterator[str | Cause]:
    name, is_dump = volume["name"], volume.get("memoryDump") is not None
    if before is not None:
        if volume != before and not is_moved:
            yield f"hotplug volume {name}, changed"
        if is_dump:
            return
        if name not in disks:
            yield f"volume {name} doesn't have a matching disk"
        if disks.get(name) != old_disks.get(name):
            yield f"hotplug disk {name}, changed"
        return
    if is_dump:
        return
    if volume.get("dataVolume") is None and volume.get("persistentVolumeClaim") is None:
        yield f"volume {name} is not a PVC or DataVolume"
    if name not in disks:
        yield f"disk {name} does not exist"
    elif name not in old_disks:
        yield from check_disk(disks[name], name, "Hotplug configuration", None)


def check_utility_volumes(new: Spec, old: Spec, status: Spec, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rule 207."""
    volumes: Sequence[Spec] = new.get("utilityVolumes") or ()
    if not volumes:
        return []
    field = "spec.utilityVolumes"
    if not cluster.has(_UTILITY_GATE):
        return [denial.invalid(field, f"{_UTILITY_GATE} feature gate is not enabled")]
    causes = list(_check_utility_names(volumes, new.get("volumes") or (), field))
    if causes:
        return causes
    permanent, before = _permanent(status), _by_name(old.get("utilityVolumes"))
    for volume in volumes:
        if volume["name"] in permanent:
            text = (
                f"utility volume {volume['name']} cannot be a permanent volume, utility volumes must always be hotplug"
            )
            return [denial.invalid(None, text)]
    for volume in volumes:
        if before.get(volume["name"], volume) != volume:
            return [denial.invalid(None, f"utility volume {volume['name']} has changed")]
    return []


def _check_utility_names(volumes: Sequence[Spec], others: Sequence[Spec], path: str) -> Iterator[Cause]:
    taken = {volume.get("name"): index for index, volume in enumerate(others)}
    seen: dict[str, int] = {}
    for index, volume in enumerate(volumes):
        field, name = f"{path}[{index}]", volume.get("name") or ""
        if not name:
            yield denial.required(f"{field}.name", "UtilityVolume 'name' must be set")
        if name in seen:
            text = f"{field} and {path}[{seen[name]}] must not have the same Name."
            yield denial.duplicate(f"{field}.name", text)
        seen.setdefault(name, index)
        if name in taken:
            text = (
                f"{field} conflicts with spec.volumes[{taken[name]}]. "
                "UtilityVolume names must be unique across both volumes and utilityVolumes."
            )
            yield denial.duplicate(f"{field}.name", text)
        if not volume.get("claimName"):
            yield denial.required(f"{field}.claimName", "UtilityVolume PVC 'claimName' must be set")
