"""Selectors select, and are refused, as in Kubernetes (reference kubernetes-api.md 2.4)."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery import names, selectors
from solovirt.machinery.admission import Behaviour
from solovirt.machinery.errors import BadRequest
from solovirt.machinery.resource import Flavour, GroupResource, ObjectKey, Resource, Scope, Version
from solovirt.machinery.selectors import LabelSelector, Operator, Requirement
from solovirt.machinery.store.protocol import Index, Record


def kind(flavour=Flavour.CUSTOM, scope=Scope.NAMESPACED, **fields):
    return Resource(
        group="example.com",
        kind="VM",
        plural="vms",
        singular="vm",
        scope=scope,
        versions=(Version("v1"),),
        behaviour=Behaviour(),
        flavour=flavour,
        selectable_fields={name.replace("__", "."): path for name, path in fields.items()},
    )


CUSTOM = kind()
CONFIG_MAPS = kind(Flavour.BUILT_IN)
PODS = kind(Flavour.BUILT_IN, spec__nodeName="spec.nodeName", status__phase="status.phase")


def record(name="a", namespace="default", *fields):
    return Record(GroupResource("", "pods"), ObjectKey(namespace, name), 1, b"", Index("u", {}, fields=fields))


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ("", {}, True),
        ("  ", {}, True),
        ("a", {"a": ""}, True),
        ("a", {"b": ""}, False),
        ("!a", {"b": ""}, True),
        ("! a", {"a": ""}, False),
        ("a=b", {"a": "b"}, True),
        ("a = b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a=", {"a": ""}, True),
        ("a=", {}, False),
        ("a=,b", {"a": "", "b": "x"}, True),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {"a": "b"}, False),
        ("a!=b", {}, True),
        ("a in (x,y)", {"a": "y"}, True),
        ("a in (x,y)", {}, False),
        ("a in (x,)", {"a": ""}, True),
        ("a in (,x)", {"a": ""}, True),
        ("a in (x,,y)", {"a": ""}, True),
        ("a in (x,y)", {"a": ""}, False),
        ("a in ()", {"a": ""}, True),
        ("a in ()", {"a": "x"}, False),
        ("a notin (x,y)", {"a": "z"}, True),
        ("a notin (x,y)", {"a": "x"}, False),
        ("a notin (x,y)", {}, True),
        ("a>1", {"a": "2"}, True),
        ("a>1", {"a": "1"}, False),
        ("a > 1", {"a": "x"}, False),
        ("a<1", {"a": "0"}, True),
        ("a<1", {}, False),
        ("a=b,c!=d,!e", {"a": "b"}, True),
        ("a=b,c!=d,!e", {"a": "b", "e": ""}, False),
        ("in in (in,notin)", {"in": "notin"}, True),
        ("a=in", {"a": "in"}, True),
        ("example.com/a=b", {"example.com/a": "b"}, True),
    ],
)
def test_labels_are_selected(selector, labels, selected):
    assert selectors.parse_labels(selector).matches(labels) is selected


VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        (
            "a<x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a in x", "unable to parse requirement: found 'x' expected: '('"),
        ("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (x,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a==)", "unable to parse requirement: found ')', expected: identifier"),
        ("-a", f'unable to parse requirement: <nil>: Invalid value: "-a": {QUALIFIED}'),
        ("a=-b", f'unable to parse requirement: values[0][a]: Invalid value: "-b": {VALUE}'),
        (
            f"a={'b' * 64}",
            f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": must be no more than 63 characters',
        ),
    ],
)
def test_a_bad_label_selector_is_refused_in_kubernetes_words(selector, message):
    with pytest.raises(BadRequest) as refused:
        selectors.parse_labels(selector)
    assert refused.value.message == message
    assert refused.value.code == 400


def test_a_selector_that_requires_nothing_is_empty():
    assert selectors.parse_labels("").empty
    assert selectors.parse_labels(" ").empty
    assert not selectors.parse_labels("a").empty
    assert selectors.from_label_selector({}).empty
    assert not selectors.from_label_selector(None).empty


words = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
values = words | st.just("")
requirements = st.one_of(
    st.builds(Requirement, words, st.sampled_from([Operator.EXISTS, Operator.ABSENT])),
    st.builds(
        Requirement,
        words,
        st.sampled_from([Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS]),
        st.tuples(values),
    ),
    st.builds(
        Requirement,
        words,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.sets(values, min_size=1, max_size=4).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(
        Requirement,
        words,
        st.sampled_from([Operator.GREATER, Operator.LESS]),
        st.tuples(st.integers(-(2**31), 2**31).filter(lambda number: number >= 0).map(str)),
    ),
)


@given(st.lists(requirements, max_size=4))
def test_a_printed_label_selector_reads_back(found):
    selector = LabelSelector(found)
    assert selectors.parse_labels(str(selector)).requirements == selector.requirements


@given(st.text(alphabet="ab=!<>(), in\t-", max_size=12))
def test_any_text_is_either_a_label_selector_or_refused(text):
    try:
        selectors.parse_labels(text).matches({"a": "b"})
    except BadRequest as refused:
        assert refused.message  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize(
    ("document", "labels", "selected"),
    [
        (None, {}, False),
        ({}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "c"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]}, {"a": "c"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b", "c"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}, {"a": "b"}, False),
    ],
)
def test_a_label_selector_object_selects(document, labels, selected):
    assert selectors.from_label_selector(document).matches(labels) is selected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"key": "a", "operator": "Gt"}, '"Gt" is not a valid label selector operator'),
        (
            {"key": "a", "operator": "In", "values": []},
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["x"]},
            'values: Invalid value: ["x"]: values set must be empty for exists and does not exist',
        ),
    ],
)
def test_a_bad_label_selector_object_is_refused(expression, message):
    with pytest.raises(BadRequest) as refused:
        selectors.from_label_selector({"matchExpressions": [expression]})
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", True),
        (",", True),
        ("=", True),
        ("metadata.name=a", True),
        ("metadata.name==a,", True),
        ("metadata.name!=a", False),
        ("metadata.namespace=default,metadata.name=b", False),
        ("spec.nodeName=n1", True),
        ("spec.nodeName=", False),
        ("status.phase!=Running", True),
        (r"status.phase=A\,b\=c\\", True),
    ],
)
def test_fields_are_selected(selector, selected):
    assert selectors.parse_fields(selector, PODS).matches(record("a", "default", "n1", r"A,b=c" + "\\")) is selected


@pytest.mark.parametrize(
    ("resource", "selector", "message"),
    [
        (CUSTOM, "spec.cpu=1", "field label not supported: spec.cpu"),
        (PODS, "spec.cpu=1", "field label not supported: spec.cpu"),
        (
            CONFIG_MAPS,
            "data.a=1",
            '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (CUSTOM, "a", "invalid selector: 'a'; can't understand 'a'"),
        (CUSTOM, "metadata.name=x,a", "invalid selector: 'metadata.name=x,a'; can't understand 'a'"),
        (CUSTOM, r"metadata.name=\x", r"invalid field selector: invalid escape sequence: \x"),
        (CUSTOM, "metadata.name=x\\", "invalid field selector: invalid escape sequence: \\"),
        (CUSTOM, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        (kind(scope=Scope.CLUSTER), "metadata.namespace=a", "field label not supported: metadata.namespace"),
    ],
)
def test_a_bad_field_selector_is_refused_in_kubernetes_words(resource, selector, message):
    with pytest.raises(BadRequest) as refused:
        selectors.parse_fields(selector, resource)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("selector", "value", "selected"),
    [
        ("spec.unschedulable=false", "", True),
        ("spec.unschedulable=false", "false", True),
        ("spec.unschedulable=false", "true", False),
        ("spec.unschedulable!=false", "", False),
        ("spec.unschedulable=", "", False),
    ],
)
def test_a_field_that_is_no_string_has_a_zero_while_it_is_not_set(selector, value, selected):
    nodes = dataclasses.replace(
        kind(Flavour.BUILT_IN, spec__unschedulable="spec.unschedulable"),
        selectable_zeros={"spec.unschedulable": "false"},
    )
    assert selectors.parse_fields(selector, nodes).matches(record("a", "", value)) is selected


def test_a_field_selector_tells_the_name_that_it_asks_for():
    selector = selectors.parse_fields("metadata.name=x,metadata.namespace=y", CUSTOM)
    assert (selector.name, selector.namespace, selector.empty) == ("x", "y", False)
    open_ = selectors.parse_fields("metadata.name!=x", CUSTOM)
    assert (open_.name, open_.namespace) == (None, None)


@given(st.lists(st.tuples(st.sampled_from(["metadata.name", "status.phase"]), st.text(max_size=6), st.booleans())))
def test_a_printed_field_selector_reads_back(found):
    terms = sorted((selectors.FieldTerm(*one) for one in found), key=str)
    selector = selectors.FieldSelector(terms, tuple(PODS.selectable_fields))
    assert selectors.parse_fields(str(selector), PODS).terms == selector.terms


def holds(requirement, labels):
    """What a requirement asks, by Kubernetes' description of it alone."""
    there = requirement.key in labels
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.EXISTS:
            return there
        case Operator.ABSENT:
            return not there
        case Operator.EQUALS | Operator.DOUBLE_EQUALS | Operator.IN:
            return there and value in requirement.values
        case Operator.NOT_EQUALS | Operator.NOT_IN:
            return not there or value not in requirement.values
    number = int(value) if there and value.isdigit() else None
    bound = int(requirement.values[0])
    return number is not None and (number > bound if requirement.operator is Operator.GREATER else number < bound)


