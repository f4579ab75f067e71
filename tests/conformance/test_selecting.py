"""Label and field selectors (reference kubernetes-api.md 2.4)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.conformance import example
from tests.conformance.conftest import Client, Space
from tests.conformance.statuses import bad_request, check

pytestmark = pytest.mark.asyncio(loop_scope="module")

LABELS = {"one": {"app": "x", "n": "5"}, "two": {"app": "y", "n": "7"}, "none": {}, "empty": {"app": ""}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def four(client: Client) -> str:
    """The path of four objects with the labels above."""
    await client.made("/api/v1/namespaces", {"metadata": {"name": "four"}})
    path = "/api/v1/namespaces/four/secrets"
    for name, labels in LABELS.items():
        await client.made(path, {"metadata": {"name": name, "labels": labels}})
    return path


SELECTIONS = [
    ("", ["empty", "none", "one", "two"]),
    ("app", ["empty", "one", "two"]),
    ("!app", ["none"]),
    ("app=x", ["one"]),
    ("app==x", ["one"]),
    ("app!=x", ["empty", "none", "two"]),
    ("app in (x,y)", ["one", "two"]),
    ("app notin (x,y)", ["empty", "none"]),
    ("app=", ["empty"]),
    ("app in (x,)", ["empty", "one"]),
    ("app in ()", ["empty"]),
    ("n>5", ["two"]),
    ("n<6", ["one"]),
    ("n > 4, n < 6", ["one"]),
    ("  app  in  ( x , y ) , n = 7 ", ["two"]),
    ("app,n notin (5)", ["empty", "two"]),
]


@pytest.mark.parametrize(("selector", "expected"), SELECTIONS)
async def test_labels(client: Client, four: str, selector, expected):
    """§2.4 label grammar"""
    found = await client.get(f"{four}?labelSelector={quote(selector)}")
    assert [one["metadata"]["name"] for one in found["items"]] == expected


BAD_LABELS = [
    ("a=b=c", "found '=', expected: ',' or 'end of string'"),
    ("a in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
    ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    ("a<x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"),
    ("=b", "found '=', expected: !, identifier, or 'end of string'"),
    ("a=b,", "found '', expected: identifier after ','"),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "message"), BAD_LABELS)
async def test_labels_that_cannot_be(client: Client, four: str, selector, message):
    """§2.4 bad input; for lists, watches and deletions"""
    for method, query in (("GET", ""), ("GET", "watch=1&"), ("DELETE", "")):
        check(await client(method, f"{four}?{query}labelSelector={quote(selector)}"), bad_request(message))


async def test_values_and_keys_are_labels(client: Client, four: str):
    """§2.4: values ≤63 chars, key = qualified name"""
    for selector in ("a=" + "x" * 64, "a/b/c=x", "a=-x", "-a"):
        reply = await client("GET", f"{four}?labelSelector={quote(selector)}")
        assert (reply.status, reply.json["reason"]) == (400, "BadRequest"), selector


FIELDS = [
    ("metadata.name=one", ["one"]),
    ("metadata.name==one", ["one"]),
    ("metadata.name!=one", ["empty", "none", "two"]),
    ("metadata.namespace=four", ["empty", "none", "one", "two"]),
    ("metadata.namespace=five", []),
    ("metadata.namespace=four,metadata.name=two", ["two"]),
    (r"metadata.name=a\,b", []),
    (r"metadata.name=a\=b", []),
    ("type=Opaque", ["empty", "none", "one", "two"]),
    ("type!=Opaque", []),
]


@pytest.mark.parametrize(("selector", "expected"), FIELDS)
async def test_fields(client: Client, four: str, selector, expected):
    """§2.4 field grammar"""
    found = await client.get(f"{four}?fieldSelector={quote(selector)}")
    assert [one["metadata"]["name"] for one in found["items"]] == expected


async def test_every_kind_is_selected_by_its_name(client: Client, kinds):
    """§2.4: a list and a watch with fieldSelector=metadata.name=x must work on every kind"""
    asked = 0
    for kind in kinds.values():
        if "watch" not in kind.verbs:
            continue
        asked += 1
        reply = await client("GET", f"{kind.collection}?fieldSelector=metadata.name%3Dx")
        assert (reply.status, reply.json["items"]) == (200, []), kind
        reply = await client("GET", f"{kind.collection}?fieldSelector=metadata.namespace%3Dx")
        assert reply.status == 200 or not kind.namespaced, (kind, reply.body)
    assert asked > 50


KNOWN = {
    "/api/v1/pods": "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase "
    "status.podIP status.podIPs status.nominatedNodeName",
    "/api/v1/events": "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
    "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type",
    "/apis/events.k8s.io/v1/events": "regarding.kind regarding.namespace regarding.name regarding.uid regarding.apiVersion "
    "regarding.resourceVersion regarding.fieldPath reason reportingController type",
    "/api/v1/secrets": "type",
    "/api/v1/namespaces": "status.phase",
    "/api/v1/nodes": "spec.unschedulable",
    "/api/v1/services": "spec.clusterIP spec.type",
    "/apis/apps/v1/replicasets": "status.replicas",
    "/api/v1/replicationcontrollers": "status.replicas",
    "/apis/batch/v1/jobs": "status.successful",
}


@pytest.mark.parametrize("path", KNOWN)
async def test_further_fields(client: Client, path):
    """§2.4 extra fields of each kind"""
    for field in KNOWN[path].split():
        reply = await client("GET", f"{path}?fieldSelector={field}%3Dnothing-is-called-so")
        assert (reply.status, reply.json["items"]) == (200, []), field


async def test_services_and_nodes_and_namespaces_are_found_by_their_fields(client: Client):
    """§2.4 extra fields"""

    async def found(path, selector):
        listed = await client.get(f"{path}?fieldSelector={quote(selector)}")
        return [one["metadata"]["name"] for one in listed["items"]]

    assert await found("/api/v1/services", "spec.type=ClusterIP,metadata.namespace=default") == ["kubernetes"]
    assert await found("/api/v1/services", "spec.clusterIP=10.96.0.1") == ["kubernetes"]
    assert "default" in await found("/api/v1/namespaces", "status.phase=Active")
    assert len(await found("/api/v1/nodes", "spec.unschedulable=false")) == 3


async def test_a_definition_says_what_else_can_be_selected(client: Client, examples, space: Space):
    """§2.4 CRDs: selectableFields without the leading dot"""
    await client.made(space.vms, example.vm("a", mode="a"))
    await client.made(space.vms, example.vm("b", mode="b"))
    await client.made(space.vms, example.vm("c"))
    for selector, expected in (("spec.mode=a", ["a"]), ("spec.mode!=a", ["b", "c"]), ("spec.mode=", ["c"])):
        found = await client.get(f"{space.vms}?fieldSelector={quote(selector)}")
        assert [one["metadata"]["name"] for one in found["items"]] == expected


async def test_fields_that_cannot_be_selected(client: Client, examples, space: Space):
    """§2.4 unknown"""
    for path, selector, message in (
        (space.vms, "spec.cpu=1", "field label not supported: spec.cpu"),
        (space.core("pods"), "spec.cpu=1", "field label not supported: spec.cpu"),
        (
            space.maps,
            "data.a=1",
            '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (space.maps, "a", "invalid selector: 'a'; can't understand 'a'"),
        (space.vms, "a", "invalid selector: 'a'; can't understand 'a'"),
    ):
        for query in ("", "watch=1&"):
            check(await client("GET", f"{path}?{query}fieldSelector={quote(selector)}"), bad_request(message))
