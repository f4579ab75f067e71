"""Patch types and their limits (reference kubernetes-api.md 3.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import APPLY, MERGE, Client, Reply, Space
from tests.conformance.statuses import bad_request, check, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
REFUSED = status(422, "Invalid", "the server rejected our request due to an error in our request", details={})


def named(name: str, **more):
    return {"metadata": {"name": name}, **more}


async def test_which_types_a_kind_takes(client: Client, space: Space, examples):
    """§3.6 table, 415"""
    await client.made(space.maps, named("a"))
    await client.made(space.vms, example.vm("a"))
    for content_type, body in ((JSON_PATCH, []), (MERGE, {}), (STRATEGIC, {}), (f"{MERGE}; charset=utf-8", {})):
        assert (await client("PATCH", f"{space.maps}/a", body, Content_Type=content_type)).status == 200, content_type
    for content_type, body in ((JSON_PATCH, []), (MERGE, {}), (f"{JSON_PATCH};charset=utf-8", [])):
        assert (await client("PATCH", f"{space.vms}/a", body, Content_Type=content_type)).status == 200, content_type
    check(
        await client("PATCH", f"{space.vms}/a", {}, Content_Type=STRATEGIC),
        status(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
            "application/merge-patch+json, application/apply-patch+yaml",
        ),
    )
    reply = await client("PATCH", f"{space.maps}/a", {}, Content_Type="application/nonsense")
    assert reply.status == 415
    reply = await client(
        "PATCH",
        f"{space.maps}/a?fieldManager=m",
        {"apiVersion": "v1", "kind": "ConfigMap", **named("a")},
        Content_Type=APPLY,
    )
    assert reply.status == 200


async def operated(client: Client, path: str, *operations: dict[str, Any]) -> Reply:
    return await client("PATCH", path, list(operations), Content_Type=JSON_PATCH)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "remove", "path": "/data/nothing"},
        {"op": "replace", "path": "/nothing/below", "value": "1"},
        {"op": "add", "path": "/nothing/below", "value": "1"},
        {"op": "bogus", "path": "/data/a", "value": "1"},
        {"op": "move", "from": "/data/nothing", "path": "/data/b"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
    ],
    ids=lambda operation: f"{operation['op']}{operation['path'].replace('/', '.')}",
)
async def test_an_operation_that_fails(client: Client, space: Space, operation):
    """§3.6 JSON patch: 422 with no details"""
    await client.made(space.maps, named("a", data={"a": "1"}))
    check(await operated(client, f"{space.maps}/a", operation), REFUSED)
    assert (await client.get(f"{space.maps}/a"))["data"] == {"a": "1"}


async def test_operations_that_succeed(client: Client, space: Space):
    """§3.6 JSON patch: replace on a missing leaf adds; tests of resourceVersion compare strings"""
    made = await client.made(space.maps, named("a", data={"a": "1"}))
    reply = await operated(
        client,
        f"{space.maps}/a",
        {"op": "test", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/data/b", "value": "2"},
        {"op": "copy", "from": "/data/a", "path": "/data/c"},
        {"op": "move", "from": "/data/a", "path": "/data/d"},
        {"op": "add", "path": "/metadata/labels", "value": {}},
        {"op": "add", "path": "/metadata/labels/x.io~1y", "value": "z"},
    )
    assert reply.status == 200, reply.body
    assert reply.json["data"] == {"b": "2", "c": "1", "d": "1"}
    assert reply.json["metadata"]["labels"] == {"x.io/y": "z"}


async def test_a_json_patch_that_is_none(client: Client, space: Space, examples):
    """§3.6: not an array; more than 10000 operations; the result is validated as a whole"""
    await client.made(space.vms, example.vm("a"))
    check(
        await client("PATCH", f"{space.vms}/a", {}, Content_Type=JSON_PATCH),
        bad_request("error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
    )
    many = [{"op": "test", "path": "/spec/cpu", "value": 1}] * 10001
    check(
        await client("PATCH", f"{space.vms}/a", many, Content_Type=JSON_PATCH),
        status(
            413,
            "RequestEntityTooLarge",
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
    )
    assert (await client("PATCH", f"{space.vms}/a", many[1:], Content_Type=JSON_PATCH)).status == 200
    reply = await operated(client, f"{space.vms}/a", {"op": "replace", "path": "/spec/cpu", "value": 9})
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "spec.cpu")


async def test_a_merge_patch(client: Client, space: Space, examples):
    """§3.6 merge patch: RFC 7386"""
    await client.made(space.vms, example.vm("a", labels={"a": "1", "b": "2"}, cmds=["x", "y"], mode="a"))
    done = await client.merged(
        f"{space.vms}/a", {"spec": {"labels": {"a": None, "c": "3"}, "cmds": ["z"], "mode": None}}
    )
    assert done["spec"]["labels"] == {"b": "2", "c": "3"}
    assert done["spec"]["cmds"] == ["z"]
    assert "mode" not in done["spec"]
    for body in (b"[]", b'"x"', b"7", b"{"):
        assert (await client("PATCH", f"{space.vms}/a", body, Content_Type=MERGE)).status == 400, body


CONTAINERS = [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]


async def deployed(client: Client, space: Space, **spec) -> str:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": CONTAINERS, **spec}}
    body = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await client.made(space.of("apps", "deployments"), named("d", spec=body))
    return f"{space.of('apps', 'deployments')}/d"


async def strategic(client: Client, path: str, patch: object) -> Reply:
    return await client("PATCH", path, patch, Content_Type=STRATEGIC)


def template(**spec):
    return {"spec": {"template": {"spec": spec}}}


def names(reply: Reply, field: str = "containers") -> list[str]:
    assert reply.status == 200, reply.body
    return [one["name"] for one in reply.json["spec"]["template"]["spec"].get(field, ())]


async def test_items_are_merged_by_their_keys(client: Client, space: Space):
    """§3.6 list item with merge key"""
    path = await deployed(client, space)
    reply = await strategic(
        client, path, template(containers=[{"name": "b", "image": "9"}, {"name": "c", "image": "3"}])
    )
    assert set(names(reply)) == {"a", "b", "c"}
    images = {one["name"]: one["image"] for one in reply.json["spec"]["template"]["spec"]["containers"]}
    assert images == {"a": "1", "b": "9", "c": "3"}


async def test_delete_directives(client: Client, space: Space):
    """§3.6 $patch: delete, in a list and in a map"""
    path = await deployed(client, space, securityContext={"runAsUser": 5}, nodeSelector={"x": "y"})
    assert names(await strategic(client, path, template(containers=[{"name": "a", "$patch": "delete"}]))) == ["b"]
    reply = await strategic(client, path, template(nodeSelector={"$patch": "delete"}))
    assert reply.status == 200
    assert not reply.json["spec"]["template"]["spec"].get("nodeSelector")


async def test_replace_directives(client: Client, space: Space):
    """§3.6 $patch: replace, in a list and in a map"""
    path = await deployed(client, space, nodeSelector={"x": "y"})
    patch = template(containers=[{"name": "z", "image": "0"}, {"$patch": "replace"}])
    assert names(await strategic(client, path, patch)) == ["z"]
    reply = await strategic(client, path, template(nodeSelector={"$patch": "replace", "p": "q"}))
    assert reply.json["spec"]["template"]["spec"]["nodeSelector"] == {"p": "q"}


async def test_the_order_can_be_set(client: Client, space: Space):
    """§3.6 $setElementOrder"""
    path = await deployed(client, space)
    patch = template(
        **{"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}]},
        containers=[{"name": "c", "image": "3"}],
    )
    assert names(await strategic(client, path, patch)) == ["b", "c", "a"]


async def test_scalars_leave_a_merged_list(client: Client, space: Space):
    """§3.6 $deleteFromPrimitiveList; finalizers merge as primitives, new values first"""
    await client.made(space.maps, {"metadata": {"name": "a", "finalizers": ["x.io/a", "x.io/b"]}})
    reply = await strategic(
        client, f"{space.maps}/a", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a"]}}
    )
    assert reply.json["metadata"]["finalizers"] == ["x.io/b"]
    reply = await strategic(client, f"{space.maps}/a", {"metadata": {"finalizers": ["x.io/c"]}})
    assert reply.json["metadata"]["finalizers"] == ["x.io/c", "x.io/b"]


async def test_keys_are_retained(client: Client, space: Space):
    """§3.6 $retainKeys: volumes, deployment strategy"""
    path = await deployed(client, space, volumes=[{"name": "v", "emptyDir": {}}])
    patch = template(volumes=[{"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "x"}}])
    reply = await strategic(client, path, patch)
    (volume,) = reply.json["spec"]["template"]["spec"]["volumes"]
    assert "emptyDir" not in volume
    assert volume["configMap"]["name"] == "x"
    reply = await strategic(client, path, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    assert reply.json["spec"]["strategy"] == {"type": "Recreate"}


async def test_strategic_patches_that_cannot_be(client: Client, space: Space):
    """§3.6: item without its merge key, unknown $patch: 500"""
    await client.made(space.core("services"), named("a", spec={"ports": [{"port": 80}]}))
    reply = await strategic(client, f"{space.core('services')}/a", {"spec": {"ports": [{"name": "nokey"}]}})
    check(reply, status(500, None, "map: map[name:nokey] does not contain declared merge key: port"))
    path = await deployed(client, space)
    reply = await strategic(client, path, {"spec": {"$patch": "bogus"}})
    check(reply, status(500, None, "unknown patch type: bogus in map: map[$patch:bogus]"))


MERGE_KEYS = [
    ("initContainers", [{"name": "x", "image": "1"}], [{"name": "y", "image": "2"}], "name"),
    ("volumes", [{"name": "x", "emptyDir": {}}], [{"name": "y", "emptyDir": {}}], "name"),
    ("imagePullSecrets", [{"name": "x"}], [{"name": "y"}], "name"),
    ("hostAliases", [{"ip": "1.2.3.4"}], [{"ip": "1.2.3.5"}], "ip"),
    (
        "topologySpreadConstraints",
        [{"topologyKey": "x", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}],
        [{"topologyKey": "y", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}],
        "topologyKey",
    ),
]


@pytest.mark.parametrize(("field", "first", "second", "key"), MERGE_KEYS, ids=[row[0] for row in MERGE_KEYS])
async def test_merge_keys(client: Client, space: Space, field, first, second, key):
    """§3.6 merge keys"""
    path = await deployed(client, space, **{field: first})
    reply = await strategic(client, path, template(**{field: second}))
    assert reply.status == 200, reply.body
    assert {one[key] for one in reply.json["spec"]["template"]["spec"][field]} == {first[0][key], second[0][key]}


IN_CONTAINERS = [
    ("env", [{"name": "x", "value": "1"}], [{"name": "y", "value": "2"}], 2),
    ("ports", [{"containerPort": 1}], [{"containerPort": 2}], 2),
    ("volumeMounts", [{"name": "v", "mountPath": "/x"}], [{"name": "v", "mountPath": "/y"}], 2),
    ("volumeDevices", [{"name": "w", "devicePath": "/dev/x"}], [{"name": "w", "devicePath": "/dev/y"}], 2),
    ("args", ["x"], ["y"], 1),
    ("command", ["x"], ["y"], 1),
    ("envFrom", [{"configMapRef": {"name": "x"}}], [{"configMapRef": {"name": "y"}}], 1),
]


@pytest.mark.parametrize(("field", "first", "second", "count"), IN_CONTAINERS, ids=[row[0] for row in IN_CONTAINERS])
async def test_merge_keys_in_containers(client: Client, space: Space, field, first, second, count):
    """§3.6 merge keys; envFrom, args, command atomic"""
    volumes = [
        {"name": "v", "emptyDir": {}},
        {"name": "w", "persistentVolumeClaim": {"claimName": "w"}},
    ]
    path = await deployed(client, space, containers=[{"name": "a", "image": "1", field: first}], volumes=volumes)
    reply = await strategic(client, path, template(containers=[{"name": "a", field: second}]))
    assert reply.status == 200, reply.body
    (container,) = reply.json["spec"]["template"]["spec"]["containers"]
    assert len(container[field]) == count


async def test_merge_keys_elsewhere(client: Client, space: Space):
    """§3.6 merge keys: service ports, SA secrets, ownerReferences, conditions; tolerations atomic"""
    services = space.core("services")
    await client.made(services, named("a", spec={"ports": [{"port": 80, "name": "x"}]}))
    reply = await strategic(client, f"{services}/a", {"spec": {"ports": [{"port": 81, "name": "y"}]}})
    assert {one["port"] for one in reply.json["spec"]["ports"]} == {80, 81}
    accounts = space.core("serviceaccounts")
    await client.made(accounts, {**named("a"), "secrets": [{"name": "x"}]})
    reply = await strategic(client, f"{accounts}/a", {"secrets": [{"name": "y"}]})
    assert {one["name"] for one in reply.json["secrets"]} == {"x", "y"}
    owner = await client.made(space.maps, named("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    await client.made(space.maps, {"metadata": {"name": "a", "ownerReferences": [reference]}})
    patch = {"metadata": {"ownerReferences": [{"uid": reference["uid"], "controller": True}]}}
    reply = await strategic(client, f"{space.maps}/a", patch)
    assert reply.json["metadata"]["ownerReferences"] == [{**reference, "controller": True}]
    path = await deployed(client, space, tolerations=[{"key": "x", "operator": "Exists"}])
    reply = await strategic(client, path, template(tolerations=[{"key": "y", "operator": "Exists"}]))
    assert reply.json["spec"]["template"]["spec"]["tolerations"] == [{"key": "y", "operator": "Exists"}]


async def test_a_client_side_apply(client: Client, space: Space, examples):
    """§3.6 kubectl apply: strategic merge for its compiled kinds, merge patch for others, the annotation within"""
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    await client.made(space.maps, {"metadata": {"name": "a", "annotations": {annotation: "{}\n"}}, "data": {"a": "1"}})
    patch = {"data": {"a": None, "b": "2"}, "metadata": {"annotations": {annotation: '{"data":{"b":"2"}}\n'}}}
    reply = await strategic(client, f"{space.maps}/a", patch)
    assert reply.json["data"] == {"b": "2"}
    assert reply.json["metadata"]["annotations"][annotation].endswith("\n")
    await client.made(space.vms, example.vm("a"))
    done = await client.merged(
        f"{space.vms}/a", {"spec": {"mode": "a"}, "metadata": {"annotations": {annotation: "{}\n"}}}
    )
    assert done["spec"]["mode"] == "a"
