"""What is answered when history is gone (reference kubernetes-api.md 2.3, 410 forms)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from solovirt.control_plane import ControlPlane
from solovirt.settings import Settings
from tests import databases
from tests.conformance.conftest import Client
from tests.conformance.statuses import status

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("control-plane"),
        database_url=databases.url(),
        listen="127.0.0.1:0",
        insecure_http=True,
        history_revisions=0,
        history_seconds=0,
    )
    control_plane = ControlPlane(settings)
    await control_plane.start()
    try:
        yield control_plane
    finally:
        await control_plane.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        client = Client(session, control_plane.url)
        for name in "abc":
            await client.made(MAPS, {"metadata": {"name": f"map-{name}"}})
        yield client


async def forgotten(client: Client, control_plane: ControlPlane) -> str:
    """Write something, and forget all that was before it; the version is one that is forgotten."""
    version: str = (await client.get(MAPS))["metadata"]["resourceVersion"]
    for number in range(3):
        await client.merged(f"{MAPS}/map-a", {"data": {"at": f"{version}-{number}"}})
    # Not within the second of the newest: what is kept is kept by whole seconds too.
    for _ in range(50):
        await control_plane.store.compact(keep_revisions=0, keep_seconds=0)
        reply = await client("GET", f"{MAPS}?resourceVersionMatch=Exact&resourceVersion={version}")
        if reply.status == 410:
            return version
        await asyncio.sleep(0.05)
    raise AssertionError(f"{version} is remembered: {reply.body!r}")


async def test_a_list_of_what_is_gone(client: Client, control_plane: ControlPlane):
    """§2.3 list Exact; list + limit, which is exact too"""
    version = await forgotten(client, control_plane)
    expected = status(410, "Expired", "The resourceVersion for the provided list is too old.")
    for query in ("resourceVersionMatch=Exact", "limit=2"):
        reply = await client("GET", f"{MAPS}?{query}&resourceVersion={version}")
        assert (reply.status, reply.json) == (410, expected)
    # What is not exact is answered from what there is.
    assert (await client("GET", f"{MAPS}?resourceVersion={version}")).status == 200


async def test_a_watch_of_what_is_gone(client: Client, control_plane: ControlPlane):
    """§2.3 watch from a trimmed rv: HTTP status 200 and one ERROR event holding the Status; §2.5 ERROR, then close"""
    version = await forgotten(client, control_plane)
    async with client.watch(MAPS, f"resourceVersion={version}") as events:
        event = await events.next()
        assert await events.line() == b""
    assert event["type"] == "ERROR"
    assert event["object"].keys() == {"kind", "apiVersion", "metadata", "status", "message", "reason", "code"}
    assert (event["object"]["kind"], event["object"]["code"], event["object"]["reason"]) == ("Status", 410, "Expired")
    assert event["object"]["message"].startswith(f"too old resource version: {version} (")


async def test_a_page_of_what_is_gone(client: Client, control_plane: ControlPlane):
    """§2.3 list continue, token too old: a token to go on inconsistently is in the Status"""
    page = await client.get(f"{MAPS}?limit=1")
    first = page["items"][0]["metadata"]["name"]
    await forgotten(client, control_plane)
    reply = await client("GET", f"{MAPS}?limit=1&continue={page['metadata']['continue']}")
    assert (reply.status, reply.json["reason"], reply.json["code"]) == (410, "Expired", 410)
    assert reply.message.startswith(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
        "the continue parameter, or use the continue token in this response "
    )
    fresh = reply.json["metadata"]["continue"]
    assert json.loads(base64.urlsafe_b64decode(fresh + "=" * (-len(fresh) % 4)))["rv"] == -1
    rest = await client.get(f"{MAPS}?continue={fresh}")
    assert rest["items"]
    assert first not in {one["metadata"]["name"] for one in rest["items"]}
    assert "continue" not in rest["metadata"]
