"""What clients notice of HTTP itself (reference kubernetes-api.md 9)."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re

import aiohttp
import pytest

from tests.conformance import example
from tests.conformance.conftest import APPLY, MERGE, Client, Space
from tests.conformance.statuses import check, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTOBUF = "application/vnd.kubernetes.protobuf"
NAMESPACE_PJ = bytes.fromhex(
    "6b3873000a0f0a02763112094e616d657370616365121a0a120a02706a12001a0022002a0032003800420012001a020a001a002200"
)


async def test_bodies_are_json_unless_they_say_otherwise(client: Client, space: Space):
    """§9 request encodings: JSON, YAML, protobuf; no Content-Type = JSON"""
    assert (await client("POST", space.maps, {"metadata": {"name": "a"}})).status == 201
    reply = await client(
        "POST", space.maps, {"metadata": {"name": "b"}}, Content_Type="application/json; charset=utf-8"
    )
    assert reply.status == 201
    text = b"metadata:\n  name: c\ndata:\n  x: z\n"
    reply = await client("POST", space.maps, text, Content_Type="application/yaml")
    assert (reply.status, reply.json["data"]) == (201, {"x": "z"})
    assert (
        await client("DELETE", f"{space.maps}/a", b"propagationPolicy: Orphan", Content_Type="application/yaml")
    ).status == 200


async def test_a_namespace_in_protobuf(client: Client):
    """§9 protobuf envelope: the example, empty strings and zeros read as unset; replying in JSON"""
    reply = await client(
        "POST", "/api/v1/namespaces", NAMESPACE_PJ, Content_Type=PROTOBUF, Accept=f"{PROTOBUF},application/json"
    )
    assert reply.status == 201, reply.body
    metadata = reply.json["metadata"]
    assert metadata["name"] == "pj"
    assert not {"generateName", "selfLink", "namespace", "deletionTimestamp"} & metadata.keys()
    assert reply.json["status"] == {"phase": "Active"}
    options = b"k8s\x00\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x00\x1a\x00\x22\x00"
    reply = await client("DELETE", "/api/v1/namespaces/pj", options, Content_Type=PROTOBUF)
    assert reply.status == 200, reply.body


async def test_custom_resources_are_never_protobuf(client: Client, space: Space, examples):
    """§9 CRs: 406 to a protobuf-only Accept, JSON if listed second"""
    reply = await client("GET", space.vms, Accept=PROTOBUF)
    assert (reply.status, reply.json["reason"]) == (406, "NotAcceptable")
    assert (await client.get(space.vms, Accept=f"{PROTOBUF},application/json"))["kind"] == "VMList"
    reply = await client("POST", space.vms, b"k8s\x00", Content_Type=PROTOBUF)
    assert reply.status == 415


async def test_anything_is_json(client: Client, space: Space):
    """§9 Accept: */* or none"""
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/*"}, {"Accept": "application/json, */*"}):
        assert (await client("GET", space.maps, **headers)).headers["Content-Type"] == "application/json"


async def test_large_answers_are_compressed_for_those_who_take_it(client: Client, space: Space):
    """§9 gzip: only with Accept-Encoding and body >128 KiB, level 1; not for watches"""
    path = space.core("secrets")
    await client.made(path, {"metadata": {"name": "a"}, "stringData": {"a": "x" * 150000}})
    raw = {"Accept_Encoding": "gzip"}
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        asking = Client(session, client.url)
        for target in (path, f"{path}/a"):
            reply = await asking("GET", target, **raw)
            assert (reply.headers["Content-Encoding"], reply.headers["Vary"]) == ("gzip", "Accept-Encoding")
            assert json.loads(gzip.decompress(reply.body))["kind"] in ("Secret", "SecretList")
            plain = await asking("GET", target)
            assert "Content-Encoding" not in plain.headers
        assert "Content-Encoding" not in (await asking("GET", space.maps, **raw)).headers
        async with session.get(f"{client.url}{path}?watch=1", headers={"Accept-Encoding": "gzip"}) as stream:
            assert "Content-Encoding" not in stream.headers


async def test_connections_are_kept(client: Client, space: Space):
    """§9 keep-alive"""
    host, _, port = client.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for path in (space.maps, f"{space.maps}/nothing", "/nothing", "/version"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"connection: close" not in head.lower()
        (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length))
    writer.close()
    await writer.wait_closed()


