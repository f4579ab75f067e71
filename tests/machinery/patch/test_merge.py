"""Merge patches apply as RFC 7386 says (reference kubernetes-api.md 3.6)."""

import copy

import pytest
from hypothesis import given

from solovirt.machinery.errors import BadRequest
from solovirt.machinery.patch import merge
from solovirt.machinery.patch.values import same
from tests.machinery.patch.documents import documents, solid_documents


# The examples of RFC 7386, appendix A, whose target and patch are objects.
@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, {"a": {"b": {"c": None, "d": 1}}}, {"a": {"b": {"d": 1}}}),
    ],
)
def test_a_merge_patch_applies(document, patch, expected):
    before = copy.deepcopy((document, patch))
    out = merge.apply(document, patch)
    assert out == expected
    assert (document, patch) == before


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ([], "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("a", "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}"),
        (None, "Invalid JSON Patch"),
    ],
)
def test_what_is_no_object_is_refused(patch, message):
    with pytest.raises(BadRequest) as refused:
        merge.apply({}, patch)
    assert refused.value.message == message


@given(documents, documents)
def test_a_merge_patch_applied_twice_changes_no_more(document, patch):
    once = merge.apply(document, patch)
    assert same(merge.apply(once, patch), once)


@given(solid_documents, solid_documents)
def test_the_patch_of_a_difference_reproduces_it(old, new):
    def difference(old, new):
        out = {key: None for key in old if key not in new}
        for key, value in new.items():
            if isinstance(value, dict) and isinstance(old.get(key), dict):
                out[key] = difference(old[key], value)
            else:
                out[key] = value
        return out

    assert same(merge.apply(old, difference(old, new)), new)


@given(documents)
def test_the_result_shares_nothing_with_what_it_was_made_of(document):
    before = copy.deepcopy(document)
    out = merge.apply(document, {"x": document})

    def spoil(value):
        if isinstance(value, dict):
            for one in value.values():
                spoil(one)
            value["spoilt"] = True
        elif isinstance(value, list):
            for one in value:
                spoil(one)
            value.append("spoilt")

    spoil(out)
    assert document == before
