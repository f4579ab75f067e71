"""The wording of each row of reference kubernetes-api.md 4.1, "CRD schema errors"."""

import pytest

from solovirt.machinery.errors import FieldErrorType, Invalid
from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema

CAPACITY = [{"name": name} for name in "abcde"]

ROWS = [
    ({"cpu": "x"}, ['spec.cpu: Invalid value: "string": spec.cpu in body must be of type integer: "string"']),
    (
        {"cpu": 2.5},
        [
            'spec.cpu: Invalid value: "number": spec.cpu in body must be of type integer: "number"',
            '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.cpu',
        ],
    ),
    ({"cpu": 0}, ["spec.cpu: Invalid value: 0: spec.cpu in body should be greater than or equal to 1"]),
    ({"cpu": 9}, ["spec.cpu: Invalid value: 9: spec.cpu in body should be less than or equal to 8"]),
    ({"name": "A"}, ["spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"]),
    ({"name": "aaaaaa"}, ["spec.name: Too long: may not be more than 5 bytes"]),
    ({"vols": CAPACITY}, ["spec.vols: Too many: 5: must have at most 3 items"]),
    ({"mode": "z"}, ['spec.mode: Unsupported value: "z": supported values: "a", "b"']),
    ({"when": "x"}, ['spec.when: Invalid value: "x": spec.when in body must be of type date-time: "x"']),
    ({"vols": [{"name": "x"}, {"name": "x"}]}, ['spec.vols[1]: Duplicate value: {"name":"x"}']),
    ({"tags": ["x", "x"]}, ['spec.tags[1]: Duplicate value: "x"']),
    (
        {"vols": [{"name": 1}]},
        ['spec.vols[0].name: Invalid value: "integer": spec.vols[0].name in body must be of type string: "integer"'],
    ),
    (
        {"labels": {"a": True}},
        ['spec.labels.a: Invalid value: "boolean": spec.labels.a in body must be of type string: "boolean"'],
    ),
    ({"tags": [None]}, ['spec.tags[0]: Invalid value: "null": spec.tags[0] in body must be of type string: "null"']),
    ({"ratio": 0.75}, ["spec.ratio: Invalid value: 0.75: spec.ratio in body should be a multiple of 0.5"]),
]


@pytest.mark.parametrize(("spec", "expected"), ROWS)
def test_an_error_is_worded_as_kubernetes_words_it(vm, make, spec, expected):
    document = make(**spec)
    assert [str(error) for error in vm.validate(document)] == expected
    assert not vm.accepts(document)


def test_a_missing_field_is_required(vm, make, left_out):
    errors = vm.validate(make(cpu=left_out))
    assert [str(error) for error in errors] == ["spec.cpu: Required value"]
    assert errors[0].cause().document() == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec.cpu",
    }


def test_no_alternative_of_one_of_is_met(vm, make):
    errors = [str(error) for error in vm.validate(make(choice={}))]
    assert errors[0] == (
        '<nil>: Invalid value: "": "spec.choice" must validate one and only one schema (oneOf). Found none valid'
    )
    assert errors[1:] == ["spec.choice.left: Required value"]
    assert vm.accepts(make(choice={"left": "a"}))


def test_two_alternatives_of_one_of_are_met(vm, make):
    assert [str(error) for error in vm.validate(make(choice={"left": "a", "right": "b"}))] == [
        '<nil>: Invalid value: "": "spec.choice" must validate one and only one schema (oneOf). Found 2 valid alternatives'
    ]


def test_int_or_string_refuses_a_boolean_with_the_errors_of_its_branches(vm, make):
    errors = [str(error) for error in vm.validate(make(mem=True))]
    assert '<nil>: Invalid value: "": "spec.mem" must validate at least one schema (anyOf)' in errors
    assert 'spec.mem: Invalid value: "boolean": spec.mem in body must be of type integer: "boolean"' in errors


def test_int32_has_a_range(vm, make):
    document = make(vols=[{"name": "a", "size": 2**31}])
    assert [str(error) for error in vm.validate(document)] == [
        '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.vols[0].size'
    ]
    assert not vm.accepts(document)


def test_an_integer_written_as_a_float_is_valid(vm, make):
    assert vm.validate(make(cpu=2.0)) == []


def test_errors_of_a_schema_with_rules_say_that_rules_were_not_checked(make):
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"cpu": {"type": "integer", "maximum": 8}},
                "x-kubernetes-validations": [{"rule": "self.cpu > 0"}],
            }
        },
    }
    vm = ObjectSchema(schema, kind="VM", flavour=Flavour.CUSTOM)
    wrong_type = [str(error) for error in vm.validate({"spec": {"cpu": "x"}})]
    assert wrong_type[-1] == (
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
        "correct the existing errors to complete validation"
    )
    assert len(vm.validate({"spec": {"cpu": 9}})) == 1


def test_an_unchanged_invalid_value_may_stay(vm, make):
    """Ratcheting, section 7."""
    old = make(mode="z", vols=[{"name": "a", "size": "big"}])
    assert vm.validate(make(mode="z", vols=[{"name": "a", "size": "big"}, {"name": "b"}], cpu=3), old) == []
    changed = vm.validate(make(mode="y"), old)
    assert [error.type for error in changed] == [FieldErrorType.NOT_SUPPORTED]


def test_several_errors_make_one_status(vm, make):
    status = Invalid.of("example.com", "VM", "x", vm.validate(make(cpu=0, mode="z"))).status()
    assert status["message"] == (
        'VM.example.com "x" is invalid: '
        "[spec.cpu: Invalid value: 0: spec.cpu in body should be greater than or equal to 1, "
        'spec.mode: Unsupported value: "z": supported values: "a", "b"]'
    )
    assert status["details"]["causes"][1]["reason"] == "FieldValueNotSupported"


def test_an_embedded_resource_needs_its_type(vm, make):
    errors = [str(error) for error in vm.validate(make(child={"metadata": {}}))]
    assert errors == [
        "spec.child.apiVersion: Required value: must not be empty",
        "spec.child.kind: Required value: must not be empty",
    ]
    assert vm.accepts(make(child={"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "free": [None]}))


def test_metadata_kind_and_version_are_not_looked_at(vm, make):
    document = {**make(), "metadata": 1, "kind": None, "apiVersion": []}
    assert vm.accepts(document)
    assert vm.validate(document) == []
