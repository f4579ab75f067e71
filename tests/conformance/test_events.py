"""
Events by their two APIs: one object, called by core/v1's names or by events.k8s.io's (reference kubernetes-api.md 2.4, 5 and 7).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conformance.conftest import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

CORE = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
TIME = "2026-11-23T07:01:03.000000Z"
MERGE = {"Content_Type": "application/merge-patch+json"}
STRATEGIC = {"Content_Type": "application/strategic-merge-patch+json"}
JSON_PATCH = {"Content_Type": "application/json-patch+json"}
APPLY = {"Content_Type": "application/apply-patch+yaml"}


def event(name: str, **changes: Any) -> dict[str, Any]:
    """As client-go's newer recorder writes it."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "eventTime": TIME,
        "reportingController": "example.com/tester",
        "reportingInstance": "tester-0",
        "action": "Testing",
        "reason": "Tested",
        "regarding": {"kind": "ConfigMap", "namespace": "default", "name": "settings", "apiVersion": "v1"},
        "note": "all is well",
        "type": "Normal",
        **changes,
    }


async def test_discovery_names_it_in_both_groups(client: Client) -> None:
    new = (await client("GET", "/apis/events.k8s.io/v1")).json["resources"]
    assert new == [
        {
            "name": "events",
            "singularName": "event",
            "namespaced": True,
            "kind": "Event",
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "shortNames": ["ev"],
            # Of /v1/Event: both are stored as core/v1's.
            "storageVersionHash": "r2yiGXH7wu8=",
        }
    ]


async def test_one_that_comes_by_the_new_api_is_an_event_of_the_old(client: Client) -> None:
    created = await client("POST", NEW, event("new"))
    assert created.status == 201
    assert {key: created.json[key] for key in ("apiVersion", "kind", "note", "regarding", "reportingController")} == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "note": "all is well",
        "regarding": {"kind": "ConfigMap", "namespace": "default", "name": "settings", "apiVersion": "v1"},
        "reportingController": "example.com/tester",
    }
    assert not {"message", "involvedObject", "reportingComponent", "source"} & set(created.json)
    core = (await client("GET", f"{CORE}/new")).json
    assert core["apiVersion"] == "v1"
    assert (core["message"], core["reportingComponent"], core["eventTime"]) == (
        "all is well",
        "example.com/tester",
        TIME,
    )
    assert core["involvedObject"]["name"] == "settings"
    assert core["metadata"]["uid"] == created.json["metadata"]["uid"]
    assert (await client("GET", f"{NEW}/new")).json["metadata"]["resourceVersion"] == core["metadata"][
        "resourceVersion"
    ]
    [entry] = created.json["metadata"]["managedFields"]
    assert entry["apiVersion"] == "events.k8s.io/v1"
    assert {"f:note", "f:regarding"} <= set(entry["fieldsV1"])


async def test_one_that_comes_by_the_old_api_is_an_event_of_the_new(client: Client) -> None:
    body = {
        "metadata": {"name": "old"},
        "involvedObject": {"kind": "ConfigMap", "namespace": "default", "name": "settings"},
        "reason": "Tested",
        "message": "hello",
        "count": 3,
        "firstTimestamp": "2026-11-23T07:01:03Z",
        "lastTimestamp": "2026-11-23T07:02:03Z",
        "source": {"component": "tester", "host": "node01"},
        "type": "Warning",
    }
    assert (await client("POST", CORE, body)).status == 201
    shown = (await client("GET", f"{NEW}/old")).json
    assert {key: shown[key] for key in shown if key.startswith("deprecated")} == {
        "deprecatedCount": 3,
        "deprecatedFirstTimestamp": "2026-11-23T07:01:03Z",
        "deprecatedLastTimestamp": "2026-11-23T07:02:03Z",
        "deprecatedSource": {"component": "tester", "host": "node01"},
    }
    assert (shown["note"], shown["reportingController"]) == ("hello", "")


