"""What a CustomResourceDefinition must be like (reference kubernetes-api.md 7; texts of apiextensions' own validation)."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from solovirt.kinds.apiextensions.definition_rules import validate, validate_update
from solovirt.kinds.apiextensions.serving import definition_of
from solovirt.machinery.resource import Flavour
from tests.controllers.custom_resources.conftest import a_definition, a_version

AT = "spec.versions[0].schema.openAPIV3Schema"


def told(definition: dict[str, Any]) -> list[str]:
    return [str(error) for error in validate(definition)]


def with_schema(spec: dict[str, Any], **root: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec}, **root}
    return a_definition(a_version(schema=schema))


def test_a_good_definition_has_no_errors():
    assert told(a_definition()) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            lambda d: d["metadata"].update(name="x"),
            'metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group',
        ),
        (
            lambda d: d["spec"].update(scope="World"),
            'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"',
        ),
        (lambda d: d["spec"]["versions"][0].pop("schema"), f"{AT}: Required value: schemas are required"),
        (
            lambda d: d["spec"]["names"].update(listKind="Widget"),
            'spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same',
        ),
        (
            lambda d: d["spec"].update(preserveUnknownFields=True),
            (
                "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                "spec.versions[*].schema instead"
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_in_kubernetes_words(change, error):
    definition = a_definition()
    change(definition)
    assert told(definition) == [error]


def test_exactly_one_version_is_stored_and_names_are_unique():
    definition = a_definition(a_version("v1"), a_version("v1"))
    assert [line.rpartition(": ")[2] for line in told(definition)] == [
        "must contain unique version names",
        "must have exactly one version marked as storage version",
    ]


def test_groups_of_kubernetes_need_an_approval():
    definition = a_definition()
    definition["metadata"]["name"], definition["spec"]["group"] = "widgets.example.k8s.io", "example.k8s.io"
    (error,) = told(definition)
    assert error.startswith(
        "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have"
    )
    definition["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://example.com/1"}
    assert told(definition) == []


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (
            {"type": "object", "properties": {"a": {}}},
            f"{AT}.properties[spec].properties[a].type: Required value: must not be empty for specified object fields",
        ),
        ({"type": "array"}, f"{AT}.properties[spec].items: Required value: must be specified"),
        (
            {"type": "array", "items": {}},
            f"{AT}.properties[spec].items.type: Required value: must not be empty for specified array items",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}, "properties": {"a": {"type": "string"}}},
            f"{AT}.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        (
            {"type": "object", "anyOf": [{"type": "object"}]},
            f"{AT}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            {"type": "text"},
            f'{AT}.properties[spec].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
        ),
        (
            {
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": "string"}}},
                "x-kubernetes-list-type": "map",
            },
            f"{AT}.properties[spec].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
        ),
        (
            {"type": "string", "pattern": "["},
            f'{AT}.properties[spec].pattern: Invalid value: "[": must be a valid regular expression, but isn\'t',
        ),
        (
            {"type": "integer", "default": "x"},
            f'{AT}.properties[spec].default: Invalid value: "string": default in body must be of type integer: "string"',
        ),
    ],
)
def test_a_schema_must_be_structural(spec, error):
    assert error in told(with_schema(spec))


@pytest.mark.parametrize(
    "spec",
    [
        {"x-kubernetes-int-or-string": True},
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": "^a"},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "additionalProperties": True},
        {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"properties": {"a": {"pattern": "x"}}}],
        },
        {"type": "string", "default": None, "nullable": True},
    ],
)
def test_schemas_that_are_structural(spec):
    assert told(with_schema(spec)) == []


def test_the_root_is_an_object():
    assert told(a_definition(a_version(schema={"type": "string"})))[0] == (
        f'{AT}.type: Invalid value: "string": must be object at the root'
    )


@pytest.mark.parametrize(
    ("rule", "field", "text"),
    [
        (
            {"rule": "self.b == 1"},
            "rule",
            "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == 1\n | ....^",
        ),
        ({"rule": "self.a.b == 1"}, None, ""),
        ({"rule": "self.a =="}, "rule", "compilation failed: ERROR: <input>:1:10: Syntax error"),
        (
            {"rule": "true", "messageExpression": "nope"},
            "messageExpression",
            "messageExpression compilation failed: ERROR",
        ),
        ({"rule": " "}, "rule", "rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "message", "message must not contain line breaks"),
        ({"rule": "true\n||\nfalse"}, "message", "message must be specified if rule contains line breaks"),
        ({"rule": "true", "fieldPath": ".b"}, "fieldPath", "does not refer to a valid field"),
        ({"rule": "true", "fieldPath": ".a"}, None, ""),
    ],
)
def test_rules_are_compiled_when_they_are_brought(rule, field, text):
    spec = {"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": [rule]}
    found = validate(with_schema(spec))
    if field is None:
        assert found == []
    else:
        (error,) = found
        assert error.field == f"{AT}.properties[spec].x-kubernetes-validations[0].{field}"
        assert text in error.detail


def test_columns_scale_and_selectable_fields_are_checked():
    version = a_version(
        additionalPrinterColumns=[
            {"name": "A", "type": "text", "jsonPath": ".spec.size"},
            {"name": "B", "type": "string", "jsonPath": "x"},
        ],
        subresources={"scale": {"specReplicasPath": ".status.a", "statusReplicasPath": ".status.a[0]"}},
        selectableFields=[{"jsonPath": ".metadata.name"}, {"jsonPath": ".spec.nothing"}, {"jsonPath": ".spec"}],
    )
    assert [
        (error.field.removeprefix("spec.versions[0]."), error.detail) for error in validate(a_definition(version))
    ] == [
        ("additionalPrinterColumns[0].type", "must be one of boolean,date,integer,number,string"),
        ("additionalPrinterColumns[1].jsonPath", "is an invalid path: does not start with '.'"),
        ("subresources.scale.specReplicasPath", "should be a json path under .spec"),
        ("subresources.scale.statusReplicasPath", "should be a json path under .status"),
        ("selectableFields[0].jsonPath", "is an invalid path: must not point to fields in metadata"),
        ("selectableFields[1].jsonPath", "is an invalid path: does not refer to a valid field"),
        (
            "selectableFields[2].jsonPath",
            "is an invalid path: must point to a field of type string, boolean or integer",
        ),
    ]


def test_what_is_established_keeps_its_names_and_scope():
    old = a_definition()
    old["status"] = {"conditions": [{"type": "Established", "status": "True"}], "storedVersions": ["v1"]}
    new = copy.deepcopy(old)
    new["spec"]["scope"], new["spec"]["names"]["kind"] = "Cluster", "Gadget"
    assert [str(error) for error in validate_update(new, old)] == [
        'spec.scope: Invalid value: "Cluster": field is immutable',
        'spec.names.kind: Invalid value: "Gadget": field is immutable',
    ]


def test_kubevirts_own_definitions_pass():
    """They pass Kubernetes' validation, and so they must pass ours; the largest in well under a second."""
    from solovirt.kinds import builtin

    started = time.process_time()
    for resource in builtin():
        if (
            resource.flavour is Flavour.CUSTOM
            and resource.plural in ("virtualmachines", "datavolumes")
            and resource.kind
        ):
            assert told(definition_of(resource)) == [], resource.plural
    assert time.process_time() - started < 5
