"""JSON patches apply as on a Kubernetes API server (reference kubernetes-api.md 3.6, RFC 6902)."""

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery.errors import BadRequest, Invalid, RequestEntityTooLarge
from solovirt.machinery.patch import json_patch
from solovirt.machinery.patch.values import same
from tests.machinery.patch.documents import documents


def patched(document, *operations):
    return json_patch.apply(document, json_patch.parse(list(operations)))


DOCUMENT = {"a": {"b": 1, "c/d": 2, "e~f": 3}, "l": [1, 2, 3], "n": None}


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "add", "path": "/a/x", "value": {"y": [1]}}, ("a", "x"), {"y": [1]}),
        ({"op": "add", "path": "/a/b", "value": 9}, ("a", "b"), 9),
        ({"op": "add", "path": "/l/-", "value": 4}, ("l",), [1, 2, 3, 4]),
        ({"op": "add", "path": "/l/0", "value": 0}, ("l",), [0, 1, 2, 3]),
        ({"op": "add", "path": "/l/3", "value": 4}, ("l",), [1, 2, 3, 4]),
        ({"op": "add", "path": "/l/-1", "value": 4}, ("l",), [1, 2, 3, 4]),
        ({"op": "remove", "path": "/a/c~1d"}, ("a",), {"b": 1, "e~f": 3}),
        ({"op": "remove", "path": "/a/e~0f"}, ("a",), {"b": 1, "c/d": 2}),
        ({"op": "remove", "path": "/l/1"}, ("l",), [1, 3]),
        ({"op": "remove", "path": "/l/-1"}, ("l",), [1, 2]),
        ({"op": "remove", "path": "/n"}, (), {"a": DOCUMENT["a"], "l": [1, 2, 3]}),
        ({"op": "replace", "path": "/a/b", "value": 5}, ("a", "b"), 5),
        ({"op": "replace", "path": "/a/new", "value": 5}, ("a", "new"), 5),
        ({"op": "replace", "path": "/l/0", "value": 5}, ("l",), [5, 2, 3]),
        ({"op": "replace", "path": "", "value": {"z": 1}}, (), {"z": 1}),
        ({"op": "move", "from": "/a/b", "path": "/a/z"}, ("a",), {"c/d": 2, "e~f": 3, "z": 1}),
        ({"op": "move", "from": "/l/0", "path": "/l/2"}, ("l",), [2, 3, 1]),
        ({"op": "copy", "from": "/l", "path": "/a/b"}, ("a", "b"), [1, 2, 3]),
        ({"op": "test", "path": "/a/b", "value": 1}, (), DOCUMENT),
        ({"op": "test", "path": "/l", "value": [1, 2, 3]}, (), DOCUMENT),
        ({"op": "test", "path": "/n", "value": None}, (), DOCUMENT),
        ({"op": "test", "path": "/missing"}, (), DOCUMENT),
        ({"op": "test", "path": "", "value": DOCUMENT}, (), DOCUMENT),
    ],
)
def test_an_operation_changes_the_document(operation, path, expected):
    found = patched(DOCUMENT, operation)
    for step in path:
        found = found[step]
    assert found == expected


def test_the_document_that_is_patched_stays_as_it_was():
    document = copy.deepcopy(DOCUMENT)
    out = patched(document, {"op": "add", "path": "/a/x", "value": 1}, {"op": "add", "path": "/l/-", "value": 1})
    out["a"]["b"] = out["l"][0] = "mine"
    assert document == DOCUMENT


def test_a_copied_value_is_a_copy():
    out = patched(DOCUMENT, {"op": "copy", "from": "/l", "path": "/m"}, {"op": "add", "path": "/m/-", "value": 4})
    assert (out["l"], out["m"]) == ([1, 2, 3], [1, 2, 3, 4])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/b", "value": 2},
        {"op": "test", "path": "/a/b", "value": True},
        {"op": "test", "path": "/a/b", "value": "1"},
        {"op": "test", "path": "/a/b"},
        {"op": "test", "path": "/x/y", "value": 1},
        {"op": "test", "path": "/l/3", "value": None},
        {"op": "remove", "path": "/x"},
        {"op": "remove", "path": "/x/y"},
        {"op": "remove", "path": "/l/3"},
        {"op": "remove", "path": "/l/-"},
        {"op": "remove", "path": "/l/-4"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/x/y", "value": 1},
        {"op": "replace", "path": "/l/3", "value": 1},
        {"op": "replace", "path": "/l/x", "value": 1},
        {"op": "replace", "path": "", "value": 1},
        {"op": "replace", "path": "", "value": []},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/n/y", "value": 1},
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "add", "path": "/l/4", "value": 1},
        {"op": "add", "path": "/l/-5", "value": 1},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "add", "value": 1},
        {"op": "move", "from": "/x", "path": "/y"},
        {"op": "move", "path": "/y"},
        {"op": "copy", "from": "/x/y", "path": "/y"},
        {"op": "frob", "path": "/a"},
        {"path": "/a", "value": 1},
        None,
    ],
)
def test_an_operation_that_fails_refuses_the_patch(operation):
    with pytest.raises(Invalid) as refused:
        patched(DOCUMENT, {"op": "add", "path": "/first", "value": 1}, operation)
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }


