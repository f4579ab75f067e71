"""get and list on the wire (reference kubernetes-api.md 2.1, 2.2, 4, 9)."""

from __future__ import annotations

import gzip
import json

import pytest

VMS = "/apis/example.com/v1/namespaces/default/vms"


def vm(name, **spec):
    return {"apiVersion": "example.com/v1", "kind": "VM", "metadata": {"name": name}, "spec": spec}


async def test_a_get_is_the_stored_object_with_the_headers_of_every_reply(client):
    created = await client("POST", VMS, vm("a", cpu=1))
    reply = await client.get(f"{VMS}/a", headers={"Audit-Id": "given-by-the-client"})
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-cache, private"
    assert reply.headers["Audit-Id"] == "given-by-the-client"
    assert reply.json == created.json
    assert reply.json["apiVersion"] == "example.com/v1"
    assert reply.json["kind"] == "VM"


async def test_every_served_version_shows_the_same_object_under_its_own_api_version(client):
    await client("POST", VMS, vm("a", cpu=1))
    old = await client.get("/apis/example.com/v1beta1/namespaces/default/vms/a")
    new = await client.get(f"{VMS}/a")
    assert old.json == {**new.json, "apiVersion": "example.com/v1beta1"}


async def test_a_list_of_custom_objects_has_kinds_and_an_empty_continue(client):
    await client("POST", VMS, vm("b"))
    await client("POST", VMS, vm("a"))
    for path in (VMS, "/apis/example.com/v1/vms"):
        reply = await client.get(path)
        assert list(reply.json) == ["apiVersion", "items", "kind", "metadata"]
        assert reply.json["kind"] == "VMList"
        assert [item["metadata"]["name"] for item in reply.json["items"]] == ["a", "b"]
        assert {item["kind"] for item in reply.json["items"]} == {"VM"}
        assert reply.json["metadata"]["continue"] == ""
        assert int(reply.json["metadata"]["resourceVersion"]) >= int(
            reply.json["items"][0]["metadata"]["resourceVersion"]
        )


async def test_a_list_of_built_in_objects_has_items_without_kinds(client):
    await client("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}})
    reply = await client.get("/api/v1/namespaces/default/configmaps")
    assert list(reply.json) == ["kind", "apiVersion", "metadata", "items"]
    assert reply.json["kind"] == "ConfigMapList"
    assert list(reply.json["metadata"]) == ["resourceVersion"]
    assert "kind" not in reply.json["items"][0]
    assert "apiVersion" not in reply.json["items"][0]


async def test_lists_in_namespaces_that_are_not_there_are_empty(client):
    reply = await client.get("/apis/example.com/v1/namespaces/nowhere/vms")
    assert reply.status == 200
    assert reply.json["items"] == []


async def test_a_limited_list_is_continued(client):
    for name in "abc":
        await client("POST", VMS, vm(name))
    first = await client.get(f"{VMS}?limit=2")
    assert [item["metadata"]["name"] for item in first.json["items"]] == ["a", "b"]
    assert first.json["metadata"]["remainingItemCount"] == 1
    rest = await client.get(f"{VMS}?limit=2&continue={first.json['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest.json["items"]] == ["c"]
    assert rest.json["metadata"]["resourceVersion"] == first.json["metadata"]["resourceVersion"]


async def test_selectors_pick_what_is_listed(client):
    await client("POST", VMS, {**vm("a"), "metadata": {"name": "a", "labels": {"x": "1"}}})
    await client("POST", VMS, vm("b"))
    for query in ("labelSelector=x%3D1", "fieldSelector=metadata.name%3Da"):
        reply = await client.get(f"{VMS}?{query}")
        assert [item["metadata"]["name"] for item in reply.json["items"]] == ["a"]


async def test_a_missing_object_is_a_status(client):
    reply = await client.get(f"{VMS}/a")
    assert reply.status == 404
    assert reply.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'vms.example.com "a" not found',
        "reason": "NotFound",
        "details": {"name": "a", "group": "example.com", "kind": "vms"},
        "code": 404,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/apis/nope.io/v1/things",
        "/apis/example.com/v9/vms",
        "/apis/example.com/v1/nope",
        "/apis/example.com/v1/vms/a",
        "/apis/example.com/v1/namespaces/default/vms/a/nope",
        "/apis/nope.io",
        "/healthz/nope",
    ],
)
async def test_paths_of_unknown_groups_and_custom_kinds_are_answered_in_text(client, path):
    reply = await client.get(path)
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.body == b"404 page not found\n"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nope",
        "/api/v1/configmaps/a",
        "/api/v1/namespaces/default/configmaps/a/nope",
        "/apis/authentication.k8s.io/v1/namespaces/default/selfsubjectreviews",
    ],
)
async def test_paths_of_built_in_groups_are_answered_with_a_status(client, path):
    reply = await client.get(path)
    assert reply.status == 404
    assert reply.message == "the server could not find the requested resource"
    assert reply.json["details"] == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/apis/example.com/v1/vms"),
        ("DELETE", "/apis/example.com/v1/vms"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/api/v1/namespaces/default/configmaps/a"),
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("DELETE", "/api/v1/namespaces"),
        ("GET", "/apis/authentication.k8s.io/v1/selfsubjectreviews"),
        ("POST", "/apis/example.com/v1/namespaces/default/vms/a/status"),
        ("OPTIONS", "/version"),
        ("POST", "/apis"),
    ],
)
async def test_a_verb_that_is_not_served_is_refused(client, method, path):
    reply = await client(method, path)
    assert reply.status == 405, reply.body
    assert reply.json["reason"] == "MethodNotAllowed"
    assert reply.message == "the server does not allow this method on the requested resource"
    assert reply.json["details"] == {}


