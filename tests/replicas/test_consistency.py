"""
Three replicas, clients that write, read and watch, and everything that can break: what they saw is held against the log.

Replicas are killed, paused for longer than the Lease lasts, and started again; PostgreSQL is restarted, its backends are paused; lines to
it are cut, also around a COMMIT, and go dead for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from solovirt.machinery.store import migrate
from tests.postgresql import Cluster
from tests.replicas.conftest import Replica, create
from tests.replicas.history import AUDIT, MAPS, History, check, read_log
from tests.replicas.proxy import Proxy
from tests.replicas.workload import Clients

logger = logging.getLogger(__name__)

REPLICAS, WRITERS, WATCHERS = 3, 10, 4
VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
_FLAGS = ("--insecure-http", "--lease-seconds", "3", "--history-revisions", "1000000", "--instant", "--nodes", "1")


@dataclass
class Chaos:
    """Breaks something, and mends it again."""

    cluster: Cluster
    replicas: list[Replica]
    proxies: list[Proxy]
    history: History
    done: list[str] = field(default_factory=list)
    leader: Callable[[], Replica | None] = lambda: None

    async def kill(self) -> None:
        replica = random.choice(self.replicas)
        await asyncio.to_thread(replica.kill)
        await asyncio.sleep(random.uniform(0, 2))
        await self._start(replica)

    async def kill_leader(self) -> None:
        replica = self.leader()
        if replica is not None:
            await asyncio.to_thread(replica.kill)
            await asyncio.sleep(random.uniform(0, 5))
            await self._start(replica)

    async def pause_leader(self) -> None:
        """Longer than the Lease lasts: it comes back as somebody who still thinks that it leads."""
        replica = self.leader()
        if replica is not None:
            replica.up = False
            replica.pause()
            await asyncio.sleep(6)
            replica.resume()
            replica.up = True

    async def _start(self, replica: Replica) -> None:
        for _ in range(20):
            # It can't start while the database is away.
            with suppress(RuntimeError):
                await asyncio.to_thread(replica.start)
                self.history.incarnations[replica.pid] = replica.name
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"{replica.name} does not start:\n{replica.server.log.read_text()[-3000:]}")

    async def restart_database(self) -> None:
        await asyncio.to_thread(self.cluster.stop, random.choice([signal.SIGINT, signal.SIGQUIT]))
        await asyncio.sleep(random.uniform(0, 2))
        await asyncio.to_thread(self.cluster.start)

    async def pause_backends(self) -> None:
        """Whatever they were in the middle of."""
        backends = self.cluster.backends()
        chosen = random.sample(backends, min(len(backends), 3))
        for backend in chosen:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGSTOP)
        try:
            await asyncio.sleep(random.uniform(0.5, 2.5))
        finally:
            for backend in chosen:
                with suppress(ProcessLookupError):
                    os.kill(backend, signal.SIGCONT)

    async def cut_commits(self) -> None:
        for _ in range(4):
            for proxy in self.proxies:
                proxy.cut = random.choice(["before", "after"])
            await asyncio.sleep(0.3)

    async def cut_lines(self) -> None:
        random.choice(self.proxies).cut_all()

    async def stall_lines(self) -> None:
        await random.choice(self.proxies).stall(random.uniform(1, 4))

    async def run(self, seconds: float) -> None:
        everything = [
            self.kill, self.kill_leader, self.pause_leader, self.restart_database, self.pause_backends,
            self.cut_commits, self.cut_lines, self.stall_lines,
        ]  # fmt: skip
        until = time.monotonic() + seconds
        waiting: list[Callable[[], object]] = []
        # However slow the machine is, everything is tried.
        while time.monotonic() < until or waiting or len(self.done) < len(everything):
            # Each once before any comes again.
            waiting = waiting or random.sample(everything, len(everything))
            disturb = waiting.pop()
            self.done.append(disturb.__name__)
            await disturb()  # type: ignore[misc]  # they are all coroutines
            await asyncio.sleep(random.uniform(0.5, 2))


@pytest.fixture
async def world(database: Cluster, tmp_path: Path) -> AsyncIterator[tuple[Chaos, str]]:
    name = await create(database)
    await migrate.upgrade(database.store_url(name))
    await database.execute(AUDIT, name)
    async with AsyncExitStack() as stack:
        history = History()
        proxies, replicas = [], []
        for number in range(REPLICAS):
            proxy = Proxy(database.port)
            await stack.enter_async_context(proxy.running())
            url = database.store_url(name).replace(f":{database.port}/", f":{proxy.port}/")
            replica = Replica(f"replica-{number}", tmp_path / f"replica-{number}", url, *_FLAGS)
            stack.callback(replica.stop)
            proxies.append(proxy)
            replicas.append(replica)
        for replica in replicas:
            # Off the loop, which carries their lines.
            await asyncio.to_thread(replica.start)
            history.incarnations[replica.pid] = replica.name
        yield Chaos(database, replicas, proxies, history), f"{database.url}/{name}"


async def toggle_machines(session: aiohttp.ClientSession, clients: Clients) -> None:
    """Give the controllers something to write: machines that come and go."""
    machine = {
        "spec": {
            "runStrategy": "Always",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        }
    }
    number = 0
    while not clients.stopping:
        number += 1
        with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            url = await clients._url()
            body = {
                "apiVersion": "kubevirt.io/v1",
                "kind": "VirtualMachine",
                "metadata": {"name": f"vm-{number}"},
                **machine,
            }
            timeout = aiohttp.ClientTimeout(total=10)
            async with session.post(url + VMS, json=body, timeout=timeout) as answer:
                await answer.read()
            await asyncio.sleep(0.3)
            async with session.delete(f"{url}{VMS}/vm-{max(1, number - 5)}", timeout=timeout) as answer:
                await answer.read()


async def follow_the_leader(database_url: str, chaos: Chaos) -> None:
    """Know who leads, from the database itself."""
    holder = ""

    def leader() -> Replica | None:
        pid = int(holder.split("_")[-2]) if holder else 0
        return next((one for one in chaos.replicas if one.up and one.pid == pid), None)

    chaos.leader = leader
    while True:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            connection = await asyncpg.connect(database_url, timeout=5)
            try:
                while True:
                    query = "SELECT object->'spec'->>'holderIdentity' FROM object WHERE plural = 'leases' AND name = 'virt-controller'"
                    holder = await connection.fetchval(query, timeout=5) or ""
                    await asyncio.sleep(0.2)
            finally:
                connection.terminate()
        await asyncio.sleep(0.2)


async def run(world: tuple[Chaos, str], seconds: float) -> History:
    chaos, database_url = world
    history = chaos.history
    end = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        clients = Clients(session, lambda: [one.url for one in chaos.replicas if one.up], history)
        following = asyncio.create_task(follow_the_leader(database_url, chaos))
        watchers = [asyncio.create_task(clients.watch(lambda: end)) for _ in range(WATCHERS)]
        writers = [asyncio.create_task(clients.write()) for _ in range(WRITERS)]
        writers.append(asyncio.create_task(toggle_machines(session, clients)))
        try:
            await chaos.run(seconds)
            await asyncio.sleep(2)
            clients.stopping = True
            async with asyncio.timeout(90):
                await asyncio.gather(*writers)
                while not end:
                    operation = history.begin(f"end-{len(history.operations)}", "create")
                    body = {"metadata": {"name": operation.name}, "data": {"operation": operation.id}}
                    if await clients._send(operation, "POST", MAPS, body):
                        end = operation.version
                await asyncio.gather(*watchers)
        finally:
            for task in (following, *writers, *watchers):
                task.cancel()
            await asyncio.gather(following, *writers, *watchers, return_exceptions=True)
    for replica in chaos.replicas:
        await asyncio.to_thread(replica.stop)
    log = await read_log(database_url)
    logger.info(
        "%d versions, %d writes acknowledged, %d refused, %d of unknown outcome, %d reads, %d times 503; %s",
        len(log),
        history.count("done"),
        history.count("refused"),
        history.count("unknown"),
        len(history.sights),
        clients.unavailable,
        ", ".join(chaos.done),
    )
    check(history, log)
    return history


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("postgresql")
async def test_what_clients_saw_agrees_with_the_log_whatever_breaks(world: tuple[Chaos, str]) -> None:
    history = await run(world, 45)
    assert history.count("done") > 100


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.xdist_group("postgresql")
async def test_what_clients_saw_agrees_with_the_log_for_twenty_minutes(world: tuple[Chaos, str]) -> None:
    await run(world, 1200)
