"""All rules on the spec of an instance, in the order in which KubeVirt evaluates them (reference kubevirt-validation.md 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.kinds.kubevirt.cluster import STANDARD, Cluster
from solovirt.kinds.kubevirt.rules import claims, devices, disks, networks, placing, scheduling, sizing, volumes
from solovirt.machinery.errors import Cause


def check(spec: Mapping[str, Any] | None, path: str, *, cluster: Cluster = STANDARD) -> list[Cause]:
    """
    Everything wrong with the spec at *path* (`spec`, `spec.template.spec`); empty if it is in order.

    The defaults are expected to be written already (`instance_defaults.default_spec`, on a copy where the object itself keeps what was
    sent). `check_discontinued` is for what existing objects may keep.
    """
    spec = spec or {}
    return [
        *sizing.check_names(spec, path),
        *sizing.check_memory(spec, path, cluster=cluster),
        *sizing.check_machine(spec, path, cluster=cluster),
        *devices.check_acpi(spec, path),
        *sizing.check_cpu(spec, path),
        *sizing.check_start_strategy(spec, path),
        *scheduling.check(spec, path),
        *networks.check(spec, path, cluster=cluster),
        *disks.check(spec, path, cluster=cluster),
        *devices.check_inputs(spec, path),
        *devices.check_io_threads(spec, path),
        *devices.check_probes(spec, path),
        *devices.check_firmware(spec, path),
        *volumes.check(spec, path, cluster=cluster),
        *volumes.check_access(spec, path),
        *placing.check_dns(spec, path),
        *placing.check_eviction(spec, path),
        *devices.check_devices(spec, path, cluster=cluster),
        *devices.check_launch_security(spec, path, cluster=cluster),
        *placing.check_service_account(spec, path),
        *claims.check(spec, path, cluster=cluster),
    ]


def check_discontinued(
    spec: Mapping[str, Any], path: str, *, cluster: Cluster = STANDARD
) -> tuple[list[Cause], list[Cause]]:
    """What a new object may not use any more: the causes of rule 189, which come before all others, and those of rule 123."""
    return networks.check_discontinued_gates(spec, cluster=cluster), networks.check_discontinued(spec, path)
