"""
How patches are refused whose result Go could not decode (k8s.io/apiserver's patch handler; reference kubernetes-api.md 4.2).
"""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.machinery.verbs import patched
from solovirt.machinery.verbs.protocol import PatchType

NUMBER = "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ({"b": {"c": 1}, "a": "x"}, "map[a:x b:map[c:1]]"),
        ({"l": [1, "two", None], "t": True, "f": 1.5}, "map[f:1.5 l:[1 two <nil>] t:true]"),
        ({}, "map[]"),
    ],
)
def test_maps_are_printed_as_go_prints_them(value: Any, printed: str) -> None:
    assert patched.go_map(value) == printed


def test_a_merge_patch_is_shown_by_what_it_makes() -> None:
    error = patched.refusal(PatchType.MERGE, {"data": {"q": 1}}, {"kind": "ConfigMap", "data": {"q": 1}}, NUMBER)
    assert (error.code, error.message) == (
        422,
        r' "" is invalid: patch: Invalid value: "{\"kind\":\"ConfigMap\",\"data\":{\"q\":1}}": ' + NUMBER,
    )


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (NUMBER, "cannot convert int64 to string"),
        (
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
            "cannot restore slice from string",
        ),
        (
            "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
            "cannot restore map from slice",
        ),
        (
            "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec",
            "cannot restore struct from: string",
        ),
        ("quantities must match the regular expression '…'", "quantities must match the regular expression '…'"),
    ],
)
def test_a_strategic_patch_is_shown_itself_and_speaks_of_maps(problem: str, said: str) -> None:
    error = patched.refusal(PatchType.STRATEGIC, {"data": {"q": 1}}, {}, problem)
    assert error.message == f' "" is invalid: patch: Invalid value: "map[data:map[q:1]]": {said}'
