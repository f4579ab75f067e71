"""Watch streams (reference kubernetes-api.md 2.3, 2.5)."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from aiohttp import WSMsgType

from solovirt.machinery.http import streaming, watching
from solovirt.machinery.http.app import SERVER
from tests.machinery.http.conftest import ADMIN

VMS = "/apis/example.com/v1/namespaces/default/vms"
MERGE = {"Content-Type": "application/merge-patch+json"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}


def vm(name, labels=None, **spec):
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "example.com/v1", "kind": "VM", "metadata": metadata, "spec": spec}


class Stream:
    """A watch, one event at a time."""

    def __init__(self, answer):
        self.answer = answer

    async def next(self):
        line = await asyncio.wait_for(self.answer.content.readline(), 5)
        return json.loads(line) if line else None

    async def events(self, count):
        return [await self.next() for _ in range(count)]

    async def rest(self):
        body = await asyncio.wait_for(self.answer.content.read(), 5)
        return [json.loads(line) for line in body.splitlines()]


@pytest.fixture
async def watch(client):
    """Opens watches, and closes them when the test is over."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(query="", path=VMS, headers=None):
            answer = await stack.enter_async_context(
                client.raw.get(f"{path}?watch=true&{query}", headers={**ADMIN, **(headers or {})})
            )
            assert answer.status == 200, await answer.read()
            return Stream(answer)

        yield start


def summary(events):
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def patch(client, name, body):
    reply = await client("PATCH", f"{VMS}/{name}", body, headers=MERGE)
    assert reply.status == 200, reply.body
    return reply.json


async def test_a_watch_without_version_shows_what_is_there_in_key_order_and_then_what_happens(client, watch):
    await client("POST", VMS, vm("b"))
    first = (await client("POST", VMS, vm("a"))).json
    stream = await watch()
    assert stream.answer.headers["Content-Type"] == "application/json"
    assert stream.answer.headers["Transfer-Encoding"] == "chunked"
    events = await stream.events(2)
    assert summary(events) == [("ADDED", "a"), ("ADDED", "b")]
    assert events[0]["object"] == first
    patched = await patch(client, "a", {"spec": {"cpu": 1}})
    assert await stream.next() == {"type": "MODIFIED", "object": patched}
    await client("DELETE", f"{VMS}/a")
    deleted = await stream.next()
    assert deleted["type"] == "DELETED"
    assert deleted["object"]["spec"] == {"cpu": 1}
    assert int(deleted["object"]["metadata"]["resourceVersion"]) > int(patched["metadata"]["resourceVersion"])


async def test_a_watch_from_a_version_shows_what_came_after_it(client, watch):
    first = (await client("POST", VMS, vm("a"))).json
    await client("POST", VMS, vm("b"))
    stream = await watch(f"resourceVersion={first['metadata']['resourceVersion']}")
    assert summary([await stream.next()]) == [("ADDED", "b")]


async def test_writes_that_change_nothing_are_no_events(client, watch):
    await client("POST", VMS, vm("a", cpu=1))
    stream = await watch()
    await stream.next()
    await patch(client, "a", {"spec": {"cpu": 1}})
    await patch(client, "a", {"spec": {"cpu": 2}})
    assert (await stream.next())["object"]["spec"] == {"cpu": 2}


async def test_an_object_that_leaves_the_selection_is_deleted_with_its_old_labels_and_the_new_version(client, watch):
    before = (await client("POST", VMS, vm("a", {"l": "x"}))).json
    await client("POST", VMS, vm("b", {"l": "y"}))
    stream = await watch("labelSelector=l%3Dx")
    assert summary([await stream.next()]) == [("ADDED", "a")]
    after = await patch(client, "a", {"metadata": {"labels": {"l": "y"}}})
    left = await stream.next()
    expected = json.loads(json.dumps(before))
    expected["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"]
    assert left == {"type": "DELETED", "object": expected}
    entered = await patch(client, "b", {"metadata": {"labels": {"l": "x"}}})
    assert await stream.next() == {"type": "ADDED", "object": entered}
    await client("DELETE", f"{VMS}/a")
    await client("DELETE", f"{VMS}/b")
    assert summary([await stream.next()]) == [("DELETED", "b")]


