"""Watch streams (reference kubernetes-api.md 2.5)."""

from __future__ import annotations

import json
import struct

import aiohttp
import pytest

from tests.conformance import example
from tests.conformance.conftest import Client, Space

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def named(name: str, **labels: str):
    return {"metadata": {"name": name, "labels": labels}}


async def test_the_head_of_a_stream(client: Client, space: Space):
    """§2.5 response: 200, headers at once, chunked JSON"""
    async with client.watch(space.core("secrets")) as events:
        assert events.headers["Content-Type"] == "application/json"
        assert events.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Encoding" not in events.headers


async def test_events_are_lines_with_kinds(client: Client, space: Space, examples):
    """§2.5 framing: one document per event, kind and apiVersion always"""
    for path, document, gvk in (
        (space.core("secrets"), named("a"), ("v1", "Secret")),
        (space.vms, example.vm("a"), ("example.com/v1", "VM")),
    ):
        await client.made(path, document)
        async with client.watch(path) as events:
            line = await events.line()
            assert line.startswith(b'{"type":"ADDED","object":{')
            assert line.endswith(b"}}\n")
            assert line.count(b"\n") == 1
            shown = json.loads(line)["object"]
            assert (shown["apiVersion"], shown["kind"]) == gvk
            assert shown == await client.get(f"{path}/a")


async def test_protobuf_frames(client: Client, space: Space):
    """§2.5 protobuf: application/vnd.kubernetes.protobuf;stream=watch is not required of a server whose clients accept JSON too"""
    await client.made(space.maps, named("a"))
    accept = "application/vnd.kubernetes.protobuf;stream=watch,application/json"
    async with client.watch(space.maps, Accept=accept) as events:
        if events.headers["Content-Type"].startswith("application/json"):
            assert (await events.next())["type"] == "ADDED"
        else:
            (length,) = struct.unpack(">I", (await events.line())[:4])
            assert length


async def test_the_types_of_events(client: Client, space: Space):
    """§2.5 types, DELETED object, no-op writes"""
    path = space.core("secrets")
    async with client.watch(path) as events:
        await client.made(path, named("a"))
        changed = await client.merged(f"{path}/a", {"metadata": {"labels": {"x": "y"}}})
        # Changes nothing.
        await client.merged(f"{path}/a", {"metadata": {"labels": {"x": "y"}}})
        assert (await client("PUT", f"{path}/a", changed)).json == changed
        await client("DELETE", f"{path}/a")
        added, modified, deleted = await events.take(3)
    assert [one["type"] for one in (added, modified, deleted)] == ["ADDED", "MODIFIED", "DELETED"]
    assert modified["object"] == changed
    last = deleted["object"]
    assert int(last["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"])
    last["metadata"]["resourceVersion"] = changed["metadata"]["resourceVersion"]
    assert last == changed


