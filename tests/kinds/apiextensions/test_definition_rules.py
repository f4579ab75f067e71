"""What a CustomResourceDefinition must be like (reference kubernetes-api.md 7; texts of apiextensions' own validation)."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from solovirt.kinds.apiextensions.definition_rules import validate, validate_update, warnings
from solovirt.kinds.apiextensions.serving import definition_of
from solovirt.machinery.resource import Flavour
from tests.controllers.custom_resources.conftest import a_definition, a_version

# What all versions have in common is told of as if it stood beside them.
AT = "spec.validation.openAPIV3Schema"


def complete(definition: dict[str, Any]) -> dict[str, Any]:
    """With what is always there when a definition is looked at."""
    names = definition["spec"]["names"]
    definition["spec"].setdefault("conversion", {"strategy": "None"})
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    stored = [one["name"] for one in definition["spec"]["versions"] if one["storage"]]
    definition.setdefault("status", {}).setdefault("storedVersions", stored)
    return definition


def told(definition: dict[str, Any]) -> list[str]:
    return [str(error) for error in validate(complete(definition))]


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
        (
            lambda d: d["spec"]["versions"][0].pop("schema"),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
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
            {"type": "array", "pattern": "a"},
            f"{AT}.properties[spec].items: Required value: must be specified",
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
        (
            {"rule": "self.a.b == 1"},
            "rule",
            "compilation failed: ERROR: <input>:1:7: type 'int' does not support field selection",
        ),
        ({"rule": "self.a =="}, "rule", "compilation failed: ERROR: <input>:1:10: Syntax error"),
        (
            {"rule": "true", "messageExpression": "nope"},
            "messageExpression",
            "messageExpression compilation failed: ERROR",
        ),
        ({"rule": " "}, "rule", "rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "message", "message must not contain line breaks"),
        ({"rule": "true\n||\nfalse"}, "message", "message must be specified if rule contains line breaks"),
        ({"rule": "true", "fieldPath": ".b"}, "fieldPath", "must be a valid path"),
        (
            {"rule": "self.a == 'x' && self.a.startsWith('y')"},
            "rule",
            (
                "compilation failed: ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(int, string)'\n"
                " | self.a == 'x' && self.a.startsWith('y')\n | .......^\n"
                "ERROR: <input>:1:35: found no matching overload for 'startsWith' applied to 'int.(string)'\n"
                " | self.a == 'x' && self.a.startsWith('y')\n | ..................................^"
            ),
        ),
        ({"rule": "self.a"}, "rule", "cel expression must evaluate to a bool"),
        (
            {"rule": "true", "messageExpression": "self.a"},
            "messageExpression",
            "messageExpression must evaluate to a string",
        ),
        (
            {"rule": "true", "messageExpression": " "},
            "messageExpression",
            "messageExpression must be non-empty if specified",
        ),
        ({"rule": "true", "reason": "Bad"}, "reason", "supported values: "),
        ({"rule": "true", "optionalOldSelf": True}, "optionalOldSelf", "may not be set if oldSelf is not used in rule"),
        ({"rule": "self.a >= oldSelf.orValue(self).a", "optionalOldSelf": True}, None, ""),
        ({"rule": "self.a == oldSelf.a"}, None, ""),
        ({"rule": "true", "fieldPath": ".a"}, None, ""),
    ],
)
def test_rules_are_compiled_when_they_are_brought(rule, field, text):
    spec = {"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": [rule]}
    found = validate(complete(with_schema(spec)))
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
        subresources={"scale": {"specReplicasPath": ".status.a", "statusReplicasPath": ".status.a"}},
        selectableFields=[{"jsonPath": ".metadata.name"}, {"jsonPath": ".spec.nothing"}, {"jsonPath": ".spec"}],
    )
    assert [
        (error.field.removeprefix("spec."), error.detail) for error in validate(complete(a_definition(version)))
    ] == [
        ("subresources.scale.specReplicasPath", "should be a json path under .spec"),
        ("additionalPrinterColumns[0].type", "must be one of boolean,date,integer,number,string"),
        ("additionalPrinterColumns[1].JSONPath", "must be a simple json path starting with ."),
        ("selectableFields[0].jsonPath", "is an invalid path: does not refer to a valid field"),
        ("selectableFields[1].jsonPath", "is an invalid path: does not refer to a valid field"),
        (
            "selectableFields[2].jsonPath",
            "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
        ),
    ]


def test_what_is_established_keeps_its_names_and_scope():
    old = complete(a_definition())
    old["status"] = {"conditions": [{"type": "Established", "status": "True"}], "storedVersions": ["v1"]}
    new = copy.deepcopy(old)
    new["spec"]["scope"], new["spec"]["names"]["kind"] = "Cluster", "Gadget"
    new["spec"]["names"]["plural"] = "gadgets"
    assert [str(error) for error in validate_update(new, old)] == [
        'spec.scope: Invalid value: "Cluster": field is immutable',
        'spec.names.kind: Invalid value: "Gadget": field is immutable',
        'spec.names.plural: Invalid value: "gadgets": field is immutable',
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


LOOP = "self.all(a, self.all(b, a != b))"


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        (
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [{"rule": LOOP}]},
            [
                (
                    "x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try "
                    "simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
                ),
                (
                    "x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire "
                    "OpenAPIv3 schema"
                ),
            ],
        ),
        (
            {
                "type": "array",
                "maxItems": 100,
                "items": {"type": "string", "maxLength": 20},
                "x-kubernetes-validations": [{"rule": LOOP}],
            },
            [],
        ),
    ],
)
def test_rules_that_could_take_too_long_are_refused(spec, errors):
    found = [error.removeprefix(f"{AT}.properties[spec].") for error in told(with_schema(spec))]
    assert found[: len(errors)] == errors
    if errors:
        (last,) = found[len(errors) :]
        assert last.startswith(
            f"{AT}: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of"
        )


def test_old_values_are_there_only_where_they_can_be_told_apart():
    rule = {"rule": "self == oldSelf"}
    items = {"type": "integer", "x-kubernetes-validations": [rule]}
    at = f"{AT}.properties[spec]"
    (error,) = told(with_schema({"type": "array", "maxItems": 5, "items": items}))
    assert error == (
        f'{at}.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": '
        f"oldSelf cannot be used on the uncorrelatable portion of the schema within {at}"
    )
    key = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": items}}
    mapped = {
        "type": "array",
        "maxItems": 5,
        "items": key,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    assert told(with_schema(mapped)) == []


def test_what_is_restricted_must_be_declared():
    restriction = {"properties": {"spec": {"properties": {"a": {"pattern": "x"}}}}}
    where = "properties[spec].properties[a]"
    assert told(with_schema({"type": "object"}, anyOf=[restriction])) == [
        f"{AT}.{where}: Required value: because it is defined in {AT}.anyOf[0].{where}"
    ]


def test_with_a_status_subresource_the_root_says_little():
    version = a_version(
        schema={"type": "object", "properties": {"spec": {"type": "object"}}, "anyOf": [{"required": ["spec"]}]},
        subresources={"status": {}},
    )
    (error,) = told(a_definition(version))
    assert error.endswith("fields are allowed at the root of the schema if the status subresource is enabled")


def test_what_versions_do_not_share_is_told_of_where_it_is():
    other = {"type": "object", "properties": {"a": {}}}
    definition = a_definition(a_version("v1"), a_version("v2", storage=False, schema=other))
    assert told(definition) == [
        "spec.versions[1].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields"
    ]


@pytest.mark.parametrize(
    ("conversion", "error"),
    [
        (
            {"strategy": "Magic"},
            'spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"',
        ),
        (
            {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}},
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
        ),
        (
            {"strategy": "Webhook", "webhook": {"clientConfig": {}, "conversionReviewVersions": ["v1"]}},
            "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required",
        ),
        (
            {
                "strategy": "Webhook",
                "webhook": {"clientConfig": {"url": "https://a/b"}, "conversionReviewVersions": ["v9"]},
            },
            'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
        ),
        (
            {"strategy": "None", "webhook": {"clientConfig": {"url": "https://a/b"}, "conversionReviewVersions": []}},
            "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook",
        ),
    ],
)
def test_conversions_are_checked(conversion, error):
    definition = a_definition()
    definition["spec"]["conversion"] = conversion
    assert told(definition) == [error]


def test_what_does_not_do_what_it_seems_to_is_warned_of():
    spec = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "format": "zip"},
            "b": {"type": "string", "format": "date-time"},
            "c": {
                "type": "array",
                "x-kubernetes-list-type": "set",
                "items": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {}},
            },
        },
    }
    assert warnings(with_schema(spec), None) == [
        'unrecognized format "zip"',
        'x-kubernetes-list-type: set for items of type "object" is not supported by server-side apply or CEL validation rules',
    ]
    assert warnings(with_schema(spec), with_schema(spec)) == []
