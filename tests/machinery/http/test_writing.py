"""create, update, patch, delete on the wire (reference kubernetes-api.md 2.1, 2.2, 3.6, 4.2, 9)."""

from __future__ import annotations

import io
import json

import pytest

from tests.machinery.http.protobuf.test_decoder import envelope, field

VMS = "/apis/example.com/v1/namespaces/default/vms"
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}


def vm(name, **spec):
    return {"apiVersion": "example.com/v1", "kind": "VM", "metadata": {"name": name}, "spec": spec}


async def test_a_create_answers_201_with_the_stored_object(client):
    reply = await client("POST", VMS, vm("a", cpu=1))
    assert reply.status == 201
    assert reply.json["metadata"]["uid"]
    assert reply.json == (await client.get(f"{VMS}/a")).json


async def test_a_post_to_a_name_creates_for_custom_kinds(client):
    assert (await client("POST", f"{VMS}/a", vm("a"))).status == 201


async def test_a_body_without_content_type_is_json_and_kinds_of_built_ins_are_known_from_the_path(client):
    reply = await client("POST", MAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    assert reply.status == 201
    assert (reply.json["apiVersion"], reply.json["kind"]) == ("v1", "ConfigMap")


async def test_yaml_bodies(client):
    body = b"apiVersion: example.com/v1\nkind: VM\nmetadata:\n  name: a\nspec:\n  cpu: 3\n"
    reply = await client("POST", VMS, body, headers={"Content-Type": "application/yaml; charset=utf-8"})
    assert reply.status == 201
    assert reply.json["spec"] == {"cpu": 3}


async def test_protobuf_bodies_of_built_in_kinds(client):
    body = envelope("v1", "ConfigMap", field(1, field(1, "c")) + field(2, field(1, "k") + field(2, "v")))
    headers = {
        "Content-Type": "application/vnd.kubernetes.protobuf",
        "Accept": "application/vnd.kubernetes.protobuf,application/json",
    }
    reply = await client("POST", MAPS, body, headers=headers)
    assert reply.status == 201, reply.body
    assert reply.json["data"] == {"k": "v"}
    options = envelope("v1", "DeleteOptions", field(4, "Background"))
    assert (await client("DELETE", f"{MAPS}/c", options, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (
            {"Content-Type": "text/plain"},
            b"x",
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ),
        (
            {"Content-Type": "application/vnd.kubernetes.protobuf"},
            b"k8s\0",
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ),
    ],
)
async def test_unknown_formats_are_refused(client, headers, body, message):
    reply = await client("POST", VMS, body, headers=headers)
    assert reply.status == 415
    assert reply.json["reason"] == "UnsupportedMediaType"
    assert (
        reply.message == f"the body of the request was in an unknown format - accepted media types include: {message}"
    )


_UNRECOGNISED = "the object provided is unrecognized (must be of type VM): "
_META = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", f"{_UNRECOGNISED}couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
        (
            b'{"kind":"VM","apiVersion":"example.com/v1",}',
            (
                f"{_UNRECOGNISED}couldn't get version/kind; json parse error: "
                "invalid character '}' looking for beginning of object key string "
                '({"kind":"VM","apiVersion":"exa ...)'
            ),
        ),
        (
            b'{"metadata":{"name":"a"}}',
            (
                f'{_UNRECOGNISED}Object \'Kind\' is missing in \'{{"metadata":{{"name":"a"}}}}\' '
                '({"metadata":{"name":"a"}})'
            ),
        ),
        (
            b"[]",
            (
                f"{_UNRECOGNISED}couldn't get version/kind; json parse error: "
                f"json: cannot unmarshal array into Go value of type {_META} (5b5d)"
            ),
        ),
        (
            b'{"kind":1}',
            (
                f"{_UNRECOGNISED}couldn't get version/kind; json parse error: "
                'json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})'
            ),
        ),
        (
            b'{"kind":"VM","apiVersion":"example.com/v2"}',
            "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)",
        ),
    ],
)
async def test_bodies_that_are_no_object_of_the_kind_are_refused(client, body, message):
    reply = await client("POST", VMS, body)
    assert reply.status == 400
    assert reply.message == message
    assert reply.json["reason"] == "BadRequest"
    assert "details" not in reply.json


