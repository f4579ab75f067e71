"""Server-side apply merges, prunes and conflicts as on a Kubernetes API server (reference kubernetes-api.md 3.5)."""

import copy
import json

import pytest
from hypothesis import given

from solovirt.machinery.errors import BadRequest, Conflict, PlainError
from solovirt.machinery.patch import apply as server_side
from solovirt.machinery.patch import fields
from tests.machinery.patch.machines import SCHEMA, entry, field_tree, machine
from tests.machinery.patch.test_fields import spec, specs

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"


def applied(live, config, manager="m1", *, force=False, now=LATE, subresource="", **more):
    return server_side.apply(
        live,
        config,
        manager=manager,
        force=force,
        api_version="example.com/v1",
        subresource=subresource,
        now=now,
        schema=SCHEMA,
        kind="VM",
        **more,
    )


def updated(old, document, manager="curl", *, now=LATE, subresource=""):
    new = copy.deepcopy(document)
    if old is not None:
        new["metadata"].setdefault("managedFields", old["metadata"].get("managedFields"))
    fields.track_update(
        old, new, manager=manager, api_version="example.com/v1", subresource=subresource, now=now, schema=SCHEMA
    )
    return new


def owners(document):
    return {
        (one["manager"], one["operation"]): fields.paths(one["fieldsV1"])
        for one in document["metadata"].get("managedFields", [])
    }


def test_applying_a_new_object_creates_it_with_one_entry():
    config = machine({"cpu": 1, "vols": [{"name": "x"}]}, labels={"a": "b"})
    x = 'k:{"name":"x"}'
    out = applied(None, config)
    assert out == {
        **config,
        "metadata": {
            **config["metadata"],
            "managedFields": [
                entry(
                    "m1",
                    field_tree(
                        ["f:metadata", "f:labels", "f:a"],
                        ["f:spec", "f:cpu"],
                        ["f:spec", "f:vols", x],
                        ["f:spec", "f:vols", x, "f:name"],
                    ),
                    operation="Apply",
                    time=LATE,
                )
            ],
        },
    }


@pytest.mark.parametrize(
    ("live", "config", "expected"),
    [
        # Maps merge key by key, atomic ones and atomic lists are replaced.
        ({"cpu": 1, "selector": {"a": "b"}}, {"selector": {"c": "d"}}, {"cpu": 1, "selector": {"a": "b", "c": "d"}}),
        ({"whole": {"a": "1"}}, {"whole": {"b": "2"}}, {"whole": {"b": "2"}}),
        ({"cmds": ["a"]}, {"cmds": ["b"]}, {"cmds": ["b"]}),
        # Sets: live order, then new.
        ({"tags": ["a", "b"]}, {"tags": ["c"]}, {"tags": ["a", "b", "c"]}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "c"]}, {"tags": ["a", "b", "c"]}),
        # Lists with keys: items merge, applied ones keep their order.
        (
            {"vols": [{"name": "a", "size": 1}, {"name": "b"}]},
            {"vols": [{"name": "c"}, {"name": "a", "path": "p"}]},
            {"vols": [{"name": "c"}, {"name": "a", "size": 1, "path": "p"}, {"name": "b"}]},
        ),
        (
            {"vols": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
            {"vols": [{"name": "c"}, {"name": "a"}]},
            {"vols": [{"name": "b"}, {"name": "c"}, {"name": "a"}]},
        ),
        # Nothing is known: maps merge, lists are replaced.
        (
            {"anything": {"m": {"x": 1}, "l": [1]}},
            {"anything": {"m": {"y": 2}, "l": [2]}},
            {"anything": {"m": {"x": 1, "y": 2}, "l": [2]}},
        ),
        # A key that is left out is the default's.
        (
            {"ports": [{"port": 80, "protocol": "TCP"}]},
            {"ports": [{"port": 80, "name": "web"}]},
            {"ports": [{"port": 80, "protocol": "TCP", "name": "web"}]},
        ),
        ({"selector": {"a": "b"}}, {"selector": None}, {"selector": {"a": "b"}}),
    ],
)
def test_what_is_applied_is_merged_into_the_live_object(live, config, expected):
    document, stated = machine(live), machine(config)
    before = copy.deepcopy((document, stated))
    out = applied(document, stated, force=True)
    assert out["spec"] == expected
    assert (document, stated) == before


