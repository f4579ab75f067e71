"""
Preferences, applied to the instance that a VirtualMachine describes (reference kubevirt-flavor.md 6.3).

A preference fills what is unset and overrides nothing, with two exceptions that KubeVirt makes because it cannot tell unset from false there:
`preferredDisableHotplug` and `preferredAcpi`.
"""

from __future__ import annotations

import copy
from typing import Any

from solovirt.machinery.resource import Document

Spec = dict[str, Any]

_AUTOATTACH = {
    "preferredAutoattachGraphicsDevice": "autoattachGraphicsDevice",
    "preferredAutoattachMemBalloon": "autoattachMemBalloon",
    "preferredAutoattachPodInterface": "autoattachPodInterface",
    "preferredAutoattachSerialConsole": "autoattachSerialConsole",
    "preferredAutoattachInputDevice": "autoattachInputDevice",
}
_DEVICES = {
    "preferredUseVirtioTransitional": "useVirtioTransitional",
    "preferredBlockMultiQueue": "blockMultiQueue",
    "preferredNetworkInterfaceMultiQueue": "networkInterfaceMultiqueue",
    "preferredRng": "rng",
    "preferredTPM": "tpm",
}
_FEATURES = {
    "preferredApic": "apic",
    "preferredKvm": "kvm",
    "preferredPvspinlock": "pvspinlock",
    "preferredSmm": "smm",
}
_BINDINGS = ("bridge", "masquerade", "sriov", "passtBinding", "slirp", "macvtap", "passt", "binding")


def apply(preference: Document, spec: Spec, metadata: Spec) -> None:
    """Fill *spec* and *metadata* (of an instance, or of a VM's template) from a preference's spec, in place."""
    preference = copy.deepcopy(preference)
    domain: Spec = spec.setdefault("domain", {})
    _apply_cpu(preference.get("cpu") or {}, domain)
    if (devices := preference.get("devices")) is not None:
        _apply_devices(devices, spec, domain.setdefault("devices", {}))
    if (features := preference.get("features")) is not None:
        _apply_features(features, _part(domain, "features"))
    if (firmware := preference.get("firmware")) is not None:
        _apply_firmware(firmware, _part(_part(domain, "firmware"), "bootloader"))
    if machine := (preference.get("machine") or {}).get("preferredMachineType"):
        of_domain = _part(domain, "machine")
        of_domain["type"] = of_domain.get("type") or machine
    if (clock := preference.get("clock")) is not None:
        _apply_clock(clock, _part(domain, "clock"))
    if not spec.get("subdomain") and preference.get("preferredSubdomain") is not None:
        spec["subdomain"] = preference["preferredSubdomain"]
    _fill(spec, "terminationGracePeriodSeconds", preference.get("preferredTerminationGracePeriodSeconds"))
    apply_architecture(preference, spec)
    if annotations := preference.get("annotations"):
        given = metadata.get("annotations")
        metadata["annotations"] = {**annotations, **(given if isinstance(given, dict) else {})}
    _fill(domain, "launchSecurity", preference.get("preferredLaunchSecurity"))


def apply_architecture(preference: Document, spec: Spec) -> None:
    """Fill the architecture of *spec* alone, in place."""
    if not spec.get("architecture") and preference.get("preferredArchitecture"):
        spec["architecture"] = preference["preferredArchitecture"]


def apply_autoattach(preference: Document, spec: Spec) -> None:
    """
    Fill those fields of *spec* that say which devices it gets unasked, in place.

    To be done before such devices are added.
    """
    if (preferred := preference.get("devices")) is not None:
        devices = spec.setdefault("domain", {}).setdefault("devices", {})
        for field, of_device in _AUTOATTACH.items():
            _fill(devices, of_device, preferred.get(field))


def _part(whole: Spec, field: str) -> Spec:
    """The object at *field*, made if it is not there."""
    part: Spec | None = whole.get(field)
    if part is None:
        part = whole[field] = {}
    return part


def _fill(whole: Spec, field: str, value: Any) -> None:
    """Set a field that is absent, if there is a value for it."""
    if value is not None and whole.get(field) is None:
        whole[field] = value


def _fill_text(whole: Spec, field: str, value: str | None) -> None:
    """As `_fill`, where an empty text is as good as none."""
    if value and not whole.get(field):
        whole[field] = value


def _apply_cpu(cpu: Document, domain: Spec) -> None:
    preferred = cpu.get("preferredCPUFeatures")
    if not preferred:
        return
    given = _part(domain, "cpu")
    named = {feature.get("name") for feature in given.get("features") or ()}
    added = [feature for feature in preferred if feature.get("name") not in named]
    if added:
        given["features"] = [*(given.get("features") or ()), *added]


