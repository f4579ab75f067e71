"""Whether an instance could be moved to another node while it runs (reference kubevirt-vm.md 9.2, LiveMigratable)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from solovirt.kinds.kubevirt.rules.volumes import claim_name
from solovirt.machinery.resource import Document

_BRIDGE_ALLOWED = "kubevirt.io/allow-pod-bridge-network-live-migration"


class Obstacle(NamedTuple):
    """Why not, as the condition says it."""

    reason: str
    message: str


def obstacle(instance: Document, claims: Mapping[str, Document]) -> Obstacle | None:
    """The first thing in the way of a live migration, or None."""
    spec = instance["spec"]
    if found := _disks(spec, claims):
        return found
    if found := _interfaces(instance):
        return found
    devices = spec["domain"]["devices"]
    if devices.get("hostDevices") or devices.get("gpus"):
        return Obstacle("HostDeviceNotLiveMigratable", "VMI uses a PCI host devices")
    if (spec["domain"].get("cpu") or {}).get("model") == "host-passthrough":
        return Obstacle("CPUModeLiveMigratable", "VMI uses host-passthrough CPU mode")
    security = spec["domain"].get("launchSecurity") or {}
    for kind, label in (("sev", "SEV"), ("snp", "SEV"), ("tdx", "TDX")):
        if security.get(kind) is not None:
            return Obstacle(f"{label}NotLiveMigratable", f"VMI uses {kind.upper()}")
    if (spec["domain"].get("features") or {}).get("hypervPassthrough", {}).get("enabled"):
        return Obstacle("HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough")
    return None


def method(spec: Document, claims: Mapping[str, Document]) -> str:
    """`status.migrationMethod`: whether disks that live on the node have to be copied."""
    copied = any(claim_name(volume) is None for volume in spec.get("volumes") or ())
    return "BlockMigration" if copied or _disks(spec, claims) else "LiveMigration"


def _disks(spec: Document, claims: Mapping[str, Document]) -> Obstacle | None:
    for volume in spec.get("volumes") or ():
        if volume.get("hostDisk") is not None:
            return Obstacle("DisksNotLiveMigratable", "cannot migrate VMI with non-shared HostDisk")
        name = claim_name(volume)
        if name is None or volume.get("ephemeral") is not None:
            continue
        modes = ((claims.get(name) or {}).get("spec") or {}).get("accessModes") or ()
        if "ReadWriteMany" not in modes:
            text = (
                f"cannot migrate VMI: PVC {name} is not shared, live migration requires that all PVCs must be shared "
                "(using ReadWriteMany access mode)"
            )
            return Obstacle("DisksNotLiveMigratable", text)
    return None


def _interfaces(instance: Document) -> Obstacle | None:
    spec = instance["spec"]
    pods = {network["name"] for network in spec.get("networks") or () if network.get("pod") is not None}
    allowed = _BRIDGE_ALLOWED in (instance["metadata"].get("annotations") or {})
    for interface in spec["domain"]["devices"].get("interfaces") or ():
        if interface["name"] in pods and interface.get("bridge") is not None and not allowed:
            text = (
                f"cannot migrate VMI which does not use masquerade, bridge with {_BRIDGE_ALLOWED} VM annotation "
                "or a migratable plugin to connect to the pod network"
            )
            return Obstacle("InterfaceNotLiveMigratable", text)
    return None