async def test_a_custom_object_of_another_kind_is_invalid(client):
    reply = await client("POST", VMS, {**vm("a"), "kind": "Other"})
    assert reply.status == 422
    assert 'kind: Invalid value: "Other": must be VM' in reply.message


async def test_a_built_in_object_of_another_kind_cannot_be_handled(client):
    reply = await client("POST", MAPS, {"kind": "Nope", "apiVersion": "v1", "metadata": {"name": "a"}})
    assert reply.status == 400
    assert reply.message.startswith(
        'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" in scheme '
    )


async def test_bodies_over_three_mebibytes_are_refused(client):
    reply = await client("POST", VMS, io.BytesIO(b" " * 3145729))
    assert reply.status == 413
    assert reply.json["reason"] == "RequestEntityTooLarge"
    assert reply.message == "Request entity too large: limit is 3145728"

    async def unannounced():
        for _ in range(50):
            yield b" " * 65536

    assert (await client("POST", VMS, unannounced())).status == 413


async def test_bodies_that_are_too_deep_are_refused(client):
    body = b'{"kind":"VM","apiVersion":"example.com/v1","metadata":{"name":"a"},"spec":{"free":{"x":'
    for depth in (500, 5000, 20000):
        reply = await client("POST", VMS, body + b"[" * depth + b"]" * depth + b"}}}")
        assert reply.status == 400, depth
        assert "exceeded max depth" in reply.message


async def test_invalid_utf8_becomes_the_replacement_character(client):
    body = json.dumps(vm("a", free={"x": "@"})).encode().replace(b"@", b"\xff\\ud800")
    reply = await client("POST", VMS, body)
    assert reply.status == 201
    assert reply.json["spec"]["free"]["x"] == "��"


_ENVELOPE = '"kind":"VM","apiVersion":"example.com/v1"'


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("9" * 300, float("9" * 300)),
    ],
)
@pytest.mark.parametrize("text", [b"a", b"\xff"])
async def test_a_number_of_more_than_64_bits_is_stored_as_a_float(client, number, stored, text):
    """As Go decodes a number that it knows no type of. Bodies with invalid UTF-8 are read by another decoder."""
    body = f'{{{_ENVELOPE},"metadata":{{"name":"a"}},"spec":{{"free":{{"x":{number},"y":"@"}}}}}}'.encode()
    reply = await client("POST", VMS, body.replace(b"@", text))
    assert reply.status == 201, reply.body
    assert reply.json["spec"]["free"]["x"] == stored


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "9" * 5000])
@pytest.mark.parametrize("text", [b"a", b"\xff"])
async def test_a_number_that_no_float_holds_is_refused(client, number, text):
    body = f'{{{_ENVELOPE},"metadata":{{"name":"a"}},"spec":{{"free":{{"x":{number},"y":"@"}}}}}}'.encode()
    reply = await client("POST", VMS, body.replace(b"@", text))
    assert reply.status == 400
    problem = f"json: cannot unmarshal number {number} into Go value of type float64"
    assert reply.message == f'VM in version "v1" cannot be handled as a VM: {problem}'
    await client("POST", VMS, vm("a"))
    reply = await client("PATCH", f"{VMS}/a", f'{{"spec":{{"free":{{"x":{number}}}}}}}'.encode(), headers=MERGE)
    assert reply.status == 400
    assert reply.message == f"error decoding patch: {problem}"


async def test_nothing_is_written_through_the_old_watch_paths(client):
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        reply = await client(method, "/apis/example.com/v1/watch/namespaces/default/vms", vm("a"))
        assert reply.status == 405, method


async def test_paths_of_more_than_eight_kibibytes_are_read(client):
    """Go takes a mebibyte of request line and headers; a selector can be long."""
    selector = ",".join(f"k{n}!={'v' * 60}" for n in range(500))
    reply = await client.get(f"{VMS}?labelSelector={selector}", headers={"X-Long": "x" * 50_000})
    assert reply.status == 200, reply.body


