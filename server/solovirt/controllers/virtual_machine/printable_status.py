"""
`status.printableStatus`: one word for people (reference kubevirt-vm.md 4.1).

The words are tried in a fixed order and the first whose claim holds is the answer; the table below is that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from solovirt.controllers.virtual_machine import run_strategy
from solovirt.kinds.kubevirt import names
from solovirt.kinds.kubevirt.run_strategy import RunStrategy, effective
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.resource import Document

_READY_DATA_VOLUME_PHASES = ("Succeeded", "PendingPopulation")
_BACKING_OFF = (RunStrategy.ALWAYS, RunStrategy.RERUN_ON_FAILURE, RunStrategy.ONCE)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the word depends on."""

    vm: Document
    instance: Document | None
    now: datetime
    data_volumes: Sequence[Document] = ()
    """Those of the template's dataVolume volumes that exist."""
    claims: Sequence[Document] = ()
    """Those of the template's claims (of PVC and dataVolume volumes) that exist."""


def printable_status(situation: Situation) -> str:
    return next((word for word, holds in _TABLE if holds(situation)), "Unknown")


def condition(document: Document | None, type: str) -> dict[str, Any]:
    """The condition of this type, empty if there is none."""
    conditions = ((document or {}).get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == type), {})


def _says(document: Document | None, type: str, status: str, *reasons: str) -> bool:
    found = condition(document, type)
    return found.get("status") == status and (not reasons or found.get("reason") in reasons)


def _is_terminating(s: Situation) -> bool:
    return bool(s.vm["metadata"].get("deletionTimestamp"))


def _is_stopping(s: Situation) -> bool:
    return run_strategy.is_deleting(s.instance) and not run_strategy.is_final(s.instance)


def _is_migrating(s: Situation) -> bool:
    return is_migrating(s.instance, s.now)


def is_migrating(instance: Document | None, now: datetime) -> bool:
    """Whether the instance is on its way to another node at *now*."""
    migration = ((instance or {}).get("status") or {}).get("migrationState") or {}
    start, end = migration.get("startTimestamp"), migration.get("endTimestamp")
    return bool(start and parse_timestamp(start) <= now and not (end and parse_timestamp(end) <= now))


def _runs(s: Situation) -> bool:
    return s.instance is not None and run_strategy.phase(s.instance) == "Running"


def _is_paused(s: Situation) -> bool:
    return _runs(s) and _says(s.instance, "Paused", "True")


def _lacks_a_claim(s: Situation) -> bool:
    return _says(s.instance, "Synchronized", "False", "FailedPvcNotFound")


def _has_a_broken_data_volume(s: Situation) -> bool:
    return any(
        (one.get("status") or {}).get("phase") == "Failed" or _says(one, "Running", "False", "Error", "ImagePullFailed")
        for one in s.data_volumes
    )


def _is_unschedulable(s: Situation) -> bool:
    return _says(s.instance, "PodScheduled", "False", "Unschedulable")


def _is_provisioning(s: Situation) -> bool:
    for one in s.data_volumes:
        phase = (one.get("status") or {}).get("phase") or ""
        is_under_way = _says(one, "Bound", "True") or phase != "WaitForFirstConsumer"
        if phase not in _READY_DATA_VOLUME_PHASES and is_under_way:
            return True
    return False


def _waits_for_binding(s: Situation) -> bool:
    return is_set_to_start(s.vm, s.instance) and any(
        (claim.get("status") or {}).get("phase") != "Bound" for claim in s.claims
    )


def _cannot_pull(s: Situation) -> bool:
    return _says(s.instance, "Synchronized", "False", "ErrImagePull")


def _backs_off_pulling(s: Situation) -> bool:
    return _says(s.instance, "Synchronized", "False", "ImagePullBackOff")


def _is_starting(s: Situation) -> bool:
    return s.instance is not None and run_strategy.phase(s.instance) in names.PENDING_PHASES


def _has_ended(s: Situation) -> bool:
    return s.instance is None or run_strategy.is_final(s.instance)


def _is_crash_looping(s: Situation) -> bool:
    failure = (s.vm.get("status") or {}).get("startFailure") or {}
    counts = (failure.get("consecutiveFailCount") or 0) > 0
    return _has_ended(s) and counts and effective(s.vm["spec"]) in _BACKING_OFF


def _waits_for_its_sender(s: Situation) -> bool:
    if effective(s.vm["spec"]) is not RunStrategy.WAIT_AS_RECEIVER:
        return False
    return s.instance is None or run_strategy.phase(s.instance) == "WaitingForSync"


def is_set_to_start(vm: Document, instance: Document | None) -> bool:
    """Whether the VM is meant to have a running instance, as things stand."""
    match effective(vm["spec"]):
        case RunStrategy.ALWAYS:
            return True
        case RunStrategy.HALTED:
            return False
        case RunStrategy.MANUAL:
            if instance is None:
                return run_strategy.is_asked_to_start(vm)
            return not run_strategy.is_asked_to_stop(vm, instance)
        case RunStrategy.RERUN_ON_FAILURE:
            if instance is None:
                return run_strategy.wish(vm, None).action is run_strategy.Action.START
            return run_strategy.phase(instance) != "Succeeded"
        case RunStrategy.ONCE:
            return instance is None
        case RunStrategy.WAIT_AS_RECEIVER:
            return False


_TABLE: tuple[tuple[str, Callable[[Situation], bool]], ...] = (
    ("Terminating", _is_terminating),
    ("Stopping", _is_stopping),
    ("Migrating", _is_migrating),
    ("Paused", _is_paused),
    ("Running", _runs),
    ("ErrorPvcNotFound", _lacks_a_claim),
    ("DataVolumeError", _has_a_broken_data_volume),
    ("ErrorUnschedulable", _is_unschedulable),
    ("Provisioning", _is_provisioning),
    ("WaitingForVolumeBinding", _waits_for_binding),
    ("ErrImagePull", _cannot_pull),
    ("ImagePullBackOff", _backs_off_pulling),
    ("Starting", _is_starting),
    ("CrashLoopBackOff", _is_crash_looping),
    ("Stopped", _has_ended),
    ("WaitingForReceiver", _waits_for_its_sender),
)
