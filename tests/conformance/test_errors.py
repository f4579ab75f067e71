"""Status objects, field errors and what can't be decoded (reference kubernetes-api.md 4). Much else of it is in test_bad_input."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import MERGE, Client, Space
from tests.conformance.statuses import bad_request, check, invalid, not_found, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

SKIPPED = (
    "FieldValueInvalid",
    "<nil>",
    (
        "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete "
        "validation"
    ),
)


async def test_an_object_that_is_not_there(client: Client, space: Space, examples):
    """§4 NotFound, content type, key order, HTTP code = code"""
    check(await client("GET", f"{space.maps}/x"), not_found("configmaps", "x"))
    check(await client("GET", f"{space.vms}/x"), not_found("vms", "x", "example.com"))
    check(await client("DELETE", f"{space.vms}/x"), not_found("vms", "x", "example.com"))
    check(await client("PATCH", f"{space.maps}/x", {}, Content_Type=MERGE), not_found("configmaps", "x"))


async def test_an_error_follows_the_accept_header(client: Client, space: Space):
    """§4: JSON if Accept cannot be met"""
    reply = await client("GET", f"{space.maps}/x", Accept="application/yaml")
    assert reply.headers["Content-Type"] == "application/yaml"
    assert b"kind: Status" in reply.body
    for accept in ("text/html", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"):
        reply = await client("GET", f"{space.maps}/x", Accept=accept)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json["kind"] == "Status"


async def test_paths_that_are_not_there(client: Client, space: Space, examples):
    """§4 NotFound (no such path under a known group), and text for an unknown group, version or plural of a CRD group"""
    nothing = status(404, "NotFound", "the server could not find the requested resource", {})
    for path in (space.core("nothings"), "/api/v1/nothings/x", "/apis/apps/v1/nothings", f"{space.maps}/x/nothing"):
        check(await client("GET", path), nothing)
    for path in (
        "/apis/nope.example/v1/x",
        "/apis/example.com/v9/vms",
        space.of("example.com", "nothings"),
        "/nothing",
    ):
        reply = await client("GET", path)
        assert (reply.status, reply.body) == (404, b"404 page not found\n"), path


async def test_an_object_that_is_there_already(client: Client, space: Space, examples):
    """§4 AlreadyExists"""
    for path, document, resource, group in (
        (space.maps, {"metadata": {"name": "a"}}, "configmaps", ""),
        (space.vms, example.vm("a"), "vms", "example.com"),
    ):
        await client.made(path, document)
        details = {"name": "a", **({"group": group} if group else {}), "kind": resource}
        full = f"{resource}.{group}" if group else resource
        check(await client("POST", path, document), status(409, "AlreadyExists", f'{full} "a" already exists', details))


async def test_methods_that_are_not_there(client: Client, space: Space):
    """§4 MethodNotAllowed"""
    expected = status(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )
    for method, path in (
        ("POST", f"{space.maps}/a"),
        ("PUT", space.maps),
        ("PATCH", space.maps),
        ("DELETE", "/api/v1/namespaces"),
        ("DELETE", "/api/v1/configmaps"),
        ("GET", f"{space.core('serviceaccounts')}/default/token"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("POST", "/api/v1/namespaces/default/finalize"),
    ):
        check(await client(method, path, {}), expected)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND", "BREW", "get"])
async def test_methods_that_nobody_knows(client: Client, space: Space, method):
    """§4 MethodNotAllowed, §9: Go's server takes any token as a method"""
    expected = status(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )
    reader, writer = await _raw(client, f"{method} {space.maps} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] 405 ", head), answer
    assert b"application/json" in head
    assert json.loads(body) == expected


async def _raw(client: Client, text: str):
    host, _, port = client.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text.encode())
    await writer.drain()
    return reader, writer


async def test_media_types(client: Client, space: Space, examples):
    """§4 NotAcceptable, UnsupportedMediaType"""
    types = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    check(
        await client("GET", space.maps, Accept="text/html"),
        status(406, "NotAcceptable", f"only the following media types are accepted: {types}"),
    )
    check(
        await client("POST", space.maps, b"x", Content_Type="text/html"),
        status(
            415,
            "UnsupportedMediaType",
            f"the body of the request was in an unknown format - accepted media types include: {types}",
        ),
    )


