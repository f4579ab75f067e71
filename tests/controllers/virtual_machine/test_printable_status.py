"""The order of reference kubevirt-vm.md 4.1: each word by itself, and before those that come after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from solovirt.controllers.virtual_machine.printable_status import Situation, printable_status

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def condition(type: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"type": type, "status": status, "reason": reason}


def situation(
    *,
    strategy: str = "Always",
    phase: str | None = None,
    deleting: bool = False,
    conditions: tuple[dict[str, Any], ...] = (),
    vm_deleting: bool = False,
    failures: int = 0,
    migration: dict[str, Any] | None = None,
    data_volumes: tuple[dict[str, Any], ...] = (),
    claims: tuple[str, ...] = (),
) -> Situation:
    vm: dict[str, Any] = {"metadata": {}, "spec": {"runStrategy": strategy}, "status": {}}
    if vm_deleting:
        vm["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if failures:
        vm["status"]["startFailure"] = {"consecutiveFailCount": failures}
    instance: dict[str, Any] | None = None
    if phase is not None:
        instance = {"metadata": {"uid": "u"}, "status": {"phase": phase, "conditions": list(conditions)}}
        if migration:
            instance["status"]["migrationState"] = migration
        if deleting:
            instance["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return Situation(vm, instance, NOW, data_volumes, tuple({"status": {"phase": one}} for one in claims))


def volume(phase: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"phase": phase, "conditions": list(conditions)}}


PVC_MISSING = condition("Synchronized", "False", "FailedPvcNotFound")
PULL = condition("Synchronized", "False", "ErrImagePull")
PULL_BACK_OFF = condition("Synchronized", "False", "ImagePullBackOff")
UNSCHEDULABLE = condition("PodScheduled", "False", "Unschedulable")
PAUSED = condition("Paused", "True", "PausedByUser")
BOUND = condition("Bound", "True")
IMPORTING = volume("ImportInProgress", BOUND)
BROKEN = volume("ImportInProgress", BOUND, condition("Running", "False", "Error"))
BEGAN = {"startTimestamp": "2026-01-01T11:00:00Z"}


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ("Terminating", {"phase": "Running", "vm_deleting": True}),
        ("Stopping", {"phase": "Running", "deleting": True, "conditions": (PAUSED,)}),
        ("Stopping", {"phase": "Scheduling", "deleting": True}),
        ("Migrating", {"phase": "Running", "migration": BEGAN, "conditions": (PAUSED,)}),
        ("Running", {"phase": "Running", "migration": {**BEGAN, "endTimestamp": "2026-01-01T11:30:00Z"}}),
        ("Paused", {"phase": "Running", "conditions": (PAUSED,)}),
        ("Running", {"phase": "Running", "data_volumes": (BROKEN,)}),
        ("ErrorPvcNotFound", {"phase": "Pending", "conditions": (PVC_MISSING,), "data_volumes": (BROKEN,)}),
        ("DataVolumeError", {"data_volumes": (BROKEN,)}),
        ("DataVolumeError", {"data_volumes": (volume("Failed"),), "phase": "Pending", "conditions": (UNSCHEDULABLE,)}),
        (
            "DataVolumeError",
            {"data_volumes": (volume("ImportInProgress", condition("Running", "False", "ImagePullFailed")),)},
        ),
        ("ErrorUnschedulable", {"phase": "Scheduling", "conditions": (UNSCHEDULABLE,), "data_volumes": (IMPORTING,)}),
        ("Provisioning", {"data_volumes": (IMPORTING,), "claims": ("Pending",)}),
        ("Provisioning", {"data_volumes": (IMPORTING,), "strategy": "Halted"}),
        ("Provisioning", {"data_volumes": (volume("WaitForFirstConsumer", BOUND),)}),
        ("WaitingForVolumeBinding", {"data_volumes": (volume("WaitForFirstConsumer"),), "claims": ("Pending",)}),
        ("WaitingForVolumeBinding", {"phase": "Pending", "claims": ("Bound", "Pending"), "conditions": (PULL,)}),
        ("WaitingForVolumeBinding", {"phase": "Failed", "strategy": "RerunOnFailure", "claims": ("Pending",)}),
        ("WaitingForVolumeBinding", {"strategy": "Once", "claims": ("Pending",)}),
        ("Starting", {"phase": "Pending", "strategy": "Once", "claims": ("Pending",)}),
        ("Stopped", {"phase": "Succeeded", "strategy": "RerunOnFailure", "claims": ("Pending",)}),
        ("Stopped", {"strategy": "Halted", "claims": ("Pending",)}),
        ("Stopped", {"strategy": "WaitAsReceiver", "claims": ("Pending",)}),
        ("ErrImagePull", {"phase": "Scheduling", "conditions": (PULL,)}),
        ("ImagePullBackOff", {"phase": "Scheduling", "conditions": (PULL_BACK_OFF,)}),
        *(("Starting", {"phase": phase}) for phase in ("", "Pending", "Scheduling", "Scheduled")),
        ("CrashLoopBackOff", {"failures": 1}),
        ("CrashLoopBackOff", {"failures": 1, "phase": "Failed", "strategy": "RerunOnFailure"}),
        ("CrashLoopBackOff", {"failures": 1, "phase": "Failed", "strategy": "Once"}),
        ("Stopped", {"failures": 1, "strategy": "Manual"}),
        ("Stopped", {"phase": "Succeeded"}),
        ("Stopped", {"phase": "Failed", "deleting": True}),
        ("Stopped", {"strategy": "Halted"}),
        ("WaitingForReceiver", {"phase": "WaitingForSync", "strategy": "WaitAsReceiver"}),
        ("Unknown", {"phase": "Unknown"}),
    ],
)
def test_the_first_claim_that_holds_is_the_word(expected, given):
    assert printable_status(situation(**given)) == expected
