"""Rules for new instances alone (kubevirt-validation.md 6), and on their metadata (4)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.kubevirt.rules import creation, metadata
from tests.kinds.kubevirt.admitted import CONTROLLER, USER, cluster
from tests.kinds.kubevirt.rules.specs import INVALID, REQUIRED, UNSUPPORTED, changed

HYPERV = "spec.domain.features.hyperv"
ARM = {"architecture": "arm64"}
NO_MEMORY = (
    "no memory requested, at least one of 'spec.domain.memory.guest', 'spec.domain.memory.hugepages.pageSize' or "
    "'spec.domain.resources.requests.memory' must be set"
)
SHARE = {"volumes.2": {"name": "share", "containerPath": {"path": "/data"}}}
ON_FILESYSTEM = {"domain.devices.filesystems": [{"name": "share", "virtiofs": {}}]}


def hyperv(**features: Any) -> dict[str, Any]:
    return {"domain.features.hyperv": features}


def evmcs(*features: dict[str, str]) -> dict[str, Any]:
    return {**hyperv(evmcs={}, vapic={}), "domain.cpu.features": list(features)}


ROWS = [
    (190, {"volumes.2": {"name": "lost", "emptyDisk": {"capacity": "1Gi"}}}, "spec.domain.volumes[2].name", INVALID, "spec.domain.volumes[2].name 'lost' not found."),
    (191, {**SHARE, "domain.devices.disks.2": {"name": "share", "disk": {}}}, "spec.domain.volumes[2]", INVALID, "ContainerPath volume 'share' must be mapped to a filesystem, not a disk"),
    (191, SHARE, "spec.domain.volumes[2]", INVALID, "ContainerPath volume 'share' must have a matching filesystem defined in spec.domain.devices.filesystems"),
    (191, {**ON_FILESYSTEM, "volumes.2": {"name": "share", "containerPath": {"path": "/var/run/libvirt/x"}}}, "spec.domain.volumes[2]", INVALID, "ContainerPath volume 'share' uses reserved path prefix '/var/run/libvirt'"),
    (192, {"domain.memory": {}}, None, REQUIRED, NO_MEMORY),
    (193, hyperv(synic={"enabled": True}, vpindex={"enabled": False}), f"{HYPERV}.synic", INVALID, f"'{HYPERV}.synic' requires '{HYPERV}.vpindex', which was disabled."),
    (193, hyperv(synictimer={}), f"{HYPERV}.synic", INVALID, f"'{HYPERV}.synic' is missing"),
    (194, {**hyperv(relaxed={}), "domain.features.hypervPassthrough": {"enabled": True}}, HYPERV, INVALID, "Cannot explicitly set hyperV features if HypervPassthrough is being used. Please use either HyperV or HypervPassthrough."),
    (195, evmcs(), "spec.domain.cpu.features", REQUIRED, "vmx cpu feature is required when evmcs is set"),
    (195, evmcs({"name": "vmx", "policy": "optional"}), "spec.domain.cpu.features[0].policy", INVALID, "vmx cpu feature has to be set to require policy"),
    (196, {"architecture": "riscv64"}, "spec.architecture", INVALID, "unsupported architecture: riscv64"),
    (197, {"domain.devices.video": {"type": "qxl"}}, "spec.domain.devices.video.type", UNSUPPORTED, "video model 'qxl' is not supported on amd64 architecture"),
    (197, {"domain.devices.watchdog": {"name": "w", "diag288": {}}}, "spec.domain.devices.watchdog", UNSUPPORTED, "amd64 only supports I6300ESB watchdog device"),
    (198, {**ARM, "domain.firmware.bootloader": {"bios": {}}}, "spec.domain.firmware.bootloader.bios", UNSUPPORTED, "Arm64 does not support bios boot, please change to uefi boot"),
    (198, {**ARM, "domain.cpu.model": "Haswell"}, "spec.domain.cpu.model", UNSUPPORTED, "currently, host-passthrough is the only model supported on Arm64"),
    (198, {**ARM, "domain.devices.disks.0.disk.bus": "sata"}, "spec.domain.devices.disks[0].disk.bus", UNSUPPORTED, "Arm64 not support this disk bus type, please use virtio or scsi"),
    (198, {**ARM, "domain.devices.watchdog": {"name": "w", "i6300esb": {}}}, "spec.domain.devices.watchdog", UNSUPPORTED, "Arm64 not support Watchdog device"),
    (198, {**ARM, "domain.devices.sound": {"name": "s"}}, "spec.domain.devices.sound", UNSUPPORTED, "Arm64 not support sound device"),
    (198, {**ARM, "domain.devices.video": {"type": "vga"}}, "spec.domain.devices.video.type", UNSUPPORTED, "video model 'vga' is not supported on arm64 architecture"),
    (199, {"architecture": "s390x", "domain.devices.watchdog": {"name": "w", "i6300esb": {}}}, "spec.domain.devices.watchdog", UNSUPPORTED, "s390x only supports Diag288 watchdog device"),
    (199, {"architecture": "s390x", "domain.devices.video": {"type": "vga"}}, "spec.domain.devices.video.type", UNSUPPORTED, "video model 'vga' is not supported on s390x architecture"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "field", "reason", "message"), ROWS)
def test_a_broken_rule_gives_its_cause(rule, changes, field, reason, message):
    found = [(cause.field, cause.reason, cause.message) for cause in creation.check(changed(changes))]
    assert (field, reason, message) in found, rule


@pytest.mark.parametrize(
    "changes", [{}, {**SHARE, **ON_FILESYSTEM}, {"volumes.2": {"name": "d", "memoryDump": {"claimName": "c"}}}]
)
def test_what_is_in_order_passes(changes):
    """Rules 190 and 191."""
    assert list(creation.check(changed(changes))) == []


RESERVED = "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited"


@pytest.mark.parametrize(
    "label", ["created-by", "migrationJobUID", "nodeName", "migrationTargetNodeName", "schedulable", "install-strategy"]
)
def test_reserved_labels_are_kubevirts(label):
    """Rule 66."""
    labelled = {"labels": {f"kubevirt.io/{label}": "x"}}
    found = metadata.check(labelled, "metadata", user=USER)
    assert [(cause.reason, cause.field, cause.message) for cause in found] == [
        (UNSUPPORTED, "metadata.labels", RESERVED)
    ]
    assert metadata.check(labelled, "metadata", user=CONTROLLER) == []


ANNOTATIONS = "spec.template.metadata.annotations"


@pytest.mark.parametrize(
    ("key", "gate", "text"),
    [
        ("kubevirt.io/ignitiondata", "ExperimentalIgnitionSupport", "ExperimentalIgnitionSupport feature gate is not enabled in kubevirt-config, invalid entry {}"),
        ("hooks.kubevirt.io/hookSidecars", "Sidecar", "sidecar feature gate is not enabled in kubevirt-config, invalid entry {}"),
    ],
)  # fmt: skip
def test_annotations_behind_gates(key, gate, text):
    """Rules 67 and 68."""
    annotated = {"annotations": {key: "x"}}
    found = metadata.check(annotated, "spec.template.metadata")
    message = text.format(f"{ANNOTATIONS}.{key}")
    assert [(cause.reason, cause.field, cause.message) for cause in found] == [(INVALID, ANNOTATIONS, message)]
    assert metadata.check(annotated, "spec.template.metadata", cluster=cluster(gate)) == []