async def test_a_kind_that_is_registered_is_there_with_the_next_request_and_gone_when_it_is_not(client, registry):
    path = "/apis/example.com/v1/namespaces/default/vms"
    resource = registry.get(("example.com", "vms"))
    registry.unregister(resource.group_resource)
    assert (await client.get(path)).status == 404
    assert (await client.get("/apis/example.com/v1")).status == 404
    registry.register(resource)
    assert (await client.get(path)).status == 200
    assert (await client.get("/apis/example.com/v1")).status == 200


async def test_head_is_get_without_a_body(client):
    await client("POST", VMS, vm("a"))
    reply = await client("HEAD", f"{VMS}/a")
    assert reply.status == 200
    assert reply.body == b""
    assert int(reply.headers["Content-Length"]) == len((await client.get(f"{VMS}/a")).body)


async def test_yaml_and_indented_answers(client):
    await client("POST", VMS, vm("a", cpu=1))
    reply = await client.get(f"{VMS}/a", headers={"Accept": "application/yaml"})
    assert reply.headers["Content-Type"] == "application/yaml"
    assert reply.body.startswith(b"apiVersion: example.com/v1\nkind: VM\nmetadata:\n")
    pretty = await client.get(f"{VMS}/a?pretty=true")
    assert pretty.body == (json.dumps(pretty.json, indent=2) + "\n").encode()
    listed = await client.get(f"{VMS}?pretty=1")
    assert listed.body.startswith(b'{\n  "apiVersion"')


async def test_what_cannot_be_accepted_is_refused_in_json(client):
    reply = await client.get(VMS, headers={"Accept": "application/vnd.kubernetes.protobuf"})
    assert reply.status == 406
    assert reply.json["reason"] == "NotAcceptable"
    assert reply.message.startswith("only the following media types are accepted: application/json")


async def test_large_answers_are_compressed_for_those_who_accept_it(client):
    await client("POST", VMS, vm("a", free={"x": "y" * 140_000}))
    plain = await client.get(f"{VMS}/a")
    assert "Content-Encoding" not in plain.headers
    packed = await client.get(f"{VMS}/a", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body
    for name in "bcd":
        await client("POST", VMS, vm(name, free={"x": "y" * 140_000}))
    whole = await client.get(VMS)
    assert "Content-Encoding" not in whole.headers
    assert int(whole.headers["Content-Length"]) == len(whole.body)
    packed = await client.get(VMS, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == whole.body


async def test_a_list_of_several_pieces_is_whole(client, store):
    for number in range(40):
        await client("POST", VMS, vm(f"a{number:02}", free={"x": "y" * 60_000}))
    reply = await client.get(VMS)
    assert [item["metadata"]["name"] for item in reply.json["items"]] == [f"a{number:02}" for number in range(40)]
    assert int(reply.headers["Content-Length"]) == len(reply.body)


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("limit=abc", 400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
        (
            "resourceVersionMatch=Exact",
            422,
            (
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
                "resourceVersionMatch is forbidden unless resourceVersion is provided"
            ),
        ),
        (
            "resourceVersionMatch=Foo&resourceVersion=1",
            422,
            (
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Foo": '
                'supported values: "Exact", "NotOlderThan", ""'
            ),
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=0",
            422,
            (
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
                'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            ),
        ),
        (
            "sendInitialEvents=true",
            422,
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
        ),
        (
            "resourceVersion=abc",
            400,
            'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
        ),
    ],
)
async def test_options_that_cannot_be_are_refused(client, query, code, message):
    reply = await client.get(f"{VMS}?{query}")
    assert reply.status == code
    assert reply.message == message
    if code == 422:
        assert {key: reply.json["details"][key] for key in ("group", "kind")} == {
            "group": "meta.k8s.io",
            "kind": "ListOptions",
        }


async def test_a_client_that_left_is_no_error(client, app, caplog):
    from solovirt.machinery.http.app import SERVER

    def gone(*_):
        raise ConnectionResetError("Cannot write to closing transport")

    app[SERVER].endpoints.find = gone
    assert (await client.get(VMS)).status == 499
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_an_unforeseen_failure_is_logged_with_the_requests_id_and_answered_as_internal(client, app, caplog):
    from solovirt.machinery.http.app import SERVER

    def broken(*_):
        raise ZeroDivisionError("of all things")

    app[SERVER].endpoints.find = broken
    reply = await client.get(VMS, headers={"Audit-Id": "abc-1"})
    assert reply.status == 500
    assert reply.json["reason"] == "InternalError"
    assert reply.message == "Internal error occurred: ZeroDivisionError: of all things"
    record = next(record for record in caplog.records if record.name == "solovirt.http")
    assert vars(record)["request_id"] == "abc-1"
    assert record.exc_info is not None
