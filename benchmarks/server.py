"""
A server process under load from this one, with TLS, token authentication, fsync, validation and managedFields on.

What is compared first is the server's CPU time per operation, read from /proc: throughput on shared cores swings with whatever else runs.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from solovirt.testing import ServerProcess

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What one load cost."""

    operations: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]

    @property
    def cpu_ms(self) -> float:
        """Server CPU per operation, in milliseconds."""
        return self.cpu_seconds / self.operations * 1000

    def row(self, name: str) -> str:
        ordered = sorted(self.latencies)
        p50 = statistics.median(ordered) * 1000
        p99 = ordered[int(len(ordered) * 0.99)] * 1000
        rate = self.operations / self.seconds
        return f"{name:<40} {self.cpu_ms:8.3f} ms CPU/op {rate:9.0f} op/s  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms"


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int) -> float:
    """Resident memory of the process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} shows no resident size")


@asynccontextmanager
async def session(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with the administrator's token."""
    authority, token = server.credentials()
    context = ssl.create_default_context(cadata=authority)
    async with aiohttp.ClientSession(
        server.url,
        headers={"Authorization": f"Bearer {token}"},
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
    ) as client:
        yield client


async def load(
    server: ServerProcess, operation: Callable[[int], Awaitable[None]], *, count: int, clients: int
) -> Figures:
    """Run *operation* for 0 … count-1, *clients* at a time, and measure."""
    numbers = iter(range(count))
    latencies: list[float] = []

    async def worker() -> None:
        for number in numbers:
            before = time.perf_counter()
            await operation(number)
            latencies.append(time.perf_counter() - before)

    cpu, started = cpu_seconds(server.pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(worker())
    return Figures(count, time.perf_counter() - started, cpu_seconds(server.pid) - cpu, latencies)


def virtual_machine(name: str, **labels: str) -> dict[str, Any]:
    """A manifest of about 2.3 kB, as the peer was measured with."""
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": name,
            "labels": {"app": "bench", "tier": "backend", **labels},
            "annotations": {"example.com/description": "A machine to measure with. " * 12},
        },
        "spec": {
            "runStrategy": "Halted",
            "template": {
                "metadata": {"labels": {"kubevirt.io/vm": name, "app": "bench"}},
                "spec": {
                    "domain": {
                        "cpu": {"cores": 2, "sockets": 1, "threads": 1, "model": "host-model"},
                        "memory": {"guest": "2Gi"},
                        "resources": {"requests": {"memory": "2Gi", "cpu": "500m"}},
                        "machine": {"type": "q35"},
                        "features": {"acpi": {"enabled": True}, "smm": {"enabled": True}},
                        "firmware": {"bootloader": {"efi": {"secureBoot": False}}},
                        "devices": {
                            "disks": [
                                {"name": f"disk{number}", "disk": {"bus": "virtio"}, "bootOrder": number + 1}
                                for number in range(4)
                            ],
                            "interfaces": [{"name": "default", "masquerade": {}, "model": "virtio"}],
                            "rng": {},
                        },
                    },
                    "terminationGracePeriodSeconds": 30,
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [
                        {"name": "disk0", "containerDisk": {"image": "quay.io/containerdisks/fedora:latest"}},
                        {"name": "disk1", "cloudInitNoCloud": {"userData": "#cloud-config\n" + "packages: [a]\n" * 40}},
                        {"name": "disk2", "emptyDisk": {"capacity": "2Gi"}},
                        {"name": "disk3", "emptyDisk": {"capacity": "4Gi"}},
                    ],
                },
            },
        },
    }


async def expect(answer: aiohttp.ClientResponse, status: int) -> bytes:
    """Read the body; RuntimeError if the answer is another than expected."""
    body = await answer.read()
    if answer.status != status:
        raise RuntimeError(f"{answer.method} {answer.url}: {answer.status} {body[:500]!r}")
    return body
