"""The quick validator says yes only where nothing at all has to be done to the document."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solovirt.machinery.admission import Behaviour
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Flavour, Resource, Scope, Version
from solovirt.machinery.schema.compiled import ObjectSchema, SchemaSet
from tests.machinery.schema.conftest import VM, a_vm

SPEC = VM["properties"]["spec"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**33),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "abcdef", "A", "2026-01-31T00:00:00Z", "2026-02-30T00:00:00Z", "1Gi", "x\n"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "name", "known", "kind"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def values(schema):
    """Values that a schema may or may not take, mostly the former."""
    kind = schema.get("type")
    if schema.get("enum"):
        right = st.sampled_from(schema["enum"])
    elif kind == "object":
        right = objects(schema)
    elif kind == "array":
        right = st.lists(values(schema["items"]), max_size=4)
    elif kind == "integer":
        right = st.integers(0, 9)
    elif kind == "number":
        right = st.sampled_from([0, 0.5, 1.25])
    elif kind == "boolean":
        right = st.booleans()
    else:
        right = st.sampled_from(["a", "b", "2026-01-31T00:00:00Z", "1Gi", "toolong", "X"])
    return st.one_of(right, right, right, right, ANYTHING)


def objects(schema):
    known = {key: values(child) for key, child in (schema.get("properties") or {}).items()}
    other = schema.get("additionalProperties")
    extra = st.dictionaries(
        st.sampled_from(["k", "bogus"]), values(other) if isinstance(other, dict) else ANYTHING, max_size=1
    )
    must = {
        key: known[key]
        for key in [
            *schema.get("required", ()),
            *(k for k, c in (schema.get("properties") or {}).items() if "default" in c),
        ]
    }
    may = {key: value for key, value in known.items() if key not in must}
    body = st.fixed_dictionaries(must, optional=may)
    return st.one_of(body, body, body, st.tuples(body, extra).map(lambda parts: {**parts[0], **parts[1]}))


@pytest.mark.parametrize("flavour", list(Flavour))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(spec=values(SPEC))
def test_what_is_accepted_needs_nothing(flavour, spec):
    schema = ObjectSchema(VM, kind="VM", flavour=flavour)
    document = {"spec": spec}
    if not schema.accepts(document):
        return
    before = copy.deepcopy(document)
    assert schema.unknown_fields(document) == []
    assert list(schema.validate(document)) == []
    assert schema.decode_error(document) is None
    schema.prune(document)
    schema.default(document)
    assert document == before


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=objects(SPEC))
def test_pruning_and_defaulting_leave_nothing_to_do(spec):
    schema = ObjectSchema(VM, kind="VM", flavour=Flavour.CUSTOM)
    document = {"spec": spec}
    schema.prune(document)
    schema.default(document)
    once = copy.deepcopy(document)
    assert schema.unknown_fields(document) == []
    schema.prune(document)
    schema.default(document)
    assert document == once


def test_usual_documents_are_accepted_at_once(vm):
    document = a_vm(
        name="abc",
        when="2026-12-31T23:59:59.5+01:00",
        mem="1Gi",
        vols=[{"name": "a", "size": 1}, {"name": "b"}],
        tags=["a", "b"],
        labels={"any/key": "x"},
        ratio=1,
        choice={"right": ""},
    )
    assert vm.accepts(document)
    assert vm.accepts({**document, "spec": {**document["spec"], "mem": 4}})


def test_true_is_no_integer(vm, make):
    assert not vm.accepts(make(cpu=True))
    assert not vm.accepts(make(mem=True))


def test_a_pattern_ends_at_the_end_of_the_text_as_in_go(vm, make):
    assert not vm.accepts(make(name="abc\n"))
    assert vm.validate(make(name="abc\n")) != []


def resource(kind, schema):
    return Resource(
        group="example.com",
        kind=kind,
        plural=f"{kind.lower()}s",
        singular=kind.lower(),
        scope=Scope.NAMESPACED,
        versions=(Version("v1", schema=schema),),
        behaviour=Behaviour(),
    )


def test_a_schema_is_made_once_and_forgotten_with_its_resource():
    registry = Registry()
    one = resource("VM", VM)
    registry.register(one)
    schemas = SchemaSet(registry)
    first = schemas.of(one, one.versions[0])
    assert schemas.of(one, one.versions[0]) is first
    registry.register(resource("Other", VM))
    assert schemas.of(one, one.versions[0]) is first
    changed = resource("VM", {"type": "object", "properties": {"spec": {"type": "string"}}})
    registry.register(changed)
    assert schemas.of(changed, changed.versions[0]).accepts({"spec": "x"})
    assert schemas.of(one, one.versions[0]) is not first


def test_metadata_has_a_schema_of_its_own():
    metadata = SchemaSet(Registry()).metadata
    assert metadata.unknown_fields({"name": "a", "zip": 1, "ownerReferences": [{"x": 1}]}) == [
        "ownerReferences[0].x",
        "zip",
    ]
    assert metadata.accepts({"name": "a", "labels": {"a": "b"}})
    assert not metadata.accepts({"labels": {"a": 1}})