def test_what_is_not_applied_any_more_goes():
    x = {"name": "x", "size": 1}
    once = applied(
        None, machine({"cpu": 1, "name": "a", "vols": [x, {"name": "y"}], "tags": ["a", "b"]}, labels={"a": "b"})
    )
    twice = applied(once, machine({"cpu": 1, "vols": [{"name": "x"}], "tags": ["b"]}))
    assert twice["spec"] == {"cpu": 1, "vols": [{"name": "x"}], "tags": ["b"]}
    assert "labels" not in twice["metadata"]
    assert owners(twice) == {
        ("m1", "Apply"): [".spec.cpu", '.spec.tags[="b"]', '.spec.vols[name="x"]', '.spec.vols[name="x"].name']
    }


def test_what_another_owns_stays_when_it_is_not_applied_any_more():
    once = applied(None, machine({"cpu": 1, "name": "a", "vols": [{"name": "x", "size": 1}]}))
    shared = applied(once, machine({"cpu": 1, "vols": [{"name": "x"}]}), "m2")
    out = applied(shared, machine({"on": True}))
    assert out["spec"] == {"cpu": 1, "vols": [{"name": "x"}], "on": True}
    assert owners(out) == {
        ("m1", "Apply"): [".spec.on"],
        ("m2", "Apply"): [".spec.cpu", '.spec.vols[name="x"]', '.spec.vols[name="x"].name'],
    }


def test_what_an_updater_owns_stays_too():
    once = applied(None, machine({"selector": {"a": "1"}, "name": "a"}))
    grown = updated(once, machine({"selector": {"a": "1", "b": "2"}, "name": "a"}))
    assert applied(grown, machine({"name": "a"}))["spec"] == {"name": "a", "selector": {"b": "2"}}


def test_an_item_goes_when_nobody_owns_its_key():
    once = applied(None, machine({"vols": [{"name": "x"}], "name": "a"}))
    grown = updated(once, machine({"vols": [{"name": "x", "size": 5}], "name": "a"}))
    out = applied(grown, machine({"name": "a"}))
    assert out["spec"] == {"name": "a"}
    assert owners(out) == {("m1", "Apply"): [".spec.name"]}


def test_what_nobody_owns_stays():
    """A default, say, that came to the object without anybody writing it."""
    once = applied(None, machine({"name": "a", "cpu": 1}))
    once["spec"]["on"] = True
    assert applied(once, machine({"name": "a"}))["spec"] == {"name": "a", "on": True}


def test_the_same_value_is_owned_by_both():
    once = applied(None, machine({"cpu": 1}), now=EARLY)
    out = applied(once, machine({"cpu": 1}), "m2")
    assert owners(out) == {("m1", "Apply"): [".spec.cpu"], ("m2", "Apply"): [".spec.cpu"]}


def test_an_identical_apply_changes_nothing():
    config = machine({"cpu": 1, "vols": [{"name": "x"}]})
    once = applied(None, config, now=EARLY)
    assert applied(once, config) == once


def test_one_conflict_is_told_with_its_manager_and_field():
    live = applied(None, machine({"cpu": 1}), "m")
    with pytest.raises(Conflict) as refused:
        applied(live, machine({"cpu": 2}), "m2")
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Apply failed with 1 conflict: conflict with "m": .spec.cpu',
        "reason": "Conflict",
        "details": {
            "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "m"', "field": ".spec.cpu"}],
        },
        "code": 409,
    }


