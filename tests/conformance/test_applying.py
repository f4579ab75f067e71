"""managedFields and server-side apply (reference kubernetes-api.md 3.5)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import APPLY, MERGE, Client, Reply, Space
from tests.conformance.statuses import bad_request, check, option_error, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON_PATCH = "application/json-patch+json"


def config(name: str, **data: str):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def entries(document) -> dict[tuple[str, ...], Any]:
    """fieldsV1 by manager and operation, and by subresource where there is one."""
    out = {}
    for one in document["metadata"].get("managedFields", ()):
        key = (one["manager"], one["operation"], *([one["subresource"]] if "subresource" in one else []))
        assert key not in out
        out[key] = one["fieldsV1"]
    return out


def conflict(reply: Reply, *causes: tuple[str, str]) -> None:
    """*reply* says that an apply failed for these managers and fields."""
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")
    assert reply.json["details"] == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": field}
            for manager, field in causes
        ]
    }


async def test_an_entry(client: Client, space: Space, examples):
    """§3.5 entry: manager, operation, apiVersion, time, fieldsType, fieldsV1, subresource"""
    await client.made(f"{space.vms}?fieldManager=m", example.vm("a"))
    done = await client.merged(f"{space.vms}/a/status?fieldManager=s", {"status": {"ready": True}})
    first, second = done["metadata"]["managedFields"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.pop("time"))
    assert second.pop("time")
    assert first == {
        "manager": "m",
        "operation": "Update",
        "apiVersion": "example.com/v1",
        "fieldsType": "FieldsV1",
        # The default of the schema is the server's doing, and the creator's field all the same.
        "fieldsV1": {"f:spec": {".": {}, "f:cpu": {}, "f:odd": {}, "f:size": {}}},
    }
    assert second == {
        "manager": "s",
        "operation": "Update",
        "apiVersion": "example.com/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {".": {}, "f:ready": {}}},
        "subresource": "status",
    }


async def test_entries_are_sorted(client: Client, space: Space):
    """§3.5: Apply before Update, then by time, then manager"""
    await client.made(f"{space.maps}?fieldManager=u2", config("a", x="1"))
    await client.merged(f"{space.maps}/a?fieldManager=u1", {"data": {"y": "1"}})
    for manager in ("b", "a"):
        await client.applied(f"{space.maps}/a", config("a", **{manager: "1"}), manager)
    found = (await client.get(f"{space.maps}/a"))["metadata"]["managedFields"]
    order = [(one["operation"], one["time"], one["manager"]) for one in found]
    assert order == sorted(order)
    assert [one["operation"] for one in found] == ["Apply", "Apply", "Update", "Update"]


async def test_the_encoding_of_fields(client: Client, space: Space, examples):
    """§3.5 fieldsV1 encoding: f:, k: with sorted keys, v:, `.`; what is never recorded"""
    document = example.vm(
        "a", vols=[{"name": "x", "size": "1"}], tags=["t1"], cmds=["c"], labels={"l": "v"}, atomic={"a": "b"}
    )
    document["metadata"].update(labels={"a": "b"}, annotations={"c": "d"}, finalizers=["x.io/y"], namespace=space.name)
    reply = await client.applied(f"{space.vms}/a", document, "m")
    assert entries(reply.json)["m", "Apply"] == {
        "f:metadata": {"f:annotations": {"f:c": {}}, "f:finalizers": {'v:"x.io/y"': {}}, "f:labels": {"f:a": {}}},
        "f:spec": {
            "f:atomic": {},
            "f:cmds": {},
            "f:cpu": {},
            "f:labels": {"f:l": {}},
            "f:tags": {'v:"t1"': {}},
            "f:vols": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:size": {}}},
        },
    }
    service = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 80, "protocol": "UDP", "name": "b"}]}}
    made = await client.made(f"{space.core('services')}?fieldManager=m", {"metadata": {"name": "a"}, **service})
    ports = entries(made)["m", "Update"]["f:spec"]["f:ports"]
    assert set(ports) == {".", 'k:{"port":80,"protocol":"TCP"}', 'k:{"port":80,"protocol":"UDP"}'}


async def test_schemas_say_how_values_merge(client: Client, space: Space, examples):
    """§3.5 schema table: granular, atomic, set, map, preserved"""
    first = example.vm(
        "a", vols=[{"name": "x", "size": "1"}], tags=["t1"], cmds=["c"], labels={"l": "1"}, free={"p": {"q": 1}}
    )
    second = example.vm("a", vols=[{"name": "y", "size": "2"}], tags=["t2"], labels={"m": "2"}, free={"p": {"r": 2}})
    del second["spec"]["cpu"]
    await client.applied(f"{space.vms}/a", first, "m1")
    reply = await client.applied(f"{space.vms}/a", second, "m2")
    assert reply.status == 200, reply.body
    spec = reply.json["spec"]
    assert spec["vols"] == [{"name": "x", "size": "1"}, {"name": "y", "size": "2"}]
    assert spec["tags"] == ["t1", "t2"]
    assert spec["labels"] == {"l": "1", "m": "2"}
    assert spec["free"] == {"p": {"q": 1, "r": 2}}
    for field, value in (("cmds", ["d"]), ("atomic", {"x": "y"})):
        await client.applied(f"{space.vms}/a", {**first, "spec": {**first["spec"], "atomic": {"x": "1"}}}, "m1")
        other = example.vm("a", **{field: value})
        del other["spec"]["cpu"]
        reply = await client.applied(f"{space.vms}/a", other, "m3")
        conflict(reply, ('"m1"', f".spec.{field}"))


async def test_what_an_applier_leaves_out_goes(client: Client, space: Space, examples):
    """§3.5 apply 2: unless another owns it; list-map items go when unowned"""
    await client.applied(
        f"{space.vms}/a", example.vm("a", mode="a", name="x", vols=[{"name": "x"}, {"name": "y"}]), "m1"
    )
    other = example.vm("a", name="x", vols=[{"name": "y"}])
    del other["spec"]["cpu"]
    await client.applied(f"{space.vms}/a", other, "m2")
    reply = await client.applied(f"{space.vms}/a", example.vm("a"), "m1")
    assert reply.status == 200
    spec = reply.json["spec"]
    assert "mode" not in spec
    assert (spec["name"], spec["vols"]) == ("x", [{"name": "y"}])
    assert entries(reply.json)["m1", "Apply"] == {"f:spec": {"f:cpu": {}}}


async def test_one_conflict(client: Client, space: Space):
    """§3.5 errors: one conflict, causes, details without name and kind"""
    await client.applied(f"{space.maps}/a", config("a", a="1"), "m")
    reply = await client.applied(f"{space.maps}/a", config("a", a="2"), "n")
    check(
        reply,
        status(
            409,
            "Conflict",
            'Apply failed with 1 conflict: conflict with "m": .data.a',
            {"causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "m"', "field": ".data.a"}]},
        ),
    )


async def test_several_conflicts(client: Client, space: Space, examples):
    """§3.5 errors: several, managers sorted"""
    await client.applied(f"{space.vms}/a", example.vm("a", cmds=["x"]), "m1")
    reply = await client.applied(
        f"{space.vms}/a", example.vm("a", cmds=["y"]) | {"spec": {"cpu": 2, "cmds": ["y"]}}, "n"
    )
    assert reply.message == 'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.cmds\n- .spec.cpu'
    conflict(reply, ('"m1"', ".spec.cmds"), ('"m1"', ".spec.cpu"))


async def test_how_managers_are_written(client: Client, space: Space, examples):
    """§3.5 manager rendering: with subresource, using apiVersion, at time"""
    await client.made(f"{space.vms}?fieldManager=curl", example.vm("a"))
    reply = await client.applied(f"{space.vms}/a", {**example.vm("a"), "spec": {"cpu": 2}}, "n")
    assert re.fullmatch(
        r'Apply failed with 1 conflict: conflict with "curl" using example\.com/v1( at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?: \.spec\.cpu',
        reply.message,
    )
    state = {**example.vm("a"), "status": {"ready": True}}
    del state["spec"]
    assert (await client.applied(f"{space.vms}/a/status", state, "st")).status == 200
    state["status"] = {"ready": False}
    reply = await client.applied(f"{space.vms}/a/status", state, "n")
    conflict(reply, ('"st" with subresource "status"', ".status.ready"))


async def test_how_paths_are_written(client: Client, space: Space, examples):
    """§3.5 path rendering: list-map items and set items"""
    await client.applied(f"{space.vms}/a", example.vm("a", vols=[{"name": "x", "size": "1"}], tags=["t1"]), "m")
    reply = await client.applied(f"{space.vms}/a", example.vm("a", vols=[{"name": "x", "size": "2"}], tags=["t1"]), "n")
    conflict(reply, ('"m"', '.spec.vols[name="x"].size'))


async def test_force_takes_away(client: Client, space: Space):
    """§3.5 apply 3"""
    await client.applied(f"{space.maps}/a", config("a", a="1", b="1"), "m")
    reply = await client.applied(f"{space.maps}/a", config("a", a="2"), "n", "&force=true")
    assert (reply.status, reply.json["data"]) == (200, {"a": "2", "b": "1"})
    assert entries(reply.json) == {
        ("m", "Apply"): {"f:data": {"f:b": {}}},
        ("n", "Apply"): {"f:data": {"f:a": {}}},
    }


async def test_the_same_value_is_shared(client: Client, space: Space):
    """§3.5 apply 4"""
    await client.applied(f"{space.maps}/a", config("a", a="1"), "m")
    reply = await client.applied(f"{space.maps}/a", config("a", a="1"), "n")
    assert reply.status == 200
    assert entries(reply.json) == {
        ("m", "Apply"): {"f:data": {"f:a": {}}},
        ("n", "Apply"): {"f:data": {"f:a": {}}},
    }


async def test_an_update_takes_what_it_changes(client: Client, space: Space):
    """§3.5 update/patch: added and changed paths move, removed ones leave all, empty entries vanish"""
    await client.applied(f"{space.maps}/a", config("a", a="1", b="1"), "m")
    changed = await client.merged(f"{space.maps}/a?fieldManager=u", {"data": {"a": "2", "c": "1"}})
    assert entries(changed) == {
        ("m", "Apply"): {"f:data": {"f:b": {}}},
        ("u", "Update"): {"f:data": {"f:a": {}, "f:c": {}}},
    }
    removed = await client.merged(f"{space.maps}/a?fieldManager=v", {"data": {"b": None}})
    assert entries(removed) == {("u", "Update"): {"f:data": {"f:a": {}, "f:c": {}}}}


async def test_old_updaters_become_ancient(client: Client, space: Space):
    """§3.5: more than 10 Update entries: the oldest merge into ancient-changes"""
    await client.made(f"{space.maps}?fieldManager=first", config("a", x="1"))
    for number in range(11):
        done = await client.merged(f"{space.maps}/a?fieldManager=u{number:02}", {"data": {f"k{number}": "1"}})
    managers = [one["manager"] for one in done["metadata"]["managedFields"]]
    assert len(managers) <= 11
    assert "ancient-changes" in managers
    assert "first" not in managers


async def test_managed_fields_can_be_cleared(client: Client, space: Space):
    """§3.5: [{}] or [] clears everything; omitted or null keeps; then before-first-apply at first apply"""
    made = await client.made(f"{space.maps}?fieldManager=m", config("a", a="1"))
    for kept in ({}, {"managedFields": None}):
        metadata = {
            key: value for key, value in made["metadata"].items() if key not in ("managedFields", "resourceVersion")
        }
        reply = await client("PUT", f"{space.maps}/a?fieldManager=m", {**made, "metadata": {**metadata, **kept}})
        assert entries(reply.json) == entries(made)
    empty: list[list[Any]] = [[{}], []]
    for cleared in empty:
        done = await client.merged(f"{space.maps}/a?fieldManager=m", {"metadata": {"managedFields": cleared}})
        assert entries(done) == {}
        await client.merged(f"{space.maps}/a?fieldManager=m", {"data": {"b": str(len(cleared))}})
    await client.merged(f"{space.maps}/a?fieldManager=m", {"metadata": {"managedFields": [{}]}})
    reply = await client.applied(f"{space.maps}/a", config("a", a="1"), "n")
    assert reply.status == 200
    assert entries(reply.json).keys() == {("before-first-apply", "Update"), ("n", "Apply")}


async def test_what_an_apply_needs(client: Client, space: Space, examples):
    """§3.5 errors: no fieldManager, body with managedFields, wrong kinds, bad YAML"""
    reply = await client("PATCH", f"{space.maps}/a", config("a"), Content_Type=APPLY)
    check(
        reply,
        option_error(
            "PatchOptions", "Required value: is required for apply patch", "fieldManager", "FieldValueRequired"
        ),
    )
    document = config("a")
    document["metadata"]["managedFields"] = [{"manager": "x", "operation": "Apply"}]
    check(await client.applied(f"{space.maps}/a", document, "m"), bad_request("metadata.managedFields must be nil"))
    for change, text in (
        ({"apiVersion": "example.com/v2"}, "invalid object type: example.com/v2, Kind=VM"),
        ({"apiVersion": None, "kind": None}, "invalid object type: /, Kind="),
    ):
        document = {key: value for key, value in (example.vm("a") | change).items() if value is not None}
        check(await client.applied(f"{space.vms}/a", document, "m"), bad_request(text))
    reply = await client.applied(f"{space.maps}/a", b"a: [", "m")
    assert reply.status == 400
    assert reply.message.startswith("error decoding YAML: ")


TYPED = "failed to create typed patch object (/ssa; example.com/v1, Kind=VM): "
TYPED_ERRORS = [
    ({"bogus": 1}, ".spec.bogus: field not declared in schema"),
    ({"vols": [{"name": "q"}, {"name": "q"}]}, '.spec.vols: duplicate entries for key [name="q"]'),
    (
        {"vols": [{"size": "1"}]},
        (
            '.spec.vols: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have '
            "default values for any key fields)"
        ),
    ),
]


@pytest.mark.parametrize(("spec", "text"), TYPED_ERRORS)
@pytest.mark.parametrize("validation", ["Ignore", "Warn", "Strict"])
async def test_documents_that_do_not_fit_the_schema(client: Client, space: Space, examples, spec, text, validation):
    """§3.5 errors: unknown field, duplicate or missing list key: 500 without reason"""
    reply = await client.applied(f"{space.vms}/ssa", example.vm("ssa", **spec), "m", f"&fieldValidation={validation}")
    check(reply, status(500, None, TYPED + text))


async def test_yaml_and_json_are_applied(client: Client, space: Space):
    """§3.5: body may be YAML or JSON; creating answers 201"""
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n"
    assert (await client.applied(f"{space.maps}/a", text, "m")).status == 201
    reply = await client.applied(f"{space.maps}/a", config("a", a="b"), "m")
    assert (reply.status, reply.json["data"]) == (200, {"a": "b"})


async def test_kubectl_migrates_what_was_applied_by_the_client(client: Client, space: Space):
    """§3.5 kubectl SSA on an object previously client-side-applied"""
    document = config("a", a="1")
    last = json.dumps(document, separators=(",", ":")) + "\n"
    document["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last}
    await client.made(f"{space.maps}?fieldManager=kubectl-client-side-apply", document)
    reply = await client.applied(f"{space.maps}/a", config("a", a="1"), "kubectl")
    assert reply.status == 200
    only = config("a")
    only["metadata"]["annotations"] = dict(document["metadata"]["annotations"])
    del only["data"]
    reply = await client.applied(f"{space.maps}/a", only, "kubectl-last-applied", "&force=true")
    assert reply.status == 200
    kept = [one for one in reply.json["metadata"]["managedFields"] if one["manager"] != "kubectl-client-side-apply"]
    version = reply.json["metadata"]["resourceVersion"]
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]
    reply = await client("PATCH", f"{space.maps}/a", operations, Content_Type=JSON_PATCH)
    assert reply.status == 200, reply.body
    assert {one["manager"] for one in reply.json["metadata"]["managedFields"]} == {"kubectl", "kubectl-last-applied"}
    reply = await client.applied(f"{space.maps}/a", config("a", b="1"), "kubectl")
    assert (reply.status, reply.json["data"]) == (200, {"b": "1"})


async def test_reset_fields(client: Client, space: Space, examples):
    """§3.5 apply 1: minus status on the main resource, everything but status on /status"""
    document = {**example.vm("a"), "status": {"ready": True}}
    reply = await client.applied(f"{space.vms}/a", document, "m")
    assert (reply.status, "status" in reply.json) == (201, False)
    assert entries(reply.json) == {("m", "Apply"): {"f:spec": {"f:cpu": {}}}}
    reply = await client.applied(f"{space.vms}/a/status", {**document, "spec": {"cpu": 5}}, "m")
    assert (reply.status, reply.json["spec"]["cpu"]) == (200, 1)
    assert entries(reply.json)["m", "Apply", "status"] == {"f:status": {"f:ready": {}}}


async def test_tracking_begins_at_create(client: Client, space: Space):
    """§3.5: at create for all objects"""
    made = await client.made(space.maps, config("a", a="1"), User_Agent="curl/8.0")
    assert entries(made) == {("curl", "Update"): {"f:data": {".": {}, "f:a": {}}}}
    merged = await client("PATCH", f"{space.maps}/a", {"data": {"a": "1"}}, Content_Type=MERGE)
    assert entries(merged.json) == entries(made)


ILL_TYPED: list[tuple[dict[str, Any], str]] = [
    ({"labels": "x"}, ".metadata.labels: expected map, got &{x}"),
    ({"labels": {"x": 1}}, ".metadata.labels.x: expected string, got &value.valueUnstructured{Value:1}"),
    ({"bogus": 1}, ".metadata.bogus: field not declared in schema"),
    ({"finalizers": ["a.io/b", "a.io/b"]}, '.metadata.finalizers: duplicate entries for key [="a.io/b"]'),
    (
        {"ownerReferences": [{"uid": "x"}, {"uid": "x"}]},
        '.metadata.ownerReferences: duplicate entries for key [uid="x"]',
    ),
]


@pytest.mark.parametrize(("metadata", "text"), ILL_TYPED, ids=[next(iter(row[0])) for row in ILL_TYPED])
async def test_metadata_that_does_not_fit_its_schema(client: Client, space: Space, examples, metadata, text):
    """§3.5 errors: metadata is typed like all else, before anything is decoded"""
    for path, document in ((space.vms, example.vm("ssa")), (space.maps, config("ssa"))):
        document["metadata"].update(metadata)
        reply = await client.applied(f"{path}/ssa", document, "m")
        gvk = "example.com/v1, Kind=VM" if path == space.vms else "/v1, Kind=ConfigMap"
        check(reply, status(500, None, f"failed to create typed patch object (/ssa; {gvk}): {text}"))
    reply = await client.applied(f"{space.maps}/ssa", {**config("ssa"), "data": ["x"]}, "m")
    assert reply.message.endswith(": .data: expected map, got &{[x]}")
    reply = await client.applied(f"{space.maps}/ssa", {**config("ssa"), "metadata": "x"}, "m")
    check(
        reply,
        status(
            500, None, "failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map, got &{x}"
        ),
    )
