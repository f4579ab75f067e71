"""Rules on inputs, threads, probes, firmware and the rest of the hardware (reference kubevirt-validation.md 5.4, 5.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from solovirt.kinds.kubevirt import denial
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import volumes
from solovirt.machinery.errors import Cause

Spec = Mapping[str, Any]

_INPUT_BUSES = ("", "virtio", "usb")
_THREAD_POLICIES = ("shared", "auto", "supplementalPool")
_PROBES = ("httpGet", "tcpSocket", "exec", "guestAgentPing")
_SOUND_MODELS = ("", "ich9", "ac97")
_PANIC_MODELS = ("hyperv", "isa", "pvpanic")
_SHARED_CLAIMS_GATE = "EnableVirtioFsStorageVolumes"
_SECURITY_GATES = {"sev": "WorkloadEncryptionSEV", "snp": "WorkloadEncryptionSEV", "tdx": "WorkloadEncryptionTDX"}


def _domain(spec: Spec) -> Spec:
    return spec.get("domain") or {}


def _devices(spec: Spec) -> Spec:
    return _domain(spec).get("devices") or {}


def check_inputs(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 145 and 146."""
    for index, device in enumerate(_devices(spec).get("inputs") or ()):
        field = f"{path}.domain.devices.inputs[{index}]"
        if (device.get("bus") or "") not in _INPUT_BUSES:
            yield denial.invalid(f"{field}.bus", "Input device can have only virtio or usb bus.")
        if device.get("type") not in (None, "tablet"):
            yield denial.invalid(f"{field}.type", "Input device can have only tablet type.")