def test_several_conflicts_are_told_by_manager():
    live = applied(None, machine({"cpu": 1, "cmds": ["a"], "vols": [{"name": "x", "size": 1}]}))
    live = updated(live, {**live, "spec": {**live["spec"], "name": "a"}})
    live = updated(live, {**live, "status": {"phase": "x"}}, "st", subresource="status")
    with pytest.raises(Conflict) as refused:
        applied(live, machine({"cpu": 2, "cmds": ["b"], "name": "b", "vols": [{"name": "x", "size": 2}]}), "m2")
    assert refused.value.message == (
        "Apply failed with 4 conflicts: "
        'conflicts with "curl" using example.com/v1:\n- .spec.name\n'
        'conflicts with "m1":\n- .spec.cmds\n- .spec.cpu\n- .spec.vols[name="x"].size'
    )
    with pytest.raises(Conflict) as refused:
        applied(live, machine(status={"phase": "y"}), "m2", subresource="status")
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "st" with subresource "status" using example.com/v1: .status.phase'
    )


def test_force_takes_the_fields_over():
    live = applied(None, machine({"cpu": 1, "name": "a"}), now=EARLY)
    out = applied(live, machine({"cpu": 2}), "m2", force=True)
    assert out["spec"] == {"cpu": 2, "name": "a"}
    assert out["metadata"]["managedFields"] == [
        entry("m1", spec(["f:name"]), operation="Apply", time=EARLY),
        entry("m2", spec(["f:cpu"]), operation="Apply", time=LATE),
    ]


def test_an_updater_takes_a_field_from_an_applier_and_then_conflicts_with_it():
    live = applied(None, machine({"cpu": 1}))
    live = updated(live, machine({"cpu": 5}))
    assert owners(live) == {("curl", "Update"): [".spec.cpu"]}
    with pytest.raises(Conflict) as refused:
        applied(live, machine({"cpu": 1}))
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "curl" using example.com/v1: .spec.cpu'
    )


def test_an_object_without_entries_was_written_before_the_first_apply():
    out = applied(machine({"cpu": 1}), machine({"name": "a"}))
    assert out["metadata"]["managedFields"] == [
        entry("m1", spec(["f:name"]), operation="Apply", time=LATE),
        entry("before-first-apply", spec([], ["f:cpu"]), time=LATE),
    ]
    with pytest.raises(Conflict) as refused:
        applied(machine({"cpu": 1}), machine({"cpu": 2}))
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "before-first-apply" using example.com/v1: .spec.cpu'
    )


def test_the_status_is_passed_over_on_the_main_endpoint():
    live = machine({"cpu": 1}, status={"phase": "Running"}, managedFields=[entry("x", spec(["f:cpu"]))])
    out = applied(live, machine({"name": "a"}, status={"phase": "Failed"}))
    assert out["status"] == {"phase": "Running"}
    assert owners(out)["m1", "Apply"] == [".spec.name"]


def test_a_kind_without_the_subresource_has_its_status_applied():
    out = applied(machine({"cpu": 1}), machine(status={"phase": "Failed"}), status_subresource=False)
    assert out["status"] == {"phase": "Failed"}


def test_all_but_the_status_is_passed_over_on_its_endpoint():
    live = machine({"cpu": 1}, managedFields=[entry("x", spec(["f:cpu"]))], resourceVersion="7")
    config = machine({"cpu": 2}, labels={"a": "b"}, status={"phase": "Up"}, resourceVersion="6")
    out = applied(live, config, subresource="status")
    assert out["spec"] == {"cpu": 1}
    assert out["status"] == {"phase": "Up"}
    assert "labels" not in out["metadata"]
    # The precondition is passed on.
    assert out["metadata"]["resourceVersion"] == "6"
    assert owners(out) == {("m1", "Apply"): [".status.phase"], ("x", "Update"): [".spec.cpu"]}


