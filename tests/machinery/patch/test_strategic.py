"""Strategic merge patches apply as on a Kubernetes API server (reference kubernetes-api.md 3.6)."""

import copy

import pytest

from solovirt.machinery.errors import BadRequest, Invalid, PlainError
from solovirt.machinery.patch import strategic


def merged(key, items=None, extra=""):
    return {
        "type": "array",
        "items": items or {"type": "object"},
        "x-kubernetes-patch-strategy": f"merge{extra}",
        "x-kubernetes-patch-merge-key": key,
    }


ENV = merged("name")
CONTAINER = {"type": "object", "properties": {"env": ENV, "args": {"type": "array", "items": {"type": "string"}}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {"type": "object", "additionalProperties": {"type": "string"}},
        "spec": {
            "type": "object",
            "properties": {
                "containers": merged("name", CONTAINER),
                "volumes": merged("name", extra=",retainKeys"),
                "ports": merged("port"),
                "tolerations": {"type": "array", "items": {"type": "object"}},
                "strategy": {"type": "object", "x-kubernetes-patch-strategy": "retainKeys"},
                "template": {"type": "object", "properties": {"containers": merged("name", CONTAINER)}},
            },
        },
    },
}


def names(*given):
    return [{"name": name} for name in given]


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        # Maps merge, null removes.
        ({"data": {"a": "1", "b": "2"}}, {"data": {"a": None, "c": "3"}}, {"data": {"b": "2", "c": "3"}}),
        ({}, {"data": {"a": None, "c": "3"}}, {"data": {"c": "3"}}),
        # A list item with its merge key is merged into the live item.
        (
            {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}},
            {"spec": {"containers": [{"name": "a", "image": "z"}]}},
            {"spec": {"containers": [{"name": "a", "image": "z"}, {"name": "b", "image": "y"}]}},
        ),
        # Lists in items merge by their own keys, lists without a strategy are replaced.
        (
            {"spec": {"containers": [{"name": "a", "env": names("x"), "args": ["1", "2"]}]}},
            {"spec": {"containers": [{"name": "a", "env": [{"name": "x", "value": "v"}], "args": ["3"]}]}},
            {"spec": {"containers": [{"name": "a", "env": [{"name": "x", "value": "v"}], "args": ["3"]}]}},
        ),
        (
            {"spec": {"tolerations": [{"key": "a"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
        ),
        # Delete an item, delete a map.
        (
            {"spec": {"containers": names("a", "b")}},
            {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}},
            {"spec": {"containers": names("b")}},
        ),
        ({"data": {"a": "1"}}, {"data": {"$patch": "delete"}}, {}),
        # Replace a list, replace a map.
        (
            {"spec": {"containers": names("a", "b")}},
            {"spec": {"containers": [{"name": "c"}, {"$patch": "replace"}]}},
            {"spec": {"containers": names("c")}},
        ),
        ({"data": {"a": "1"}}, {"data": {"$patch": "replace", "b": "2"}}, {"data": {"b": "2"}}),
        # The final order; unlisted live items keep their place.
        (
            {"spec": {"containers": names("a", "b", "c")}},
            {"spec": {"$setElementOrder/containers": names("c", "a"), "containers": []}},
            {"spec": {"containers": names("b", "c", "a")}},
        ),
        (
            {"spec": {"containers": names("a", "b")}},
            {"spec": {"$setElementOrder/containers": names("b", "n", "a"), "containers": names("n")}},
            {"spec": {"containers": names("b", "n", "a")}},
        ),
        (
            {"spec": {}},
            {"spec": {"$setElementOrder/containers": names("b", "a"), "containers": names("b", "a")}},
            {"spec": {"containers": names("b", "a")}},
        ),
        # Scalars of a merged list.
        (
            {"metadata": {"finalizers": ["a/x", "b/x"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}},
            {"metadata": {"finalizers": ["b/x"]}},
        ),
        # New finalizers are put first.
        (
            {"metadata": {"finalizers": ["a/x"]}},
            {"metadata": {"finalizers": ["b/x"]}},
            {"metadata": {"finalizers": ["b/x", "a/x"]}},
        ),
        (
            {"metadata": {"finalizers": ["a/x"]}},
            {"metadata": {"finalizers": ["b/x", "a/x"]}},
            {"metadata": {"finalizers": ["b/x", "a/x"]}},
        ),
        (
            {"metadata": {"finalizers": ["a/x", "b/x"]}},
            {
                "metadata": {
                    "$deleteFromPrimitiveList/finalizers": ["a/x"],
                    "$setElementOrder/finalizers": ["c/x", "b/x"],
                    "finalizers": ["c/x"],
                }
            },
            {"metadata": {"finalizers": ["c/x", "b/x"]}},
        ),
        # Owner references merge by uid.
        (
            {"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}},
            {"metadata": {"ownerReferences": [{"uid": "1", "controller": True}]}},
            {"metadata": {"ownerReferences": [{"uid": "1", "name": "a", "controller": True}]}},
        ),
        # Keys that are not listed are dropped.
        (
            {"spec": {"volumes": [{"name": "v", "emptyDir": {}, "extra": 1}]}},
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}, "$retainKeys": ["name", "hostPath"]}]}},
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}},
        ),
        (
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
        ),
        # Directives in what is not there yet leave nothing behind.
        (
            {},
            {"spec": {"template": {"$setElementOrder/containers": names("a"), "containers": names("a")}}},
            {"spec": {"template": {"containers": names("a")}}},
        ),
        (
            {},
            {"spec": {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b"}]}},
            {"spec": {"containers": names("b")}},
        ),
        # Another type replaces.
        ({"data": "x"}, {"data": {"a": "1"}}, {"data": {"a": "1"}}),
    ],
)
def test_a_strategic_merge_patch_applies(document, patch, expected):
    before = copy.deepcopy((document, patch))
    assert strategic.apply(document, patch, SCHEMA) == expected
    assert (document, patch) == before


