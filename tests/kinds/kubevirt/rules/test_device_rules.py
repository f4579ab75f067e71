"""Rules on threads, probes, firmware and devices (kubevirt-validation.md 5.4 and 5.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kinds.kubevirt.rules.specs import (
    DUPLICATE,
    EVERY_GATE,
    FORBIDDEN,
    INVALID,
    NO_GATES,
    REQUIRED,
    P,
    Row,
    causes_of,
    changed,
    check,
)

FIRMWARE, DEVICES = f"{P}.domain.firmware", f"{P}.domain.devices"
KERNEL = f"{FIRMWARE}.kernelBoot"
SECURITY = f"{P}.launchSecurity"
GPUS, HOST_DEVICES = f"{DEVICES}.gpus", f"{DEVICES}.hostDevices"
EFI = {"domain.firmware.bootloader": {"efi": {"secureBoot": False}}}
NO_NETWORK: dict[str, list[Any]] = {"networks": [], "domain.devices.interfaces": []}
RAMFB = {"name": "g", "deviceName": "x/y", "virtualGPUOptions": {"display": {}}}
CLAIMS = {"resourceClaims": [{"name": "c", "resourceClaimName": "c"}]}


def secured(kind="sev", details=None, **changes):
    return {"domain.launchSecurity": {kind: details or {}}, **EFI, **changes}


def claimed(field, *devices):
    return {**CLAIMS, f"domain.devices.{field}": list(devices)}


GPU = {"name": "g", "claimName": "c", "requestName": "r"}
PLAIN = {"name": "p", "deviceName": "x/y"}

ROWS = [
    Row(146, {"domain.devices.inputs": [{"name": "k", "type": "keyboard", "bus": "usb"}]}, f"{DEVICES}.inputs[0].type", INVALID, "Input device can have only tablet type."),
    Row(147, {"domain.ioThreadsPolicy": "many"}, f"{P}.domain.ioThreadsPolicy", INVALID, "Invalid IOThreadsPolicy (many)"),
    Row(148, {"domain.ioThreadsPolicy": "supplementalPool"}, f"{P}.domain.ioThreads.count", INVALID, "the number of iothreads needs to be set and positive for the dedicated policy"),
    Row(149, {"livenessProbe": {"exec": {"command": ["true"]}, "guestAgentPing": {}}}, f"{P}.livenessProbe", INVALID, f"{P}.livenessProbe must have exactly one probe type set"),
    Row(151, {**NO_NETWORK, "readinessProbe": {"httpGet": {"port": 80}}}, f"{P}.readinessProbe.httpGet", INVALID, f"{P}.readinessProbe.httpGet is only allowed if the Pod Network is attached"),
    Row(151, {**NO_NETWORK, "livenessProbe": {"tcpSocket": {"port": 80}}}, f"{P}.livenessProbe.tcpSocket", INVALID, f"{P}.livenessProbe.tcpSocket is only allowed if the Pod Network is attached"),
    Row(152, {"domain.firmware.bootloader": {"efi": {"secureBoot": False}, "bios": {}}}, f"{FIRMWARE}.bootloader", INVALID, f"{FIRMWARE}.bootloader has both EFI and BIOS configured, but they are mutually exclusive."),
    Row(154, {"domain.firmware.kernelBoot": {"kernelArgs": "quiet"}}, f"{KERNEL}.kernelArgs", INVALID, "kernel arguments cannot be provided without an external kernel"),
    Row(155, {"domain.firmware.kernelBoot": {"container": {"kernelPath": "/vmlinuz"}}}, f"{KERNEL}.container.image", REQUIRED, f"{KERNEL}.container must be defined with an image"),
    Row(155, {"domain.firmware.kernelBoot": {"container": {"image": "k"}}}, f"{KERNEL}.container", REQUIRED, f"{KERNEL}.container must be defined with at least one of the following: kernelPath, initrdPath"),
    Row(178, {"domain.devices.gpus": [RAMFB, {**RAMFB, "name": "h"}]}, f"{P}.GPUs", INVALID, "configuring multiple displays with ramfb is not valid "),
    Row(179, {"domain.devices.sound": {"name": ""}}, f"{P}.Sound", INVALID, "Sound device requires a name field."),
    Row(179, {"domain.devices.sound": {"name": "s", "model": "sb16"}}, f"{P}.Sound", INVALID, "Sound device type is not supported. Options: 'ich9' or 'ac97'"),
    Row(180, {"domain.launchSecurity": {}}, SECURITY, FORBIDDEN, "One and only one launchSecurity type can be set"),
    Row(180, secured(), SECURITY, INVALID, "WorkloadEncryptionSEV feature gate is not enabled in kubevirt-config", NO_GATES),
    Row(180, {"domain.launchSecurity": {"snp": {}}}, SECURITY, INVALID, "SNP requires OVMF (UEFI)"),
    Row(180, {"domain.launchSecurity": {"sev": {}}, "domain.firmware.bootloader": {"efi": {}}}, SECURITY, INVALID, "SEV does not work along with SecureBoot"),
    Row(180, {"domain.launchSecurity": {"sev": {}}, "domain.firmware.bootloader": {"efi": {"secureBoot": False, "persistent": True}}}, SECURITY, INVALID, "SEV does not work along with Persistent EFI variables"),
    Row(180, secured("tdx", None, **{"domain.features.smm": {"enabled": True}}), SECURITY, INVALID, "TDX does not work along with SMM", EVERY_GATE),
    Row(180, secured(details={"attestation": {}}), SECURITY, INVALID, "SEV attestation requires VMI StartStrategy 'Paused'"),
    Row(180, secured(**{"domain.devices.interfaces.0.bootOrder": 1}), SECURITY, INVALID, "SEV does not work with bootable NICs: default"),
    Row(180, {**secured(), "architecture": "arm64", "domain.machine.type": "virt"}, f"{P}.architecture", INVALID, "No launchSecurity support for architecture: arm64"),
    Row(181, {"domain.devices.autoattachVSOCK": True}, f"{DEVICES}.autoattachVSOCK", INVALID, "VSOCK feature gate is not enabled in kubevirt-config"),
    Row(182, {"domain.devices.disks.0": {"name": "root", "lun": {"bus": "scsi", "reservation": True}}}, f"{DEVICES}.disks.luns.reservation", INVALID, "persistent reservation is not enabled in kubevirt config"),
    Row(183, {"domain.devices.downwardMetrics": {}}, f"{DEVICES}.downwardMetrics", INVALID, "downwardMetrics virtio serial is not allowed: DownwardMetrics feature gate is not enabled"),
    Row(183, {"volumes.2": {"name": "share", "persistentVolumeClaim": {"claimName": "c"}}, "domain.devices.filesystems": [{"name": "share", "virtiofs": {}}]}, f"{DEVICES}.filesystems", INVALID, "virtiofs is not allowed: virtiofs feature gate is not enabled for PVC"),
    Row(184, {"domain.devices.video": {"type": "vga"}, "domain.devices.autoattachGraphicsDevice": False}, f"{P}.video", INVALID, "Video configuration is not allowed when autoattachGraphicsDevice is set to false"),
    Row(185, {"domain.devices.panicDevices": [{"model": "bell"}]}, f"{DEVICES}.panicDevices[0].model", INVALID, "invalid PanicDeviceModel(bell)"),
    Row(185, {"architecture": "s390x", "domain.devices.panicDevices": [{"model": "isa"}]}, f"{DEVICES}.panicDevices", INVALID, "custom panic devices are not supported on s390x architecture"),
    Row(186, {"domain.rebootPolicy": "Terminate"}, f"{P}.domain.rebootPolicy", INVALID, "RebootPolicy is specified but the RebootPolicy feature gate is not enabled", NO_GATES),
    Row(186, {"domain.memory.reservedOverhead": {"memLock": "Required"}}, f"{P}.domain.memory.reservedOverhead", INVALID, "Reserved overhead memlock feature gate is not enabled in kubevirt-config"),
    Row(188, {"resourceClaims": [{"name": "", "resourceClaimName": "c"}]}, f"{P}.resourceClaims[0].name", REQUIRED, f"{P}.resourceClaims[0].name is a required field"),
    Row(188, {"resourceClaims": 2 * CLAIMS["resourceClaims"]}, f"{P}.resourceClaims[1].name", DUPLICATE, 'duplicate resourceClaims name "c"'),
    Row(188, {"resourceClaims": [{"name": "c", "resourceClaimName": "c", "resourceClaimTemplateName": "t"}]}, f"{P}.resourceClaims[0]", INVALID, "at most one of resourceClaimName or resourceClaimTemplateName may be specified"),
    Row(188, {"resourceClaims": [{"name": "c"}]}, f"{P}.resourceClaims[0]", INVALID, "must specify one of: resourceClaimName, resourceClaimTemplateName"),
    Row(188, claimed("gpus", {"name": "g", "requestName": "r"}), f"{GPUS}[0].claimName", REQUIRED, "claimName is required for DRA GPU", EVERY_GATE),
    Row(188, claimed("hostDevices", {"name": "g", "claimName": "c"}), f"{HOST_DEVICES}[0].requestName", REQUIRED, "requestName is required for DRA hostDevice", EVERY_GATE),
    Row(188, claimed("gpus", GPU, {**GPU, "name": "h"}), f"{GPUS}[1]", DUPLICATE, 'duplicate claimName/requestName pair "c/r"', EVERY_GATE),
    Row(188, claimed("gpus", GPU), GPUS, INVALID, "vmi.spec.domain.devices.gpus contains DRA enabled GPUs but feature gate is not enabled"),
    Row(188, claimed("gpus", GPU, PLAIN), GPUS, INVALID, "vmi.spec.domain.devices.gpus contains both DRA and non-DRA GPUs; each GPU must be either DRA or non-DRA", EVERY_GATE),
    Row(188, {"domain.devices.gpus": [GPU]}, f"{P}.resourceClaims", INVALID, "vmi.spec.resourceClaims must specify all claims used in vmi.spec.domain.devices.gpus and vmi.spec.domain.devices.hostDevices", EVERY_GATE),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_broken_rule_gives_its_cause(row):
    check(row)


def test_what_its_gate_allows_passes():
    """Rules 177 and 188: claimed and plain host devices may stand side by side, GPUs may be claimed."""
    devices = claimed("hostDevices", {**GPU, "requestName": "s"}, PLAIN)
    assert causes_of(changed({**devices, "domain.devices.gpus": [GPU]}), cluster=EVERY_GATE) == []
