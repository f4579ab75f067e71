"""
What docker-compose.yml starts, as plain processes on this machine: PostgreSQL, two replicas, and haproxy with the file's own configuration.

Clients know the balancer alone, and a replica is killed under them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clients.kubectl import kubectl_binary
from tests.postgresql import DURABLE, missing, running
from tests.replicas.conftest import Replica, create

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("postgresql")]

ROOT = Path(__file__).parents[2]
MAPS = "/api/v1/namespaces/default/configmaps"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kubevirt/leases/virt-controller"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Topology:
    url: str
    replicas: list[Replica]
    home: Path

    def session(self) -> aiohttp.ClientSession:
        authority, token = self.replicas[0].server.credentials()
        return aiohttp.ClientSession(
            self.url,
            headers={"Authorization": f"Bearer {token}"},
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority)),
            timeout=aiohttp.ClientTimeout(total=60),
        )


@pytest.fixture
async def topology(tmp_path: Path) -> AsyncIterator[Topology]:
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("haproxy")
        raise AssertionError
    with running(DURABLE) as cluster:
        url = cluster.store_url(await create(cluster))
        balancer, *ports = (free_port() for _ in range(3))
        public = f"https://localhost:{balancer}"
        replicas = []
        for name, port in zip(("one", "two"), ports, strict=True):
            flags = ("--lease-seconds", "3", "--instant", "--nodes", "1", "--public-url", public)
            replica = Replica(name, tmp_path / name, url, *flags)
            # Where the balancer expects it, at each start.
            replica.server.arguments = (*replica.server.arguments, "--listen", f"127.0.0.1:{port}")
            replicas.append(replica)
        environment = {
            "SOLOVIRT_LISTEN": f"127.0.0.1:{balancer}",
            **{f"SOLOVIRT_{name}": f"127.0.0.1:{port}" for name, port in zip(("ONE", "TWO"), ports, strict=True)},
        }
        with (tmp_path / "haproxy.log").open("wb") as log:
            process = subprocess.Popen(
                [program, "-f", str(ROOT / "deploy" / "haproxy.cfg"), "-db"], env=environment, stdout=log, stderr=log
            )
        try:
            await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))
            async with asyncio.timeout(20):
                # Found away while they started, they have to be found there again: or one would get everybody.
                while not all(
                    f"replicas/{name} is UP" in (tmp_path / "haproxy.log").read_text() for name in ("one", "two")
                ):
                    await asyncio.sleep(0.1)
            yield Topology(public, replicas, tmp_path)
        finally:
            process.terminate()
            process.wait(10)
            for replica in replicas:
                replica.stop()


async def patiently(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
    """As clients with a retry do it: a connection that ended is made anew."""
    async with asyncio.timeout(30):
        while True:
            try:
                async with client.request(method, path, json=body) as answer:
                    document = await answer.json()
                    if answer.status in (200, 201, 409):
                        return document
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


async def watch(topology: Topology, names: list[str], versions: list[int], reconnections: list[int]) -> None:
    """Note the names and versions of ConfigMaps that come, through whatever connection."""
    async with topology.session() as client:
        since = (await patiently(client, "GET", MAPS))["metadata"]["resourceVersion"]
        while True:
            try:
                parameters = {"watch": "1", "resourceVersion": since}
                async with client.get(MAPS, params=parameters, timeout=aiohttp.ClientTimeout(total=None)) as stream:
                    assert stream.status == 200, await stream.text()
                    async for line in stream.content:
                        event = json.loads(line)
                        since = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] == "ADDED":
                            names.append(event["object"]["metadata"]["name"])
                            versions.append(int(since))
            except aiohttp.ClientError:
                pass
            reconnections.append(1)
            await asyncio.sleep(0.05)


async def test_clients_of_the_balancer_outlive_a_replica(topology: Topology) -> None:
    names: list[str] = []
    versions: list[int] = []
    reconnections: list[int] = []
    # Both replicas get some of them.
    watching = [asyncio.create_task(watch(topology, names, versions, reconnections)) for _ in range(1)]
    watching += [asyncio.create_task(watch(topology, [], [], reconnections)) for _ in range(5)]
    async with topology.session() as client:
        await asyncio.sleep(0.5)
        made = []
        for number in range(40):
            made.append(f"map-{number}")
            await patiently(client, "POST", MAPS, {"metadata": {"name": made[-1]}})
            if number == 15:
                holder = (await patiently(client, "GET", LEASE))["spec"]["holderIdentity"]
                leading = next(one for one in topology.replicas if one.pid == int(holder.split("_")[-2]))
                await asyncio.to_thread(leading.kill)
        async with asyncio.timeout(20):
            while len(names) < len(made):
                await asyncio.sleep(0.05)
        assert names == made
        assert versions == sorted(set(versions))
        assert reconnections, "nobody was connected to the replica that was killed"
        await asyncio.to_thread(leading.start)
        # What the controllers do goes on, and both are used again.
        await patiently(client, "DELETE", f"{MAPS}/kube-root-ca.crt")
        async with asyncio.timeout(20):
            while True:
                async with client.get(f"{MAPS}/kube-root-ca.crt") as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.1)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def kubectl(topology: Topology, *arguments: str) -> str:
    """The newest kubectl, through the balancer: the kubeconfig names nothing else."""
    process = await asyncio.create_subprocess_exec(
        str(kubectl_binary("37")),
        "--kubeconfig",
        str(topology.replicas[0].server.kubeconfig),
        *arguments,
        env={"HOME": str(topology.home), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def test_kubectl_works_through_the_balancer_with_one_replica_and_with_two(topology: Topology) -> None:
    config = await kubectl(topology, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
    assert config == topology.url
    for name in ("first", "second"):
        await kubectl(topology, "create", "configmap", name, "--from-literal=a=b")
        topology.replicas[1].kill()
        assert f"configmap/{name}" in await kubectl(topology, "get", "configmaps", "-o", "name")
        await asyncio.to_thread(topology.replicas[1].start)
    waiting = asyncio.create_task(
        kubectl(topology, "wait", "--for=jsonpath={.data.done}=yes", "configmap/first", "--timeout=60s")
    )
    await asyncio.sleep(2)
    topology.replicas[0].kill()
    await asyncio.sleep(1)
    await kubectl(topology, "patch", "configmap", "first", "-p", '{"data":{"done":"yes"}}')
    assert "condition met" in await waiting