async def test_fields_are_selected_by_the_new_names(client: Client) -> None:
    await client("POST", NEW, event("chosen", reason="Chosen", regarding={"kind": "Node", "name": "node01"}))
    for selector in ("regarding.name=node01,reason=Chosen", "reportingController=example.com/tester,reason=Chosen"):
        listed = (await client("GET", f"{NEW}?fieldSelector={selector}")).json
        assert (listed["kind"], listed["apiVersion"]) == ("EventList", "events.k8s.io/v1")
        assert [item["note"] for item in listed["items"]] == ["all is well"]
    refused = await client("GET", f"{NEW}?fieldSelector=involvedObject.name=node01")
    assert (refused.status, refused.message) == (400, "field label not supported: involvedObject.name")
    assert (await client("GET", f"{CORE}?fieldSelector=involvedObject.name=node01,reason=Chosen")).json["items"]


@pytest.mark.parametrize(
    ("headers", "patch"),
    [
        (STRATEGIC, {"series": {"count": 2, "lastObservedTime": TIME}}),
        (MERGE, {"series": {"count": 2, "lastObservedTime": TIME}}),
        (
            JSON_PATCH,
            [
                {"op": "test", "path": "/note", "value": "all is well"},
                {"op": "test", "path": "/regarding/name", "value": "settings"},
                {"op": "add", "path": "/series", "value": {"count": 2, "lastObservedTime": TIME}},
            ],
        ),
    ],
    ids=["strategic", "merge", "json"],
)
async def test_a_series_goes_on_by_patch(client: Client, headers: dict[str, str], patch: Any) -> None:
    """As client-go's recorder counts what happens again."""
    name = f"series-{next(iter(headers.values()))[12:16]}"
    await client("POST", NEW, event(name))
    patched = await client("PATCH", f"{NEW}/{name}", patch, **headers)
    assert (patched.status, patched.json["series"]) == (200, {"count": 2, "lastObservedTime": TIME})
    assert (await client("GET", f"{CORE}/{name}")).json["series"]["count"] == 2
    missing = await client("PATCH", f"{NEW}/nope", {"series": patch and None}, **MERGE)
    assert (missing.status, missing.message) == (404, 'events.events.k8s.io "nope" not found')
    assert missing.json["details"] == {"name": "nope", "group": "events.k8s.io", "kind": "events"}


