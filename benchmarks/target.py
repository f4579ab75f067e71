"""
The server under load: one that is started here, or any Kubernetes-style server that runs already.

What is compared first is the server's CPU time per operation, read from /proc: throughput on shared cores swings with whatever else runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from solovirt.testing import ServerProcess

_TICKS = os.sysconf("SC_CLK_TCK")


class Unmeasurable(Exception):
    """A figure that can't be had of this target."""


@dataclass(frozen=True)
class Target:
    """Where to send the load, and the processes that carry it."""

    url: str
    authority: str | None
    """The certificate authority in PEM; None for plain HTTP or the system's."""
    token: str | None
    pids: Sequence[int]
    """The server's processes (kube-apiserver's and etcd's, say); none if they are elsewhere."""
    log: Path | None = None

    def cpu_seconds(self) -> float:
        """User and system time that the server's processes have used; 0 if they are elsewhere."""
        total = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def memory_mib(self) -> float:
        """Resident memory of the server's processes; 0 if they are elsewhere."""
        total = 0.0
        for pid in self.pids:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) / 1024
        return total

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A client with the administrator's credential and as many connections as it likes."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connector = aiohttp.TCPConnector(ssl=self.tls(), limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(self.url, headers=headers, connector=connector, timeout=timeout) as client:
            yield client

    def tls(self) -> ssl.SSLContext | bool:
        """What aiohttp and asyncio take as `ssl`."""
        return ssl.create_default_context(cadata=self.authority) if self.authority else self.url.startswith("https")


def of_process(server: ServerProcess) -> Target:
    """A `solovirt up` that runs."""
    authority, token = server.credentials()
    return Target(server.url, authority, token, (server.pid,), server.log)


@contextmanager
def control_plane(arguments: Sequence[str] = ()) -> Iterator[Target]:
    """A whole `solovirt up` on an empty data directory, controllers and fake runtime included."""
    with tempfile.TemporaryDirectory() as scratch, ServerProcess(Path(scratch) / "data", arguments) as server:
        yield of_process(server)


@contextmanager
def api_server() -> Iterator[Target]:
    """
    The API alone, on an empty SQLite file: no controller writes while it is measured, as none does beside the peer.

    TLS, token, admission, validation, managedFields and fsync are those of `solovirt up`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "benchmarks.api_server", scratch]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url, token = process.stdout.readline().split()
                authority = (Path(scratch) / "pki" / "ca.crt").read_text()
                yield Target(url, authority, token, (process.pid,))
            finally:
                process.send_signal(signal.SIGTERM)


async def expect(answer: aiohttp.ClientResponse, status: int) -> bytes:
    """Read the body; RuntimeError if the answer is another than expected."""
    body = await answer.read()
    if answer.status != status:
        raise RuntimeError(f"{answer.method} {answer.url}: {answer.status} {body[:500]!r}")
    return body


async def quiet(target: Target, *, seconds: float = 0.5, limit: int = 240) -> None:
    """Wait until the server has used next to no CPU for a while: its controllers are done."""
    for _ in range(limit):
        before = target.cpu_seconds()
        await asyncio.sleep(seconds)
        if not target.pids or target.cpu_seconds() - before < seconds * 0.04:
            return
