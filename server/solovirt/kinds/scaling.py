"""The `scale` subresource, as every kind that has replicas declares it (reference kubernetes-api.md 1.1)."""

from __future__ import annotations

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.resource import Document, ScalePaths, Subresource


def scale(paths: ScalePaths) -> Subresource:
    """The subresource of a kind that keeps its numbers at *paths*."""
    return Subresource(
        "scale", verbs=("get", "patch", "update"), kind="Scale", group="autoscaling", version="v1", paths=paths
    )


SCALE = scale(ScalePaths())
"""Of KubeVirt's kinds."""

WORKLOAD_SCALE = scale(ScalePaths(label_selector=".spec.selector"))
"""Of Kubernetes' own kinds, whose selector is part of what is wanted."""


class WorkloadBehaviour(Behaviour):
    """Of Kubernetes' own kinds that have replicas: one if none are asked for, so that there is always a number to scale."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        spec = obj.setdefault("spec", {})
        if spec.get("replicas") is None:
            spec["replicas"] = 1
