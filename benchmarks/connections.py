"""Bad company: watchers that never read, a thousand idle ones, two thousand connections; what it costs in memory, and others in delay."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from benchmarks.machines import VMS, prepare, virtual_machine
from benchmarks.measure import Figure, Report, load, percentile
from benchmarks.requests import MERGE
from benchmarks.target import Target, api_server, expect, quiet

default = api_server


async def run(target: Target, scale: float, report: Report) -> None:
    report.section("connections")
    async with target.session() as client:
        await prepare(client)
        async with client.post(VMS, json=virtual_machine("watched")) as answer:
            await expect(answer, 201)
        undisturbed = await _gets(target, client)
        report.add(Figure("get p99, undisturbed", undisturbed, "ms"))
        await _deaf(target, client, int(50 * scale) or 1, max(50, int(2000 * scale)), report)
        await _idle(target, client, int(1000 * scale), report)
        await _many(target, client, int(2000 * scale), report)


async def _gets(target: Target, client: aiohttp.ClientSession) -> float:
    async def get(_: int) -> None:
        async with client.get(f"{VMS}/watched") as answer:
            await expect(answer, 200)

    await quiet(target)
    return percentile((await load(target, get, count=500, clients=4)).latencies, 0.99) * 1000


async def _deaf(target: Target, client: aiohttp.ClientSession, watchers: int, patches: int, report: Report) -> None:
    """Watchers that send their request and never read, while the object they watch changes."""
    before = target.memory_mib()
    sockets = [await _open(target, f"{VMS}?watch=1") for _ in range(watchers)]
    try:

        async def patch(number: int) -> None:
            body = {"metadata": {"labels": {"tier": f"d{number}"}}}
            async with client.patch(f"{VMS}/watched", json=body, headers=MERGE) as answer:
                await expect(answer, 200)

        await load(target, patch, count=patches, clients=4)
        grown = target.memory_mib() - before
        report.add(
            Figure(f"memory, {watchers} watchers that never read", grown, "MiB", detail=f"more after {patches} patches")
        )
        report.add(Figure("get p99 beside them", await _gets(target, client), "ms"))
    finally:
        await _close(sockets)


async def _idle(target: Target, client: aiohttp.ClientSession, watchers: int, report: Report) -> None:
    before = target.memory_mib()
    sockets = [await _open(target, f"{VMS}?watch=1&allowWatchBookmarks=true") for _ in range(watchers)]
    try:
        await asyncio.sleep(1)
        each = (target.memory_mib() - before) / max(1, watchers) * 1024
        report.add(Figure(f"memory per watcher, {watchers} idle", each, "KiB"))
        cpu, began = target.cpu_seconds(), time.perf_counter()
        await asyncio.sleep(5)
        share = (target.cpu_seconds() - cpu) / (time.perf_counter() - began) * 100
        report.add(Figure(f"CPU with {watchers} idle watchers", share, "% a core"))
        report.add(Figure("get p99 beside them", await _gets(target, client), "ms"))
    finally:
        await _close(sockets)


async def _many(target: Target, client: aiohttp.ClientSession, count: int, report: Report) -> None:
    before = target.memory_mib()
    began = time.perf_counter()
    sockets = [await _open(target, "/version") for _ in range(count)]
    try:
        detail = f"{count / (time.perf_counter() - began):.0f} TLS handshakes a second"
        each = (target.memory_mib() - before) / max(1, count) * 1024
        report.add(Figure(f"memory per connection, {count} open", each, "KiB", detail=detail))
        report.add(Figure("get p99 beside them", await _gets(target, client), "ms"))
    finally:
        await _close(sockets)


async def _open(target: Target, path: str) -> asyncio.StreamWriter:
    """A connection that has sent one request and read its head; nothing is read after that."""
    scheme, _, address = target.url.partition("://")
    host, _, port = address.rpartition(":")
    tls = target.tls() if scheme == "https" else None
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls, limit=1 << 12)
    token = f"Authorization: Bearer {target.token}\r\n" if target.token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n{token}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    return writer


async def _close(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0.5)