async def test_headers_of_every_reply(client: Client, space: Space):
    """§9 headers: Audit-Id (echo of request header or uuid), Cache-Control, Date"""
    for path in (space.maps, f"{space.maps}/nothing", "/version", "/api"):
        reply = await client("GET", path)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", reply.headers["Audit-Id"])
        assert reply.headers["Cache-Control"] == "no-cache, private"
        assert reply.headers["Date"]
        echoed = await client("GET", path, Audit_Id="mine")
        assert echoed.headers["Audit-Id"] == "mine"


async def test_warnings_are_headers(client: Client, space: Space):
    """§9 Warning: one header each, quotes and backslashes escaped, over 4096 in total cut and dropped"""
    reply = await client("POST", space.maps, {"metadata": {"name": "a"}, 'a"\\b': 1, "c": 1})
    assert reply.status == 201
    assert len(reply.headers.getall("Warning")) == 2
    assert all(one.startswith('299 - "') and one.endswith('"') for one in reply.headers.getall("Warning"))
    many = {f"{number:03}{'x' * 300}": 1 for number in range(50)}
    reply = await client("POST", space.maps, {"metadata": {"name": "b"}, **many})
    assert reply.status == 201
    texts = reply.warnings
    assert 0 < sum(map(len, texts)) <= 4096 + 256
    assert len(texts) < 50
    assert all(len(text) <= 256 for text in texts)


async def test_bodies_have_a_limit(client: Client, space: Space):
    """§9 body limit: 3 MiB; stored objects about 1.5 MiB"""
    expected = status(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    check(await client("POST", space.maps, io.BytesIO(b" " * 3145729)), expected)
    check(await client("PATCH", f"{space.maps}/a", io.BytesIO(b" " * 3145729), Content_Type=MERGE), expected)


async def test_a_stored_object_has_a_limit(client: Client, space: Space, examples):
    """§9: stored object over ~1.5 MiB → 413 or 500"""
    reply = await client("POST", space.vms, example.vm("a", free={"x": "y" * 2_000_000}))
    check(reply, status(500, None, "etcdserver: request is too large"))
    assert (await client("POST", space.vms, example.vm("a", free={"x": "y" * 1_000_000}))).status == 201


async def test_what_is_nested_some_hundred_deep_is_kept(client: Client, space: Space, examples):
    """§9 depth: Go reads 10000 levels; here 200 are stored and read back, and test_bad_input.py shows what is said of more"""
    nested = b'{"a":' * 200 + b"1" + b"}" * 200
    body = (
        b'{"apiVersion":"example.com/v1","kind":"VM","metadata":{"name":"a"},"spec":{"cpu":1,"free":' + nested + b"}}"
    )
    made = await client("POST", space.vms, body)
    assert made.status == 201, made.body[:300]
    assert nested in (await client("GET", f"{space.vms}/a")).body
    reply = await client("PATCH", f"{space.vms}/a", b'{"spec":{"free":' + nested + b',"mode":"a"}}', Content_Type=MERGE)
    assert reply.status == 200, reply.body[:300]


async def test_what_is_nested_too_deep_is_refused(client: Client, space: Space):
    """§9 depth"""
    for depth in (10_001, 100_000):
        reply = await client(
            "POST", space.maps, b'{"metadata":{"name":"a"},"data":' + b"[" * depth + b"]" * depth + b"}"
        )
        assert reply.status == 400
        assert "exceeded max depth" in reply.message


async def test_yaml_does_not_grow_without_end(client: Client, space: Space):
    """§9: alias bombs rejected"""
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n".encode()
    for method, path, kind in (
        ("POST", space.maps, "application/yaml"),
        ("PATCH", f"{space.maps}/a?fieldManager=m", APPLY),
    ):
        reply = await asyncio.wait_for(client(method, path, bomb, Content_Type=kind), 10)
        assert reply.status == 400, reply.body[:200]


async def test_nothing_is_redirected_and_nothing_shared_with_other_origins(client: Client, space: Space):
    """§9 redirects, CORS: none"""
    reply = await client("GET", space.maps, Origin="http://elsewhere.example")
    assert reply.status == 200
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