CUSTOM: list[Any] = [
    ({"cpu": None}, [("FieldValueRequired", "spec.cpu", "Required value"), SKIPPED]),
    (
        {"cpu": "x"},
        [
            (
                "FieldValueTypeInvalid",
                "spec.cpu",
                'Invalid value: "string": spec.cpu in body must be of type integer: "string"',
            ),
            SKIPPED,
        ],
    ),
    (
        {"cpu": 0},
        [("FieldValueInvalid", "spec.cpu", "Invalid value: 0: spec.cpu in body should be greater than or equal to 1")],
    ),
    (
        {"cpu": 9},
        [("FieldValueInvalid", "spec.cpu", "Invalid value: 9: spec.cpu in body should be less than or equal to 8")],
    ),
    (
        {"name": "A"},
        [("FieldValueInvalid", "spec.name", "Invalid value: \"A\": spec.name in body should match '^[a-z]+$'")],
    ),
    ({"name": "abcdef"}, [("FieldValueTooLong", "spec.name", "Too long: may not be more than 5 bytes"), SKIPPED]),
    (
        {"vols": [{"name": name} for name in "abcde"]},
        [("FieldValueTooMany", "spec.vols", "Too many: 5: must have at most 3 items"), SKIPPED],
    ),
    (
        {"mode": "z"},
        [("FieldValueNotSupported", "spec.mode", 'Unsupported value: "z": supported values: "a", "b"'), SKIPPED],
    ),
    (
        {"when": "x"},
        [
            (
                "FieldValueTypeInvalid",
                "spec.when",
                'Invalid value: "x": spec.when in body must be of type date-time: "x"',
            ),
            SKIPPED,
        ],
    ),
    (
        {"vols": [{"name": "x"}, {"name": "x"}]},
        [("FieldValueDuplicate", "spec.vols[1]", 'Duplicate value: {"name":"x"}')],
    ),
    ({"tags": ["x", "x"]}, [("FieldValueDuplicate", "spec.tags[1]", 'Duplicate value: "x"')]),
    ({"cpu": 7}, [("FieldValueInvalid", "spec", "Invalid value: no sevens")]),
]


@pytest.mark.parametrize(("spec", "causes"), CUSTOM, ids=[next(iter(row[0])) for row in CUSTOM])
async def test_what_a_schema_refuses(client: Client, space: Space, examples, spec, causes):
    """§4.1 CRD schema errors"""
    document = example.vm("a", **spec)
    document["spec"] = {key: value for key, value in document["spec"].items() if value is not None}
    check(await client("POST", space.vms, document), invalid("VM", "a", *causes, group="example.com"))


async def test_an_integer_that_is_none(client: Client, space: Space, examples):
    """§4.1 integer got 2.5"""
    reply = await client("POST", space.vms, example.vm("a", cpu=2.5))
    assert reply.status == 422
    causes = [(one["field"], one["message"]) for one in reply.json["details"]["causes"]]
    assert ("spec.cpu", 'Invalid value: "number": spec.cpu in body must be of type integer: "number"') in causes
    assert any(
        field == "<nil>" and "Checked value must be of type integer (default format) in spec.cpu" in text
        for field, text in causes
    )


async def test_a_choice_that_is_not_met(client: Client, space: Space, examples):
    """§4.1 oneOf / anyOf, plus the branch errors"""
    reply = await client("POST", space.vms, example.vm("a", oneof={}))
    assert reply.status == 422
    texts = [f"{one['field']}: {one['message']}" for one in reply.json["details"]["causes"]]
    assert (
        '<nil>: Invalid value: "": "spec.oneof" must validate one and only one schema (oneOf). Found none valid'
        in texts
    )
    assert "spec.oneof.x: Required value" in texts
    reply = await client("POST", space.vms, example.vm("a", mem={"a": 1}))
    assert reply.status == 422
    assert any(one["field"] == "spec.mem" for one in reply.json["details"]["causes"])


async def test_several_errors_are_in_brackets(client: Client, space: Space, examples):
    """§4.1 aggregate text"""
    reply = await client("POST", space.vms, example.vm("a", cpu=0, name="A"))
    first = "Invalid value: 0: spec.cpu in body should be greater than or equal to 1"
    second = "Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"
    check(
        reply,
        invalid(
            "VM",
            "a",
            ("FieldValueInvalid", "spec.cpu", first),
            ("FieldValueInvalid", "spec.name", second),
            group="example.com",
        ),
    )


async def test_another_kind_or_version(client: Client, space: Space, examples):
    """§4.1 wrong kind, wrong apiVersion"""
    reply = await client("POST", space.vms, {**example.vm("a"), "kind": "Other"})
    cause = ("FieldValueInvalid", "kind", 'Invalid value: "Other": must be VM')
    check(reply, invalid("VM", "a", cause, group="example.com"))
    reply = await client("POST", space.vms, {**example.vm("a"), "apiVersion": "example.com/v2"})
    check(
        reply,
        bad_request(
            "the API version in the data (example.com/v2) does not match the expected API version (example.com/v1)"
        ),
    )


