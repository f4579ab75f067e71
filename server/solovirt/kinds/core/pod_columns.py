"""
What `kubectl get pods` prints (reference kubernetes-api.md 5).

The status of a pod is not a field: it is the most telling of the phase, the reasons why containers wait or have stopped, and the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solovirt.kinds.cells import AGE, NAME, NONE, at, text_column, time_since
from solovirt.machinery.resource import CellContext, Column, Document

_NODE_UNREACHABLE = "NodeLost"


@dataclass(slots=True)
class _Summary:
    """What the containers of a pod amount to."""

    ready: int
    total: int
    reason: str
    restarts: int
    last_restart: str | None


def _is_restartable(container: Document) -> bool:
    """An init container that goes on running beside the others."""
    return container.get("restartPolicy") == "Always"


def _stopped(terminated: Document, *, prefix: str = "") -> str:
    if terminated.get("reason"):
        return f"{prefix}{terminated['reason']}"
    if terminated.get("signal"):
        return f"{prefix}Signal:{terminated['signal']}"
    return f"{prefix}ExitCode:{terminated.get('exitCode', 0)}"


class _Restarts:
    """Restarts added up, and the last of them."""

    def __init__(self) -> None:
        self.count = 0
        self.last: str | None = None

    def add(self, status: Document) -> None:
        self.count += status.get("restartCount") or 0
        finished = at(status, "lastState.terminated.finishedAt")
        if finished and (self.last is None or finished > self.last):
            self.last = finished


def _condition(document: Document, kind: str) -> Document | None:
    return next((one for one in at(document, "status.conditions") or () if one.get("type") == kind), None)


def _initial_reason(document: Document) -> str:
    reason = str(at(document, "status.reason") or at(document, "status.phase") or "")
    scheduled = _condition(document, "PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return reason


def _initialising(
    document: Document, sidecars: set[str], restarts: _Restarts, restartable: _Restarts
) -> tuple[str | None, int]:
    """Why the pod is still initialising, or None once it is through; and how many of its sidecars are ready."""
    containers: Sequence[Document] = at(document, "spec.initContainers") or ()
    ready = 0
    for index, status in enumerate(at(document, "status.initContainerStatuses") or ()):
        restarts.add(status)
        sidecar = status.get("name") in sidecars
        if sidecar:
            restartable.add(status)
        state: Document = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None and (terminated.get("exitCode") or 0) == 0:
            continue
        if sidecar and status.get("started"):
            ready += bool(status.get("ready"))
            continue
        if terminated is not None:
            return _stopped(terminated, prefix="Init:"), ready
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}", ready
        return f"Init:{index}/{len(containers)}", ready
    return None, ready


def _running(document: Document, reason: str, restarts: _Restarts) -> tuple[str, int]:
    """The reason by the containers proper, and how many of them are ready."""
    ready, running = 0, False
    for status in reversed(at(document, "status.containerStatuses") or ()):
        restarts.add(status)
        state: Document = status.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = str(waiting["reason"])
        elif terminated is not None:
            reason = _stopped(terminated)
        elif status.get("ready") and state.get("running") is not None:
            running = True
            ready += 1
    if reason == "Completed" and running:
        is_ready = (_condition(document, "Ready") or {}).get("status") == "True"
        reason = "Running" if is_ready else "NotReady"
    return reason, ready


def _summary(document: Document) -> _Summary:
    containers: Sequence[Document] = at(document, "spec.containers") or ()
    init: Sequence[Document] = at(document, "spec.initContainers") or ()
    sidecars = {str(one.get("name")) for one in init if _is_restartable(one)}
    restarts, of_sidecars = _Restarts(), _Restarts()
    reason = _initial_reason(document)
    initialising, ready = _initialising(document, sidecars, restarts, of_sidecars)
    initialised = (_condition(document, "Initialized") or {}).get("status") == "True"
    if initialising is not None:
        reason = initialising
    if initialising is None or initialised:
        # Init containers are done with: what they restarted no longer counts, but for those that go on.
        restarts = of_sidecars
        reason, of_containers = _running(document, reason, restarts)
        ready += of_containers
    if at(document, "metadata.deletionTimestamp"):
        if at(document, "status.reason") == _NODE_UNREACHABLE:
            reason = "Unknown"
        elif at(document, "status.phase") not in ("Succeeded", "Failed"):
            reason = "Terminating"
    return _Summary(ready, len(containers) + len(sidecars), reason, restarts.count, restarts.last)


def _ready(document: Document, _: CellContext) -> str:
    summary = _summary(document)
    return f"{summary.ready}/{summary.total}"


def _restarts(document: Document, context: CellContext) -> str:
    summary = _summary(document)
    if summary.restarts and summary.last_restart:
        return f"{summary.restarts} ({time_since(summary.last_restart, context)} ago)"
    return str(summary.restarts)


def _ip(document: Document, _: CellContext) -> str:
    addresses: Sequence[Document] = at(document, "status.podIPs") or ()
    first: Any = addresses[0].get("ip") if addresses else at(document, "status.podIP")
    return str(first or NONE)


def _readiness_gates(document: Document, _: CellContext) -> str:
    gates: Sequence[Document] = at(document, "spec.readinessGates") or ()
    if not gates:
        return NONE
    met = sum((_condition(document, str(one.get("conditionType"))) or {}).get("status") == "True" for one in gates)
    return f"{met}/{len(gates)}"


PODS = (
    NAME,
    Column("Ready", cell=_ready, description="How many of its containers are ready, of how many."),
    Column(
        "Status",
        cell=lambda document, _: _summary(document).reason,
        description="How the pod is doing, all in all.",
    ),
    Column("Restarts", cell=_restarts, description="How often its containers have been restarted, and when last."),
    AGE,
    Column("IP", cell=_ip, description="Its address.", priority=1),
    text_column("Node", "spec.nodeName", "The node it runs on.", missing=NONE, priority=1),
    text_column(
        "Nominated Node",
        "status.nominatedNodeName",
        "The node where room is being made for it.",
        missing=NONE,
        priority=1,
    ),
    Column("Readiness Gates", cell=_readiness_gates, description="How many extra conditions are met.", priority=1),
)

_COMPLETED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


def row_conditions(document: Document) -> Sequence[Document]:
    """Says of a pod that is over that it is: clients may hide its row."""
    phase = at(document, "status.phase")
    if phase not in _COMPLETED:
        return ()
    return ({"type": "Completed", "status": "True", "reason": phase, "message": _COMPLETED[phase]},)