async def test_one_name_can_be_watched(client, watch):
    await client("POST", VMS, vm("a"))
    streams = [
        await watch("fieldSelector=metadata.name%3Db"),
        await watch(path="/apis/example.com/v1/watch/namespaces/default/vms/b"),
    ]
    await patch(client, "a", {"spec": {"cpu": 1}})
    await client("POST", VMS, vm("b"))
    for stream in streams:
        assert summary([await stream.next()]) == [("ADDED", "b")]


async def test_a_namespace_hides_the_others(client, watch):
    await client("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    inside, everywhere = await watch(), await watch(path="/apis/example.com/v1/vms")
    await client("POST", VMS.replace("default", "other"), vm("x"))
    await client("POST", VMS, vm("a"))
    assert summary([await inside.next()]) == [("ADDED", "a")]
    assert summary(await everywhere.events(2)) == [("ADDED", "x"), ("ADDED", "a")]


async def test_a_streaming_list_ends_its_first_part_with_a_bookmark(client, watch):
    created = (await client("POST", VMS, vm("a"))).json
    stream = await watch(
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion="
    )
    assert summary([await stream.next()]) == [("ADDED", "a")]
    bookmark = await stream.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "VM"
    assert bookmark["object"]["apiVersion"] == "example.com/v1"
    metadata = bookmark["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) >= int(created["metadata"]["resourceVersion"])
    await client("POST", VMS, vm("b"))
    assert summary([await stream.next()]) == [("ADDED", "b")]


async def test_a_watch_can_begin_now_without_what_is_there(client, watch):
    await client("POST", VMS, vm("a"))
    stream = await watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan")
    await client("POST", VMS, vm("b"))
    assert summary([await stream.next()]) == [("ADDED", "b")]


async def test_a_streaming_list_from_the_future_times_out(client, monkeypatch):
    monkeypatch.setattr(watching, "FUTURE_SECONDS", 0.01)
    reply = await client.get(
        f"{VMS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=99999999"
    )
    assert reply.status == 504
    assert reply.headers["Retry-After"] == "1"
    assert reply.message.startswith("Timeout: Too large resource version: 99999999, current: ")
    assert reply.json["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }


async def test_bookmarks_come_before_the_end(client, watch, monkeypatch):
    monkeypatch.setattr(watching, "LAST_BOOKMARK_SECONDS", 0.9)
    created = (await client("POST", VMS, vm("a"))).json
    stream = await watch("allowWatchBookmarks=true&timeoutSeconds=1")
    events = await stream.rest()
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    bookmark = events[1]["object"]
    assert bookmark["metadata"] == {"resourceVersion": created["metadata"]["resourceVersion"]}
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("VM", "example.com/v1")


def test_bookmarks_come_every_minute_and_shortly_before_the_end():
    assert watching._bookmark_after(0, 600) == 60
    assert watching._bookmark_after(570, 600) == 598
    assert watching._bookmark_after(598, 600) == 600


async def test_a_watch_ends_cleanly_when_its_time_is_over(watch):
    stream = await watch("timeoutSeconds=1")
    assert await stream.rest() == []


async def test_a_version_that_has_been_trimmed_is_told_in_the_stream(client, store, watch):
    for number in range(5):
        await client("POST", VMS, vm(f"a{number}"))
    await store.compact(keep_revisions=1, keep_seconds=0)
    stream = await watch("resourceVersion=1")
    events = await stream.rest()
    assert [event["type"] for event in events] == ["ERROR"]
    status = events[0]["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            "resourceVersion=abc",
            500,
            'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
        ),
        (
            "resourceVersionMatch=NotOlderThan",
            422,
            (
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            ),
        ),
        (
            "sendInitialEvents=true",
            422,
            (
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            ),
        ),
        ("labelSelector=a%3Db%3Dc", 400, "found '=', expected: ',' or 'end of string'"),
    ],
)
async def test_watches_that_cannot_be_are_refused(client, query, code, message):
    reply = await client.get(f"{VMS}?watch=1&{query}")
    assert reply.status == code
    assert message in reply.message


@pytest.mark.parametrize(("value", "watching_"), [("0", False), ("False", False), ("", True), ("no", True)])
async def test_booleans_in_queries(client, value, watching_):
    """Everything but 0 and false is true (reference kubernetes-api.md 2.2)."""
    reply = await client.get(f"{VMS}?watch={value}&timeoutSeconds=1")
    assert reply.status == 200
    assert (reply.body == b"") == watching_


async def test_tables_are_streamed_with_their_columns_in_the_first_event_only(client, watch):
    await client("POST", VMS, vm("a", cpu=1))
    stream = await watch(
        "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", headers=TABLE
    )
    added, bookmark = await stream.events(2)
    assert added["object"]["kind"] == "Table"
    assert [column["name"] for column in added["object"]["columnDefinitions"]] == [
        "Name",
        "Age",
        "Phase",
        "Ready",
        "CPU",
    ]
    assert [row["cells"][0] for row in added["object"]["rows"]] == ["a"]
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["columnDefinitions"] is None
    (row,) = bookmark["object"]["rows"]
    assert row["cells"] == [None] * 5
    assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await patch(client, "a", {"spec": {"cpu": 2}})
    modified = await stream.next()
    assert modified["type"] == "MODIFIED"
    assert modified["object"]["columnDefinitions"] is None
    assert modified["object"]["rows"][0]["cells"][4] == 2


async def test_partial_metadata_is_streamed(client, watch):
    created = (await client("POST", VMS, vm("a"))).json
    stream = await watch(headers=PARTIAL)
    assert await stream.next() == {
        "type": "ADDED",
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": created["metadata"],
        },
    }


