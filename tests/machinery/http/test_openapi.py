"""The OpenAPI paths (reference kubernetes-api.md 1.4)."""

from __future__ import annotations

import hashlib

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


async def test_the_index_names_each_groups_document_with_its_hash(http):
    index = (await http.get("/openapi/v3")).json
    url = index["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    assert url.startswith("/openapi/v3/apis/example.com/v1?hash=")
    reply = await http.get(url)
    assert reply.status == 200
    assert reply.json["openapi"].startswith("3.0")
    assert reply.headers["Cache-Control"] == "public, immutable"
    assert reply.headers["ETag"] == f'"{url.rpartition("=")[2]}"'
    assert reply.headers["Expires"].endswith("GMT")
    known = await http.get(url, headers={"If-None-Match": reply.headers["ETag"]})
    assert (known.status, known.body) == (304, b"")
    assert "Content-Type" not in known.headers


async def test_a_document_without_hash_is_not_to_be_kept_and_a_wrong_hash_leads_to_the_right_one(http):
    index = (await http.get("/openapi/v3")).json
    url = index["paths"]["api/v1"]["serverRelativeURL"]
    plain = await http.get("/openapi/v3/api/v1")
    assert plain.status == 200
    assert plain.headers["Cache-Control"] == "no-cache, private"
    moved = await http.get("/openapi/v3/api/v1?hash=0123")
    assert moved.status == 301
    assert moved.headers["Location"] == url


async def test_a_document_that_is_not_there_is_an_empty_404(http):
    reply = await http.get("/openapi/v3/apis/nope.io/v1")
    assert (reply.status, reply.body) == (404, b"")


async def test_version_two_as_json_and_as_protobuf(http):
    as_json = await http.get("/openapi/v2")
    assert as_json.json["swagger"] == "2.0"
    assert as_json.headers["ETag"] == f'"{hashlib.sha512(as_json.body).hexdigest().upper()}"'
    assert as_json.headers["Last-Modified"].endswith("GMT")
    packed = await http.get("/openapi/v2", headers={"Accept": V2_PROTOBUF})
    assert packed.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    # Field 1 of gnostic's Document, the Swagger version.
    assert packed.body.startswith(b"\x0a\x032.0")
    assert (await http.get("/openapi/v2", headers={"Accept": "text/html"})).status == 406
    known = await http.get("/openapi/v2", headers={"If-None-Match": as_json.headers["ETag"]})
    assert known.status == 304