async def test_it_is_applied_and_owned_by_the_new_names(client: Client) -> None:
    path = f"{NEW}/applied?fieldManager=one"
    applied = await client("PATCH", path, event("applied"), **APPLY)
    assert (applied.status, applied.json["note"]) == (201, "all is well")
    [entry] = applied.json["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("one", "Apply", "events.k8s.io/v1")
    assert "f:note" in entry["fieldsV1"]


async def test_the_new_api_is_particular(client: Client) -> None:
    """Messages keep the core group's names; Kubernetes validates both APIs' Events in one form."""
    bad = event(
        "bad",
        type="Odd",
        note="x" * 1025,
        action="",
        deprecatedCount=1,
        reportingController="not a name",
        series={"count": 1, "lastObservedTime": TIME},
    )
    refused = await client("POST", NEW, bad)
    assert refused.status == 422
    assert refused.json["details"]["group"] == "events.k8s.io"
    assert refused.message.startswith('Event.events.k8s.io "bad" is invalid: [')
    causes = {cause["field"]: cause["message"] for cause in refused.json["details"]["causes"]}
    assert set(causes) == {"reportingController", "action", "message", "series.count", "type", "count"}
    assert causes["message"] == 'Invalid value: "": can have at most 1024 characters'
    assert causes["series.count"] == 'Invalid value: "": should be at least 2'
    assert causes["type"] == 'Invalid value: "": has invalid value: Odd'
    assert causes["count"] == 'Invalid value: "": needs to be unset'
    untimed = event("bad")
    del untimed["eventTime"]
    refused = await client("POST", NEW, untimed)
    assert refused.message == 'Event.events.k8s.io "bad" is invalid: eventTime: Required value'


async def test_what_happened_does_not_change(client: Client) -> None:
    await client("POST", NEW, event("fixed"))
    refused = await client("PATCH", f"{NEW}/fixed", {"note": "something else"}, **MERGE)
    assert (refused.status, refused.message) == (
        422,
        'Event.events.k8s.io "fixed" is invalid: message: Invalid value: "something else": field is immutable',
    )
    assert (await client("PATCH", f"{CORE}/fixed", {"message": "something else"}, **MERGE)).status == 200


async def test_the_old_names_are_unknown_to_the_new_api(client: Client) -> None:
    warned = await client("POST", NEW, event("warned", message="old"))
    assert (warned.status, warned.warnings) == (201, ['unknown field "message"'])
    assert warned.json["note"] == "all is well"
    refused = await client("POST", f"{NEW}?fieldValidation=Strict", event("strict", message="old"))
    assert (refused.status, refused.message) == (
        400,
        'Event in version "v1" cannot be handled as a Event: strict decoding error: unknown field "message"',
    )


async def test_tables_look_alike(client: Client) -> None:
    await client("POST", NEW, event("tabled", reason="Tabled"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    new = (await client("GET", f"{NEW}/tabled?includeObject=Object", Accept=accept)).json
    core = (await client("GET", f"{CORE}/tabled", Accept=accept)).json
    assert new["columnDefinitions"] == core["columnDefinitions"]
    assert new["rows"][0]["cells"][1:] == core["rows"][0]["cells"][1:]  # the first is an age
    assert new["rows"][0]["cells"][3] == "configmap/settings"
    assert (new["rows"][0]["object"]["apiVersion"], new["rows"][0]["object"]["note"]) == (
        "events.k8s.io/v1",
        "all is well",
    )


async def test_protobuf_is_read(client: Client) -> None:
    """As client-go's typed clients send it from 0.32 on (section 9); the numbers are those of k8s.io/api/events/v1."""

    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    meta = field(1, b"binary") + field(3, b"default")
    time = b"\x08" + b"\xff\xa0\x8a\xc9\x06"  # seconds only
    raw = b"".join(
        (
            field(1, meta),
            field(2, time),
            field(4, b"example.com/tester"),
            field(5, b"tester-0"),
            field(6, b"Testing"),
            field(7, b"Tested"),
            field(8, field(1, b"Node") + field(3, b"node01")),
            field(10, b"from bytes"),
            field(11, b"Normal"),
        )
    )
    body = b"k8s\0" + field(1, field(1, b"events.k8s.io/v1") + field(2, b"Event")) + field(2, raw)
    created = await client("POST", NEW, body, Content_Type="application/vnd.kubernetes.protobuf")
    assert (created.status, created.json.get("note")) == (201, "from bytes"), created.json
    assert created.json["regarding"] == {"kind": "Node", "name": "node01"}


async def _lines(client: Client, path: str) -> AsyncIterator[dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with client.session.get(client.url + path, timeout=timeout) as stream:
        async for line in stream.content:
            yield json.loads(line)


async def test_both_apis_watch_the_same(client: Client) -> None:
    revision = (await client("GET", NEW)).json["metadata"]["resourceVersion"]
    selector = "fieldSelector=metadata.name=watched"
    query = f"?watch=true&resourceVersion={revision}&timeoutSeconds=5&{selector}"
    seen: dict[str, list[Any]] = {}

    async def follow(base: str, text: str) -> None:
        seen[base] = []
        async for line in _lines(client, base + query):
            seen[base].append((line["type"], line["object"]["apiVersion"], line["object"][text]))
            if line["type"] == "DELETED":
                return

    following = [asyncio.create_task(follow(NEW, "note")), asyncio.create_task(follow(CORE, "message"))]
    await client("POST", NEW, event("watched"))
    await client("PATCH", f"{NEW}/watched", {"series": {"count": 2, "lastObservedTime": TIME}}, **STRATEGIC)
    gone = await client("DELETE", f"{NEW}/watched")
    assert gone.json["details"] == {
        "name": "watched",
        "group": "events.k8s.io",
        "kind": "events",
        "uid": gone.json["details"]["uid"],
    }
    await asyncio.gather(*following)
    kinds = ("ADDED", "MODIFIED", "DELETED")
    assert seen[NEW] == [(kind, "events.k8s.io/v1", "all is well") for kind in kinds]
    assert seen[CORE] == [(kind, "v1", "all is well") for kind in kinds]


async def test_deleting_all_that_is_selected(client: Client) -> None:
    await client("POST", NEW, event("swept", reason="Swept"))
    swept = await client("DELETE", f"{NEW}?fieldSelector=reason=Swept")
    assert [(one["metadata"]["name"], one["note"]) for one in swept.json["items"]] == [("swept", "all is well")]
    assert (await client("GET", f"{CORE}/swept")).status == 404
