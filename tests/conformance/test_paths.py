"""Paths, verbs, codes and query parameters (reference kubernetes-api.md 2.1, 2.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import MERGE, Client, Space
from tests.conformance.statuses import bad_request, check, not_found, option_error, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON_PATCH = "application/json-patch+json"
NOT_ALLOWED = status(
    405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
)
AGENT = {"User_Agent": "kubectl/v1.33.0 (linux/amd64)"}


def named(name: str, **more):
    return {"metadata": {"name": name}, **more}


async def test_collections_are_read_across_namespaces_and_written_in_one(client: Client, space: Space):
    """§2.1 paths"""
    await client.made(space.maps, named("a"))
    everywhere = await client.get("/api/v1/configmaps")
    assert (space.name, "a") in {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in everywhere["items"]}
    check(await client("POST", "/api/v1/configmaps", named("b")), NOT_ALLOWED)
    async with client.watch(
        "/api/v1/configmaps", f"resourceVersion={everywhere['metadata']['resourceVersion']}"
    ) as events:
        await client.made(space.maps, named("b"))
        assert await events.told(1) == [("ADDED", "b")]


async def test_the_old_watch_paths_still_work(client: Client, space: Space):
    """§2.1 /watch/, §2.5"""
    await client.made(space.maps, named("a"))
    for path in (
        f"/api/v1/watch/namespaces/{space.name}/configmaps",
        f"/api/v1/watch/namespaces/{space.name}/configmaps/a",
    ):
        async with client.session.get(client.url + path) as answer:
            event = json.loads(await answer.content.readline())
            while event["object"]["metadata"]["name"] != "a":
                event = json.loads(await answer.content.readline())
            assert (event["type"], event["object"]["kind"]) == ("ADDED", "ConfigMap")


@pytest.mark.parametrize("custom", [False, True], ids=["built-in", "custom"])
async def test_each_verb_has_its_code_and_body(client: Client, space: Space, examples, custom):
    """§2.1 table"""
    path = space.vms if custom else space.maps
    document = example.vm("a") if custom else {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    made = await client("POST", path, document)
    assert (made.status, made.json["kind"], made.json["metadata"]["name"]) == (201, document["kind"], "a")
    assert made.json["metadata"]["uid"]
    assert (await client("GET", f"{path}/a")).json == made.json
    listed = await client("GET", path)
    assert (listed.status, listed.json["kind"]) == (200, f"{document['kind']}List")
    updated = await client(
        "PUT", f"{path}/a", {**made.json, "metadata": {**made.json["metadata"], "labels": {"x": "y"}}}
    )
    assert (updated.status, updated.json["metadata"]["labels"]) == (200, {"x": "y"})
    patched = await client("PATCH", f"{path}/a", {"metadata": {"labels": {"x": "z"}}}, Content_Type=MERGE)
    assert (patched.status, patched.json["metadata"]["labels"]) == (200, {"x": "z"})
    applied = await client.applied(f"{path}/b", {**document, "metadata": {"name": "b"}}, "m")
    assert applied.status == 201
    again = await client.applied(f"{path}/b", {**document, "metadata": {"name": "b"}}, "m")
    assert again.status == 200
    for head in (f"{path}/a", path):
        reply = await client("HEAD", head)
        assert (reply.status, reply.body) == (200, b"")
    gone = await client("DELETE", f"{path}/a")
    details = {"name": "a", **({"group": "example.com"} if custom else {}), "kind": "vms" if custom else "configmaps"}
    assert gone.status == 200
    assert list(gone.json) == ["kind", "apiVersion", "metadata", "status", "details"]
    assert gone.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details, "uid": made.json["metadata"]["uid"]},
    }
    all_gone = await client("DELETE", path)
    assert all_gone.status == 200
    assert all_gone.json["kind"] == f"{document['kind']}List"
    assert "b" in {one["metadata"]["name"] for one in all_gone.json["items"]}


async def test_a_delete_that_is_not_done_at_once_is_accepted_for_those_who_do_not_orphan(client: Client, space: Space):
    """§2.1 delete: 202 only if not removed at once and orphanDependents=false was given"""
    for name, query, code in (("a", "", 200), ("b", "?orphanDependents=false", 202)):
        await client.made(space.maps, {"metadata": {"name": name, "finalizers": ["x.io/y"]}})
        reply = await client("DELETE", f"{space.maps}/{name}{query}")
        assert (reply.status, reply.json["kind"]) == (code, "ConfigMap")
        assert reply.json["metadata"]["deletionTimestamp"]
    await client.made(space.maps, named("c"))
    reply = await client("DELETE", f"{space.maps}/c?orphanDependents=false")
    assert (reply.status, reply.json["kind"]) == (200, "Status")


RETURN_OBJECTS: dict[str, dict[str, Any]] = {
    "pods": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "serviceaccounts": {},
    "persistentvolumeclaims": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        }
    },
    "resourcequotas": {},
    "podtemplates": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
}


@pytest.mark.parametrize("plural", RETURN_OBJECTS)
async def test_some_kinds_answer_a_delete_with_the_object(client: Client, space: Space, plural):
    """§2.1: pods, services, serviceaccounts, PV, PVC, storageclasses, resourcequotas, podtemplates, namespaces"""
    made = await client.made(space.core(plural), {"metadata": {"name": "a"}, **RETURN_OBJECTS[plural]})
    gone = await client("DELETE", f"{space.core(plural)}/a")
    assert (gone.status, gone.json["kind"], gone.json["metadata"]["uid"]) == (
        200,
        made["kind"],
        made["metadata"]["uid"],
    )


async def test_kinds_of_the_cluster_answer_a_delete_as_listed(client: Client):
    """§2.1: storageclasses, PVs and namespaces with the object; nodes, RBAC and others with a Status"""
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    await client.made(classes, named("a", provisioner="x"))
    assert (await client("DELETE", f"{classes}/a")).json["kind"] == "StorageClass"
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/a"},
        "storageClassName": "none",
    }
    await client.made("/api/v1/persistentvolumes", named("a", spec=volume))
    assert (await client("DELETE", "/api/v1/persistentvolumes/a")).json["kind"] == "PersistentVolume"
    await client.made("/api/v1/namespaces", named("goes"))
    assert (await client("DELETE", "/api/v1/namespaces/goes")).json["kind"] == "Namespace"
    for path, body in (
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", named("goes", rules=[])),
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases", named("goes")),
        ("/api/v1/namespaces/default/secrets", named("goes")),
        ("/api/v1/nodes", named("goes")),
    ):
        await client.made(path, body)
        reply = await client("DELETE", f"{path}/goes")
        assert (reply.status, reply.json["kind"], reply.json["status"]) == (200, "Status", "Success"), path


async def test_oddities_of_paths(client: Client, space: Space, examples):
    """§2.1: POST to a name creates for CRs; PUT to a collection"""
    assert (await client("POST", f"{space.vms}/a", example.vm("a"))).status == 201
    check(await client("POST", f"{space.maps}/a", named("a")), NOT_ALLOWED)
    check(await client("PUT", space.vms, example.vm("a")), bad_request("name must be provided"))


async def test_envelopes_of_lists(client: Client, space: Space, examples):
    """§2.1 list envelope"""
    await client.made(space.maps, named("a"))
    await client.made(space.vms, example.vm("a"))
    maps = await client.get(space.maps)
    assert list(maps) == ["kind", "apiVersion", "metadata", "items"]
    assert maps["metadata"].keys() == {"resourceVersion"}
    for one in maps["items"]:
        assert "kind" not in one
        assert "apiVersion" not in one
    vms = await client.get(space.vms)
    assert list(vms) == sorted(vms)
    assert vms["metadata"].keys() == {"continue", "resourceVersion"}
    assert vms["metadata"]["continue"] == ""
    (one,) = vms["items"]
    assert (one["kind"], one["apiVersion"]) == ("VM", "example.com/v1")
    assert list(one) == sorted(one)
    assert list(one["spec"]) == sorted(one["spec"])
    nothing = await client.get(f"{space.maps}?labelSelector=no%3Dbody")
    assert nothing["items"] == []


async def test_a_namespace_that_is_not_there(client: Client, examples):
    """§2.1: list 200 and empty, get 404 of the object, create 404 of the namespace"""
    for collection, resource, group, document in (
        ("/api/v1/namespaces/nowhere/configmaps", "configmaps", "", named("x")),
        ("/apis/example.com/v1/namespaces/nowhere/vms", "vms", "example.com", example.vm("x")),
    ):
        assert (await client.get(collection))["items"] == []
        check(await client("GET", f"{collection}/x"), not_found(resource, "x", group))
        check(await client("POST", collection, document), not_found("namespaces", "nowhere"))


async def test_limit_is_a_number(client: Client, space: Space):
    """§2.2 limit"""
    for name in "abc":
        await client.made(space.maps, named(name))
    for limit in ("0", "-1"):
        found = await client.get(f"{space.maps}?limit={limit}")
        assert len(found["items"]) >= 3
        assert "continue" not in found["metadata"]
    reply = await client("GET", f"{space.maps}?limit=abc")
    assert reply.status == 400
    assert reply.message.endswith('strconv.ParseInt: parsing "abc": invalid syntax')


async def test_a_continue_token_is_opaque_and_checked(client: Client, space: Space):
    """§2.2 continue"""
    for name in "abc":
        await client.made(space.maps, named(name))
    for token in ("abc", "e30", "!!"):
        reply = await client("GET", f"{space.maps}?limit=1&continue={token}")
        assert reply.status == 400
        assert reply.message.startswith("continue key is not valid: ") or reply.message.startswith(
            "invalid continue token: continue key is not valid: "
        )
    page = await client.get(f"{space.maps}?limit=1")
    token = page["metadata"]["continue"]
    check(
        await client("GET", f"{space.maps}?limit=1&continue={token}&resourceVersion=5"),
        bad_request("specifying resource version is not allowed when using continue"),
    )
    for version in ("", "0"):
        assert (await client("GET", f"{space.maps}?limit=1&continue={token}&resourceVersion={version}")).status == 200


@pytest.mark.parametrize(("value", "watching"), [("0", False), ("false", False), ("FALSE", False), ("1", True), ("", True), ("x", True)])  # fmt: skip
async def test_every_text_but_two_is_true(client: Client, space: Space, value, watching):
    """§2.2 watch: booleans in queries"""
    await client.made(space.maps, named("a"))
    async with client.session.get(f"{client.url}{space.maps}?watch={value}&timeoutSeconds=1") as answer:
        first = json.loads(await answer.content.readline())
    assert ("type" in first) is watching


async def test_timeout_is_accepted_anywhere(client: Client, space: Space):
    """§2.2 timeout"""
    for path in ("/api", "/apis", "/version", "/openapi/v3", space.maps, f"{space.maps}/kube-root-ca.crt"):
        assert (await client("GET", f"{path}?timeout=32s")).status in (200, 404)
    assert (await client("POST", f"{space.maps}?timeout=32s", named("a"))).status == 201


async def test_pretty_indents_by_two(client: Client, space: Space):
    """§2.2 pretty"""
    await client.made(space.maps, named("a"))
    for value in ("true", "1"):
        reply = await client("GET", f"{space.maps}/a?pretty={value}")
        assert reply.body == json.dumps(reply.json, indent=2).encode() + b"\n"
    assert b"\n  " not in (await client("GET", f"{space.maps}/a?pretty=false")).body


async def test_a_dry_run_answers_as_the_real_thing_and_stores_nothing(client: Client, space: Space, examples):
    """§2.2 dryRun"""
    before = (await client.get(space.vms))["metadata"]["resourceVersion"]
    tried = await client("POST", f"{space.vms}?dryRun=All", example.vm("a"))
    assert tried.status == 201
    assert tried.json["metadata"]["uid"]
    assert tried.json["spec"]["size"] == "small"
    assert (await client("GET", f"{space.vms}/a")).status == 404
    assert (await client("POST", f"{space.vms}?dryRun=All", example.vm("a", cpu=9))).status == 422
    assert (await client("POST", f"{space.vms}?dryRun=All", example.vm("A"))).status == 422
    assert (await client.get(space.vms))["metadata"]["resourceVersion"] == before
    made = await client.made(space.vms, example.vm("a"))
    for method, path, body, headers in (
        ("PUT", f"{space.vms}/a", {**made, "spec": {"cpu": 2}}, {}),
        ("PATCH", f"{space.vms}/a", {"spec": {"cpu": 2}}, {"Content_Type": MERGE}),
        ("PATCH", f"{space.vms}/a", [{"op": "add", "path": "/spec/cpu", "value": 2}], {"Content_Type": JSON_PATCH}),
        ("PATCH", f"{space.vms}/a/status", {"status": {"x": 1}}, {"Content_Type": MERGE}),
        ("PATCH", f"{space.vms}/a/scale", {"spec": {"replicas": 4}}, {"Content_Type": MERGE}),
        ("DELETE", f"{space.vms}/a", None, {}),
        ("DELETE", space.vms, None, {}),
    ):
        reply = await client(method, f"{path}?dryRun=All", body, **headers)
        assert reply.status == 200, (method, path, reply.body)
    apply = await client.applied(f"{space.vms}/b", example.vm("b"), "m", "&dryRun=All")
    assert apply.status == 201
    listed = await client.get(space.vms)
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a"]
    assert listed["items"] == [made]


@pytest.mark.parametrize(
    ("method", "kind"), [("POST", "CreateOptions"), ("PUT", "UpdateOptions"), ("PATCH", "PatchOptions"), ("DELETE", "DeleteOptions")]
)  # fmt: skip
async def test_another_dry_run_is_not_supported(client: Client, space: Space, method, kind):
    """§2.2 dryRun, option errors"""
    made = await client.made(space.maps, named("a"))
    path = space.maps if method == "POST" else f"{space.maps}/a"
    body = None if method == "DELETE" else {} if method == "PATCH" else made if method == "PUT" else named("b")
    headers = {"Content_Type": MERGE} if method == "PATCH" else {}
    reply = await client(method, f"{path}?dryRun=x", body, **headers)
    check(
        reply,
        option_error(kind, 'Unsupported value: ["x"]: supported values: "All"', "dryRun", "FieldValueNotSupported"),
    )


async def test_the_field_manager_is_named_by_the_agent_if_nobody_says(client: Client, space: Space):
    """§2.2 fieldManager"""

    async def manager(name, query="", **headers):
        made = await client.made(f"{space.maps}{query}", named(name, data={"a": "b"}), **headers)
        return [one["manager"] for one in made["metadata"]["managedFields"]]

    assert await manager("a", **AGENT) == ["kubectl"]
    assert await manager("b") == ["unknown"]
    assert await manager("c", "?fieldManager=me", **AGENT) == ["me"]
    reply = await client("POST", f"{space.maps}?fieldManager={'x' * 129}", named("d"))
    check(
        reply,
        option_error("CreateOptions", "Too long: may not be more than 128 bytes", "fieldManager", "FieldValueTooLong"),
    )
    reply = await client("POST", f"{space.maps}?fieldManager=a%07b", named("d"))
    assert reply.status == 422
    assert reply.json["details"]["causes"][0]["field"] == "fieldManager"
    assert "invalid character U+0007" in reply.message


async def test_field_validation_is_one_of_three(client: Client, space: Space):
    """§2.2 fieldValidation"""
    check(
        await client("POST", f"{space.maps}?fieldValidation=Nope", named("a")),
        option_error(
            "CreateOptions",
            'Unsupported value: "Nope": supported values: "", "Ignore", "Strict", "Warn"',
            "fieldValidation",
            "FieldValueNotSupported",
        ),
    )
    for value in ("Ignore", "Warn", "Strict", ""):
        assert (await client("POST", f"{space.maps}?fieldValidation={value}&dryRun=All", named("a"))).status == 201


async def test_force_is_for_apply_alone(client: Client, space: Space):
    """§2.2 force"""
    await client.made(space.maps, named("a"))
    check(
        await client("PATCH", f"{space.maps}/a?force=true", {}, Content_Type=MERGE),
        option_error(
            "PatchOptions", "Forbidden: may not be specified for non-apply patch", "force", "FieldValueForbidden"
        ),
    )
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert (await client.applied(f"{space.maps}/a", document, "m", "&force=true")).status == 200


async def test_options_of_a_delete_come_from_the_body_or_else_from_the_query(client: Client, space: Space):
    """§2.2 propagationPolicy and others: the body wins entirely"""
    for name in "abc":
        await client.made(space.maps, named(name))
    reply = await client("DELETE", f"{space.maps}/a?dryRun=All", {"kind": "DeleteOptions", "apiVersion": "v1"})
    assert reply.status == 200
    assert (await client("GET", f"{space.maps}/a")).status == 404
    reply = await client("DELETE", f"{space.maps}/b?propagationPolicy=Orphan")
    assert reply.json["metadata"]["finalizers"] == ["orphan"]
    reply = await client("DELETE", f"{space.maps}/c", {"propagationPolicy": "Foreground"})
    assert reply.json["metadata"]["finalizers"] == ["foregroundDeletion"]


async def test_a_policy_that_is_none_or_two(client: Client, space: Space):
    """§2.2 DeleteOptions errors"""
    await client.made(space.maps, named("a"))
    for reply in (
        await client("DELETE", f"{space.maps}/a", {"propagationPolicy": "Bogus"}),
        await client("DELETE", f"{space.maps}/a?propagationPolicy=Bogus"),
    ):
        check(
            reply,
            option_error(
                "DeleteOptions",
                'Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil"',
                "propagationPolicy",
                "FieldValueNotSupported",
            ),
        )
    check(
        await client("DELETE", f"{space.maps}/a", {"propagationPolicy": "Orphan", "orphanDependents": True}),
        option_error(
            "DeleteOptions",
            'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
            "propagationPolicy",
            "FieldValueInvalid",
        ),
    )


async def test_a_negative_grace_period_is_one(client: Client, space: Space):
    """§2.2 gracePeriodSeconds<0"""
    await client.made(space.core("pods"), named("a", spec={**RETURN_OBJECTS["pods"]["spec"], "nodeName": "node01"}))
    reply = await client("DELETE", f"{space.core('pods')}/a?gracePeriodSeconds=-5")
    assert (reply.status, reply.json["metadata"]["deletionGracePeriodSeconds"]) == (200, 1)


async def test_a_collection_is_deleted_by_selector_or_whole(client: Client, space: Space):
    """§2.2 labelSelector on DELETE collection"""
    for name in "abc":
        await client.made(space.maps, {"metadata": {"name": name, "labels": {"x": name}}})
    assert len((await client("DELETE", f"{space.maps}?labelSelector=x%3Da")).json["items"]) == 1
    assert len((await client("DELETE", f"{space.maps}?fieldSelector=metadata.name%3Db")).json["items"]) == 1
    assert {one["metadata"]["name"] for one in (await client("DELETE", space.maps)).json["items"]} >= {"c"}


async def test_unknown_parameters_are_ignored(client: Client, space: Space):
    """§2.2"""
    assert (await client("GET", f"{space.maps}?nonsense=1&Limit=x")).status == 200
    assert (await client("POST", f"{space.maps}?nonsense=1", named("a"))).status == 201
