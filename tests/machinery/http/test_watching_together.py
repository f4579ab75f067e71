"""
Many write at once and many watch, each its own selection: every watcher sees each change of its selection exactly once, in order
(reference kubernetes-api.md 2.5). What it has to see is worked out from what an unselective watcher sees, whose events are those that the writers were
answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

import pytest

from tests.machinery.http.conftest import ADMIN

VMS = "/apis/example.com/v1/namespaces/default/vms"
MERGE = {"Content-Type": "application/merge-patch+json"}
NAMES = ("a", "b", "c", "d")
SELECTIONS = {
    "": lambda name, labels: True,
    "labelSelector=tier%3Dx": lambda name, labels: labels.get("tier") == "x",
    "labelSelector=tier+in+(x,y)": lambda name, labels: labels.get("tier") in ("x", "y"),
    "labelSelector=!tier": lambda name, labels: "tier" not in labels,
    "fieldSelector=metadata.name%3Db": lambda name, labels: name == "b",
    "labelSelector=tier%3Dx&fieldSelector=metadata.name!%3Da": lambda name, labels: labels.get("tier") == "x" and name != "a",
}  # fmt: skip


def selected(events, includes):
    """What the watcher of a selection has to see of *events*: objects enter and leave it."""
    before: dict[str, dict[str, Any]] = {}
    for kind, document in events:
        name, version = document["metadata"]["name"], document["metadata"]["resourceVersion"]
        labels = document["metadata"].get("labels") or {}
        was = name in before and includes(name, before[name])
        if kind == "DELETED":
            if was:
                yield "DELETED", name, version
            before.pop(name, None)
            continue
        now = includes(name, labels)
        if now or was:
            yield ("MODIFIED" if now and was else "ADDED" if now else "DELETED"), name, version
        before[name] = labels


async def write(client, chance, number, seen):
    """One writer: creates, changes and deletes the same few objects as the others, and notes the versions that it was answered."""
    for step in range(25):
        name = chance.choice(NAMES)
        tier = chance.choice(["x", "y", "z", None])
        body = {"metadata": {"labels": {"tier": tier}}, "spec": {"note": f"{number}-{step}"}}
        match chance.choice(["create", "patch", "patch", "patch", "delete"]):
            case "create":
                labels = {"tier": tier} if tier else {}
                whole = {"apiVersion": "example.com/v1", "kind": "VM", "metadata": {"name": name, "labels": labels}}
                reply = await client("POST", VMS, whole)
            case "patch":
                reply = await client("PATCH", f"{VMS}/{name}", body, headers=MERGE)
            case _:
                reply = await client("DELETE", f"{VMS}/{name}")
        assert reply.status in (200, 201, 404, 409), reply.body
        if reply.status < 300 and reply.json["kind"] == "VM":
            seen.add(reply.json["metadata"]["resourceVersion"])


async def follow(client, query, events):
    """One watcher, from before the first write until it is cancelled."""
    async with client.raw.get(f"{VMS}?watch=true&{query}", headers=ADMIN) as answer:
        assert answer.status == 200
        while line := await answer.content.readline():
            event = json.loads(line)
            events.append((event["type"], event["object"]))


async def everything_is_sent(gathered, wanted):
    async with asyncio.timeout(20):
        while any(len(gathered[query]) < len(wanted()[query]) for query in SELECTIONS):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(4))
async def test_every_watcher_sees_each_change_of_its_selection_once_and_in_order(client, store, seed):
    chance = random.Random(seed)
    start = store.now.revision
    gathered: dict[str, list[Any]] = {query: [] for query in SELECTIONS}
    late: list[Any] = []
    versions: set[str] = set()
    watchers = [
        asyncio.create_task(follow(client, f"resourceVersion={start}&{query}", gathered[query])) for query in SELECTIONS
    ]
    await asyncio.gather(*(write(client, random.Random(chance.random()), number, versions) for number in range(4)))
    # One that comes when all is over, and is told all of it from the log.
    watchers.append(asyncio.create_task(follow(client, f"resourceVersion={start}&labelSelector=tier%3Dx", late)))

    def wanted():
        return {query: list(selected(gathered[""], includes)) for query, includes in SELECTIONS.items()}

    try:
        async with asyncio.timeout(20):
            while int(gathered[""][-1][1]["metadata"]["resourceVersion"]) < store.now.revision:
                await asyncio.sleep(0.01)
        await everything_is_sent(gathered, wanted)
        async with asyncio.timeout(20):
            while len(late) < len(gathered["labelSelector=tier%3Dx"]):
                await asyncio.sleep(0.01)
    finally:
        for watcher in watchers:
            watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*watchers, return_exceptions=True)
    everything = [int(one["metadata"]["resourceVersion"]) for _, one in gathered[""]]
    assert everything == sorted(set(everything))
    assert versions <= {str(version) for version in everything}
    for query, expected in wanted().items():
        told = [(kind, one["metadata"]["name"], one["metadata"]["resourceVersion"]) for kind, one in gathered[query]]
        assert told == expected, query
    assert late == gathered["labelSelector=tier%3Dx"]
