"""
How deep a document may be nested (reference kubernetes-api.md 9: Go's limit is 10000 levels). Here no document that is stored has more than some 250, and
what is beyond that is refused in the words of Go's limit: with 400 whatever the depth, the format and the way, and never with a 500.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import example
from tests.conformance.conftest import APPLY, MERGE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
DEPTHS = (1, 60, 120, 200, 240, *range(243, 258), 300, 500, 900, 1000, 1100, 5_000, 10_000, 10_001, 50_000, 200_000)
KEPT = 200
"""This deep is always read."""


def nests(depth: int) -> list[bytes]:
    """JSON that is *depth* levels deep: of objects, of lists, of both in turn."""
    return [
        b'{"a":' * depth + b"1" + b"}" * depth,
        b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}" if depth > 1 else b'{"a":1}',
        b'{"a":[' * (depth // 2) + b"1" + b"]}" * (depth // 2) if depth > 1 else b"{}",
    ]


def document(spec: bytes, kind: bytes = b'"apiVersion":"example.com/v1","kind":"VM"') -> bytes:
    return b'{%b,"metadata":{"name":"a"},"spec":{"cpu":1,"free":%b}}' % (kind, spec)


@pytest.mark.slow
async def test_depth_is_refused_cleanly_whichever_way_it_comes(client: Client, space: Any, examples: Any) -> None:
    await client.made(space.vms, example.vm("old"))
    await client.made(space.maps, {"metadata": {"name": "old"}, "data": {"a": "b"}})
    for depth in DEPTHS:
        for nested in nests(depth):
            vms, maps = f"{space.vms}/old", f"{space.maps}/old"
            patch = b'{"spec":{"free":' + nested + b"}}"
            operation = b'[{"op":"add","path":"/spec/free","value":' + nested + b"}]"
            tested = b'[{"op":"test","path":"/spec/free","value":' + nested + b"}]"
            map_ = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":' + nested + b"}}"
            applied = f"{space.vms}/applied?fieldManager=m&force=true"
            asked = [
                (space.vms, "POST", f"{space.vms}?dryRun=All", document(nested), "application/json"),
                (
                    space.vms,
                    "POST",
                    f"{space.vms}?dryRun=All&fieldValidation=Strict",
                    document(nested),
                    "application/json",
                ),
                (space.vms, "POST", f"{space.vms}?dryRun=All", document(nested), "application/yaml"),
                (space.vms, "PUT", vms, document(nested), "application/json"),
                (space.vms, "PATCH", vms, patch, MERGE),
                (space.vms, "PATCH", vms, operation, JSON_PATCH),
                (None, "PATCH", vms, tested, JSON_PATCH),
                (None, "PATCH", f"{applied}&fieldValidation=Strict", document(nested), APPLY),
                (None, "PATCH", applied, b"\n" + document(nested), APPLY),
                (None, "PATCH", applied, b"---\n" + document(nested), APPLY),
                (None, "POST", space.maps, map_, "application/json"),
                (None, "POST", space.maps, map_, "application/yaml"),
                (None, "PATCH", maps, nested, MERGE),
                (None, "PATCH", maps, b'{"data":' + nested + b"}", STRATEGIC),
                (None, "PATCH", f"{maps}?fieldManager=m", map_, APPLY),
                (None, "DELETE", f"{space.maps}/none", b'{"preconditions":' + nested + b"}", "application/json"),
            ]
            for keeps, method, path, body, kind in asked:
                reply = await client(method, path, body, Content_Type=kind)
                what = (depth, method, path, kind, nested[:12], reply.body[:300])
                # What is ill-typed in an apply is a 500 in Kubernetes too (kubernetes-api.md 3.6).
                assert reply.status < 500 or "failed to create typed patch object" in reply.message, what
                assert reply.json["kind"] in ("VM", "ConfigMap", "Status"), what
                if depth > 260:
                    assert reply.status < 500, what
                    assert reply.status in ({400, 404} if method == "DELETE" else {400, 415, 422}), what
                    if reply.status == 400 and method != "DELETE" and body.startswith((b"{", b"[")):
                        assert "exceeded max depth" in reply.message or "unmarshal" in reply.message, what
                elif depth <= KEPT and keeps is not None and method != "PUT":
                    assert reply.status in (200, 201), what


async def test_patches_that_deepen_a_document_end_with_a_refusal(client: Client, space: Any, examples: Any) -> None:
    """A copy of what is there, put into itself, needs no deep body."""
    await client.made(space.vms, example.vm("deep", free={"a": {"a": {}}}))
    path = f"{space.vms}/deep"
    copy = [{"op": "copy", "from": "/spec/free", "path": "/spec/free/a/a/a"}]
    assert (await client("PATCH", path, copy * 20, Content_Type=JSON_PATCH)).status == 200
    for times in (100, 1000, 9_000):
        reply = await client("PATCH", path, copy * times, Content_Type=JSON_PATCH)
        assert (reply.status, reply.json["reason"]) == (400, "BadRequest"), reply.body[:300]
        assert "exceeded max depth" in reply.message
    # By steps, until no more goes in.
    statuses = [(await client("PATCH", path, copy * 20, Content_Type=JSON_PATCH)).status for _ in range(4)]
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 400}
    # What is stored can be read and written as before.
    for shown in (path, space.vms):
        pretty = await client("GET", f"{shown}?pretty=true")
        assert pretty.json == await client.get(shown)
        in_yaml = await client("GET", shown, Accept="application/yaml")
        assert (in_yaml.status, b"resourceVersion" in in_yaml.body) == (200, True)
        assert (await client("GET", shown, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")).status == 200
    assert (await client("PATCH", path, {"spec": {"cpu": 2}}, Content_Type=MERGE)).status == 200