@pytest.mark.parametrize(
    ("document", "patch", "message"),
    [
        (
            {"spec": {"ports": [{"port": 80}]}},
            {"spec": {"ports": [{"name": "nokey"}]}},
            "map: map[name:nokey] does not contain declared merge key: port",
        ),
        (
            {"spec": {"ports": [{"port": 80}]}},
            {"spec": {"ports": [{"$patch": "delete", "name": "nokey"}]}},
            "map: map[$patch:delete name:nokey] does not contain declared merge key: port",
        ),
        ({"data": {"a": "1"}}, {"data": {"$patch": "bogus"}}, "unknown patch type: bogus in map: map[$patch:bogus]"),
        (
            {"spec": {"ports": [{"port": 80}]}},
            {"spec": {"ports": [{"port": 80, "$patch": "bogus"}]}},
            "unknown patch type: bogus in map: map[$patch:bogus port:80]",
        ),
        (
            {"spec": {"containers": names("a")}},
            {"spec": {"$setElementOrder/containers": names("a"), "containers": names("b")}},
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
    ],
)
def test_a_patch_that_makes_no_sense_is_a_bare_500(document, patch, message):
    with pytest.raises(PlainError) as refused:
        strategic.apply(document, patch, SCHEMA)
    assert refused.value.message == message
    assert (refused.value.code, refused.value.reason, refused.value.details) == (500, None, None)


def test_what_is_no_object_is_refused():
    with pytest.raises(BadRequest) as refused:
        strategic.apply({}, [], SCHEMA)
    assert refused.value.message == (
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    )


@pytest.mark.parametrize(
    ("document", "patch", "message"),
    [
        (
            {"spec": {"strategy": {"type": "x"}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "other": 1}}},
            "invalid patch format of retainKeys",
        ),
        (
            {"metadata": {"finalizers": ["a/x"]}},
            {"metadata": {"$setElementOrder/finalizers": "a/x"}},
            "invalid patch format of setElementOrder list",
        ),
        (
            {"metadata": {"finalizers": ["a/x"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": {}}},
            "invalid patch format of primitive list",
        ),
    ],
)
def test_a_directive_of_a_wrong_form_is_a_bad_request(document, patch, message):
    """As the API server reads the errors of its merge library: these three are the client's."""
    with pytest.raises(BadRequest) as raised:
        strategic.apply(document, patch, SCHEMA)
    assert raised.value.message == message


def test_lists_of_lists_are_invalid():
    """The API server answers this one 422 as it does a failed JSON patch (reference kubernetes-api.md 3.6)."""
    with pytest.raises(Invalid) as raised:
        strategic.apply({"metadata": {"finalizers": [[1]]}}, {"metadata": {"finalizers": [[2]]}}, SCHEMA)
    assert raised.value.message == "the server rejected our request due to an error in our request"
    assert raised.value.details == {}