@given(st.lists(requirements, max_size=4), st.data())
def test_a_label_selector_selects_what_all_its_requirements_allow(found, data):
    keys = sorted({one.key for one in found}) or ["a"]
    known = sorted({value for one in found for value in one.values if names.label_value(value) == []}) or ["x"]
    labels = data.draw(st.dictionaries(st.sampled_from(keys), st.sampled_from(known) | st.sampled_from(["", "7"])))
    wanted = all(holds(one, labels) for one in found)
    selector = LabelSelector(found)
    assert selector.matches(labels) is wanted
    assert selectors.parse_labels(str(selector)).matches(labels) is wanted


@given(st.dictionaries(st.sampled_from(["spec.nodeName", "status.phase"]), st.text("ab,=\\", max_size=3)), st.data())
def test_a_field_selector_selects_what_all_its_terms_allow(fields, data):
    terms = data.draw(
        st.lists(
            st.tuples(st.sampled_from(["spec.nodeName", "status.phase"]), st.booleans(), st.text("ab,=\\", max_size=3)),
            max_size=3,
        )
    )
    text = ",".join(
        f"{field}{'=' if equal else '!='}{''.join(f'{chr(92)}{one}' if one in ',=' + chr(92) else one for one in value)}"
        for field, equal, value in terms
    )
    one = record("a", "default", fields.get("spec.nodeName", ""), fields.get("status.phase", ""))
    wanted = all((fields.get(field, "") == value) is equal for field, equal, value in terms)
    assert selectors.parse_fields(text, PODS).matches(one) is wanted
