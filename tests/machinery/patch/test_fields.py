"""managedFields follow every write (reference kubernetes-api.md 3.5)."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solovirt.machinery.patch import fields, managers, shape
from tests.machinery.patch.machines import SCHEMA, entry, field_tree, machine

EARLY, LATE, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:06:00Z"


def spec(*paths):
    return field_tree(*(("f:spec", *path) for path in paths))


def track(old, new, manager="curl", *, now=LATE, subresource="", version="example.com/v1"):
    fields.track_update(old, new, manager=manager, api_version=version, subresource=subresource, now=now, schema=SCHEMA)
    return new["metadata"].get("managedFields")


def written(old, manager="curl", *, now=LATE, subresource="", **changes):
    """*old* with parts of its spec changed (None removes), as *manager* writes it."""
    new = copy.deepcopy(old)
    for key, value in changes.items():
        if value is None:
            new["spec"].pop(key, None)
        else:
            new["spec"][key] = value
    track(old, new, manager, now=now, subresource=subresource)
    return new


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (machine({"cpu": 1}), [("f:spec", "f:cpu")]),
        # Never recorded: apiVersion, kind and what is the server's in metadata.
        (machine(uid="1", namespace="a", generation=1, creationTimestamp=EARLY, resourceVersion="1", selfLink="x"), []),
        (machine(managedFields=[], labels={"a": "b"}), [("f:metadata", "f:labels", "f:a")]),
        (machine(finalizers=["a/x"]), [("f:metadata", "f:finalizers", 'v:"a/x"')]),
        # An owner reference is one thing.
        (
            machine(ownerReferences=[{"uid": "1", "name": "a"}]),
            [("f:metadata", "f:ownerReferences", 'k:{"uid":"1"}')],
        ),
        (
            machine({"vols": [{"name": "x", "size": 1}]}),
            [("f:spec", "f:vols", 'k:{"name":"x"}', *rest) for rest in ((), ("f:name",), ("f:size",))],
        ),
        (
            machine({"ports": [{"port": 80}]}),
            [("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', *rest) for rest in ((), ("f:port",))],
        ),
        (machine({"tags": ["t1", "t2"]}), [("f:spec", "f:tags", 'v:"t1"'), ("f:spec", "f:tags", 'v:"t2"')]),
        (machine({"cmds": ["a", "b"]}), [("f:spec", "f:cmds")]),
        (machine({"selector": {"a": "b"}}), [("f:spec", "f:selector", "f:a")]),
        (machine({"selector": {}}), [("f:spec", "f:selector")]),
        (machine({"tags": []}), []),
        (
            machine({"pools": {"p": {"size": 1}}}),
            [("f:spec", "f:pools", "f:p"), ("f:spec", "f:pools", "f:p", "f:size")],
        ),
        (machine({"whole": {"a": "b"}}), [("f:spec", "f:whole")]),
        # Nothing is known: maps have parts, lists have none.
        (
            machine({"anything": {"m": {"n": 1}, "l": [1]}}),
            [
                ("f:spec", "f:anything", "f:m"),
                ("f:spec", "f:anything", "f:m", "f:n"),
                ("f:spec", "f:anything", "f:l"),
            ],
        ),
    ],
)
def test_the_fields_that_a_document_states(document, expected):
    assert fields.fields_of(document, SCHEMA) == field_tree(*expected)


def test_a_create_makes_one_entry_of_everything():
    new = machine({"cpu": 1, "vols": [{"name": "x"}], "cmds": ["a"]}, labels={"a": "b"}, uid="1")
    assert track(None, new) == [
        entry(
            "curl",
            {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {
                    ".": {},
                    "f:cpu": {},
                    "f:cmds": {},
                    "f:vols": {".": {}, 'k:{"name":"x"}': {".": {}, "f:name": {}}},
                },
            },
            time=LATE,
        )
    ]


def test_a_create_without_a_manager_is_not_tracked():
    assert track(None, machine({"cpu": 1}), "") is None


def test_a_change_takes_the_field_from_everybody_else():
    old = machine({"cpu": 1, "name": "a"})
    old["metadata"]["managedFields"] = [
        entry("m1", spec(["f:cpu"]), operation="Apply"),
        entry("m2", spec(["f:cpu"], ["f:name"])),
    ]
    new = written(old, cpu=2)
    assert new["metadata"]["managedFields"] == [
        entry("m2", spec(["f:name"])),
        entry("curl", spec(["f:cpu"]), time=LATE),
    ]


def test_an_added_field_goes_to_the_writer_with_what_it_is_in():
    old = machine({"cpu": 1})
    track(None, old, "m1", now=EARLY)
    new = written(old, selector={"a": "b"})
    assert new["metadata"]["managedFields"] == [
        entry("m1", spec([], ["f:cpu"])),
        entry("curl", spec(["f:selector"], ["f:selector", "f:a"]), time=LATE),
    ]


def test_a_removed_field_is_nobodys():
    old = machine({"cpu": 1, "vols": [{"name": "x", "size": 1}, {"name": "y"}]})
    x, y = 'k:{"name":"x"}', 'k:{"name":"y"}'
    old["metadata"]["managedFields"] = [
        entry("m1", spec(["f:cpu"], ["f:vols", x], ["f:vols", x, "f:name"]), operation="Apply"),
        entry("m2", spec(["f:vols", x, "f:size"])),
        entry("m3", spec(["f:vols", y])),
    ]
    new = written(old, vols=[{"name": "y"}])
    assert new["metadata"]["managedFields"] == [
        entry("m1", spec(["f:cpu"]), operation="Apply"),
        entry("m3", spec(["f:vols", y])),
    ]


def test_a_manager_keeps_one_entry_that_grows():
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    once = written(old, now=LATE, name="a")
    assert once["metadata"]["managedFields"] == [entry("curl", spec([], ["f:cpu"], ["f:name"]), time=LATE)]


@pytest.mark.parametrize("subresource", ["", "status"])
def test_a_subresource_has_its_own_entry(subresource):
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = copy.deepcopy(old)
    new["status"] = {"phase": "Running"}
    found = track(old, new, subresource=subresource)
    status = field_tree(["f:status"], ["f:status", "f:phase"])
    if subresource:
        assert found == [entry("curl", spec([], ["f:cpu"])), entry("curl", status, subresource="status", time=LATE)]
    else:
        assert found == [entry("curl", fields.union(spec([], ["f:cpu"]), status), time=LATE)]


def test_an_api_version_has_its_own_entry():
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = copy.deepcopy(old)
    new["spec"]["name"] = "a"
    assert track(old, new, version="example.com/v2") == [
        entry("curl", spec([], ["f:cpu"])),
        entry("curl", spec(["f:name"]), version="example.com/v2", time=LATE),
    ]


def test_an_identical_write_touches_nothing():
    old = machine({"cpu": 1, "vols": [{"name": "x"}]})
    track(None, old, now=EARLY)
    before = copy.deepcopy(old["metadata"]["managedFields"])
    new = copy.deepcopy(old)
    new["metadata"]["resourceVersion"] = "9"
    assert track(old, new, "other") == before


def test_a_new_order_of_items_with_keys_is_no_change():
    old = machine({"vols": [{"name": "x"}, {"name": "y"}], "tags": ["a", "b"]})
    track(None, old, now=EARLY)
    new = written(old, "other", vols=[{"name": "y"}, {"name": "x"}], tags=["b", "a"])
    assert new["metadata"]["managedFields"] == old["metadata"]["managedFields"]


def test_a_new_order_of_an_atomic_list_is_a_change():
    old = machine({"cmds": ["a", "b"]})
    track(None, old, "m1", now=EARLY)
    new = written(old, cmds=["b", "a"])
    assert new["metadata"]["managedFields"] == [entry("m1", spec([])), entry("curl", spec(["f:cmds"]), time=LATE)]


def test_a_write_by_nobody_leaves_the_entries():
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = written(old, "", cpu=2)
    assert new["metadata"]["managedFields"] == old["metadata"]["managedFields"]


@pytest.mark.parametrize("asked", [[], [{}]])
def test_writing_an_empty_list_clears_all_entries(asked):
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = copy.deepcopy(old)
    new["metadata"]["managedFields"] = asked
    new["spec"]["cpu"] = 2
    assert track(old, new) is None
    assert track(new, written(new, cpu=3)) is None


@pytest.mark.parametrize("asked", ["absent", None, [{"manager": "x"}], "nonsense"])
def test_leaving_the_list_out_keeps_the_entries(asked):
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = copy.deepcopy(old)
    if asked == "absent":
        del new["metadata"]["managedFields"]
    else:
        new["metadata"]["managedFields"] = asked
    assert track(old, new) == old["metadata"]["managedFields"]


def test_a_client_may_write_entries_of_its_own():
    """kubectl renames the entry of client-side apply so (reference kubernetes-api.md 3.5)."""
    old = machine({"cpu": 1})
    track(None, old, "kubectl-client-side-apply", now=EARLY)
    new = copy.deepcopy(old)
    mine = entry("kubectl", spec([], ["f:cpu"]), operation="Apply")
    new["metadata"]["managedFields"] = [mine]
    assert track(old, new, "kubectl") == [mine]


def test_a_subresource_cannot_write_entries():
    old = machine({"cpu": 1})
    track(None, old, now=EARLY)
    new = copy.deepcopy(old)
    new["metadata"]["managedFields"] = []
    assert track(old, new, subresource="status") == old["metadata"]["managedFields"]


def test_entries_are_sorted_by_operation_time_and_manager():
    found = managers.in_order(
        [
            entry("b", spec(["f:cpu"]), time=LATE),
            entry("a", spec(["f:cpu"]), time=LATE),
            entry("c", spec(["f:cpu"]), time=EARLY),
            entry("z", spec(["f:cpu"]), operation="Apply", time=LATER),
        ]
    )
    assert [one["manager"] for one in found] == ["z", "c", "a", "b"]


def test_the_oldest_of_more_than_ten_updaters_become_ancient_changes():
    document = machine({"cpu": 0})
    track(None, document, "m00", now="2026-01-01T00:00:00Z")
    for number in range(1, 12):
        now = f"2026-01-01T00:{number:02}:00Z"
        document = written(
            document, f"m{number:02}", now=now, anything={**document["spec"].get("anything", {}), f"k{number}": 1}
        )
    found = document["metadata"]["managedFields"]
    assert [one["manager"] for one in found] == ["ancient-changes", *(f"m{number:02}" for number in range(3, 12))]
    assert found[0]["time"] == "2026-01-01T00:02:00Z"
    assert found[0]["fieldsV1"] == spec([], ["f:cpu"], ["f:anything"], ["f:anything", "f:k1"], ["f:anything", "f:k2"])


def test_items_that_cannot_be_told_apart_are_owned_as_one():
    old = machine({"vols": [{"name": "x", "size": 1}, {"name": "x", "size": 2}]})
    x = 'k:{"name":"x"}'
    assert track(None, old, now=EARLY) == [entry("curl", spec([], ["f:vols"], ["f:vols", x]), time=EARLY)]
    new = written(old, "other", vols=[{"name": "x", "size": 1}, {"name": "x", "size": 3}])
    assert new["metadata"]["managedFields"] == [
        entry("curl", spec([], ["f:vols"])),
        entry("other", spec(["f:vols", x]), time=LATE),
    ]


names = st.sampled_from(["x", "y", "z"])
specs = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.integers(0, 2),
        "name": names,
        "vols": st.lists(
            st.fixed_dictionaries({"name": names}, optional={"size": st.integers(0, 2)}),
            max_size=3,
            unique_by=lambda one: one["name"],
        ),
        "tags": st.lists(names, max_size=3, unique=True),
        "cmds": st.lists(names, max_size=2),
        "selector": st.dictionaries(names, names, max_size=2),
        "pools": st.dictionaries(names, st.fixed_dictionaries({}, optional={"size": st.integers(0, 2)}), max_size=2),
        "whole": st.dictionaries(st.sampled_from("ab"), names, max_size=2),
        "anything": st.dictionaries(names, st.integers(0, 1) | st.dictionaries(names, names, max_size=2), max_size=2),
    },
)


@given(specs, specs)
def test_what_was_added_changed_and_removed_accounts_for_all_that_is_there(one, other):
    old, new, root = machine(one), machine(other), shape.of_object(SCHEMA)
    changed, removed = fields.changed_fields(old, new, root)
    before, after = fields.added_fields(old, root), fields.added_fields(new, root)
    changed, removed = changed or {}, removed or {}
    assert fields.is_empty(fields.intersection(removed, after))
    assert fields.is_empty(fields.difference(changed, after))
    # What stayed and what came make the whole.
    assert fields.union(fields.difference(before, removed), changed) == after
    assert (one == other) <= (not changed and not removed)


@given(specs, specs, specs)
def test_every_field_belongs_to_the_one_who_wrote_it_last(first, second, third):
    documents = [machine(first), machine(second), machine(third)]
    old = None
    for number, new in enumerate(documents):
        track(old, new, f"m{number}", now=f"2026-01-01T00:0{number}:00Z")
        old = new
    root = shape.of_object(SCHEMA)
    owned: fields.FieldSet = {}
    for one in documents[-1]["metadata"].get("managedFields") or []:
        assert fields.is_empty(fields.intersection(owned, one["fieldsV1"]))
        owned = fields.union(owned, one["fieldsV1"])
    if documents[0]["metadata"].get("managedFields") and documents[1]["metadata"].get("managedFields"):
        assert owned == fields.added_fields(documents[-1], root)