def test_an_apply_may_not_bring_managed_fields():
    with pytest.raises(BadRequest) as refused:
        applied(None, machine({"cpu": 1}, managedFields=[]))
    assert refused.value.message == "metadata.managedFields must be nil"
    assert applied(None, machine({"cpu": 1}, managedFields=None))


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"bogus": 1}, ".spec.bogus: field not declared in schema"),
        ({"vols": [{"name": "q"}, {"name": "q"}]}, '.spec.vols: duplicate entries for key [name="q"]'),
        (
            {"vols": [{"size": 1}]},
            """.spec.vols: element 0: associative list with keys has an element that omits all key fields ["name"] \
(and doesn't have default values for any key fields)""",
        ),
        ({"tags": ["a", "a"]}, '.spec.tags: duplicate entries for key [="a"]'),
        ({"vols": [{"name": "q", "bogus": 1}]}, '.spec.vols[name="q"].bogus: field not declared in schema'),
        ({"cpu": "x"}, ".spec.cpu: expected numeric (int or float), got string"),
        ({"name": 1}, ".spec.name: expected string, got &value.valueUnstructured{Value:1}"),
        ({"vols": {"a": 1}}, ".spec.vols: expected list, got &{map[a:1]}"),
        ({"selector": [1]}, ".spec.selector: expected map, got &{[1]}"),
        ({"on": 1}, ".spec.on: expected boolean, got &{1}"),
        (
            {"cpu": "x", "on": "y"},
            "errors:\n  .spec.cpu: expected numeric (int or float), got string\n  .spec.on: expected boolean, got &{y}",
        ),
    ],
)
def test_what_the_schema_does_not_know_is_a_bare_500(stated, problem):
    with pytest.raises(PlainError) as refused:
        applied(None, machine(stated))
    assert refused.value.message == (f"failed to create typed patch object (/ssa; example.com/v1, Kind=VM): {problem}")
    assert (refused.value.code, refused.value.reason) == (500, None)


def test_kubectl_takes_over_what_it_applied_on_the_clients_side():
    first = machine({"cpu": 1})
    annotation = json.dumps(first)
    live = machine({"cpu": 1, "name": "a"}, annotations={server_side.LAST_APPLIED: annotation})
    live = updated(None, live, "kubectl-client-side-apply", now=EARLY)
    with pytest.raises(Conflict):
        applied(live, machine({"cpu": 2}), "helm")
    out = applied(live, machine({"cpu": 2}), "kubectl")
    assert out["spec"]["cpu"] == 2
    # The annotation follows, for those who go on with client-side apply.
    assert json.loads(out["metadata"]["annotations"][server_side.LAST_APPLIED]) == machine({"cpu": 2})
    # What it had not applied, or what somebody has changed since, is no longer its own.
    with pytest.raises(Conflict) as refused:
        applied(live, machine({"cpu": 2, "name": "b"}), "kubectl")
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using example.com/v1: .spec.name'
    )


def is_part_of(stated, value):
    if isinstance(stated, dict) and isinstance(value, dict):
        return all(key in value and is_part_of(one, value[key]) for key, one in stated.items())
    if isinstance(stated, list) and isinstance(value, list):
        return all(any(is_part_of(one, other) for other in value) for one in stated)
    return stated == value


@given(specs, specs)
def test_what_is_applied_by_force_is_there_and_owned(live, config):
    whole = machine({**config, **({"whole": config["whole"]} if "whole" in config else {})})
    out = applied(machine(live), whole, force=True)
    assert is_part_of(config, out["spec"])
    assert applied(out, whole, now="2027-01-01T00:00:00Z") == out


@given(specs, specs)
def test_an_applier_that_withdraws_leaves_only_what_others_own(first, second):
    live = applied(None, machine(first), "m1", now=EARLY)
    both = applied(live, machine(second), "m2", force=True)
    out = applied(both, machine(), "m2")
    assert "m2" not in {one["manager"] for one in out["metadata"].get("managedFields", [])}
    still = [one["fieldsV1"] for one in both["metadata"]["managedFields"] if one["manager"] == "m1"]
    owned = still[0] if still else {}
    left = fields.fields_of(out, SCHEMA)
    assert fields.paths(fields.difference(left, owned)) == []
    # Only maps that hold nothing any more may be gone, although they were applied.
    for path in fields.paths(fields.difference(owned, left)):
        value = machine(first)
        for step in path[1:].split("."):
            value = value[step]
        assert isinstance(value, dict)
