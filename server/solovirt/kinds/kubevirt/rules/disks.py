"""Rules on disks and the boot order (reference kubevirt-validation.md 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import dns
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

TARGETS = ("disk", "lun", "cdrom")
"""The fields of a disk of which at most one says as what the guest sees it."""
_BUSES = ("virtio", "scsi", "sata", "usb")
_PLAIN_FIELDS, _PLAIN_DETAILS = frozenset(("name", "disk", "bootOrder")), frozenset(("bus",))
_CACHES = ("", "none", "writethrough", "writeback")
_IO_MODES = ("", "native", "threads")
_ERROR_POLICIES = ("stop", "ignore", "report", "enospace")
_LONGEST_SERIAL = 256
_SMALLEST_BLOCK, _LARGEST_BLOCK = 512, 2097152


def target(disk: Spec) -> tuple[str, Spec]:
    """As what the guest sees *disk*, and the details; a plain `disk` if nothing is said."""
    for kind in TARGETS:
        if (details := disk.get(kind)) is not None:
            return kind, details
    return "disk", {}


def _disks(spec: Spec) -> Sequence[Spec]:
    return ((spec.get("domain") or {}).get("devices") or {}).get("disks") or ()


def check(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """Rules 125 to 143, in their order."""
    disks = _disks(spec)
    volumes = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    causes: list[Cause] = []
    for index, disk in enumerate(disks):
        volume = volumes.get(disk.get("name") or "")
        if volume is None or "lun" in disk or "downwardMetrics" in volume:
            causes += _check_volume(disk, f"{path}.domain.devices.disks[{index}]", volume, cluster)
    causes += _check_boot_order(spec, path)
    names = [disk.get("name") for disk in disks]
    is_unique = len(set(names)) == len(names)
    for index, disk in enumerate(disks):
        other = index if is_unique else names.index(disk.get("name"))
        if other == index and _is_plain(disk):
            continue
        field = f"{path}.domain.devices.disks[{index}]"
        if other != index:
            text = f"{field} and {path}.domain.devices.disks[{other}] must not have the same Name."
            causes.append(denial.invalid(f"{field}.name", text))
        if sum(disk.get(kind) is not None for kind in TARGETS) > 1:
            causes.append(denial.invalid(field, f"{field} can only have a single target type defined"))
        causes += _check_target(disk, field, path)
        causes += _check_serial(disk, field)
        causes += _check_modes(disk, field, path)
        if (name := disk.get("name")) and not dns.is_label(name):
            doubled = f"{path}.domain.devices.disks.domain.devices.disks[{index}].name"
            causes += [denial.invalid(doubled, error) for error in dns.label_errors(name)]
        causes += _check_block_size(disk, field)
    return causes


def _is_plain(disk: Spec) -> bool:
    """Whether the disk has nothing but a name, a bus and a place in the boot order, so that no rule on other details concerns it."""
    details = disk.get("disk")
    return (
        disk.keys() <= _PLAIN_FIELDS
        and isinstance(details, dict)
        and details.keys() <= _PLAIN_DETAILS
        and (details.get("bus") or "virtio") in _BUSES
        and dns.is_label(disk.get("name") or "")
    )


def _check_volume(disk: Spec, field: str, volume: Spec | None, cluster: Cluster) -> Iterator[Cause]:
    """Rules 125 to 127, and 143."""
    name = disk.get("name") or ""
    if volume is None:
        if disk.get("cdrom") is None:
            yield denial.invalid(f"{field}.name", f"{field}.Name '{name}' not found.")
        elif not cluster.has("DeclarativeHotplugVolumes"):
            text = "DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk"
            yield denial.invalid(f"{field}.name", text)
    elif disk.get("lun") is not None and not ({"persistentVolumeClaim", "dataVolume"} & volume.keys()):
        text = f"{field}.lun can only be mapped to a DataVolume or PersistentVolumeClaim volume."
        yield denial.invalid(f"{field}.lun", text)
    if volume is not None and volume.get("downwardMetrics") is not None:
        yield from _check_downward_metrics(disk, field)


def _check_downward_metrics(disk: Spec, field: str) -> Iterator[Cause]:
    details = disk.get("disk")
    if details is None:
        text = f"DownwardMetrics volume must be mapped to a disk, but disk is not set on {field}.disk."
        yield denial.required(f"{field}.disk", text)
    elif (bus := details.get("bus") or "virtio") != "virtio":
        text = f"DownwardMetrics volume must be mapped to virtio bus, but {field}.disk.bus is set to {bus}"
        yield denial.invalid(f"{field}.disk.bus", text)


def _check_boot_order(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 128 and 129: disks and interfaces share one number space."""
    devices = (spec.get("domain") or {}).get("devices") or {}
    taken: set[int] = set()
    for kind in ("disks", "interfaces"):
        for index, device in enumerate(devices.get(kind) or ()):
            if (order := device.get("bootOrder")) is None:
                continue
            if order < 1:
                field = f"{path}.domain.devices.{kind}[{index}]"
                yield denial.invalid(f"{field}.bootOrder", f"{field} must have a boot order > 0, if supplied")
            elif order in taken:
                field = f"{path}.domain.devices.{kind}[{index}]"
                text = f"Boot order for {field}.bootOrder already set for a different device."
                yield denial.invalid(f"{field}.bootOrder", text)
            taken.add(order)


