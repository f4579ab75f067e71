"""
kill -9 in the middle of concurrent writes, again and again, through the whole server.

After each restart: every acknowledged write is there, none is half there, resourceVersions went on upwards, a watch goes on from its last
version without gap or repeat, and the controllers finish what was under way.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from solovirt.testing import ServerProcess

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"


def virtual_machine(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "labels": {"counter": "0"}, "annotations": {"padding": name * 50}},
        "spec": {
            "runStrategy": "Halted",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        },
    }


def session(server: ServerProcess) -> aiohttp.ClientSession:
    authority, token = server.credentials()
    context = ssl.create_default_context(cadata=authority)
    return aiohttp.ClientSession(
        server.url,
        headers={"Authorization": f"Bearer {token}"},
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
    )


@dataclass
class Ledger:
    """What the server has acknowledged, and what a watcher has seen."""

    counters: dict[str, int] = field(default_factory=dict)
    """Name to the highest counter acknowledged."""
    patching: set[str] = field(default_factory=set)
    """The names whose counter a patch without an answer may be setting."""
    began: int = 0
    """The version of the first list, which the first watch starts from."""
    highest: int = 0
    """The highest acknowledged resourceVersion."""
    acknowledged: int = 0
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The fold of the watch: name to object."""
    revisions: list[int] = field(default_factory=list)
    """Every resourceVersion the watch has shown, in order."""

    def acknowledge(self, document: dict[str, Any]) -> None:
        metadata = document["metadata"]
        name, counter = metadata["name"], int(metadata["labels"]["counter"])
        self.counters[name] = max(counter, self.counters.get(name, 0))
        self.highest = max(self.highest, int(metadata["resourceVersion"]))
        self.acknowledged += 1

    def see(self, event: dict[str, Any]) -> None:
        assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
        metadata = event["object"]["metadata"]
        self.revisions.append(int(metadata["resourceVersion"]))
        self.seen[metadata["name"]] = event["object"]


async def write(client: aiohttp.ClientSession, ledger: Ledger, names: list[str], enough: asyncio.Event) -> None:
    """Create or patch until the server goes away; only what was answered counts."""
    while not enough.is_set():
        try:
            if names and (not ledger.counters or random.random() < 0.5):
                async with client.post(VMS, json=virtual_machine(names.pop())) as answer:
                    assert answer.status in (201, 409), await answer.text()
                    if answer.status == 201:
                        ledger.acknowledge(await answer.json())
            else:
                # Of two patches of one machine that are under way, the older may come last and set the counter back.
                if (name := random.choice(list(ledger.counters))) in ledger.patching:
                    await asyncio.sleep(0)
                    continue
                ledger.patching.add(name)
                patch = {"metadata": {"labels": {"counter": str(ledger.counters[name] + 1)}}}
                async with client.patch(
                    f"{VMS}/{name}", json=patch, headers={"Content-Type": "application/merge-patch+json"}
                ) as answer:
                    assert answer.status == 200, await answer.text()
                    ledger.acknowledge(await answer.json())
                ledger.patching.discard(name)
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return


async def watch(client: aiohttp.ClientSession, ledger: Ledger) -> None:
    """Watch from the last version seen until the server goes away."""
    since = str(ledger.revisions[-1] if ledger.revisions else ledger.began)
    pending = b""
    try:
        async with client.get(VMS, params={"watch": "1", "resourceVersion": since}, timeout=None) as answer:
            assert answer.status == 200, await answer.text()
            async for chunk in answer.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    ledger.see(json.loads(line))
    except (aiohttp.ClientError, ConnectionError):
        return


async def check(client: aiohttp.ClientSession, ledger: Ledger) -> None:
    """Everything acknowledged is there and whole, and versions have not gone back."""
    async with client.get(VMS) as answer:
        listed = await answer.json()
    revision = int(listed["metadata"]["resourceVersion"])
    assert revision >= ledger.highest
    ledger.began = ledger.began or revision
    stored = {item["metadata"]["name"]: item for item in listed["items"]}
    for name, counter in ledger.counters.items():
        assert name in stored, f"{name} was acknowledged and is gone"
        assert int(stored[name]["metadata"]["labels"]["counter"]) >= counter, f"{name} went back"
    for name, item in stored.items():
        assert item["metadata"]["annotations"]["padding"] == name * 50
        assert item["spec"]["runStrategy"] == "Halted"
        assert item["metadata"]["uid"]
    revisions = [int(item["metadata"]["resourceVersion"]) for item in listed["items"]]
    assert len(set(revisions)) == len(revisions)


async def rounds(server: ServerProcess, *, kills: int, writes_per_round: int) -> None:
    ledger = Ledger()
    names = [f"vm-{number:05}" for number in range(kills * writes_per_round)]
    for _ in range(kills):
        async with session(server) as client:
            await check(client, ledger)
            ledger.patching.clear()
            target = ledger.acknowledged + random.randint(writes_per_round // 2, writes_per_round)
            enough = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(watch(client, ledger))
                for _worker in range(32):
                    group.create_task(write(client, ledger, names, enough))
                while ledger.acknowledged < target:
                    await asyncio.sleep(0.005)
                await asyncio.to_thread(server.kill)
                enough.set()
        await asyncio.to_thread(server.start)
    await finish(server, ledger)


async def finish(server: ServerProcess, ledger: Ledger) -> None:
    """The watch catches up with the list, and has shown every version once, in order."""
    async with session(server) as client:
        await check(client, ledger)
        watching = asyncio.create_task(watch(client, ledger))
        async with asyncio.timeout(30):
            # The controllers go on writing for a while: list again until watch and list agree.
            while True:
                async with client.get(VMS) as answer:
                    listed = await answer.json()
                wanted = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
                current = {name: item["metadata"]["resourceVersion"] for name, item in ledger.seen.items()}
                if current == wanted:
                    break
                await asyncio.sleep(0.05)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert ledger.revisions == sorted(set(ledger.revisions)), "a version was repeated or came out of order"


async def test_no_acknowledged_write_is_lost_to_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ["--history-revisions", "100000"]) as server:
        await rounds(server, kills=2, writes_per_round=120)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_no_acknowledged_write_of_five_thousand_is_lost(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ["--history-revisions", "100000"]) as server:
        await rounds(server, kills=5, writes_per_round=1000)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_no_acknowledged_write_is_lost_to_many_kills(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", ["--history-revisions", "1000000"]) as server:
        await rounds(server, kills=20, writes_per_round=5000)


async def test_controllers_finish_what_a_kill_interrupted(tmp_path: Path) -> None:
    """Machines that were on their way to Running when the server was killed get there after it is back."""
    total = 20
    with ServerProcess(tmp_path / "data") as server:
        async with session(server) as client:
            for number in range(total):
                machine = virtual_machine(f"vm-{number}")
                machine["spec"]["runStrategy"] = "Always"
                async with client.post(VMS, json=machine) as answer:
                    assert answer.status == 201, await answer.text()
        server.kill()
        server.start()
        async with session(server) as client, asyncio.timeout(60):
            statuses: list[str] = []
            while statuses != ["Running"] * total:
                await asyncio.sleep(0.1)
                async with client.get(VMS) as answer:
                    items = (await answer.json())["items"]
                statuses = [item.get("status", {}).get("printableStatus", "") for item in items]
            async with client.get(VMS.replace("machines", "machineinstances")) as answer:
                instances = (await answer.json())["items"]
        owners = [item["metadata"]["ownerReferences"][0]["name"] for item in instances]
        assert sorted(owners) == sorted(f"vm-{number}" for number in range(total))
