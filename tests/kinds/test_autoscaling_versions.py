"""The two versions of HorizontalPodAutoscalers (k8s.io/kubernetes, pkg/apis/autoscaling/v1/conversion.go)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from solovirt.kinds.autoscaling.conversion import V1, V2, AutoscalerConversion

REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}


def v2(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec = {"maxReplicas": 5, "minReplicas": 1, "scaleTargetRef": REFERENCE, "metrics": list(metrics), **more}
    return {"apiVersion": V2, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": spec}


def resource(name: str, **target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


async def converted(document: dict[str, Any], version: str) -> dict[str, Any]:
    before = copy.deepcopy(document)
    (made,) = await AutoscalerConversion().convert([document], version)
    assert document == before
    return made


CPU = resource("cpu", type="Utilization", averageUtilization=70)
MEMORY = resource("memory", type="AverageValue", averageValue="1Gi")
PODS = {
    "type": "Pods",
    "pods": {
        "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
        "target": {"type": "AverageValue", "averageValue": "1k"},
    },
}
OBJECT = {
    "type": "Object",
    "object": {
        "describedObject": {"kind": "Service", "name": "s"},
        "metric": {"name": "hits"},
        "target": {"type": "Value", "value": "2k"},
    },
}
EXTERNAL = {
    "type": "External",
    "external": {
        "metric": {"name": "queue", "selector": {"matchLabels": {"q": "x"}}},
        "target": {"type": "AverageValue", "averageValue": "30"},
    },
}
CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "cpu",
        "container": "c",
        "target": {"type": "Utilization", "averageUtilization": 60},
    },
}


async def test_the_load_of_processors_is_the_field_of_v1():
    made = await converted(v2(CPU), V1)
    assert made["spec"] == {
        "maxReplicas": 5,
        "minReplicas": 1,
        "scaleTargetRef": REFERENCE,
        "targetCPUUtilizationPercentage": 70,
    }
    assert (made["apiVersion"], made["metadata"]) == (V1, {"name": "a"})
    assert await converted(made, V2) == v2(CPU)


async def test_other_metrics_are_in_an_annotation():
    made = await converted(v2(MEMORY, CPU, OBJECT), V1)
    assert made["spec"]["targetCPUUtilizationPercentage"] == 70
    annotation = made["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]
    assert json.loads(annotation) == [
        {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
        {
            "type": "Object",
            "object": {"target": {"kind": "Service", "name": "s"}, "metricName": "hits", "targetValue": "2k"},
        },
    ]


@pytest.mark.parametrize("metric", [MEMORY, PODS, OBJECT, EXTERNAL, CONTAINER], ids=lambda metric: metric["type"])
async def test_nothing_is_lost_there_and_back(metric: dict[str, Any]):
    policy = {"type": "Pods", "value": 4, "periodSeconds": 60}
    behavior = {"scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [policy]}}
    document = v2(metric, CPU, behavior=behavior)
    document["status"] = {
        "currentReplicas": 2,
        "desiredReplicas": 3,
        "conditions": [{"type": "AbleToScale", "status": "True"}],
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}],
    }
    document["metadata"]["annotations"] = {"mine": "kept"}
    older = await converted(document, V1)
    assert older["spec"].keys() == {"maxReplicas", "minReplicas", "scaleTargetRef", "targetCPUUtilizationPercentage"}
    assert older["status"] == {"currentReplicas": 2, "desiredReplicas": 3, "currentCPUUtilizationPercentage": 12}
    held = json.loads(older["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/behavior"])
    assert held["ScaleUp"]["Policies"] == [{"Type": "Pods", "Value": 4, "PeriodSeconds": 60}]
    assert await converted(older, V2) == document


async def test_annotations_that_hold_nothing_sensible_are_passed_over():
    document = await converted(v2(CPU), V1)
    for text in ("", "{", "7", '["x"]'):
        document["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": text}
        assert (await converted(document, V2))["spec"]["metrics"] == [CPU]
