"""What the decoder makes of ObjectMeta (reference kubernetes-api.md 3.2, 4.2): as Go, null is nothing, and unknown fields have no type."""

from __future__ import annotations

import pytest

from solovirt.machinery import metadata


@pytest.mark.parametrize(
    "document",
    [
        {"managedFields": [{"manager": None, "time": None, "fieldsV1": None, "bogus": {"x": 1}}]},
        {"ownerReferences": [{"apiVersion": None, "controller": None, "bogus": [1]}]},
        {"finalizers": [None, "a/b"]},
        {"generation": -(2**63)},
        {"bogus": {"x": 1}},
    ],
)
def test_nulls_and_unknown_fields_are_decoded(document):
    assert metadata.decode_error(document) is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"generation": 1.5}, "number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64"),
        (
            {"generation": 2**63},
            "number 9223372036854775808 into Go struct field ObjectMeta.metadata.generation of type int64",
        ),
        ({"generation": "1"}, "string into Go struct field ObjectMeta.metadata.generation of type int64"),
        ({"generation": True}, "bool into Go struct field ObjectMeta.metadata.generation of type int64"),
        (
            {"managedFields": [{"manager": 1}]},
            "number into Go struct field ObjectMeta.metadata.managedFields.manager of type string",
        ),
    ],
)
def test_wrong_types_are_named(document, message):
    assert metadata.decode_error(document) == f"json: cannot unmarshal {message}"


def test_unknown_fields_of_all_levels_are_found_and_dropped():
    document = {
        "name": "a",
        "clusterName": "gone since Kubernetes 1.24",
        "managedFields": [{"manager": "m", "bogus": 1}],
        "ownerReferences": [{"name": "o", "bogus": 1}],
        "finalizers": [None],
    }
    assert metadata.unknown_fields(document) == [
        "metadata.clusterName",
        "metadata.managedFields[0].bogus",
        "metadata.ownerReferences[0].bogus",
    ]
    metadata.clean(document)
    assert document == {
        "name": "a",
        "managedFields": [{"manager": "m"}],
        "ownerReferences": [{"name": "o"}],
        "finalizers": [""],
    }
