"""What resourceVersion, resourceVersionMatch, limit and continue mean together (reference kubernetes-api.md 2.3)."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
import pytest_asyncio

from tests.conformance.conftest import Client, Space
from tests.conformance.statuses import bad_request, check, option_error, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

MATCH = "resourceVersionMatch"
FUTURE = 99999999


def names(listed) -> list[str]:
    return [one["metadata"]["name"] for one in listed["items"]]


class Past:
    """Three secrets; then, at *then*, one of them goes and another comes."""

    def __init__(self, client: Client, space: Space, then: str, now: str) -> None:
        self.client, self.space, self.then, self.now = client, space, then, now
        self.path = space.core("secrets")

    async def list(self, query: str):
        return await self.client.get(f"{self.path}?{query}")


@pytest_asyncio.fixture(loop_scope="module")
async def past(client: Client, space: Space) -> Past:
    path = space.core("secrets")
    for name in "abc":
        await client.made(path, {"metadata": {"name": name}})
    then = (await client.get(path))["metadata"]["resourceVersion"]
    assert (await client("DELETE", f"{path}/b")).status == 200
    await client.made(path, {"metadata": {"name": "d"}})
    now = (await client.get(path))["metadata"]["resourceVersion"]
    return Past(client, space, then, now)


async def test_a_get_is_the_latest_or_not_older(past: Past):
    """§2.3 get"""
    for query in ("", "?resourceVersion=", "?resourceVersion=0", f"?resourceVersion={past.then}"):
        assert (await past.client("GET", f"{past.path}/d{query}")).status == 200, query
        assert (await past.client("GET", f"{past.path}/b{query}")).status == 404, query


@pytest.mark.slow
@pytest.mark.parametrize("what", ["get", "list", "list-not-older", "list-exact"])
async def test_the_future_is_awaited_for_three_seconds(past: Past, what):
    """§2.3 future rv on get and list: 504 with what a client needs to list again"""
    query = {"list-not-older": f"&{MATCH}=NotOlderThan", "list-exact": f"&{MATCH}=Exact"}.get(what, "")
    path = f"{past.path}/a" if what == "get" else past.path
    began = asyncio.get_running_loop().time()
    reply = await past.client("GET", f"{path}?resourceVersion={FUTURE}{query}")
    assert 2.5 < asyncio.get_running_loop().time() - began < 10
    current = reply.message.rpartition(" ")[2]
    check(
        reply,
        status(
            504,
            "Timeout",
            f"Timeout: Too large resource version: {FUTURE}, current: {current}",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        ),
    )
    assert int(current) >= int(past.now)
    assert reply.headers["Retry-After"] == "1"


@pytest.mark.parametrize("version", ["", "0", "then", "now"])
async def test_lists_without_match_are_not_older(past: Past, version):
    """§2.3 list, no limit: latest, any, not older than N"""
    version = {"then": past.then, "now": past.now}.get(version, version)
    found = await past.list(f"resourceVersion={version}")
    assert names(found) == ["a", "c", "d"]
    assert int(found["metadata"]["resourceVersion"]) >= int(past.now)


async def test_a_limit_pages_the_latest_and_the_exact_and_is_ignored_for_zero(past: Past):
    """§2.3 list + limit, no match"""
    for query in ("limit=2", "limit=2&resourceVersion="):
        page = await past.list(query)
        assert names(page) == ["a", "c"]
        assert page["metadata"]["continue"]
        assert page["metadata"]["remainingItemCount"] == 1
    everything = await past.list("limit=1&resourceVersion=0")
    assert names(everything) == ["a", "c", "d"]
    assert "continue" not in everything["metadata"]
    exactly = await past.list(f"limit=2&resourceVersion={past.then}")
    assert names(exactly) == ["a", "b"]
    assert exactly["metadata"]["resourceVersion"] == past.then
    rest = await past.list(f"limit=2&continue={exactly['metadata']['continue']}")
    assert names(rest) == ["c"]
    assert rest["metadata"]["resourceVersion"] == past.then


async def test_not_older_than(past: Past):
    """§2.3 resourceVersionMatch=NotOlderThan"""
    for version in ("0", past.then, past.now):
        found = await past.list(f"{MATCH}=NotOlderThan&resourceVersion={version}")
        assert names(found) == ["a", "c", "d"]
    page = await past.list(f"{MATCH}=NotOlderThan&resourceVersion={past.then}&limit=1")
    assert names(page) == ["a"]
    assert int(page["metadata"]["resourceVersion"]) >= int(past.now)


async def test_exact(past: Past):
    """§2.3 resourceVersionMatch=Exact"""
    found = await past.list(f"{MATCH}=Exact&resourceVersion={past.then}")
    assert (names(found), found["metadata"]["resourceVersion"]) == (["a", "b", "c"], past.then)
    page = await past.list(f"{MATCH}=Exact&resourceVersion={past.then}&limit=2")
    assert (names(page), page["metadata"]["resourceVersion"]) == (["a", "b"], past.then)
    check(
        await past.client("GET", f"{past.path}?{MATCH}=Exact&resourceVersion=0"),
        option_error(
            "ListOptions",
            'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            MATCH,
            "FieldValueForbidden",
        ),
    )


OPTIONS = [
    (f"{MATCH}=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided", MATCH),
    (f"{MATCH}=NotOlderThan", "resourceVersionMatch is forbidden unless resourceVersion is provided", MATCH),
    (f"{MATCH}=Exact&resourceVersion=5&continue=x", "resourceVersionMatch is forbidden when continue is provided", MATCH),
    ("sendInitialEvents=true", "sendInitialEvents is forbidden for list", "sendInitialEvents"),
    ("watch=1&sendInitialEvents=true", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan", MATCH),
    (f"watch=1&resourceVersion=5&{MATCH}=NotOlderThan", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided", MATCH),
]  # fmt: skip


@pytest.mark.parametrize(("query", "why", "field"), OPTIONS)
async def test_options_that_contradict_each_other(past: Past, query, why, field):
    """§2.3 option validation"""
    check(
        await past.client("GET", f"{past.path}?{query}"),
        option_error("ListOptions", f"Forbidden: {why}", field, "FieldValueForbidden"),
    )


async def test_an_unknown_match(past: Past):
    """§2.3 option validation"""
    check(
        await past.client("GET", f"{past.path}?{MATCH}=Foo&resourceVersion=5"),
        option_error(
            "ListOptions",
            'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            MATCH,
            "FieldValueNotSupported",
        ),
    )


async def test_a_version_that_is_no_number(past: Past):
    """§2.3 unparsable"""
    syntax = 'strconv.ParseUint: parsing "abc": invalid syntax'
    check(
        await past.client("GET", f"{past.path}?resourceVersion=abc"),
        bad_request(f'invalid resource version: resourceVersion: Invalid value: "abc": {syntax}'),
    )
    check(
        await past.client("GET", f"{past.path}?resourceVersion=abc&watch=1"),
        status(500, None, f'resourceVersion: Invalid value: "abc": {syntax}'),
    )
    document = await past.client.get(f"{past.path}/a")
    document["metadata"]["resourceVersion"] = "abc"
    check(await past.client("PUT", f"{past.path}/a", document), status(500, None, syntax))


async def test_one_counter_counts_all_kinds(past: Past):
    """§2.3: the list's version is the store's, monotonic across all kinds, a positive decimal"""
    seen = []
    for path in (past.path, past.space.maps, "/api/v1/nodes", "/apis/kubevirt.io/v1/virtualmachines"):
        version = (await past.client.get(path))["metadata"]["resourceVersion"]
        assert version == str(int(version))
        assert 0 < int(version) < 2**63
        seen.append(int(version))
        made = await past.client.made(past.space.maps, {"metadata": {"generateName": "x-"}})
        assert int(made["metadata"]["resourceVersion"]) > int(version)
        seen.append(int(made["metadata"]["resourceVersion"]))
    assert seen == sorted(seen)


async def events_of(past: Past, query: str, count: int) -> list[tuple[str, str]]:
    async with past.client.watch(past.path, query) as events:
        return await events.told(count)


async def live(past: Past, query: str, before: list[tuple[str, str]]) -> None:
    """The watch begins with *before*, and then shows what happens."""
    async with past.client.watch(past.path, query) as events:
        told = await events.told(len(before))
        assert told == before
        await past.client.made(past.path, {"metadata": {"name": "e"}})
        assert await events.told(1) == [("ADDED", "e")]


HERE = [("ADDED", "a"), ("ADDED", "c"), ("ADDED", "d")]
SINCE = [("DELETED", "b"), ("ADDED", "d")]
END = [("BOOKMARK", "")]
STREAM = f"sendInitialEvents=true&{MATCH}=NotOlderThan"
SILENT = f"sendInitialEvents=false&{MATCH}=NotOlderThan"

WATCHES = [
    ("", None, HERE),
    ("resourceVersion=", None, HERE),
    ("resourceVersion=0", None, HERE),
    ("", "then", SINCE),
    ("", "now", []),
    (STREAM, None, HERE),
    (f"{STREAM}&resourceVersion=", None, HERE),
    (f"{STREAM}&resourceVersion=0", None, HERE),
    (STREAM, "then", HERE),
    (f"{STREAM}&allowWatchBookmarks=true", None, HERE + END),
    (f"{STREAM}&allowWatchBookmarks=true&resourceVersion=0", None, HERE + END),
    (f"{STREAM}&allowWatchBookmarks=true", "then", HERE + END),
    (SILENT, None, []),
    (f"{SILENT}&resourceVersion=0", None, []),
    (SILENT, "then", SINCE),
    (f"{SILENT}&allowWatchBookmarks=true", None, []),
]


@pytest.mark.parametrize(("query", "version", "before"), WATCHES)
async def test_what_a_watch_begins_with(past: Past, query, version, before):
    """§2.3 watch, all combinations"""
    if version:
        query = f"{query}&resourceVersion={past.then if version == 'then' else past.now}"
    await live(past, query, before)


async def test_a_watch_from_the_future_waits(past: Past):
    """§2.3 future rv on watch: 200, waits silently"""
    async with past.client.watch(past.path, f"resourceVersion={FUTURE}&timeoutSeconds=1") as events:
        await past.client.made(past.path, {"metadata": {"name": "e"}})
        assert await events.line() == b""


async def test_pages_carry_the_version_of_the_first(past: Past):
    """§2.3 pagination"""
    first = await past.list("limit=1")
    token = first["metadata"]["continue"]
    made = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    assert made["v"] == "meta.k8s.io/v1"
    assert made["rv"] == int(first["metadata"]["resourceVersion"])
    await past.client.made(past.path, {"metadata": {"name": "bb"}})
    second = await past.list(f"limit=1&continue={token}")
    assert names(second) == ["c"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second["metadata"]["remainingItemCount"] == 1
    third = await past.list(f"limit=1&continue={second['metadata']['continue']}")
    assert names(third) == ["d"]
    assert "continue" not in third["metadata"]
    assert "remainingItemCount" not in third["metadata"]


async def test_a_selection_is_paged_without_a_count(past: Past):
    """§2.3 remainingItemCount only when no selector was given"""
    for selector in ("labelSelector=!x", "fieldSelector=metadata.name!%3Dq"):
        page = await past.list(f"limit=1&{selector}")
        assert page["metadata"]["continue"]
        assert "remainingItemCount" not in page["metadata"]
