"""The admission of instance types and preferences themselves (reference kubevirt-validation.md 11 and 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solovirt.kinds.instancetype import names, topology
from solovirt.kinds.kubevirt import denial
from solovirt.machinery.admission import Admission, Behaviour

if TYPE_CHECKING:
    from solovirt.machinery.errors import Cause, FieldError
    from solovirt.machinery.resource import Document

_MOST_PERCENT = 100


class InstancetypeBehaviour(Behaviour):
    """Admission of VirtualMachineInstancetypes and of the cluster's."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        _refuse(_check_overcommit(obj["spec"]), admission)
        if obj["spec"].get("launchSecurity") is not None:
            admission.warnings.append(
                "launchSecurity is deprecated and will be removed in a future release. Use preference instead."
            )
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)


class PreferenceBehaviour(Behaviour):
    """Admission of VirtualMachinePreferences and of the cluster's."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        _refuse(_check_topology(obj["spec"]), admission)
        asked = (obj["spec"].get("cpu") or {}).get("preferredCPUTopology")
        if asked in topology.DEPRECATED:
            admission.warnings.append(
                f"PreferredCPUTopology {asked} is deprecated for removal in a future release, "
                f"please use {topology.DEPRECATED[asked]} instead"
            )
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)


def _refuse(causes: list[Cause], admission: Admission) -> None:
    if causes:
        raise denial.deny(f"{admission.resource.singular}-validator.{names.GROUP}", causes)


def _check_overcommit(spec: Document) -> list[Cause]:
    """Rules 252 and 253."""
    field, memory = "spec.memory.overcommitPercent", spec["memory"]
    percent = memory.get("overcommitPercent") or 0
    causes = []
    if not 0 <= percent <= _MOST_PERCENT:
        causes.append(denial.invalid(field, f"{field} '{percent}': must be in range between 0 and 100."))
    if percent and memory.get("hugepages") is not None:
        causes.append(denial.invalid(field, f"{field} and spec.memory.hugepages should not be requested together."))
    return causes


def _check_topology(spec: Document) -> list[Cause]:
    """Rules 254 and 255."""
    asked = (spec.get("cpu") or {}).get("preferredCPUTopology")
    causes = []
    if asked is not None and asked not in topology.DEPRECATED and asked not in topology.TOPOLOGIES:
        causes.append(denial.invalid("spec.cpu.preferredCPUTopology", f"unknown preferredCPUTopology {asked}"))
    if asked is None or topology.preferred(spec) != "spread":
        return causes
    across, ratio = topology.spread_of(spec)
    if across not in topology.SPREADS:
        causes.append(denial.invalid("spec.cpu.spreadOptions.across", f"across {across} is not supported"))
    elif across == "CoresThreads" and ratio != 2:
        text = "only a ratio of 2 (1 core 2 threads) is allowed when spreading vCPUs over cores and threads"
        causes.append(denial.invalid("spec.cpu.spreadOptions.ratio", text))
    return causes
