"""
HorizontalPodAutoscalers of autoscaling/v1 and v2.

They are stored as v2. What v1 has no field for is in annotations there, in the words of the API of its time, so that nothing is lost by reading in one
version and writing in the other (k8s.io/kubernetes, pkg/apis/autoscaling/v1/conversion.go).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from solovirt.machinery.conversion import Conversion
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
V1 = "autoscaling/v1"
V2 = "autoscaling/v2"

_PERCENTAGE = "targetCPUUtilizationPercentage"
_CURRENT_PERCENTAGE = "currentCPUUtilizationPercentage"
_FIELDS = {
    "Object": "object",
    "Pods": "pods",
    "External": "external",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


class AutoscalerConversion(Conversion):
    """Converts between the two; unmarked objects are of v2."""

    def __init__(self) -> None:
        super().__init__(V2)

    async def convert(self, documents: Sequence[Document], api_version: str) -> list[Document]:
        change = _to_v1 if api_version == V1 else _to_v2
        out = []
        for document in documents:
            made = copied(document)
            change(made)
            made["apiVersion"] = api_version
            out.append(made)
        return out


def as_v2(document: Document) -> Document:
    """A document of v1 in the form of v2."""
    made: Document = copied(document)
    _to_v2(made)
    return made


def cpu_metric(percentage: int) -> Document:
    """The metric that v1's one target is."""
    return {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percentage}},
    }


def _to_v1(document: Document) -> None:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    annotations = document["metadata"].setdefault("annotations", {})
    others = []
    for metric in spec.pop("metrics", None) or ():
        percentage = _cpu_percentage(metric, "target")
        if percentage is None:
            others.append(_older(metric, "target"))
        else:
            spec.setdefault(_PERCENTAGE, percentage)
    current = []
    for metric in status.pop("currentMetrics", None) or ():
        percentage = _cpu_percentage(metric, "current")
        if percentage is None:
            current.append(_older(metric, "current"))
        else:
            status.setdefault(_CURRENT_PERCENTAGE, percentage)
    if status:
        status.setdefault("currentReplicas", 0)
        status.setdefault("desiredReplicas", 0)
    for annotation, value in (
        (METRICS, others),
        (CURRENT_METRICS, current),
        (BEHAVIOR, _renamed(spec.pop("behavior", None), _raised)),
        (CONDITIONS, status.pop("conditions", None)),
    ):
        if value:
            annotations[annotation] = json.dumps(value, separators=(",", ":"))
    if not annotations:
        del document["metadata"]["annotations"]


def _to_v2(document: Document) -> None:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    annotations = document["metadata"].get("annotations") or {}
    metrics = [_newer(one, "target") for one in _list(annotations.pop(METRICS, None))]
    if (percentage := spec.pop(_PERCENTAGE, None)) is not None:
        metrics.append(cpu_metric(percentage))
    if metrics:
        spec["metrics"] = metrics
    current = [_newer(one, "current") for one in _list(annotations.pop(CURRENT_METRICS, None))]
    if (percentage := status.pop(_CURRENT_PERCENTAGE, None)) is not None:
        now = {"name": "cpu", "current": {"averageUtilization": percentage}}
        current.append({"type": "Resource", "resource": now})
    if current:
        status["currentMetrics"] = current
    if conditions := _list(annotations.pop(CONDITIONS, None)):
        status["conditions"] = conditions
    if behavior := _renamed(_read(annotations.pop(BEHAVIOR, None)), _lowered):
        spec["behavior"] = behavior
    if not annotations:
        document["metadata"].pop("annotations", None)


def _cpu_percentage(metric: Document, where: str) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    percentage: int | None = (resource.get(where) or {}).get("averageUtilization")
    return percentage


def _older(metric: Document, where: str) -> Document:
    """A metric, or what it measured, as autoscaling/v2beta1 wrote it."""
    field = _FIELDS.get(metric.get("type", ""), "")
    source: Document = metric.get(field) or {}
    values: Document = source.get(where) or {}
    out: Document = {key: source[key] for key in ("container", "name") if key in source}
    identifier: Document = source.get("metric") or {}
    if identifier:
        out["metricName"] = identifier.get("name", "")
        if identifier.get("selector") is not None:
            out["metricSelector" if field == "external" else "selector"] = identifier["selector"]
    if (described := source.get("describedObject")) is not None:
        out["target"] = described
    if (percentage := values.get("averageUtilization")) is not None:
        out[f"{where}AverageUtilization"] = percentage
    if (average := values.get("averageValue")) is not None:
        out["averageValue" if field == "object" else f"{where}AverageValue"] = average
    if (value := values.get("value")) is not None:
        out[f"{where}Value"] = value
    return {"type": metric.get("type", ""), field: out} if field else dict(metric)


def _newer(metric: Document, where: str) -> Document:
    """The opposite of `_older`."""
    field = _FIELDS.get(metric.get("type", ""), "")
    source = metric.get(field)
    if not isinstance(source, dict):
        return metric
    out: Document = {key: source[key] for key in ("container", "name") if key in source}
    if "metricName" in source:
        selector = source.get("metricSelector" if field == "external" else "selector")
        out["metric"] = {"name": source["metricName"], **({"selector": selector} if selector is not None else {})}
    if field == "object" and "target" in source:
        out["describedObject"] = source["target"]
    values: Document = {}
    average = source.get("averageValue" if field == "object" else f"{where}AverageValue")
    for name, value in (
        ("averageUtilization", source.get(f"{where}AverageUtilization")),
        ("averageValue", average),
        ("value", source.get(f"{where}Value")),
    ):
        if value is not None:
            values[name] = value
    if where == "target":
        values["type"] = (
            "Utilization" if "averageUtilization" in values else "AverageValue" if "averageValue" in values else "Value"
        )
    out[where] = values
    return {"type": metric["type"], field: out}


def _read(text: str | None) -> Any:
    """What an annotation holds; nothing if that is no JSON, which Kubernetes passes over as well."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _list(text: str | None) -> list[Document]:
    value = _read(text)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {rename(key): _renamed(one, rename) for key, one in value.items()}
    return [_renamed(one, rename) for one in value] if isinstance(value, list) else value


def _raised(key: str) -> str:
    # The annotation holds Go's own type, whose fields have no other names for JSON.
    return key[:1].upper() + key[1:]


def _lowered(key: str) -> str:
    return key[:1].lower() + key[1:]
