"""Unknown fields: which they are, in which order they are told (reference kubernetes-api.md 4.2), and that pruning removes just them."""

import copy

from solovirt.machinery.resource import Flavour
from solovirt.machinery.schema.compiled import ObjectSchema


def with_unknown(make):
    document = make(foo=1, vols=[{"name": "a", "bogus": {"deep": 1}}])
    document["extra"] = True
    return document


def test_custom_resources_tell_unknown_fields_in_alphabetical_order(vm, make):
    assert vm.unknown_fields(with_unknown(make)) == ["extra", "spec.foo", "spec.vols[0].bogus"]


def test_built_in_kinds_tell_unknown_fields_as_they_meet_them(vm):
    built_in = ObjectSchema(vm.structural, kind="VM", flavour=Flavour.BUILT_IN)
    document = {"spec": {"z": 1, "vols": [{"b": 1, "a": 1}], "c": 1}, "a": 1}
    assert built_in.unknown_fields(document) == ["spec.z", "spec.vols[0].b", "spec.vols[0].a", "spec.c", "a"]


def test_pruning_removes_exactly_the_unknown_fields(vm, make):
    document = with_unknown(make)
    assert not vm.accepts(document)
    vm.prune(document)
    assert document == make(vols=[{"name": "a"}])
    assert vm.accepts(document)


def test_preserved_places_keep_what_they_do_not_know(vm, make):
    document = make(raw={"a": {"b": [None, 1]}}, half={"x": {"y": 1}, "known": {"a": "b"}})
    assert vm.unknown_fields(document) == []
    assert vm.accepts(document)


def test_what_is_known_inside_a_preserved_place_is_pruned(vm, make):
    document = make(half={"x": 1, "known": {"a": "b", "c": 1}})
    assert vm.unknown_fields(document) == ["spec.half.known.c"]
    vm.prune(document)
    assert document["spec"]["half"] == {"x": 1, "known": {"a": "b"}}


def test_metadata_of_an_embedded_resource_is_object_metadata(vm, make):
    document = make(child={"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "zip": 1}, "any": {"thing": 1}})
    assert vm.unknown_fields(document) == ["spec.child.metadata.zip"]
    vm.prune(document)
    assert document["spec"]["child"]["metadata"] == {"name": "a"}
    assert document["spec"]["child"]["any"] == {"thing": 1}


def test_metadata_of_the_object_is_left_to_others(vm, make):
    document = make()
    document["metadata"]["zip"] = 1
    before = copy.deepcopy(document)
    assert vm.unknown_fields(document) == []
    vm.prune(document)
    assert document == before


def test_an_object_where_a_scalar_belongs_is_pruned_to_an_empty_one(vm, make):
    document = make(mode={"a": 1})
    assert vm.unknown_fields(document) == ["spec.mode.a"]
