"""What `kubectl get` prints of the autoscaling group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from solovirt.kinds.autoscaling.conversion import as_v2
from solovirt.kinds.cells import AGE, NAME, NONE, UNKNOWN, UNSET, at, count_column, text_column
from solovirt.machinery.resource import CellContext, Column, Document

_TARGETS_SHOWN = 2
# Where each type of metric keeps its values, in spec and status alike.
_METRICS = {
    "Object": "object",
    "Pods": "pods",
    "External": "external",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def _percent(value: Any) -> str:
    return UNKNOWN if value is None else f"{value}%"


def _target(metric: Document, current: Document) -> str:
    """`name: current/target` for resources, `current/target` for other metrics; averages say so."""
    kind = str(metric.get("type"))
    field = _METRICS.get(kind)
    if field is None:
        return "<unknown type>"
    wanted: Document = at(metric, f"{field}.target") or {}
    now: Document = at(current, f"{field}.current") or {}
    prefix = f"{at(metric, f'{field}.name')}: " if kind in ("Resource", "ContainerResource") else ""
    if wanted.get("averageValue") is not None:
        average = " (avg)" if kind in ("Object", "External") else ""
        return f"{prefix}{now.get('averageValue') or UNKNOWN}/{wanted['averageValue']}{average}"
    if prefix:
        utilisation = wanted.get("averageUtilization")
        return f"{prefix}{_percent(now.get('averageUtilization'))}/{'<auto>' if utilisation is None else f'{utilisation}%'}"
    return f"{now.get('value') or UNKNOWN}/{wanted.get('value') or UNKNOWN}"


def _targets(document: Document, _: CellContext) -> str:
    metrics: Sequence[Document] = at(document, "spec.metrics") or ()
    current: Sequence[Document] = at(document, "status.currentMetrics") or ()
    if not metrics:
        return NONE
    texts = [_target(metric, current[index] if index < len(current) else {}) for index, metric in enumerate(metrics)]
    more = len(texts) - _TARGETS_SHOWN
    return ", ".join(texts[:_TARGETS_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _reference(document: Document, _: CellContext) -> str:
    return f"{at(document, 'spec.scaleTargetRef.kind')}/{at(document, 'spec.scaleTargetRef.name')}"


def _columns(targets: Callable[[Document, CellContext], str]) -> tuple[Column, ...]:
    return (
        NAME,
        Column("Reference", cell=_reference, description="What it scales."),
        Column("Targets", cell=targets, description="What it measures: the present value and the one it aims for."),
        text_column("MinPods", "spec.minReplicas", "How many pods there are at least.", missing=UNSET),
        count_column("MaxPods", "spec.maxReplicas", "How many pods there are at most."),
        count_column("Replicas", "status.currentReplicas", "How many pods there are."),
        AGE,
    )


HORIZONTAL_POD_AUTOSCALERS = _columns(_targets)
HORIZONTAL_POD_AUTOSCALERS_V1 = _columns(lambda document, context: _targets(as_v2(document), context))