async def test_map_keys_in_paths(client: Client, space: Space):
    """§4.1 paths: data[a b]"""
    reply = await client("POST", space.maps, {"metadata": {"name": "a"}, "data": {"a b": "x"}})
    assert reply.status == 422
    assert reply.json["details"]["causes"][0]["field"] == "data[a b]"


async def test_a_kind_is_known_by_its_path_for_built_ins_only(client: Client, space: Space, examples):
    """§4.2 no kind"""
    assert (await client("POST", space.maps, {"metadata": {"name": "a"}})).status == 201
    body = b'{"metadata":{"name":"a"}}'
    reply = await client("POST", space.vms, body)
    assert reply.status == 400
    assert reply.message.startswith(
        "the object provided is unrecognized (must be of type VM): Object 'Kind' is missing in '"
        + body.decode()
        + "' ("
    )


UNKNOWN: dict[str, Any] = {"spec": {"foo": 1, "vols": [{"name": "x", "bogus": 1}]}, "extra": 1}


async def test_strict_warn_and_ignore(client: Client, space: Space, examples):
    """§4.2 strict; Warn: one header per problem; Ignore: neither"""
    document = example.vm("a", **UNKNOWN["spec"]) | {"extra": 1}
    fields = ("extra", "spec.foo", "spec.vols[0].bogus")
    reply = await client("POST", f"{space.vms}?fieldValidation=Strict", document)
    check(
        reply,
        bad_request(
            'VM in version "v1" cannot be handled as a VM: strict decoding error: '
            + ", ".join(f'unknown field "{field}"' for field in fields)
        ),
    )
    for query in ("", "?fieldValidation=Warn"):
        reply = await client("POST", f"{space.vms}{query}{'&' if query else '?'}dryRun=All", document)
        assert reply.status == 201
        assert reply.warnings == [f'unknown field "{field}"' for field in fields]
        assert reply.headers.getall("Warning")[0] == r'299 - "unknown field \"extra\""'
        assert "foo" not in reply.json["spec"]
    reply = await client("POST", f"{space.vms}?fieldValidation=Ignore", document)
    assert (reply.status, reply.warnings) == (201, [])
    assert "foo" not in reply.json["spec"]


async def test_fields_given_twice(client: Client, space: Space, examples):
    """§4.2 duplicates, in JSON and YAML"""
    body = b'{"apiVersion":"example.com/v1","kind":"VM","metadata":{"name":"a"},"spec":{"cpu":1,"cpu":2}}'
    reply = await client("POST", f"{space.vms}?fieldValidation=Strict", body)
    assert reply.message.endswith('strict decoding error: duplicate field "spec.cpu"')
    text = b"apiVersion: example.com/v1\nkind: VM\nmetadata:\n  name: a\nspec:\n  cpu: 1\n  cpu: 2\n"
    reply = await client("POST", f"{space.vms}?fieldValidation=Strict", text, Content_Type="application/yaml")
    assert reply.status == 400
    assert 'yaml: unmarshal errors:\n  line 7: key "cpu" already set in map' in reply.message


async def test_unknown_metadata_counts(client: Client, space: Space):
    """§4.2"""
    reply = await client("POST", f"{space.maps}?fieldValidation=Strict", {"metadata": {"name": "a", "zip": 1}})
    assert reply.message.endswith('strict decoding error: unknown field "metadata.zip"')


async def test_strict_patches(client: Client, space: Space, examples):
    """§4.2 strict on a patch: 422 with the patched object"""
    await client.made(space.vms, example.vm("a"))
    reply = await client("PATCH", f"{space.vms}/a?fieldValidation=Strict", {"spec": {"foo": 1}}, Content_Type=MERGE)
    assert (reply.status, reply.json["reason"]) == (422, "Invalid")
    assert reply.message.startswith(' "" is invalid: patch: Invalid value: ')
    assert reply.message.endswith('strict decoding error: unknown field "spec.foo"')
    reply = await client(
        "PATCH",
        f"{space.vms}/a?fieldValidation=Strict",
        [{"op": "test", "path": "/spec/cpu", "value": 1, "zip": 1}],
        Content_Type="application/json-patch+json",
    )
    assert reply.status == 422
    assert 'json patch unknown field "[0].zip"' in reply.message
    reply = await client("PATCH", f"{space.vms}/a", {"spec": {"foo": 1}}, Content_Type=MERGE)
    assert (reply.status, reply.warnings) == (200, ['unknown field "spec.foo"'])
