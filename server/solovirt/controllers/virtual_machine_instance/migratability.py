"""
Whether an instance could be moved to another node while it runs, and its volumes to others (reference kubevirt-vm.md 9.2).

The conditions LiveMigratable, which names the first obstacle, and StorageLiveMigratable, which names all that concern it. The order and the words
are virt-handler's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.kinds.kubevirt.rules.volumes import claim_name
from solovirt.machinery.resource import Document

_BRIDGE_ALLOWED = "kubevirt.io/allow-pod-bridge-network-live-migration"
_NO_TSC = (
    "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster: "
    "guest timers might be inconsistent"
)


class Obstacle(NamedTuple):
    """Why not, as the condition says it."""

    reason: str
    message: str


def obstacle(instance: Document, claims: Mapping[str, Document], *, cluster: Cluster) -> Obstacle | None:
    """The first thing in the way of a live migration, or None."""
    return next(_of_machine(instance, cluster), None) or _disks(instance, claims)


def storage_obstacle(instance: Document, *, cluster: Cluster) -> Obstacle | None:
    """All that is in the way of moving the instance's volumes while it runs, or None."""
    found = [one for one in _of_machine(instance, cluster) if one.reason != "SecureExecutionNotLiveMigratable"]
    disks = instance["spec"]["domain"]["devices"].get("disks") or ()
    if any((disk.get("lun") or {}).get("reservation") for disk in disks):
        found.append(Obstacle("PersistentReservationNotLiveMigratable", "VMI uses SCSI persistent reservation"))
    if not found:
        return None
    return Obstacle("NotMigratable", ", ".join(f"{one.reason}: {one.message}" for one in found))


def method(instance: Document, claims: Mapping[str, Document]) -> str:
    """`status.migrationMethod`: whether disks that live on the node have to be copied."""
    spec = instance["spec"]
    shared = {one["name"] for one in spec["domain"]["devices"].get("filesystems") or ()} | _read_only(spec)
    copied = any(
        claim_name(volume) is None and volume.get("hostDisk") is None and volume["name"] not in shared
        for volume in spec.get("volumes") or ()
    )
    migrated = (instance.get("status") or {}).get("migratedVolumes")
    return "BlockMigration" if copied or migrated or _disks(instance, claims) else "LiveMigration"


def _of_machine(instance: Document, cluster: Cluster) -> Iterator[Obstacle]:
    """What is in the way beside disks."""
    domain = instance["spec"]["domain"]
    if found := _interfaces(instance):
        yield found
    if why := _devices(domain["devices"], cluster):
        yield Obstacle("HostDeviceNotLiveMigratable", why)
    security = domain.get("launchSecurity")
    if security is not None:
        if security.get("sev") is not None or security.get("snp") is not None:
            yield Obstacle("SEVNotLiveMigratable", "VMI uses SEV")
        elif security.get("tdx") is not None:
            yield Obstacle("TDXNotLiveMigratable", "VMI uses TDX")
        elif instance["spec"].get("architecture") == "s390x":
            yield Obstacle("SecureExecutionNotLiveMigratable", "VMI uses Secure Execution")
    features = domain.get("features") or {}
    if _is_on((features.get("hyperv") or {}).get("reenlightenment")) and not _has_frequency(instance):
        yield Obstacle("NoTSCFrequencyNotLiveMigratable", _NO_TSC)
    if _is_on(features.get("hypervPassthrough")):
        yield Obstacle("HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough")


def _is_on(feature: Mapping[str, Any] | None) -> bool:
    return feature is not None and feature.get("enabled") is not False


def _has_frequency(instance: Document) -> bool:
    hints = (instance.get("status") or {}).get("topologyHints") or {}
    return hints.get("tscFrequency") is not None


def _devices(devices: Mapping[str, Any], cluster: Cluster) -> str:
    if devices.get("hostDevices"):
        return "VMI specifies non-migratable generic PCI host device"
    gpus = devices.get("gpus") or ()
    if len(gpus) > 1:
        return "VMI specifies too many GPUs"
    if gpus and not cluster.has("VGPULiveMigration"):
        return "VMI specifies a GPU but feature gate VGPULiveMigration is not enabled"
    return ""


def _disks(instance: Document, claims: Mapping[str, Document]) -> Obstacle | None:
    must = "live migration requires that all PVCs must be shared (using ReadWriteMany access mode)"
    migrated = {one.get("volumeName") for one in (instance.get("status") or {}).get("migratedVolumes") or ()}
    for volume in instance["spec"].get("volumes") or ():
        disk = volume.get("hostDisk")
        if disk is not None and not disk.get("shared"):
            return Obstacle("DisksNotLiveMigratable", "cannot migrate VMI with non-shared HostDisk")
        name = claim_name(volume)
        if name is None or volume.get("ephemeral") is not None or volume["name"] in migrated:
            continue
        claim = claims.get(name)
        if claim is None:
            text = f"cannot migrate VMI: Unable to determine if PVC {name} is shared, {must}"
            return Obstacle("DisksNotLiveMigratable", text)
        if "ReadWriteMany" not in ((claim.get("spec") or {}).get("accessModes") or ()):
            return Obstacle("DisksNotLiveMigratable", f"cannot migrate VMI: PVC {name} is not shared, {must}")
    return None


def _read_only(spec: Mapping[str, Any]) -> set[str]:
    """The names of CD-ROMs that the guest can't write."""
    return {
        disk["name"]
        for disk in spec["domain"]["devices"].get("disks") or ()
        if disk.get("cdrom") is not None and disk["cdrom"].get("readonly") is not False
    }


def _interfaces(instance: Document) -> Obstacle | None:
    spec = instance["spec"]
    pod = next((network["name"] for network in spec.get("networks") or () if network.get("pod") is not None), None)
    interfaces = spec["domain"]["devices"].get("interfaces") or ()
    if pod is None or not interfaces:
        return None
    primary = next((one for one in interfaces if one["name"] == pod), None)
    if primary is None:
        return Obstacle("InterfaceNotLiveMigratable", f"no primary interface found for network {pod}")
    if primary.get("masquerade") is not None or primary.get("passtBinding") is not None:
        return None
    if primary.get("bridge") is not None and _BRIDGE_ALLOWED in (instance["metadata"].get("annotations") or {}):
        return None
    text = "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the pod network"
    return Obstacle("InterfaceNotLiveMigratable", text)
