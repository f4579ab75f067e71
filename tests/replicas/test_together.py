"""Two replicas on one database: what one does the other one knows, and either can go."""

from __future__ import annotations

import asyncio
import base64
import signal
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.postgresql import Cluster
from tests.replicas.conftest import Replica, create

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("postgresql")]

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
MAPS = "/api/v1/namespaces/default/configmaps"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kubevirt/leases/virt-controller"
_FLAGS = ("--lease-seconds", "3", "--instant", "--nodes", "1")


@pytest.fixture
async def pair(database: Cluster, tmp_path: Path) -> AsyncIterator[list[Replica]]:
    url = database.store_url(await create(database))
    async with AsyncExitStack() as stack:
        replicas = [Replica(f"replica-{number}", tmp_path / f"replica-{number}", url, *_FLAGS) for number in range(2)]
        for replica in replicas:
            stack.callback(replica.stop)
        # At the same time, as an orchestrator would: on an empty database.
        await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))
        yield replicas


def session(replica: Replica, token: str | None = None, authority: str | None = None) -> aiohttp.ClientSession:
    own_authority, own_token = replica.server.credentials()
    context = ssl.create_default_context(cadata=authority or own_authority)
    return aiohttp.ClientSession(
        replica.url,
        headers={"Authorization": f"Bearer {token or own_token}"},
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=60),
    )


async def answer(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
    async with client.request(method, path, json=body) as reply:
        assert reply.status in (200, 201), await reply.text()
        return await reply.json()


def machine(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {
            "runStrategy": "Always",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        },
    }


async def running(client: aiohttp.ClientSession, name: str, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while (await answer(client, "GET", f"{VMS}/{name}")).get("status", {}).get("printableStatus") != "Running":
            await asyncio.sleep(0.1)


async def leader(client: aiohttp.ClientSession, replicas: list[Replica], unlike: str = "") -> tuple[Replica, str]:
    """Who holds the Lease, and the name in it."""
    async with asyncio.timeout(30):
        while True:
            holder = (await answer(client, "GET", LEASE))["spec"]["holderIdentity"]
            if holder and holder != unlike:
                pid = int(holder.split("_")[-2])
                found = [one for one in replicas if one.up and one.pid == pid]
                if found:
                    return found[0], holder
            await asyncio.sleep(0.05)


async def test_replicas_share_keys_tokens_and_kinds(pair: list[Replica]) -> None:
    first, second = pair
    authority, token = first.server.credentials()
    assert second.server.credentials() == (authority, token)
    async with session(first) as one, session(second, token, authority) as other:
        account = "/api/v1/namespaces/default/serviceaccounts"
        await answer(one, "POST", account, {"metadata": {"name": "robot"}})
        issued = await answer(
            one,
            "POST",
            f"{account}/robot/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        )
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": issued["status"]["token"]},
        }
        reviewed = await answer(other, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert reviewed["status"]["authenticated"] is True
        assert reviewed["status"]["user"]["username"] == "system:serviceaccount:default:robot"
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "boats.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "boats", "singular": "boat", "kind": "Boat"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
                ],
            },
        }
        await answer(one, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        boats = "/apis/example.com/v1/namespaces/default/boats"
        async with asyncio.timeout(20):
            for client in (one, other):
                while True:
                    async with client.get(boats) as reply:
                        if reply.status == 200:
                            break
                    await asyncio.sleep(0.05)
        await answer(other, "POST", boats, {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "b"}})
        assert [item["metadata"]["name"] for item in (await answer(one, "GET", boats))["items"]] == ["b"]


async def test_the_other_one_takes_over_within_seconds_of_a_kill(pair: list[Replica]) -> None:
    async with session(pair[0]) as client:
        leading, holder = await leader(client, pair)
    staying = next(one for one in pair if one is not leading)
    async with session(staying) as client:
        await answer(client, "POST", VMS, machine("before"))
        await running(client, "before")
        began = time.monotonic()
        leading.kill()
        await answer(client, "POST", VMS, machine("after"))
        now, _ = await leader(client, pair, unlike=holder)
        assert now is staying
        # The Lease's three seconds, and a look at it.
        assert time.monotonic() - began < 8
        await running(client, "after")
        await answer(client, "DELETE", f"{VMS}/before")
    await asyncio.to_thread(leading.start)
    async with session(leading) as client:
        await running(client, "after")
        # It follows, and is as ready as the one that leads.
        async with client.get("/readyz") as reply:
            assert reply.status == 200
        assert (await leader(client, pair))[0] is staying


async def test_a_replica_that_is_asked_to_end_hands_over_at_once(pair: list[Replica]) -> None:
    async with session(pair[0]) as client:
        leading, holder = await leader(client, pair)
    staying = next(one for one in pair if one is not leading)
    async with session(staying) as client:
        assert await asyncio.to_thread(leading.stop) == 0
        began = time.monotonic()
        assert (await leader(client, pair, unlike=holder))[0] is staying
        assert time.monotonic() - began < 2


async def test_replicas_say_that_the_database_is_lost_and_go_on_when_it_is_back(
    pair: list[Replica], database: Cluster
) -> None:
    first, second = pair
    async with session(first) as one, session(second) as other:
        made = await answer(one, "POST", MAPS, {"metadata": {"name": "before"}})
        since = made["metadata"]["resourceVersion"]
        async with other.get(MAPS, params={"watch": "1", "resourceVersion": since}, timeout=None) as stream:
            await asyncio.to_thread(database.stop, signal.SIGQUIT)
            for client in (one, other):
                async with asyncio.timeout(20):
                    while True:
                        async with client.get("/readyz") as reply:
                            if reply.status == 500:
                                break
                        await asyncio.sleep(0.1)
                # What a restart does not mend is no reason for one.
                async with client.get("/livez") as reply:
                    assert reply.status == 200
                for method, path, body in (("GET", MAPS, None), ("POST", MAPS, {"metadata": {"name": "lost"}})):
                    async with client.request(method, path, json=body) as reply:
                        status = await reply.json()
                        # Reference kubernetes-api.md 4: reason, code, and the header that clients wait by.
                        assert (reply.status, status["reason"]) == (503, "ServiceUnavailable")
                        assert reply.headers["Retry-After"] == "1"
                # From memory, as a client may ask for it.
                async with client.get(MAPS, params={"resourceVersion": "0"}) as reply:
                    assert reply.status == 200
            await asyncio.to_thread(database.start)
            async with asyncio.timeout(20):
                for client in (one, other):
                    while True:
                        async with client.get("/readyz") as reply:
                            if reply.status == 200:
                                break
                        await asyncio.sleep(0.1)
            await answer(one, "POST", MAPS, {"metadata": {"name": "after"}})
            async with asyncio.timeout(20):
                line = await stream.content.readline()
            assert b'"name":"after"' in line
        names = [item["metadata"]["name"] for item in (await answer(other, "GET", MAPS))["items"]]
        assert names == ["after", "before", "kube-root-ca.crt"]
        # The controllers are at work again, too.
        await answer(other, "POST", VMS, machine("vm"))
        await running(one, "vm")


async def test_a_kubeconfig_names_the_balancer_if_there_is_one(database: Cluster, tmp_path: Path) -> None:
    url = database.store_url(await create(database))
    replica = Replica("replica-0", tmp_path / "replica-0", url, "--public-url", "https://vms.example.com:6443")
    replica.start()
    try:
        config = yaml.safe_load(replica.server.kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        assert cluster["server"] == "https://vms.example.com:6443"
        assert base64.b64decode(cluster["certificate-authority-data"]).startswith(b"-----BEGIN CERTIFICATE-----")
    finally:
        replica.stop()
