"""Pods, by reference kubernetes-api.md 3.4 and 7."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.machinery.errors import Forbidden


def pod(**spec):
    return {
        "metadata": {"namespace": "n", "name": "p"},
        "spec": {"containers": [{"name": "c", "image": "example.com/a:v1"}], **spec},
    }


@pytest.fixture
def pods(kind):
    return kind("pods")


def test_a_pod_gets_its_defaults(pods):
    made = pods.created(pod())
    spec = made["spec"]
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert spec["restartPolicy"] == "Always"
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["schedulerName"] == "default-scheduler"
    assert spec["serviceAccountName"] == "default"
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("localhost:5000/nginx", "Always"),
        ("nginx:1.2", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_newest_image_is_always_pulled(pods, image, policy):
    made = pods.created(pod(containers=[{"name": "c", "image": image}]))
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"memory": "1Gi"}}, "Burstable"),
    ],
)
def test_the_class_of_service_follows_from_the_resources(pods, resources, expected):
    made = pods.created(pod(containers=[{"name": "c", "image": "a", "resources": resources}]))
    assert made["status"]["qosClass"] == expected


@pytest.mark.parametrize(
    ("node", "phase", "asked", "expected"),
    [
        ("", "Pending", None, 0),
        ("", "Pending", 60, 0),
        ("node1", "Running", None, 30),
        ("node1", "Running", 5, 5),
        ("node1", "Running", 0, 0),
        ("node1", "Running", -1, 1),
        ("node1", "Succeeded", None, 0),
        ("node1", "Failed", 60, 0),
    ],
)
def test_only_a_pod_on_a_node_is_given_grace(pods, node, phase, asked, expected):
    made = pods.created(pod(**({"nodeName": node} if node else {})))
    made["status"]["phase"] = phase
    assert pods.resource.behaviour.grace_seconds(made, asked) == expected


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda spec: spec["containers"][0].update(image="example.com/a:v2"), True),
        (lambda spec: spec.update(activeDeadlineSeconds=5), True),
        (lambda spec: spec["tolerations"].append({"key": "a", "operator": "Exists"}), True),
        (lambda spec: spec["tolerations"].pop(), False),
        (lambda spec: spec.update(nodeName="node1"), False),
        (lambda spec: spec.update(hostname="a"), False),
        (lambda spec: spec["containers"].append({"name": "d", "image": "a"}), False),
    ],
)
def test_most_of_a_pods_spec_is_fixed(pods, change, allowed):
    _, errors = pods.update(pods.created(pod()), lambda obj: change(obj["spec"]))
    assert (errors == []) is allowed
    if errors:
        assert errors[0].startswith(
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        )


def test_a_binding_puts_a_pod_on_a_node(pods):
    _, errors = pods.update(pods.created(pod()), lambda obj: obj["spec"].update(nodeName="node1"), "binding")
    assert errors == []


def test_a_pod_takes_the_number_of_its_priority_class(pods, others):
    others.add(names.PRIORITY_CLASSES, {"metadata": {"name": "high"}, "value": 1000})
    assert pods.created(pod(priorityClassName="high"))["spec"]["priority"] == 1000
    with pytest.raises(Forbidden) as refusal:
        pods.create(pod(priorityClassName="missing"))
    assert refusal.value.message == 'pods "p" is forbidden: no PriorityClass with name missing was found'


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": []}, ["spec.containers: Required value"]),
        ({"containers": [{"name": "c"}]}, ["spec.containers[0].image: Required value"]),
        (
            {"containers": [{"name": "c", "image": "a"}, {"name": "c", "image": "a"}]},
            ['spec.containers[1].name: Duplicate value: "c"'],
        ),
        (
            {"containers": [{"name": "c", "image": "a", "volumeMounts": [{"name": "v", "mountPath": "/"}]}]},
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
        ),
        (
            {"restartPolicy": "Sometimes"},
            ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
        ),
    ],
)
def test_what_a_pod_must_have(pods, spec, expected):
    assert pods.create(pod(**spec))[1] == expected
