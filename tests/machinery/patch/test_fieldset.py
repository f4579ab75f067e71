"""Sets of fields obey the laws of sets, and name their fields as conflicts do (reference kubernetes-api.md 3.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery.patch import fields, fieldset
from tests.machinery.patch.machines import field_tree

keys = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"t"'])
members = st.sets(st.lists(keys, min_size=1, max_size=4).map(tuple), max_size=8)


def members_of(node, path=()):
    found = set()
    for key, part in node.items():
        if key != ".":
            here = (*path, key)
            if not part or "." in part:
                found.add(here)
            found |= members_of(part, here)
    return found


@given(members)
def test_a_set_is_made_of_its_members(found):
    assert members_of(field_tree(*found)) == found


@given(members, members)
def test_the_operations_are_those_of_sets(one, other):
    first, second = field_tree(*one), field_tree(*other)
    assert fields.union(first, second) == field_tree(*(one | other))
    assert fields.difference(first, second) == field_tree(*(one - other))
    assert fields.intersection(first, second) == field_tree(*(one & other))
    assert fields.is_empty(fields.intersection(first, second)) is one.isdisjoint(other)
    # Nothing that went in was changed.
    assert (first, second) == (field_tree(*one), field_tree(*other))


@given(members, members)
def test_a_difference_that_takes_nothing_is_the_set_itself(one, other):
    first = field_tree(*one)
    left = fields.difference(first, field_tree(*(other - one)))
    assert left is first


@given(members)
def test_a_set_is_well_formed(found):
    assert fieldset.is_well_formed(field_tree(*found))


@pytest.mark.parametrize(
    "bad", [None, [], {"x": {}}, {"f:a": 1}, {"f:a": {".": {"f:b": {}}}}, {"k:x": {}}, {"k:1": {}}]
)
def test_what_is_no_set_is_told(bad):
    assert not fieldset.is_well_formed(bad)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (["f:spec", "f:cpu"], ".spec.cpu"),
        (["f:spec", "f:vols", 'k:{"name":"x"}', "f:size"], '.spec.vols[name="x"].size'),
        (["f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'], '.spec.ports[port=80,protocol="TCP"]'),
        (["f:spec", "f:tags", 'v:"t1"'], '.spec.tags[="t1"]'),
        (["f:spec", "f:list", "i:0"], ".spec.list[0]"),
    ],
)
def test_a_field_has_a_path(path, text):
    assert fields.paths(field_tree(path)) == [text]


def test_paths_come_sorted_with_the_members_of_a_node_first():
    found = field_tree(["f:spec", "f:b"], ["f:spec", "f:a", "f:z"], ["f:spec", "f:c"], ["f:data"])
    assert fields.paths(found) == [".data", ".spec.b", ".spec.c", ".spec.a.z"]
