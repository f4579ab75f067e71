"""Metrics about VirtualMachineInstances: names, labels and help as in KubeVirt 1.9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from solovirt.controllers.metrics.lookup import Snapshot
from solovirt.controllers.metrics.machines import ANNOTATIONS, said_by_annotations
from solovirt.controllers.metrics.networks import interfaces
from solovirt.controllers.virtual_machine_instance import launcher_pod, sizes
from solovirt.kinds.instancetype import names as instancetype
from solovirt.kinds.kubevirt import names
from solovirt.machinery import quantity
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.exposition import Family
from solovirt.machinery.resource import Document, ObjectKey

_GUEST_OS = ("guest_os_kernel_release", "guest_os_machine", "guest_os_arch", "guest_os_name", "guest_os_version_id")
_OF_PHASES = ("node", "phase", *ANNOTATIONS, "instance_type", "preference", *_GUEST_OS)
# Annotations that say which instance type or preference was applied, and where to find it.
_APPLIED = {
    "instance_type": (
        ("kubevirt.io/instancetype-name", instancetype.INSTANCETYPES, True),
        ("kubevirt.io/cluster-instancetype-name", instancetype.CLUSTER_INSTANCETYPES, False),
    ),
    "preference": (
        ("kubevirt.io/preference-name", instancetype.PREFERENCES, True),
        ("kubevirt.io/cluster-preference-name", instancetype.CLUSTER_PREFERENCES, False),
    ),
}


class _Families:
    def __init__(self) -> None:
        at = ("node", "namespace", "name")
        self.info = Family(
            "kubevirt_vmi_info",
            "Information about VirtualMachineInstances.",
            (*at, "phase", *ANNOTATIONS, "instance_type", "preference", *_GUEST_OS, "evictable", "outdated", "vmi_pod"),
        )
        self.stuck = Family(
            "kubevirt_vmi_non_evictable",
            "Indication for a VirtualMachine that its eviction strategy is set to Live Migration but is not migratable.",
            at,
        )
        self.addresses = Family(
            "kubevirt_vmi_status_addresses",
            "The addresses of a VirtualMachineInstance. This metric provides the address of an available network interface "
            "associated with the VMI in the 'address' label, and about the type of address, such as internal IP, in the "
            "'type' label.",
            (*at, "vnic_name", "interface_name", "address", "type"),
        )
        self.migration_start = Family(
            "kubevirt_vmi_migration_start_time_seconds",
            "The time at which the migration started.",
            (*at, "migration_name"),
        )
        self.migration_end = Family(
            "kubevirt_vmi_migration_end_time_seconds",
            "The time at which the migration ended.",
            (*at, "migration_name", "status"),
        )
        self.nics = Family(
            "kubevirt_vmi_vnic_info",
            "Details of VirtualMachineInstance (VMI) vNIC interfaces, such as vNIC name, binding type, network name, and "
            "binding name for each vNIC of a running instance.",
            ("name", "namespace", "vnic_name", "binding_type", "network", "binding_name", "model"),
        )
        self.overhead = Family(
            "kubevirt_vmi_launcher_memory_overhead_bytes",
            "Estimation of the memory amount required for virt-launcher's infrastructure components (e.g. libvirt, QEMU).",
            ("namespace", "name"),
        )
        self.outdated = Family(
            "kubevirt_vmi_number_of_outdated",
            "Indication for the total number of VirtualMachineInstance workloads that are not running within the most "
            "up-to-date version of the virt-launcher environment.",
        )
        self.phases = Family(
            "node:kubevirt_vmi_phase:sum",
            "Sum of VMIs per phase and node. `phase` can be one of the following: [`Pending`, `Scheduling`, `Scheduled`, "
            "`Running`, `Succeeded`, `Failed`, `Unknown`].",
            _OF_PHASES,
        )
        self.phase_count = Family(
            "kubevirt_vmi_phase_count", "[Deprecated] Replaced by node:kubevirt_vmi_phase:sum.", _OF_PHASES
        )

    def all(self) -> Iterator[Family]:
        yield from (self.info, self.stuck, self.addresses, self.migration_start, self.migration_end, self.nics)
        yield from (self.overhead, self.outdated, self.phases, self.phase_count)


def families(snapshot: Snapshot) -> Iterator[Family]:
    out = _Families()
    phases: Counter[tuple[str, ...]] = Counter()
    outdated = 0
    migrations = {
        one["metadata"]["uid"]: one["metadata"]["name"]
        for one in snapshot.documents(names.VIRTUAL_MACHINE_INSTANCE_MIGRATIONS)
    }
    for instance in snapshot.documents(names.VIRTUAL_MACHINE_INSTANCES):
        metadata, status = instance["metadata"], instance.get("status") or {}
        at = (status.get("nodeName") or "", metadata["namespace"], metadata["name"])
        is_outdated = names.OUTDATED_LAUNCHER_LABEL in (metadata.get("labels") or {})
        outdated += is_outdated
        evictable = _is_evictable(instance)
        described = (*said_by_annotations(metadata.get("annotations")), *_applied(instance, snapshot), *_guest(status))
        phase = (status.get("phase") or "").lower()
        told = (_said(evictable), _said(is_outdated), _pod(instance, status))
        out.info.add((*at, phase, *described, *told), 1)
        phases[at[0], phase, *described] += 1
        out.stuck.add(at, 0 if evictable else 1)
        _tell_addresses(out, at, status)
        _tell_migration(out, at, status.get("migrationState") or {}, migrations)
        for nic in interfaces(instance["spec"]):
            out.nics.add((metadata["name"], metadata["namespace"], *nic), 1)
        out.overhead.add((metadata["namespace"], metadata["name"]), _overhead(instance, status))
    out.outdated.add((), outdated)
    for labels, number in phases.items():
        out.phases.add(labels, number)
        out.phase_count.add(labels, number)
    yield from out.all()


def _said(value: object) -> str:
    return "true" if value else "false"


def _applied(instance: Document, snapshot: Snapshot) -> list[str]:
    annotations = instance["metadata"].get("annotations") or {}
    out = []
    for places in _APPLIED.values():
        found = ""
        for annotation, resource, is_namespaced in places:
            if (name := annotations.get(annotation)) is not None:
                namespace = instance["metadata"]["namespace"] if is_namespaced else ""
                found = snapshot.vendored(resource, ObjectKey(namespace, name))
                break
        out.append(found)
    return out


def _guest(status: Document) -> list[str]:
    system, machine = status.get("guestOSInfo") or {}, status.get("machine") or {}
    return [
        system.get("kernelRelease") or "",
        machine.get("type") or "",
        system.get("machine") or "",
        system.get("name") or "",
        system.get("versionId") or "",
    ]


def _is_evictable(instance: Document) -> bool:
    """An instance that wants to be migrated when its node is drained has to be able to; until that is known it counts as unable."""
    if instance["spec"].get("evictionStrategy") != "LiveMigrate":
        return True
    listed = (instance.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "LiveMigratable" and one["status"] != "False" for one in listed)


def _pod(instance: Document, status: Document) -> str:
    return launcher_pod.key_of(instance).name if status.get("phase") in ("Scheduled", "Running") else ""


def _tell_addresses(out: _Families, at: tuple[str, str, str], status: Document) -> None:
    for interface in status.get("interfaces") or ():
        address, name = interface.get("ipAddress") or "", interface.get("name") or ""
        inside = interface.get("interfaceName") or ""
        if address or name or inside:
            out.addresses.add((*at, name, inside, address, "ExternalInterface" if address else "SystemInterface"), 1)


def _tell_migration(out: _Families, at: tuple[str, str, str], state: Document, migrations: dict[Any, str]) -> None:
    name = migrations.get(state.get("migrationUid"), "")
    if begun := state.get("startTimestamp"):
        out.migration_start.add((*at, name), int(parse_timestamp(begun).timestamp()))
    if ended := state.get("endTimestamp"):
        result = ("failed" if state.get("failed") else "succeeded") if state.get("completed") else ""
        out.migration_end.add((*at, name, result), int(parse_timestamp(ended).timestamp()))


def _overhead(instance: Document, status: Document) -> int:
    told = (status.get("memory") or {}).get("memoryOverhead")
    return quantity.whole(told) if told is not None else sizes.overhead(instance["spec"])
