"""
How far a transfer is, as CDI's claims say it (reference cdi.md 3.2 and 5.3).

CDI's controllers talk to each other through annotations on the claim that its worker pods fill. There are no such pods here, so
what an engine reports is written as if there were: the DataVolume's status, `virtctl` and KubeVirt read these annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from solovirt.kinds.cdi import names
from solovirt.machinery.clock import micro_timestamp, parse_timestamp
from solovirt.machinery.resource import Document
from solovirt.volumes.protocol import Operation, Progress, TransferState

STARTED = "solovirt.io/transfer-started"
"""On a claim: when its transfer was first asked for."""

_POD_NAMES = {
    Operation.IMPORT: (names.IMPORT_POD_NAME, "importer-{claim}"),
    Operation.UPLOAD: (names.UPLOAD_POD_NAME, "cdi-upload-{claim}"),
    Operation.CLONE: (names.SOURCE_CLONE_POD_NAME, "{uid}-source-pod"),
}
_COMPLETE = {
    Operation.IMPORT: "Import Complete",
    Operation.UPLOAD: "Upload Complete",
    Operation.CLONE: "Clone Complete",
}
_POD_PHASES = {
    TransferState.SCHEDULED: "Pending",
    TransferState.RUNNING: "Running",
    TransferState.RETRYING: "Running",
    TransferState.SUCCEEDED: "Succeeded",
    TransferState.FAILED: "Failed",
}


_TOO_SMALL = "DataVolume too small to contain image"
_SIGNS_OF_TOO_SMALL = (
    "is larger than the reported available storage",
    "no space left on device",
    "disk quota exceeded",
    "file largest block is bigger than maxblock",
)


def simplified(message: str) -> str:
    """A failure as conditions say it, where CDI has a simpler word for it than its worker (reference cdi.md 4.6)."""
    return _TOO_SMALL if any(sign in message for sign in _SIGNS_OF_TOO_SMALL) else message


def progress_text(percent: float | None, *, before: str | None, is_done: bool) -> str:
    """`N/A`, `45.00%` or `100.0%` (reference cdi.md 3.3); never less than it was *before*."""
    if is_done:
        return "100.0%"
    if percent is None:
        return before or "N/A"
    least = float(before.rstrip("%")) if before and before != "N/A" else 0.0
    return f"{max(percent, least):.2f}%"


def operation_of(source: Mapping[str, Any]) -> Operation | None:
    """What a source asks for; None if it asks for nothing (external population)."""
    if "upload" in source:
        return Operation.UPLOAD
    if "pvc" in source or "snapshot" in source:
        return Operation.CLONE
    return Operation.IMPORT if source else None


def started(claim: Document, now: datetime) -> datetime:
    """When the transfer into *claim* was first asked for, or *now*."""
    noted = (claim["metadata"].get("annotations") or {}).get(STARTED)
    return parse_timestamp(noted) if noted else now


def noted_as(claim: Document, operation: Operation, progress: Progress, since: datetime | None) -> dict[str, str]:
    """The annotations that say so of a transfer into *claim*; it was asked for at *since* at the latest, or not yet (None)."""
    metadata = claim["metadata"]
    pod, name = _POD_NAMES[operation]
    current = metadata.get("annotations") or {}
    restarts = max(progress.restarts, int(current.get(names.POD_RESTARTS) or 0))
    out = {
        pod: name.format(claim=metadata["name"], uid=metadata["uid"]),
        names.POD_PHASE: _POD_PHASES[progress.state],
        names.POD_RESTARTS: str(restarts),
        names.POD_READY: "true" if progress.state is TransferState.RUNNING else "false",
    }
    if operation is Operation.IMPORT and names.POPULATOR_KIND in current:
        out[names.POPULATOR_PROGRESS] = progress_text(
            progress.percent,
            before=current.get(names.POPULATOR_PROGRESS),
            is_done=progress.state is TransferState.SUCCEEDED,
        )
    if since is not None:
        out[STARTED] = current.get(STARTED) or micro_timestamp(since)
    running, reason, message = _running(operation, progress)
    out |= {names.RUNNING: running, names.RUNNING_REASON: reason, names.RUNNING_MESSAGE: message}
    if progress.state is TransferState.FAILED:
        out[names.FATAL_ERROR] = "true"
    if operation is Operation.CLONE and progress.state is TransferState.SUCCEEDED:
        out[names.CLONE_OF] = "true"
    return out


def _running(operation: Operation, progress: Progress) -> tuple[str, str, str]:
    """Status, reason and message of the condition Running."""
    match progress.state:
        case TransferState.SCHEDULED:
            return "false", "ContainerCreating", ""
        case TransferState.RUNNING:
            return "true", "Pod is running", ""
        case TransferState.RETRYING | TransferState.FAILED:
            return "false", progress.reason or "Error", simplified(progress.message)
        case TransferState.SUCCEEDED:
            return "false", "Completed", _COMPLETE[operation]