async def test_unknown_and_duplicate_fields_are_warned_of(client):
    body = b'{"kind":"VM","apiVersion":"example.com/v1","metadata":{"name":"%b"},"spec":{"cpu":1,"cpu":2,"foo":3}}'
    reply = await client("POST", VMS, body % b"a")
    assert reply.status == 201
    assert reply.json["spec"] == {"cpu": 2}
    assert sorted(reply.headers.getall("Warning")) == [
        '299 - "duplicate field \\"spec.cpu\\""',
        '299 - "unknown field \\"spec.foo\\""',
    ]
    quiet = await client("POST", f"{VMS}?fieldValidation=Ignore", body % b"b")
    assert quiet.status == 201
    assert "Warning" not in quiet.headers
    strict = await client("POST", f"{VMS}?fieldValidation=Strict", body % b"c")
    assert strict.status == 400
    assert strict.message == (
        'VM in version "v1" cannot be handled as a VM: strict decoding error: '
        'duplicate field "spec.cpu", unknown field "spec.foo"'
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "kind", "message"),
    [
        ("POST", VMS, "dryRun=x", "CreateOptions", 'dryRun: Unsupported value: ["x"]: supported values: "All"'),
        (
            "POST",
            VMS,
            "fieldValidation=Loud",
            "CreateOptions",
            'fieldValidation: Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        (
            "PUT",
            f"{VMS}/a",
            "fieldManager=" + "x" * 129,
            "UpdateOptions",
            "fieldManager: Too long: may not be more than 128 bytes",
        ),
        (
            "PATCH",
            f"{VMS}/a",
            "force=true",
            "PatchOptions",
            "force: Forbidden: may not be specified for non-apply patch",
        ),
        (
            "DELETE",
            f"{VMS}/a",
            "propagationPolicy=Bogus",
            "DeleteOptions",
            'propagationPolicy: Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
        (
            "DELETE",
            f"{VMS}/a",
            "propagationPolicy=Orphan&orphanDependents=1",
            "DeleteOptions",
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
    ],
)
async def test_options_that_cannot_be_are_refused(client, method, path, query, kind, message):
    headers = MERGE if method == "PATCH" else {}
    reply = await client(method, f"{path}?{query}", vm("a") if method != "DELETE" else None, headers=headers)
    assert reply.status == 422
    assert reply.message == f'{kind}.meta.k8s.io "" is invalid: {message}'
    details = reply.json["details"]
    assert (details["group"], details["kind"]) == ("meta.k8s.io", kind)
    assert "name" not in details


async def test_apply_needs_a_field_manager(client):
    reply = await client("PATCH", f"{VMS}/a", b"kind: VM", headers={"Content-Type": "application/apply-patch+yaml"})
    assert reply.status == 422
    assert reply.message == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


async def test_a_dry_run_stores_nothing(client):
    reply = await client("POST", f"{VMS}?dryRun=All", vm("a"))
    assert reply.status == 201
    assert reply.json["metadata"]["uid"]
    assert "resourceVersion" not in reply.json["metadata"]
    assert (await client.get(f"{VMS}/a")).status == 404


async def test_put_of_a_collection(client):
    reply = await client("PUT", VMS, vm("a"))
    assert reply.status == 400
    assert reply.message == "name must be provided"


async def test_an_update_replaces_and_a_stale_one_conflicts(client):
    created = (await client("POST", VMS, vm("a", cpu=1))).json
    created["spec"]["cpu"] = 2
    updated = await client("PUT", f"{VMS}/a", created)
    assert updated.status == 200
    assert updated.json["spec"]["cpu"] == 2
    created["spec"]["cpu"] = 3
    stale = await client("PUT", f"{VMS}/a", created)
    assert stale.status == 409
    assert stale.json["reason"] == "Conflict"


async def test_a_merge_patch(client):
    await client("POST", VMS, vm("a", cpu=1))
    reply = await client("PATCH", f"{VMS}/a", {"spec": {"cpu": 5}}, headers=MERGE)
    assert reply.status == 200
    assert reply.json["spec"]["cpu"] == 5
    bad = await client("PATCH", f"{VMS}/a", b"{nope", headers=MERGE)
    assert bad.status == 400
    assert bad.message == ("error decoding patch: invalid character 'n' looking for beginning of object key string")


async def test_patch_types_that_a_kind_does_not_take(client):
    await client("POST", VMS, vm("a"))
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    reply = await client("PATCH", f"{VMS}/a", {}, headers=strategic)
    assert reply.status == 415
    assert reply.message == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )
    await client("POST", MAPS, {"metadata": {"name": "c"}})
    reply = await client("PATCH", f"{MAPS}/c", {}, headers={"Content-Type": "application/json"})
    assert reply.status == 415
    assert reply.message == "415: Unsupported Media Type"
    assert reply.json["details"] == {}