def check_io_threads(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 147 and 148."""
    policy = _domain(spec).get("ioThreadsPolicy")
    if policy is None:
        return
    if policy not in _THREAD_POLICIES:
        yield denial.invalid(f"{path}.domain.ioThreadsPolicy", f"Invalid IOThreadsPolicy ({policy})")
    count = (_domain(spec).get("ioThreads") or {}).get("supplementalPoolThreadCount") or 0
    if policy == "supplementalPool" and count < 1:
        text = "the number of iothreads needs to be set and positive for the dedicated policy"
        yield denial.invalid(f"{path}.domain.ioThreads.count", text)


def check_probes(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 149 to 151."""
    pod_network = any(network.get("pod") is not None for network in spec.get("networks") or ())
    for probe in ("readinessProbe", "livenessProbe"):
        details = spec.get(probe)
        if details is None:
            continue
        field = f"{path}.{probe}"
        handlers = [handler for handler in _PROBES if details.get(handler) is not None]
        if len(handlers) > 1:
            yield denial.invalid(field, f"{field} must have exactly one probe type set")
        if not handlers:
            text = f"either {field}.tcpSocket, {field}.exec or {field}.httpGet must be set if a {field} is specified"
            yield denial.required(field, text)
        for handler in ("httpGet", "tcpSocket"):
            if handler in handlers and not pod_network:
                handler_field = f"{field}.{handler}"
                text = f"{handler_field} is only allowed if the Pod Network is attached"
                yield denial.invalid(handler_field, text)


def check_acpi(spec: Spec, path: str) -> Iterator[Cause]:
    """Rule 79: ACPI tables come from secrets that are volumes."""
    acpi = (_domain(spec).get("firmware") or {}).get("acpi")
    if acpi is None:
        return
    field = f"{path}.acpi"
    named = [key for key in ("slicNameRef", "msdmNameRef") if acpi.get(key)]
    if not named:
        yield denial.invalid(field, "ACPI was set but no SLIC nor MSDM volume reference was set")
    by_name = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    for key in named:
        volume = by_name.get(acpi[key])
        if volume is None:
            yield denial.invalid(f"{field}.{key}", f"{field}.{key} does not have a matching Volume.")
        elif volume.get("secret") is None:
            yield denial.invalid(f"{field}.{key}", f"{field}.{key} refers to Volume of unsupported type.")


def check_firmware(spec: Spec, path: str) -> Iterator[Cause]:
    """Rules 152 to 155."""
    firmware = _domain(spec).get("firmware") or {}
    bootloader = firmware.get("bootloader") or {}
    efi = bootloader.get("efi")
    if efi is not None and bootloader.get("bios") is not None:
        field = f"{path}.domain.firmware.bootloader"
        text = f"{field} has both EFI and BIOS configured, but they are mutually exclusive."
        yield denial.invalid(field, text)
    if _secure_boot(spec) and not _has_smm(spec) and "tdx" not in (_domain(spec).get("launchSecurity") or {}):
        field = f"{path}.domain"
        text = f"{field} has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled."
        yield denial.invalid(field, text)
    kernel_boot = firmware.get("kernelBoot")
    if kernel_boot is None:
        return
    field = f"{path}.domain.firmware.kernelBoot"
    container = kernel_boot.get("container")
    if kernel_boot.get("kernelArgs") and not (container or {}).get("kernelPath"):
        text = "kernel arguments cannot be provided without an external kernel"
        yield denial.invalid(f"{field}.kernelArgs", text)
    if container is None:
        return
    field = f"{field}.container"
    if not container.get("image"):
        yield denial.required(f"{field}.image", f"{field} must be defined with an image")
    if not container.get("kernelPath") and not container.get("initrdPath"):
        text = f"{field} must be defined with at least one of the following: kernelPath, initrdPath"
        yield denial.required(field, text)
    for key in ("kernelPath", "initrdPath"):
        if container.get(key):
            yield from volumes.check_container_path(container[key], f"{field}.{key}")


def _secure_boot(spec: Spec) -> bool:
    efi = ((_domain(spec).get("firmware") or {}).get("bootloader") or {}).get("efi")
    return efi is not None and efi.get("secureBoot", True)


def _has_smm(spec: Spec) -> bool:
    smm = (_domain(spec).get("features") or {}).get("smm")
    return smm is not None and smm.get("enabled", True)


def check_devices(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> Iterator[Cause]:
    """Rules 177 to 186, launch security aside."""
    devices = _devices(spec)
    if devices.get("hostDevices") and not cluster.has("HostDevices"):
        yield denial.invalid(f"{path}.HostDevices", "Host Devices feature gate is not enabled in kubevirt-config")
    if (gpus := devices.get("gpus")) and sum(map(_has_ram_framebuffer, gpus)) > 1:
        yield denial.invalid(f"{path}.GPUs", "configuring multiple displays with ramfb is not valid ")
    if (sound := devices.get("sound")) is not None:
        if not sound.get("name"):
            yield denial.invalid(f"{path}.Sound", "Sound device requires a name field.")
        if (sound.get("model") or "") not in _SOUND_MODELS:
            text = "Sound device type is not supported. Options: 'ich9' or 'ac97'"
            yield denial.invalid(f"{path}.Sound", text)
    if devices.get("autoattachVSOCK") and not cluster.has("VSOCK"):
        field = f"{path}.domain.devices.autoattachVSOCK"
        yield denial.invalid(field, "VSOCK feature gate is not enabled in kubevirt-config")
    if not cluster.persistent_reservation and any(
        "lun" in disk and (disk["lun"] or {}).get("reservation") for disk in devices.get("disks") or ()
    ):
        field = f"{path}.domain.devices.disks.luns.reservation"
        yield denial.invalid(field, "persistent reservation is not enabled in kubevirt config")
    if devices.get("downwardMetrics") is not None and not cluster.has("DownwardMetrics"):
        text = "downwardMetrics virtio serial is not allowed: DownwardMetrics feature gate is not enabled"
        yield denial.invalid(f"{path}.domain.devices.downwardMetrics", text)
    if filesystems := devices.get("filesystems"):
        yield from _check_filesystems(filesystems, spec, path, cluster)
    if devices.get("video") is not None and devices.get("autoattachGraphicsDevice") is False:
        text = "Video configuration is not allowed when autoattachGraphicsDevice is set to false"
        yield denial.invalid(f"{path}.video", text)
    if panic_devices := devices.get("panicDevices"):
        yield from _check_panic_devices(panic_devices, spec, path, cluster)
    if _domain(spec).get("rebootPolicy") is not None and not cluster.has("RebootPolicy"):
        text = "RebootPolicy is specified but the RebootPolicy feature gate is not enabled"
        yield denial.invalid(f"{path}.domain.rebootPolicy", text)
    if (_domain(spec).get("memory") or {}).get("reservedOverhead") is not None and not cluster.has(
        "ReservedOverheadMemlock"
    ):
        text = "Reserved overhead memlock feature gate is not enabled in kubevirt-config"
        yield denial.invalid(f"{path}.domain.memory.reservedOverhead", text)


def _has_ram_framebuffer(gpu: Spec) -> bool:
    display = (gpu.get("virtualGPUOptions") or {}).get("display")
    if display is None or not display.get("enabled", True):
        return False
    framebuffer = display.get("ramFB")
    return framebuffer is None or bool(framebuffer.get("enabled", True))


def _check_filesystems(filesystems: Sequence[Spec], spec: Spec, path: str, cluster: Cluster) -> Iterator[Cause]:
    """Rule 183, virtiofs: configuration may be shared with a guest, a claim's content only behind a gate."""
    if cluster.has(_SHARED_CLAIMS_GATE):
        return
    on_claims = {
        volume.get("name")
        for volume in spec.get("volumes") or ()
        if volume.get("persistentVolumeClaim") is not None or volume.get("dataVolume") is not None
    }
    for filesystem in filesystems:
        if filesystem.get("name") in on_claims:
            text = "virtiofs is not allowed: virtiofs feature gate is not enabled for PVC"
            yield denial.invalid(f"{path}.domain.devices.filesystems", text)


def _check_panic_devices(devices: Sequence[Spec], spec: Spec, path: str, cluster: Cluster) -> Iterator[Cause]:
    """Rule 185."""
    field = f"{path}.domain.devices.panicDevices"
    architecture = spec.get("architecture") or cluster.architecture
    if architecture == "s390x":
        yield denial.invalid(field, f"custom panic devices are not supported on {architecture} architecture")
    for index, device in enumerate(devices):
        model = device.get("model")
        if model is not None and model not in _PANIC_MODELS:
            yield denial.invalid(f"{field}[{index}].model", f"invalid PanicDeviceModel({model})")


def check_launch_security(spec: Spec, path: str, *, cluster: Cluster = STANDARD) -> Iterator[Cause]:
    """Rule 180."""
    security = _domain(spec).get("launchSecurity")
    if security is None:
        return
    field = f"{path}.launchSecurity"
    architecture = spec.get("architecture") or cluster.architecture
    if architecture not in ("amd64", "s390x"):
        yield denial.invalid(f"{path}.architecture", f"No launchSecurity support for architecture: {architecture}")
        return
    kinds = [kind for kind in _SECURITY_GATES if security.get(kind) is not None]
    if architecture == "amd64" and len(kinds) != 1:
        yield denial.forbidden(field, "One and only one launchSecurity type can be set")
        return
    for kind in kinds:
        label, gate = kind.upper(), _SECURITY_GATES[kind]
        if not cluster.has(gate):
            yield denial.invalid(field, f"{gate} feature gate is not enabled in kubevirt-config")
        efi = ((_domain(spec).get("firmware") or {}).get("bootloader") or {}).get("efi")
        if efi is None:
            yield denial.invalid(field, f"{label} requires OVMF (UEFI)")
        elif efi.get("secureBoot", True):
            yield denial.invalid(field, f"{label} does not work along with SecureBoot")
        if efi is not None and efi.get("persistent"):
            yield denial.invalid(field, f"{label} does not work along with Persistent EFI variables")
        if kind == "tdx" and _has_smm(spec):
            yield denial.invalid(field, "TDX does not work along with SMM")
        attested = kind == "sev" and (security[kind] or {}).get("attestation") is not None
        if attested and spec.get("startStrategy") != "Paused":
            yield denial.invalid(field, "SEV attestation requires VMI StartStrategy 'Paused'")
        for interface in _devices(spec).get("interfaces") or ():
            if interface.get("bootOrder") is not None:
                text = f"{label} does not work with bootable NICs: {interface.get('name')}"
                yield denial.invalid(field, text)