@pytest.mark.parametrize("by", ["labels", "fields"])
async def test_objects_enter_and_leave_a_selection(client: Client, space: Space, examples, by):
    """§2.5 selector transitions"""
    selector = "labelSelector=x%3Dy" if by == "labels" else "fieldSelector=spec.mode%3Da"

    def change(inside: bool):
        return {"metadata": {"labels": {"x": "y" if inside else "n"}}, "spec": {"mode": "a" if inside else "b"}}

    await client.made(space.vms, example.vm("a"))
    async with client.watch(space.vms, selector) as events:
        entered = await client.merged(f"{space.vms}/a", change(True))
        within = await client.merged(f"{space.vms}/a", {"spec": {"cpu": 2}})
        left = await client.merged(f"{space.vms}/a", change(False))
        await client.merged(f"{space.vms}/a", {"spec": {"cpu": 3}})
        again = await client.merged(f"{space.vms}/a", change(True))
        await client("DELETE", f"{space.vms}/a")
        told = await events.take(5)
    assert [one["type"] for one in told] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    assert [told[0]["object"], told[1]["object"], told[3]["object"]] == [entered, within, again]
    gone = told[2]["object"]
    # The old labels and fields with the new version.
    assert gone["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]
    assert (gone["metadata"]["labels"], gone["spec"]) == (within["metadata"]["labels"], within["spec"])


@pytest.mark.slow
async def test_bookmarks_come_before_the_end_for_those_who_allow_them(client: Client, space: Space):
    """§2.5 BOOKMARK, timeout"""
    path = space.core("secrets")
    await client.made(path, named("a"))
    async with client.watch(path, "allowWatchBookmarks=true&timeoutSeconds=3") as events:
        added, bookmark = await events.take(2)
        assert await events.line() == b""
    assert added["type"] == "ADDED"
    version = bookmark["object"]["metadata"].pop("resourceVersion")
    bookmark["object"]["metadata"].pop("creationTimestamp", None)
    assert bookmark == {"type": "BOOKMARK", "object": {"kind": "Secret", "apiVersion": "v1", "metadata": {}}}
    assert int(version) >= int(added["object"]["metadata"]["resourceVersion"])
    async with client.watch(path, "timeoutSeconds=1") as events:
        assert await events.told(1) == [("ADDED", "a")]
        assert await events.line() == b""


async def test_the_end_of_the_initial_events(client: Client, space: Space):
    """§2.5 initial-events end: once, rv ≥ all of them, only with both parameters"""
    path = space.core("secrets")
    for name in "ba":
        await client.made(path, named(name))
    async with client.watch(path, STREAM) as events:
        first, second, end = await events.take(3)
        assert end["type"] == "BOOKMARK"
        assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert (end["object"]["kind"], end["object"]["apiVersion"]) == ("Secret", "v1")
        newest = max(int(one["object"]["metadata"]["resourceVersion"]) for one in (first, second))
        assert int(end["object"]["metadata"]["resourceVersion"]) >= newest
        await client.made(path, named("c"))
        assert await events.told(1) == [("ADDED", "c")]


async def test_the_order_of_a_stream(client: Client, space: Space):
    """§2.5 order: initial ADDED in key order, then by version"""
    path = space.core("secrets")
    for name in "cab":
        await client.made(path, named(name))
    async with client.watch(path) as events:
        assert [name for _, name in await events.told(3)] == ["a", "b", "c"]
        for name in "fed":
            await client.made(path, named(name))
        told = await events.take(3)
    assert [one["object"]["metadata"]["name"] for one in told] == ["f", "e", "d"]
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in told]
    assert versions == sorted(versions)


async def test_one_object_is_watched_by_name(client: Client, space: Space):
    """§2.4, §2.5: fieldSelector=metadata.name on a watch"""
    path = space.core("secrets")
    async with client.watch(path, "fieldSelector=metadata.name%3Db") as events:
        for name in "abc":
            await client.made(path, named(name))
        await client("DELETE", f"{path}/b")
        assert await events.told(2) == [("ADDED", "b"), ("DELETED", "b")]


async def test_a_watch_over_a_websocket(client: Client, space: Space):
    """§2.5 websocket: one text frame per event"""
    path = space.core("secrets")
    await client.made(path, named("a"))
    async with client.session.ws_connect(f"{client.url}{path}?watch=1") as socket:
        frame = await socket.receive(5)
        assert frame.type is aiohttp.WSMsgType.TEXT
        event = json.loads(frame.data)
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
        await client("DELETE", f"{path}/a")
        assert json.loads((await socket.receive(5)).data)["type"] == "DELETED"


async def test_tables_are_watched(client: Client, space: Space):
    """§5 watch: a one-row Table each, columnDefinitions only in the first, then null; bookmarks with null cells"""
    path = space.core("secrets")
    await client.made(path, named("a"))
    async with client.watch(path, STREAM, Accept=TABLE) as events:
        first, end = await events.take(2)
        await client.made(path, named("b"))
        second = await events.next()
    for one in (first, end, second):
        assert (one["object"]["kind"], one["object"]["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        assert len(one["object"]["rows"]) == 1
    assert [one["name"] for one in first["object"]["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    (row,) = end["object"]["rows"]
    assert set(row["cells"]) == {None}
    assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert row["object"]["metadata"]["resourceVersion"]


async def test_metadata_alone_is_watched(client: Client, space: Space):
    """§5 PartialObjectMetadata on watch"""
    path = space.core("secrets")
    await client.made(path, {**named("a", x="y"), "stringData": {"a": "b"}})
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    async with client.watch(path, STREAM, Accept=accept) as events:
        first, end = await events.take(2)
    assert (first["object"]["kind"], first["object"]["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert first["object"]["metadata"]["labels"] == {"x": "y"}
    assert "data" not in first["object"]
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
