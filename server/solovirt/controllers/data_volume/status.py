"""
The status of a DataVolume, derived from its claim (reference cdi.md 3 and 4.2, 4.3).

Everything is computed from the DataVolume and the claim with its annotations; what changed against the status before also tells which
events are due.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from solovirt.controllers.data_volume.transfer import progress_text
from solovirt.kinds.cdi import names
from solovirt.machinery.clock import timestamp
from solovirt.machinery.resource import Document
from solovirt.volumes.protocol import Operation


class Event(NamedTuple):
    """Something to tell about the DataVolume."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status that a DataVolume should have, and the events that go with the change."""

    status: dict[str, Any]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the status depends on."""

    data_volume: Document
    claim: Document | None
    operation: Operation | None
    source: Mapping[str, Any]
    now: datetime
    waits_for_consumer: bool = False
    """The claim's storage class binds when the first consumer comes."""
    needs_work: bool = True
    """Whether the claim is to be filled, and not adopted as it is."""
    percent: float | None = None
    trouble: Event | None = None
    """A reason why there is no claim yet, such as ErrClaimNotValid."""
    keeps_phase: bool = field(default=False)
    """The phase stays what it was: a clone waits for its source."""


def outcome(situation: Situation) -> Outcome:
    """Compute the status and the events."""
    before: dict[str, Any] = situation.data_volume.get("status") or {}
    old_phase = before.get("phase") or ""
    phase, phase_event = (old_phase, None) if situation.keeps_phase else _phase(situation, old_phase)
    status = copy.deepcopy(before)
    if phase:
        status["phase"] = phase
    else:
        status.pop("phase", None)
    if situation.claim is not None:
        status["claimName"] = situation.claim["metadata"]["name"]
        restarts = int(_annotations(situation.claim).get(names.POD_RESTARTS) or 0)
        if restarts:
            status["restartCount"] = restarts
        status["progress"] = _progress(situation, phase, before.get("progress"))
    status["conditions"] = _conditions(situation, phase, before.get("conditions") or [])
    events = []
    if phase_event is not None and phase != old_phase:
        events.append(phase_event)
    events += _condition_events(before, status)
    if situation.trouble is not None and situation.trouble.message not in _messages(before):
        events.append(situation.trouble)
    return Outcome(status, tuple(events))


def _annotations(claim: Document) -> Mapping[str, str]:
    return claim["metadata"].get("annotations") or {}


def _messages(status: Mapping[str, Any]) -> set[str]:
    return {one.get("message") or "" for one in status.get("conditions") or ()}


# Phases

_FROM_SNAPSHOT = "CloneFromSnapshotSourceInProgress"


def _phase(s: Situation, old: str) -> tuple[str, Event | None]:
    if s.claim is None:
        is_pre_populated = names.PRE_POPULATED in (s.data_volume["metadata"].get("annotations") or {})
        is_over_quota = s.trouble is not None and s.trouble.reason == "ErrExceededQuota"
        return ("Pending" if is_pre_populated or is_over_quota else old), None
    pod_phase = _annotations(s.claim).get(names.POD_PHASE)
    of_claim = (s.claim.get("status") or {}).get("phase") or "Pending"
    if pod_phase == "Succeeded" and s.needs_work:
        return _of_operation(s, old)
    match of_claim:
        case "Pending":
            if not s.needs_work:
                return "Succeeded", None
            return ("WaitForFirstConsumer" if s.waits_for_consumer else "Pending"), None
        case "Bound":
            if not s.needs_work:
                return "Succeeded", None
            begun = "PVCBound" if old in ("", "Pending", "WaitForFirstConsumer", "Unknown") else old
            return _of_operation(s, begun)
        case "Lost":
            name = s.claim["metadata"]["name"]
            return "Failed", Event("Warning", "ErrClaimLost", f"PVC {name} lost")
        case _:
            return "Unknown", None


def _of_operation(s: Situation, old: str) -> tuple[str, Event | None]:
    assert s.claim is not None
    annotations = _annotations(s.claim)
    pod_phase = annotations.get(names.POD_PHASE)
    match s.operation:
        case Operation.IMPORT:
            return _of_import(s.claim, pod_phase, old, is_fatal=annotations.get(names.FATAL_ERROR) == "true")
        case Operation.UPLOAD:
            return _of_upload(s.claim, pod_phase, old, is_ready=annotations.get(names.POD_READY) == "true")
        case Operation.CLONE:
            return _of_clone(s, pod_phase, old)
        case None:
            name = s.claim["metadata"]["name"]
            reference = s.claim["spec"].get("dataSourceRef") or s.claim["spec"].get("dataSource") or {}
            by = reference.get("kind", "")
            done = Event("Normal", "ExternalPopulationSucceeded", f"PVC {name} successfully populated by {by}")
            return "Succeeded", done


def _of_import(claim: Document, pod_phase: str | None, old: str, *, is_fatal: bool) -> tuple[str, Event | None]:
    name = claim["metadata"]["name"]
    match pod_phase:
        case "Pending":
            return "ImportScheduled", Event("Normal", "ImportScheduled", f"Import into {name} scheduled")
        case "Running":
            return "ImportInProgress", Event("Normal", "ImportInProgress", f"Import into {name} in progress")
        case "Failed":
            failed = Event("Warning", "ImportFailed", f"Failed to import into PVC {name}")
            return ("Failed" if is_fatal else "ImportScheduled"), failed
        case "Succeeded":
            return "Succeeded", Event("Normal", "ImportSucceeded", f"Successfully imported into PVC {name}")
    return old, None


