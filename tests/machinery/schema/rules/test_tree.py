"""Rules of a schema, held against documents (reference kubernetes-api.md 4.1 "CEL rule", section 7)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema
from solovirt.machinery.schema.structural import structural
from tests.kinds.schema_facts import facts


def schema(spec: dict[str, Any], **root: Any) -> ObjectSchema:
    return ObjectSchema({"type": "object", "properties": {"spec": spec}, **root}, kind="Widget", flavour=Flavour.CUSTOM)


def rules(*declared: dict[str, Any], **words: Any) -> dict[str, Any]:
    return {**words, "x-kubernetes-validations": list(declared)}


def told(of: ObjectSchema, spec: Any, before: Any = None) -> list[str]:
    old = None if before is None else {"metadata": {"name": "a"}, "spec": before}
    return [str(error) for error in of.check_rules({"metadata": {"name": "a"}, "spec": spec}, old)]


INTEGER = {"type": "integer"}
NUMBERS = {"type": "object", "properties": {"min": INTEGER, "max": INTEGER}}


def test_a_failed_rule_shows_its_message_and_no_value():
    of = schema(rules({"rule": "self.min <= self.max", "message": "no sevens"}, **NUMBERS))
    assert told(of, {"min": 2, "max": 1}) == ["spec: Invalid value: no sevens"]
    assert told(of, {"min": 1, "max": 1}) == []


def test_a_rule_without_a_message_shows_itself():
    of = schema(rules({"rule": "self.min <= self.max"}, **NUMBERS))
    assert told(of, {"min": 2, "max": 1}) == ["spec: Invalid value: failed rule: self.min <= self.max"]


def test_message_expression_comes_before_message_unless_it_fails():
    of = schema(
        rules(
            {"rule": "self.max < 5", "messageExpression": "'max is ' + string(self.max)", "message": "too large"},
            {"rule": "self.max < 6", "messageExpression": "'min is ' + string(self.min)", "message": "too large"},
            **NUMBERS,
        )
    )
    assert told(of, {"max": 7}) == ["spec: Invalid value: max is 7", "spec: Invalid value: too large"]


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("FieldValueInvalid", "Invalid value"),
        ("FieldValueForbidden", "Forbidden"),
        ("FieldValueRequired", "Required value"),
        ("FieldValueDuplicate", "Duplicate value"),
    ],
)
def test_the_reason_selects_the_label_and_field_path_the_field(reason, label):
    of = schema(rules({"rule": "false", "message": "no", "reason": reason, "fieldPath": ".max"}, **NUMBERS))
    (error,) = of.check_rules({"spec": {}}, None)
    assert (str(error), error.type.value) == (f"spec.max: {label}: no", reason)


def test_a_rule_that_cannot_be_evaluated_is_an_error():
    of = schema(rules({"rule": "self.min > 0", "message": "positive"}, **NUMBERS))
    assert told(of, {}) == ["spec: Invalid value: no such key: min evaluating rule: positive"]


def test_transition_rules_run_on_updates_only():
    of = schema(rules({"rule": "self.max >= oldSelf.max", "message": "no shrinking"}, **NUMBERS))
    assert told(of, {"max": 1}) == []
    assert told(of, {"max": 1}, {"max": 2}) == ["spec: Invalid value: no shrinking"]
    assert told(of, {"max": 3}, {"max": 2}) == []


def test_transition_rules_with_an_optional_old_value_run_on_creation_too():
    rule = {"rule": "oldSelf.hasValue() || self.max == 0", "message": "begins at 0", "optionalOldSelf": True}
    of = schema(rules(rule, **NUMBERS))
    assert told(of, {"max": 1}) == ["spec: Invalid value: begins at 0"]
    assert told(of, {"max": 1}, {"max": 0}) == []


def test_an_unchanged_value_is_not_checked_again():
    """Ratcheting; transition rules are checked all the same."""
    of = schema(
        rules(
            {"rule": "self.max < 5", "message": "old"}, {"rule": "self.max != oldSelf.max", "message": "new"}, **NUMBERS
        )
    )
    assert told(of, {"max": 9}, {"max": 9}) == ["spec: Invalid value: new"]
    assert told(of, {"max": 8}, {"max": 9}) == ["spec: Invalid value: old"]


def test_items_of_a_list_map_find_their_predecessor_by_their_keys():
    item = rules(
        {"rule": "self.value >= oldSelf.value", "message": "grows"},
        type="object",
        properties={"name": {"type": "string"}, "value": INTEGER},
    )
    listed = {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    of = schema({"type": "object", "properties": {"all": listed}})
    before = {"all": [{"name": "a", "value": 1}, {"name": "b", "value": 5}]}
    after = {"all": [{"name": "new", "value": 0}, {"name": "b", "value": 4}, {"name": "a", "value": 2}]}
    assert told(of, after, before) == ["spec.all[1]: Invalid value: grows"]


def test_values_of_maps_are_checked_under_their_key():
    value = rules({"rule": "self > 0", "message": "positive"}, **INTEGER)
    of = schema({"type": "object", "properties": {"m": {"type": "object", "additionalProperties": value}}})
    assert told(of, {"m": {"a": 1, "b c": 0}}) == ["spec.m[b c]: Invalid value: positive"]


def test_rules_at_the_root_see_the_name_and_nothing_else_of_metadata():
    of = schema(NUMBERS, **rules({"rule": "self.metadata.name == 'b' || has(self.metadata.labels)", "message": "b"}))
    assert told(of, {}) == ["<nil>: Invalid value: b"]


def test_names_that_are_no_identifiers_are_escaped():
    properties = {"a-b": INTEGER, "c.d": INTEGER, "namespace": INTEGER, "e__f": INTEGER}
    rule = {"rule": "self.a__dash__b + self.c__dot__d + self.__namespace__ + self.e__underscores__f == 4"}
    of = schema(rules(rule, type="object", properties=properties))
    assert told(of, dict.fromkeys(properties, 1)) == []


def test_formats_are_values_of_their_type():
    properties = {
        "at": {"type": "string", "format": "date-time"},
        "for": {"type": "string", "format": "duration"},
        "raw": {"type": "string", "format": "byte"},
        "ratio": {"type": "number"},
    }
    rule = {
        "rule": "self.at < timestamp('2025-01-01T00:00:00Z') && self.__for__ == duration('90m') && self.raw == b'x' && "
        "self.ratio / 2.0 == 0.5"
    }
    of = schema(rules(rule, type="object", properties=properties))
    assert told(of, {"at": "2024-01-01T00:00:00Z", "for": "1h30m", "raw": "eA==", "ratio": 1}) == []


def test_rules_are_left_out_where_the_document_is_malformed():
    """Reference kubernetes-api.md 4.1: one last error says so."""
    of = schema(rules({"rule": "false"}, **NUMBERS))
    document = {"metadata": {}, "spec": {"max": "x"}}
    wrong = of.validate(document)
    assert [error.field for error in wrong] == ["spec.max", "<nil>"]
    assert "some validation rules were not checked" in wrong[-1].detail
    assert of.check_rules(document, None, wrong) == ()


def test_built_in_kinds_have_no_rules():
    of = ObjectSchema(rules({"rule": "false"}, type="object"), kind="Pod", flavour=Flavour.BUILT_IN)
    assert of.check_rules({}, None) == ()


def test_every_rule_of_kubevirt_and_cdi_can_be_evaluated():
    """The CustomResourceDefinitions' own x-kubernetes-validations (crds.json)."""
    found = 0

    def look(schema: Any) -> None:
        nonlocal found
        if isinstance(schema, dict):
            if "x-kubernetes-validations" in schema:
                found += 1
                ObjectSchema(schema, kind="Any", flavour=Flavour.CUSTOM).check_rules({}, None)
            for child in schema.values():
                look(child)
        elif isinstance(schema, list):
            for child in schema:
                look(child)

    look(facts("crds"))
    assert found


def test_the_rules_of_kubevirts_volumes_hold_in_our_models():
    """crds.json, virtualmachineinstances.kubevirt.io: spec.volumes[].containerPath."""
    from solovirt.kinds.kubevirt.models.vmi import VirtualMachineInstance

    of = ObjectSchema(structural(VirtualMachineInstance), kind="VirtualMachineInstance", flavour=Flavour.CUSTOM)
    volume = {"name": "a", "containerPath": {"path": "x/../y", "readOnly": True}}
    assert told(of, {"volumes": [volume]}) == [
        "spec.volumes[0].containerPath.path: Invalid value: path must be absolute (start with '/')",
        "spec.volumes[0].containerPath.path: Invalid value: path must not contain '..'",
    ]
    assert told(of, {"volumes": [{"name": "a", "containerPath": {"path": "/x", "readOnly": True}}]}) == []