def test_a_resource_version_is_tested_as_a_string():
    document = {"metadata": {"resourceVersion": "12"}}
    assert patched(document, {"op": "test", "path": "/metadata/resourceVersion", "value": "12"}) == document
    with pytest.raises(Invalid):
        patched(document, {"op": "test", "path": "/metadata/resourceVersion", "value": 12})


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({}, "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ("x", "error decoding patch: json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp"),
        ([1], "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        (
            [{"op": 1}],
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
        ),
    ],
)
def test_what_is_no_list_of_operations_is_refused(patch, message):
    with pytest.raises(BadRequest) as refused:
        json_patch.parse(patch)
    assert refused.value.message == message


def test_more_than_ten_thousand_operations_are_refused():
    operation = {"op": "test", "path": "/a", "value": 1}
    assert len(json_patch.parse([operation] * 10_000)) == 10_000
    with pytest.raises(RequestEntityTooLarge) as refused:
        json_patch.parse([operation] * 10_001)
    assert refused.value.message == (
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    )


def test_members_that_no_operation_has_are_told():
    operations = json_patch.parse([{"op": "test", "path": "/a", "zip": 1}, {"op": "test", "path": "/a", "value": 1}])
    assert json_patch.unknown_fields(operations) == ['json patch unknown field "[0].zip"']


def difference(old, new, pointer=""):
    """A JSON patch that makes *new* of *old*, written as simply as can be."""
    if isinstance(old, dict) and isinstance(new, dict):
        out = []
        for key in old.keys() | new.keys():
            path = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in new:
                out.append({"op": "remove", "path": path})
            elif key not in old:
                out.append({"op": "add", "path": path, "value": new[key]})
            else:
                out += difference(old[key], new[key], path)
        return out
    if same(old, new):
        return [{"op": "test", "path": pointer, "value": old}]
    if isinstance(old, list) and isinstance(new, list):
        out = [{"op": "remove", "path": f"{pointer}/{index}"} for index in reversed(range(len(old)))]
        return out + [{"op": "add", "path": f"{pointer}/-", "value": one} for one in new]
    return [{"op": "replace", "path": pointer, "value": new}]


@given(documents, documents)
def test_the_patch_of_a_difference_reproduces_it(old, new):
    before = copy.deepcopy(old)
    assert same(patched(old, *difference(old, new)), new)
    assert same(old, before)


# Without true, false and floats, which are equal to numbers in Python and so to the judge.
plain = st.recursive(
    st.none() | st.integers(2, 5) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c/d", "~e"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def pointers(document, pointer=""):
    """Pointers to all that is in *document*."""
    parts = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in parts:
        path = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        yield path
        yield from pointers(value, path)


@st.composite
def random_patches(draw):
    document = draw(st.dictionaries(st.sampled_from(["a", "b", "c/d", "~e"]), plain, min_size=1, max_size=4))
    known = sorted(pointers(document))
    beside = st.builds(
        lambda one, last: f"{one}/{last}", st.sampled_from(known), st.sampled_from(["-", "0", "9", "new"])
    )
    where = st.sampled_from(known) | beside
    operations = []
    for _ in range(draw(st.integers(1, 4))):
        operation = {
            "op": draw(st.sampled_from(["add", "remove", "replace", "test", "move", "copy"])),
            "path": draw(where),
        }
        if operation["op"] in ("move", "copy"):
            operation["from"] = draw(where)
        elif operation["op"] != "remove":
            operation["value"] = draw(plain)
        operations.append(operation)
    return document, operations


@given(random_patches())
def test_any_patch_does_what_another_implementation_of_the_rfc_does(given):
    """Ours takes more, where Kubernetes does: replacing and testing what is not there."""
    document, operations = given
    try:
        wanted = jsonpatch.apply_patch(document, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, AttributeError):
        if not any(one["op"] in ("replace", "test", "copy") for one in operations):
            with pytest.raises(Invalid):
                patched(document, *operations)
        return
    assert same(patched(document, *operations), wanted)