def _of_upload(claim: Document, pod_phase: str | None, old: str, *, is_ready: bool) -> tuple[str, Event | None]:
    name = claim["metadata"]["name"]
    match pod_phase:
        case "Running" if is_ready:
            return "UploadReady", Event("Normal", "UploadReady", f"Upload into {name} ready")
        case "Failed":
            return "UploadScheduled", Event("Warning", "UploadFailed", f"Upload into {name} failed")
        case "Succeeded":
            return "Succeeded", Event("Normal", "UploadSucceeded", f"Successfully uploaded into {name}")
        case "Pending" | None:
            return "UploadScheduled", Event("Normal", "UploadScheduled", f"Upload into {name} scheduled")
    return old, None


def _of_clone(s: Situation, pod_phase: str | None, old: str) -> tuple[str, Event | None]:
    metadata = s.data_volume["metadata"]
    source = s.source.get("pvc") or s.source.get("snapshot") or {}
    way = f"from {source.get('namespace')}/{source.get('name')} into {metadata['namespace']}/{metadata['name']}"
    match pod_phase:
        case "Pending":
            return "CloneScheduled", Event("Normal", "CloneScheduled", f"Cloning {way} scheduled")
        case "Running" if "snapshot" in s.source:
            of_snapshot = f"snapshot {source.get('namespace')}/{source.get('name')}"
            text = f"Creating PVC from snapshot source is in progress (for {of_snapshot})"
            return _FROM_SNAPSHOT, Event("Normal", _FROM_SNAPSHOT, text)
        case "Running":
            return "CloneInProgress", Event("Normal", "CloneInProgress", f"Cloning {way} in progress")
        case "Failed":
            return "CloneScheduled", Event("Warning", "CloneFailed", f"Cloning {way} failed")
        case "Succeeded":
            return "Succeeded", Event("Normal", "CloneSucceeded", f"Successfully cloned {way}")
    return old, None


def _progress(s: Situation, phase: str, before: str | None) -> str:
    """`N/A`, `45.00%` or `100.0%` (reference cdi.md 3.3); never less than it was."""
    if s.operation is Operation.UPLOAD or not s.needs_work:
        return "N/A"
    return progress_text(s.percent, before=before, is_done=phase == "Succeeded")


# Conditions


def _conditions(s: Situation, phase: str, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    bound, ready, running = _bound(s), _ready(s, phase), _running(s)
    if s.claim is None and s.trouble is not None:
        bound = ready = ("False", s.trouble.reason, s.trouble.message)
    wanted = {"Bound": bound, "Ready": ready, "Running": running}
    by_type = {one["type"]: one for one in before}
    return [_condition(name, value, by_type.get(name), s.now) for name, value in wanted.items()]


def _condition(type: str, wanted: tuple[str, str, str], old: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    status, reason, message = wanted
    if old is not None and wanted == (old.get("status"), old.get("reason") or "", old.get("message") or ""):
        return old
    is_same_status = old is not None and old.get("status") == status
    made = {
        "type": type,
        "status": status,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and is_same_status else timestamp(now),
        "lastHeartbeatTime": timestamp(now),
    }
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def _bound(s: Situation) -> tuple[str, str, str]:
    if s.claim is None:
        return "False", "NotFound", "No PVC found"
    name = s.claim["metadata"]["name"]
    match (s.claim.get("status") or {}).get("phase") or "Pending":
        case "Bound":
            return "True", "Bound", f"PVC {name} Bound"
        case "Lost":
            return "False", "ClaimLost", "Claim Lost"
        case "Pending":
            return "False", "Pending", f"PVC {name} Pending"
        case _:
            return "Unknown", "", ""


def _ready(s: Situation, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "True", "", ""
    if phase == "Unknown":
        return "Unknown", "", ""
    if s.claim is not None and _annotations(s.claim).get(names.RUNNING) == "true":
        return "False", "TransferRunning", ""
    return "False", "", ""


def _running(s: Situation) -> tuple[str, str, str]:
    if s.claim is None:
        return "False", "", ""
    annotations = _annotations(s.claim)
    status = "True" if annotations.get(names.RUNNING) == "true" else "False"
    return status, annotations.get(names.RUNNING_REASON, ""), annotations.get(names.RUNNING_MESSAGE, "")


def _condition_events(before: Mapping[str, Any], status: Mapping[str, Any]) -> list[Event]:
    """Events of conditions: a changed Bound, and a Running that turned into a failure (reference cdi.md 4.3)."""
    old = {one["type"]: one for one in before.get("conditions") or ()}
    new = {one["type"]: one for one in status["conditions"]}
    events = []
    bound, was_bound = new["Bound"], old.get("Bound") or {}
    has_changed = (bound["status"], bound.get("reason")) != (was_bound.get("status"), was_bound.get("reason"))
    if has_changed and bound.get("reason") in ("Pending", "Bound", "NotFound", "ClaimLost"):
        events.append(Event("Normal", bound["reason"], bound.get("message", "")))
    running, was_running = new["Running"], old.get("Running") or {}
    message = running.get("message")
    failed = bound["status"] == "True" and new["Ready"]["status"] == running["status"] == "False"
    if failed and message and message != was_running.get("message"):
        events.append(Event("Warning", running.get("reason", ""), message))
    return events
