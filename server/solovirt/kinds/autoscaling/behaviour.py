"""What an autoscaler is if nobody says: at least one pod, and processors that are busy for four fifths of the time."""

from __future__ import annotations

from solovirt.kinds.autoscaling.conversion import METRICS, V1, cpu_metric
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.resource import Document

_CPU_PERCENTAGE = 80


class HorizontalPodAutoscalerBehaviour(Behaviour):
    """Defaults, in whichever version the object comes."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        spec = obj.get("spec")
        if not isinstance(spec, dict):
            return
        if spec.get("minReplicas") is None:
            spec["minReplicas"] = 1
        if obj.get("apiVersion") == V1:
            annotations = obj["metadata"].get("annotations") or {}
            if spec.get("targetCPUUtilizationPercentage") is None and METRICS not in annotations:
                spec["targetCPUUtilizationPercentage"] = _CPU_PERCENTAGE
        elif not spec.get("metrics"):
            spec["metrics"] = [cpu_metric(_CPU_PERCENTAGE)]