def _check_target(disk: Spec, field: str, path: str) -> Iterator[Cause]:
    """Rules 132, 133 and 136."""
    kind, details = target(disk)
    bus = details.get("bus") or ""
    if bus:
        bus_field = f"{field}.{kind}.bus"
        if bus == "ide":
            yield denial.invalid(bus_field, "IDE bus is not supported")
        elif kind == "cdrom" and bus == "virtio":
            yield denial.invalid(bus_field, "Bus type virtio is invalid for CD-ROM device")
        elif bus not in _BUSES:
            text = f"{field} is set with an unrecognized bus {bus}, must be one of: [{' '.join(_BUSES)}]"
            yield denial.invalid(bus_field, text)
        elif kind == "disk" and bus == "sata" and details.get("readonly"):
            yield denial.invalid(bus_field, "sata hard-disks do not support read-only.")
    if disk.get("dedicatedIOThread") and bus not in ("", "virtio"):
        yield denial.not_supported(field, f"IOThreads are not supported for disks on a {bus} bus")
    if address := details.get("pciAddress"):
        index = field[field.rindex("[") :]
        doubled = f"{path}.domain.devices.disks.domain.devices.disks.disk{index}.pciAddress"
        if bus != "virtio":
            text = f"disk {doubled} - setting a PCI address is only possible with bus type virtio."
            yield denial.invalid(doubled, text)
        elif not re.fullmatch(r"[\da-fA-F]{4}:[\da-fA-F]{2}:[\da-fA-F]{2}\.[0-7]", address):
            yield denial.invalid(doubled, f"disk {doubled} has malformed PCI address ({address}).")


def _check_serial(disk: Spec, field: str) -> Iterator[Cause]:
    """Rules 134 and 135."""
    serial = disk.get("serial") or ""
    if not re.fullmatch(r"[A-Za-z0-9_.+-]*", serial):
        text = f"{field} must be made up of the following characters [A-Za-z0-9_.+-], if specified"
        yield denial.invalid(f"{field}.serial", text)
    if len(serial) > _LONGEST_SERIAL:
        text = f"{field} must be less than or equal to {_LONGEST_SERIAL} in length, if specified"
        yield denial.invalid(f"{field}.serial", text)


def _check_modes(disk: Spec, field: str, path: str) -> Iterator[Cause]:
    """Rules 137 to 139."""
    if (cache := disk.get("cache") or "") not in _CACHES:
        yield denial.invalid(f"{field}.cache", f"{field}.cache has invalid value {cache}")
    if (disk.get("io") or "") not in _IO_MODES:
        disks_path = f"{path}.domain.devices.disks"
        text = f"Disk IO mode for {disks_path} is not supported. Supported modes are: native, threads."
        yield denial.not_supported(f"{disks_path}{field[field.rindex('[') :]}.io", text)
    if (policy := disk.get("errorPolicy")) is not None and policy not in _ERROR_POLICIES:
        yield denial.invalid(f"{field}.errorPolicy", f'{field}.errorPolicy has invalid value "{policy}"')


def _check_block_size(disk: Spec, field: str) -> Iterator[Cause]:
    """Rules 141 and 142."""
    block = disk.get("blockSize")
    if not block or (custom := block.get("custom")) is None:
        return
    field = f"{field}.blockSize"
    if (block.get("matchVolume") or {}).get("enabled", block.get("matchVolume") is not None):
        yield denial.invalid(field, "Block size matching can't be enabled together with a custom value")
    logical, physical = custom.get("logical") or 0, custom.get("physical") or 0
    if logical > physical:
        text = f"Logical size {logical} must be the same or less than the physical size of {physical}"
        yield denial.invalid(f"{field}.custom.logical", text)
    if target(disk)[1].get("bus") == "sata" and logical != _SMALLEST_BLOCK:
        text = f"Logical size {logical} must be {_SMALLEST_BLOCK} for SATA devices"
        yield denial.invalid(f"{field}.custom.logical", text)
    for name, size in (("logical", logical), ("physical", physical)):
        size_field = f"{field}.custom.{name}"
        if size < _SMALLEST_BLOCK:
            text = f"Provided size of {size} is less than the supported minimum size of {_SMALLEST_BLOCK}"
            yield denial.invalid(size_field, text)
        if size > _LARGEST_BLOCK:
            text = f"Provided size of {size} is greater than the supported maximum size of {_LARGEST_BLOCK}"
            yield denial.invalid(size_field, text)
        if size & (size - 1):
            yield denial.invalid(size_field, f"Provided size of {size} is not a power of 2")
    granularity = custom.get("discardGranularity")
    if granularity is not None and logical and granularity % logical:
        text = f"Discard granularity {granularity} must be multiples of logical size {logical}"
        yield denial.invalid(f"{field}.custom.discardGranularity", text)
