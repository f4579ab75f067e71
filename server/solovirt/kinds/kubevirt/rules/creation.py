"""Rules that hold for an instance when it is created, and not for a template (reference kubevirt-validation.md 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.rules import disks
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

ARCHITECTURES = ("amd64", "arm64", "s390x")
HYPERV_NEEDS = {
    "ipi": "vpindex",
    "synic": "vpindex",
    "tlbflush": "vpindex",
    "synictimer": "synic",
    "evmcs": "vapic",
}
"""Which Hyper-V feature needs which other. A need left unset is switched on by defaulting; only one switched off is refused."""
_RESERVED_PREFIXES = ("/var/run/kubevirt", "/var/run/libvirt")
_VIDEO = {
    "amd64": ("vga", "cirrus", "virtio", "ramfb", "bochs"),
    "arm64": ("virtio", "ramfb"),
    "s390x": ("virtio",),
}


def check(spec: Spec) -> list[Cause]:
    """Rules 190 to 199 on the spec of a new instance, after defaulting."""
    return [
        *_check_volumes(spec),
        *_check_memory(spec),
        *_check_hyperv(spec),
        *_check_architecture(spec),
    ]


def _domain(spec: Spec) -> Spec:
    return spec.get("domain") or {}


def _check_volumes(spec: Spec) -> Iterator[Cause]:
    devices = _domain(spec).get("devices") or {}
    on_disks = {disk.get("name") for disk in devices.get("disks") or ()}
    on_filesystems = {filesystem.get("name") for filesystem in devices.get("filesystems") or ()}
    for index, volume in enumerate(spec.get("volumes") or ()):
        name, field = volume.get("name"), f"spec.domain.volumes[{index}]"
        container_path = volume.get("containerPath")
        if container_path is not None:
            subject = f"ContainerPath volume '{name}'"
            if name in on_disks:
                yield denial.invalid(field, f"{subject} must be mapped to a filesystem, not a disk")
            elif name not in on_filesystems:
                text = f"{subject} must have a matching filesystem defined in spec.domain.devices.filesystems"
                yield denial.invalid(field, text)
            for prefix in _RESERVED_PREFIXES:
                if (container_path.get("path") or "").startswith(prefix):
                    yield denial.invalid(field, f"{subject} uses reserved path prefix '{prefix}'")
        elif name not in on_disks | on_filesystems and volume.get("memoryDump") is None:
            yield denial.invalid(f"{field}.name", f"{field}.name '{name}' not found.")


def _check_memory(spec: Spec) -> Iterator[Cause]:
    """Rule 192."""
    memory, resources = _domain(spec).get("memory") or {}, _domain(spec).get("resources") or {}
    given = (
        memory.get("guest"),
        (memory.get("hugepages") or {}).get("pageSize"),
        (resources.get("requests") or {}).get("memory"),
        (resources.get("limits") or {}).get("memory"),
    )
    if not any(given):
        text = (
            "no memory requested, at least one of 'spec.domain.memory.guest', 'spec.domain.memory.hugepages.pageSize' "
            "or 'spec.domain.resources.requests.memory' must be set"
        )
        yield denial.required(None, text)


def _check_hyperv(spec: Spec) -> Iterator[Cause]:
    """Rules 193 to 195."""
    features = _domain(spec).get("features") or {}
    hyperv = features.get("hyperv")
    if hyperv is None:
        return
    path = "spec.domain.features.hyperv"
    if (features.get("hypervPassthrough") or {}).get("enabled"):
        text = (
            "Cannot explicitly set hyperV features if HypervPassthrough is being used. "
            "Please use either HyperV or HypervPassthrough."
        )
        yield denial.invalid(path, text)
    for feature, need in HYPERV_NEEDS.items():
        if not _enabled(hyperv.get(feature)):
            continue
        if hyperv.get(need) is None:
            yield denial.invalid(f"{path}.{need}", f"'{path}.{need}' is missing")
        elif not _enabled(hyperv[need]):
            text = f"'{path}.{feature}' requires '{path}.{need}', which was disabled."
            yield denial.invalid(f"{path}.{feature}", text)
    if _enabled(hyperv.get("evmcs")):
        cpu_features = (_domain(spec).get("cpu") or {}).get("features") or ()
        vmx = next(((i, one) for i, one in enumerate(cpu_features) if one.get("name") == "vmx"), None)
        if vmx is None:
            yield denial.required("spec.domain.cpu.features", "vmx cpu feature is required when evmcs is set")
        elif vmx[1].get("policy") != "require":
            field = f"spec.domain.cpu.features[{vmx[0]}].policy"
            yield denial.invalid(field, "vmx cpu feature has to be set to require policy")


def _enabled(feature: Spec | None) -> bool:
    return feature is not None and feature.get("enabled", True)


def _check_architecture(spec: Spec) -> Iterator[Cause]:
    """Rules 196 to 199."""
    architecture = spec.get("architecture") or ""
    if architecture not in ARCHITECTURES:
        yield denial.invalid("spec.architecture", f"unsupported architecture: {architecture}")
        return
    devices = _domain(spec).get("devices") or {}
    video = (devices.get("video") or {}).get("type")
    if video and video not in _VIDEO[architecture]:
        text = f"video model '{video}' is not supported on {architecture} architecture"
        yield denial.not_supported("spec.domain.devices.video.type", text)
    watchdog = devices.get("watchdog")
    if watchdog is not None:
        field = "spec.domain.devices.watchdog"
        if architecture == "amd64" and watchdog.get("i6300esb") is None:
            yield denial.not_supported(field, "amd64 only supports I6300ESB watchdog device")
        elif architecture == "arm64":
            yield denial.not_supported(field, "Arm64 not support Watchdog device")
        elif architecture == "s390x" and watchdog.get("diag288") is None:
            yield denial.not_supported(field, "s390x only supports Diag288 watchdog device")
    if architecture == "arm64":
        yield from _check_arm64(spec)


def _check_arm64(spec: Spec) -> Iterator[Cause]:
    domain = _domain(spec)
    devices = domain.get("devices") or {}
    if ((domain.get("firmware") or {}).get("bootloader") or {}).get("bios") is not None:
        text = "Arm64 does not support bios boot, please change to uefi boot"
        yield denial.not_supported("spec.domain.firmware.bootloader.bios", text)
    if (domain.get("cpu") or {}).get("model") not in (None, "", "host-passthrough"):
        text = "currently, host-passthrough is the only model supported on Arm64"
        yield denial.not_supported("spec.domain.cpu.model", text)
    for index, disk in enumerate(devices.get("disks") or ()):
        kind, details = disks.target(disk)
        if (details.get("bus") or "virtio") not in ("virtio", "scsi"):
            field = f"spec.domain.devices.disks[{index}].{kind}.bus"
            text = "Arm64 not support this disk bus type, please use virtio or scsi"
            yield denial.not_supported(field, text)
    if devices.get("sound") is not None:
        yield denial.not_supported("spec.domain.devices.sound", "Arm64 not support sound device")
