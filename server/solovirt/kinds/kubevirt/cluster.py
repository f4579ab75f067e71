"""
What is known of the installation: the parts of the KubeVirt CR's configuration that defaults, rules and controllers ask for.

The defaults are those of a KubeVirt without any configuration (reference kubevirt-vm.md 6.2 and 14); `configuration` reads the one in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from solovirt.kinds.kubevirt import feature_gates

FEATURES_ON = feature_gates.in_force()
"""The gates that are open unless somebody shuts them."""

_EMULATED_MACHINES = {"amd64": ("q35*", "pc-q35*"), "arm64": ("virt*",), "s390x": ("s390-ccw-virtio*",)}
_MACHINE_TYPES = {"amd64": "q35", "arm64": "virt", "s390x": "s390-ccw-virtio"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The configuration in force."""

    architecture: str = "amd64"
    """Of instances that name none."""
    machine_types: Mapping[str, str] = field(default_factory=lambda: dict(_MACHINE_TYPES))
    emulated_machines: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(_EMULATED_MACHINES))
    network_interface: str = "bridge"
    """The binding of the interface that is added if there is none."""
    bridge_on_pod_network: bool = True
    cpu_model: str = ""
    min_cpu_model: str = ""
    obsolete_cpu_models: frozenset[str] = frozenset()
    cpu_request: str = ""
    """Written as requests.cpu if neither a request nor a limit is given; empty writes nothing."""
    cpu_allocation_ratio: int = 10
    """How many virtual CPUs share one of a node's."""
    memory_overcommit: int = 100
    """How many per cent of what is requested of a node a guest sees."""
    max_cpu_sockets: int = 0
    """0: four times what is asked for."""
    max_guest: str = ""
    """Empty: four times what is asked for."""
    max_hotplug_ratio: int = 4
    eviction_strategy: str = "None"
    live_update: bool = True
    """vmRolloutStrategy is LiveUpdate."""
    features: frozenset[str] = FEATURES_ON
    listed_gates: tuple[str, ...] = ()
    """The feature gates that the KubeVirt CR lists, of whatever state."""
    persistent_reservation: bool = False
    instancetype_reference_policy: str = "reference"
    permitted_host_devices: frozenset[str] = frozenset()
    """Resource names of devices of nodes that instances may use."""
    migrations: Mapping[str, Any] = field(default_factory=dict)
    """`spec.configuration.migrations` as it is."""
    workload_updates: tuple[str, ...] = ()
    """How running instances may be brought up to date: `LiveMigrate`, `Evict`."""
    namespace: str = "kubevirt"
    """Where KubeVirt is installed: its service accounts live there."""
    launcher_image: str = "quay.io/kubevirt/virt-launcher:v1.9.0"

    def has(self, feature: str) -> bool:
        return feature in self.features

    def machine_type(self, architecture: str) -> str:
        return self.machine_types.get(architecture, "q35")


STANDARD = Cluster()
"""An installation that nobody configured."""
