"""The JSONPath subset of printer columns (reference kubernetes-api.md 5)."""

from __future__ import annotations

import pytest

from solovirt.machinery.http.json_path import JsonPath

DOCUMENT = {
    "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}},
    "spec": {"replicas": 0, "on": False, "list": [1, 2, 3], "none": None, "a-b": 4},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "n": 1},
            {"type": "Synced", "status": "False", "n": 2, "reason": "Why"},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".metadata.name", "a"),
        ("$.metadata.name", "a"),
        ("{.metadata.name}", "a"),
        (".spec.replicas", 0),
        (".spec.on", False),
        (".spec.none", None),
        (".spec.a-b", 4),
        (".spec.missing", None),
        (".spec.replicas.deeper", None),
        (".spec.list[0]", 1),
        (".spec.list[-1]", 3),
        (".spec.list[7]", None),
        (".spec.list[*]", 1),
        (".spec.list[1:]", 2),
        (r".metadata.labels.app\.kubernetes\.io/name", "x"),
        (".metadata.labels['app.kubernetes.io/name']", "x"),
        (".status.conditions[?(@.type=='Ready')].status", "True"),
        ('.status.conditions[?(@.type=="Synced")].status', "False"),
        (".status.conditions[?(@.type == 'Absent')].status", None),
        (".status.conditions[?(@.n>1)].type", "Synced"),
        (".status.conditions[?(@.reason)].type", "Synced"),
        (".status.conditions[*].type", "Ready"),
        (".status.conditions[?(", None),
        ("]", None),
    ],
)
def test_the_first_result_is_found(path, value):
    assert JsonPath(path).first(DOCUMENT) == value