async def test_versions_of_a_kind_are_not_mixed_up_in_shared_lines(client, watch):
    old, new = await watch(path=VMS.replace("/v1/", "/v1beta1/")), await watch()
    await client("POST", VMS, vm("a"))
    assert (await old.next())["object"]["apiVersion"] == "example.com/v1beta1"
    assert (await new.next())["object"]["apiVersion"] == "example.com/v1"


async def test_a_line_is_encoded_once_for_all_watchers(client, watch, monkeypatch):
    made = []
    line = watching._Whole.line

    def counted(self, type_, record):
        made.append(type_)
        return line(self, type_, record)

    streams = [await watch() for _ in range(5)]
    monkeypatch.setattr(watching._Whole, "line", counted)
    await client("POST", VMS, vm("a"))
    for stream in streams:
        await stream.next()
    assert made == [b"ADDED"]


async def test_a_watcher_that_leaves_is_noticed(client, watch, app):
    stream = await watch()
    watches = app[SERVER].watches
    assert len(watches) == 1
    stream.answer.close()
    for _ in range(200):
        if not len(watches):
            break
        await asyncio.sleep(0.005)
    assert len(watches) == 0


async def test_a_client_that_does_not_read_is_dropped(client, app, monkeypatch):
    monkeypatch.setattr(streaming, "STALL_SECONDS", 0.05)
    await client("POST", VMS, vm("a", free={"x": "y" * 500_000}))
    reader, writer = await asyncio.open_connection(client.raw.host, client.raw.port, limit=1)
    writer.write(f"GET {VMS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {ADMIN['Authorization']}\r\n\r\n".encode())
    await reader.readexactly(1)
    watches = app[SERVER].watches
    for number in range(200):
        await patch(client, "a", {"spec": {"cpu": number}})
        await asyncio.sleep(0.01)
        if not len(watches):
            break
    assert len(watches) == 0
    writer.close()


async def test_watches_end_cleanly_when_the_server_stops(client, watch, app):
    stream = await watch()
    await app[SERVER].stop()
    assert await stream.rest() == []
    assert stream.answer.content.exception() is None
    reply = await client.get(VMS)
    assert reply.status == 429
    assert reply.headers["Retry-After"] == "5"


async def test_a_kind_that_goes_takes_its_watchers_with_it(client, watch, registry, monkeypatch):
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.01)
    stream = await watch()
    registry.unregister(("example.com", "vms"))
    assert await stream.rest() == []


async def test_events_come_as_text_frames_over_a_websocket(client):
    await client("POST", VMS, vm("a"))
    async with client.raw.ws_connect(f"{VMS}?watch=true", headers=ADMIN) as socket:
        first = await asyncio.wait_for(socket.receive(), 5)
        assert first.type is WSMsgType.TEXT
        assert summary([json.loads(first.data)]) == [("ADDED", "a")]
        await client("POST", VMS, vm("b"))
        second = await asyncio.wait_for(socket.receive(), 5)
        assert summary([json.loads(second.data)]) == [("ADDED", "b")]
