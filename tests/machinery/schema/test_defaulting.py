"""Defaults and nulls: reference kubernetes-api.md section 7, CRD lifecycle."""

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema


def defaulted(schema, document):
    schema.default(document)
    return document


def test_a_missing_field_gets_its_default(vm, make, left_out):
    document = make(policy=left_out)
    assert not vm.accepts(document)
    assert defaulted(vm, document) == make()
    assert vm.accepts(document)


def test_null_with_a_default_becomes_the_default(vm, make):
    assert defaulted(vm, make(policy=None)) == make()


def test_null_without_a_default_is_dropped(vm, make):
    document = make(mode=None, labels={"a": None, "b": "c"}, raw=None)
    assert not vm.accepts(document)
    assert defaulted(vm, document) == make(labels={"b": "c"})


def test_null_stays_where_it_is_allowed(vm, make):
    document = make(cleared=None)
    assert vm.accepts(document)
    assert defaulted(vm, document) == make(cleared=None)


def test_null_stays_in_what_is_preserved(vm, make):
    document = make(raw={"a": None})
    assert vm.accepts(document)
    assert defaulted(vm, document) == make(raw={"a": None})


def test_a_default_is_not_written_into_a_missing_parent(vm):
    assert defaulted(vm, {"kind": "VM"}) == {"kind": "VM"}


def test_a_null_item_of_a_custom_resource_stays_for_validation(vm, make):
    assert defaulted(vm, make(tags=[None])) == make(tags=[None])


def test_built_in_kinds_read_null_as_the_zero_value(vm, make):
    built_in = ObjectSchema(vm.structural, kind="VM", flavour=Flavour.BUILT_IN)
    document = make(mode=None, labels={"a": None}, tags=[None], vols=[None])
    assert defaulted(built_in, document) == make(labels={"a": ""}, tags=[""], vols=[{}])


def test_a_written_default_is_not_shared(vm):
    schema = ObjectSchema(
        {
            "type": "object",
            "properties": {
                "spec": {"type": "object", "default": {"a": []}, "x-kubernetes-preserve-unknown-fields": True}
            },
        },
        kind="X",
        flavour=Flavour.CUSTOM,
    )
    first, second = defaulted(schema, {}), defaulted(schema, {})
    first["spec"]["a"].append(1)
    assert second == {"spec": {"a": []}}
