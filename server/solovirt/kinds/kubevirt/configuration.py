"""
The configuration in force, read from the KubeVirt CR each time somebody asks.

A change of the CR holds for the next write. The CR is parsed once for each of its versions: what was read is kept by the bytes it was
read from, which are the same object as long as nobody writes the CR, so that asking again costs one look into a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol

import orjson

from solovirt.kinds.kubevirt import feature_gates, names
from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store.protocol import Record

_ARCHITECTURES = ("amd64", "arm64", "s390x")
_KEPT = 32
"""Versions of KubeVirt CRs that are remembered: one for each control plane of the process would do."""


class Records(Protocol):
    """Where the KubeVirt CR is found: `Admission.lookup`, or a controller's `Objects`."""

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]: ...


def in_force(records: Records) -> Cluster:
    """What the KubeVirt CR says, or what holds without one. There is at most one (rule 256)."""
    record = next(iter(records.records(names.KUBEVIRTS)), None)
    return STANDARD if record is None else _parsed(record.key.namespace, record.body)


@lru_cache(maxsize=_KEPT)
def _parsed(namespace: str, body: bytes) -> Cluster:
    return read(orjson.loads(b"{" + body), namespace)


class Current:
    """The configuration in force, for controllers: call it each time it is needed. It is read once for each version of the CR."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __call__(self) -> Cluster:
        return in_force(self._records)


def read(installation: Mapping[str, Any], namespace: str) -> Cluster:
    """The configuration that the KubeVirt CR *installation* in *namespace* asks for; what it leaves open is as in `STANDARD`."""
    spec = installation.get("spec") or {}
    config = spec.get("configuration") or {}
    developer = config.get("developerConfiguration") or {}
    network = config.get("network") or {}
    live_update = config.get("liveUpdateConfiguration") or {}
    architectures = config.get("architectureConfiguration") or {}
    enabled = tuple(developer.get("featureGates") or ())
    bridge = network.get("permitBridgeInterfaceOnPodNetwork")
    return Cluster(
        architecture=architectures.get("defaultArchitecture") or STANDARD.architecture,
        machine_types=_machine_types(config, architectures),
        emulated_machines=_emulated_machines(config, architectures),
        network_interface=network.get("defaultNetworkInterface") or STANDARD.network_interface,
        bridge_on_pod_network=STANDARD.bridge_on_pod_network if bridge is None else bridge,
        cpu_model=config.get("cpuModel") or "",
        min_cpu_model=config.get("minCPUModel") or "",
        obsolete_cpu_models=frozenset(
            model for model, is_obsolete in (config.get("obsoleteCPUModels") or {}).items() if is_obsolete
        ),
        cpu_request=str(config.get("cpuRequest") or ""),
        cpu_allocation_ratio=developer.get("cpuAllocationRatio") or STANDARD.cpu_allocation_ratio,
        memory_overcommit=developer.get("memoryOvercommit") or STANDARD.memory_overcommit,
        max_cpu_sockets=live_update.get("maxCpuSockets") or 0,
        max_guest=str(live_update.get("maxGuest") or ""),
        max_hotplug_ratio=live_update.get("maxHotplugRatio") or STANDARD.max_hotplug_ratio,
        eviction_strategy=config.get("evictionStrategy") or STANDARD.eviction_strategy,
        live_update=(config.get("vmRolloutStrategy") or "LiveUpdate") == "LiveUpdate",
        features=feature_gates.in_force(enabled, developer.get("disabledFeatureGates") or ()),
        listed_gates=enabled,
        persistent_reservation=(
            bool((config.get("persistentReservationConfiguration") or {}).get("enabled"))
            or "PersistentReservation" in enabled
        ),
        instancetype_reference_policy=(
            (config.get("instancetype") or {}).get("referencePolicy") or STANDARD.instancetype_reference_policy
        ),
        permitted_host_devices=frozenset(
            device["resourceName"]
            for devices in (config.get("permittedHostDevices") or {}).values()
            for device in devices or ()
        ),
        migrations=config.get("migrations") or {},
        workload_updates=tuple((spec.get("workloadUpdateStrategy") or {}).get("workloadUpdateMethods") or ()),
        namespace=namespace,
    )


def _machine_types(config: Mapping[str, Any], architectures: Mapping[str, Any]) -> Mapping[str, str]:
    """The older `machineType` counts for all architectures, before what is said for one."""
    if everywhere := config.get("machineType"):
        return dict.fromkeys(_ARCHITECTURES, everywhere)
    given = {name: (architectures.get(name) or {}).get("machineType") for name in _ARCHITECTURES}
    return {**STANDARD.machine_types, **{name: machine for name, machine in given.items() if machine}}


def _emulated_machines(config: Mapping[str, Any], architectures: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    if (everywhere := config.get("emulatedMachines")) is not None:
        return dict.fromkeys(_ARCHITECTURES, tuple(everywhere))
    given = {name: (architectures.get(name) or {}).get("emulatedMachines") for name in _ARCHITECTURES}
    return {**STANDARD.emulated_machines, **{name: tuple(globs) for name, globs in given.items() if globs}}