def _apply_devices(preferred: Document, spec: Spec, devices: Spec) -> None:
    for field, of_device in (_DEVICES | _AUTOATTACH).items():
        _fill(devices, of_device, preferred.get(field))
    if preferred.get("preferredDisableHotplug") is not None:
        devices["disableHotplug"] = preferred["preferredDisableHotplug"]
    if devices.get("sound") is not None:
        _fill_text(devices["sound"], "model", preferred.get("preferredSoundModel"))
    if preferred.get("preferredVideoType") is not None:
        video = _part(devices, "video")
        video["type"] = video.get("type") or preferred["preferredVideoType"]
    for disk in devices.get("disks") or ():
        _apply_disk(preferred, disk)
    on_pod_network = {one.get("name") for one in spec.get("networks") or () if one.get("pod") is not None}
    for interface in devices.get("interfaces") or ():
        _apply_interface(preferred, interface, is_on_pod_network=interface.get("name") in on_pod_network)
    for device in devices.get("inputs") or ():
        _fill_text(device, "bus", preferred.get("preferredInputBus"))
        _fill_text(device, "type", preferred.get("preferredInputType"))
    if (model := preferred.get("preferredPanicDeviceModel")) is not None:
        if not devices.get("panicDevices"):
            devices["panicDevices"] = [{}]
        for device in devices["panicDevices"]:
            _fill(device, "model", model)


def _apply_disk(preferred: Document, disk: Spec) -> None:
    if disk.get("disk") is None:
        for kind, field in (("cdrom", "preferredCdromBus"), ("lun", "preferredLunBus")):
            if disk.get(kind) is not None:
                _fill_text(disk[kind], "bus", preferred.get(field))
                return
    target = _part(disk, "disk")
    _fill_text(target, "bus", preferred.get("preferredDiskBus"))
    _fill(disk, "blockSize", preferred.get("preferredDiskBlockSize"))
    _fill_text(disk, "cache", preferred.get("preferredDiskCache"))
    _fill_text(disk, "io", preferred.get("preferredDiskIO"))
    if target.get("bus") == "virtio":
        _fill(disk, "dedicatedIOThread", preferred.get("preferredDiskDedicatedIoThread"))


def _apply_interface(preferred: Document, interface: Spec, *, is_on_pod_network: bool) -> None:
    _fill_text(interface, "model", preferred.get("preferredInterfaceModel"))
    is_bound = any(interface.get(binding) is not None for binding in _BINDINGS)
    if is_on_pod_network and not is_bound:
        _fill(interface, "masquerade", preferred.get("preferredInterfaceMasquerade"))


def _apply_features(preferred: Document, features: Spec) -> None:
    if preferred.get("preferredAcpi") is not None:
        features["acpi"] = preferred["preferredAcpi"]
    for field, feature in _FEATURES.items():
        _fill(features, feature, preferred.get(field))
    if (hyperv := preferred.get("preferredHyperv")) is not None:
        given = _part(features, "hyperv")
        for feature, state in hyperv.items():
            _fill(given, feature, state)


def _apply_firmware(preferred: Document, bootloader: Spec) -> None:
    if preferred.get("preferredUseBios") and not _is_chosen(bootloader):
        bootloader["bios"] = {}
    if (bios := bootloader.get("bios")) is not None:
        _fill(bios, "useSerial", preferred.get("preferredUseBiosSerial"))
    if preferred.get("preferredEfi") is not None and not _is_chosen(bootloader):
        # The older fields for EFI mean nothing beside this one.
        bootloader["efi"] = preferred["preferredEfi"]
        return
    if preferred.get("preferredUseEfi") and not _is_chosen(bootloader):
        bootloader["efi"] = {}
    if (efi := bootloader.get("efi")) is not None:
        _fill(efi, "secureBoot", preferred.get("preferredUseSecureBoot"))


def _is_chosen(bootloader: Spec) -> bool:
    return bootloader.get("efi") is not None or bootloader.get("bios") is not None


def _apply_clock(preferred: Document, clock: Spec) -> None:
    # All of the offset or nothing: UTC and a time zone exclude each other.
    offset = preferred.get("preferredClockOffset")
    if offset is not None and clock.get("utc") is None and clock.get("timezone") is None:
        clock.update(offset)
    _fill(clock, "timer", preferred.get("preferredTimer"))