async def test_the_status_subresource_writes_status_alone(client):
    await client("POST", VMS, vm("a", cpu=1))
    patch = {"spec": {"cpu": 9}, "status": {"phase": "Running"}}
    reply = await client("PATCH", f"{VMS}/a/status", patch, headers=MERGE)
    assert reply.status == 200
    assert reply.json["status"] == {"phase": "Running"}
    assert reply.json["spec"] == {"cpu": 1}
    assert (await client.get(f"{VMS}/a/status")).json == reply.json


async def test_a_delete_answers_with_a_status_that_names_what_is_gone(client):
    created = (await client("POST", VMS, vm("a"))).json
    reply = await client("DELETE", f"{VMS}/a")
    assert reply.status == 200
    assert reply.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "group": "example.com", "kind": "vms", "uid": created["metadata"]["uid"]},
    }
    assert (await client("DELETE", f"{VMS}/a")).status == 404


async def test_a_delete_answers_with_the_object_while_a_finalizer_holds_it(client):
    body = {**vm("a"), "metadata": {"name": "a", "finalizers": ["example.com/hold"]}}
    await client("POST", VMS, body)
    held = await client("DELETE", f"{VMS}/a", {"kind": "DeleteOptions", "apiVersion": "v1"})
    assert held.status == 200
    assert held.json["kind"] == "VM"
    assert held.json["metadata"]["deletionTimestamp"]
    old = await client("DELETE", f"{VMS}/a?orphanDependents=false")
    assert old.status == 202
    gone = await client("PATCH", f"{VMS}/a", {"metadata": {"finalizers": None}}, headers=MERGE)
    assert gone.status == 200
    assert (await client.get(f"{VMS}/a")).status == 404


async def test_kinds_that_answer_a_delete_with_what_was_deleted(client):
    await client("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    reply = await client("DELETE", "/api/v1/namespaces/other")
    assert reply.status == 200
    assert (reply.json["kind"], reply.json["metadata"]["name"]) == ("Namespace", "other")


async def test_delete_options_in_the_body_win_over_the_query(client):
    await client("POST", VMS, vm("a"))
    reply = await client("DELETE", f"{VMS}/a?propagationPolicy=Bogus", {"dryRun": ["All"]})
    assert reply.status == 200
    assert (await client.get(f"{VMS}/a")).status == 200
    reply = await client("DELETE", f"{VMS}/a", {"preconditions": {"uid": "other"}})
    assert reply.status == 409
    reply = await client("DELETE", f"{VMS}/a", {"gracePeriodSeconds": "soon"})
    assert reply.status == 400
    assert (
        "cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64" in reply.message
    )
    reply = await client("DELETE", f"{VMS}/a", [1])
    assert reply.status == 400


async def test_a_collection_is_deleted_by_selector_and_answered_as_a_list(client):
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        await client("POST", VMS, {**vm(name), "metadata": {"name": name, "labels": {"l": label}}})
    reply = await client("DELETE", f"{VMS}?labelSelector=l%3Dx")
    assert reply.status == 200
    assert reply.json["kind"] == "VMList"
    assert [item["metadata"]["name"] for item in reply.json["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in (await client.get(VMS)).json["items"]] == ["c"]
