"""Machines from create to Running on the fake runtime, its timings off."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractContextManager

import aiohttp

from benchmarks.machines import VMS, prepare, started
from benchmarks.measure import Figure, Report, load
from benchmarks.target import Target, control_plane, expect, quiet

SIZES = (1000, 10_000)


def default() -> AbstractContextManager[Target]:
    return control_plane(["--nodes", "3", "--node-guests", "4000", "--instant"])


async def run(target: Target, scale: float, report: Report) -> None:
    report.section("create to Running")
    async with target.session() as client:
        await prepare(client)
        done = 0
        for size in (int(size * scale) for size in SIZES):
            await _running(target, client, done, size - done, report, budget=60.0 if size == 10_000 else None)
            done = size
            await quiet(target)
        report.add(Figure(f"memory, {done} running", target.memory_mib(), "MiB"))


async def _running(
    target: Target, client: aiohttp.ClientSession, first: int, count: int, report: Report, *, budget: float | None
) -> None:
    async def create(number: int) -> None:
        async with client.post(VMS, json=started(f"vm-{first + number}")) as answer:
            await expect(answer, 201)

    async with client.get(VMS, params={"limit": "1"}) as answer:
        version = json.loads(await expect(answer, 200))["metadata"]["resourceVersion"]
    begun, before = time.perf_counter(), target.cpu_seconds()
    counting = asyncio.create_task(_wait(client, version, count))
    await load(target, create, count=count, clients=32)
    await counting
    seconds, cpu = time.perf_counter() - begun, target.cpu_seconds() - before
    await quiet(target)
    async with client.get(VMS, params={"limit": "1"}) as answer:
        writes = (int(json.loads(await expect(answer, 200))["metadata"]["resourceVersion"]) - int(version)) / count
    detail = f"{count / seconds:.0f}/s, {cpu / count * 1000:.2f} ms CPU each"
    report.add(Figure(f"{count} machines to Running", seconds, "s", budget, detail=detail))
    report.add(Figure("store writes each", writes, "writes", 12))


async def _wait(client: aiohttp.ClientSession, version: str, count: int) -> None:
    """Follow the machines until *count* of them were seen Running."""
    running: set[str] = set()
    parameters = {"watch": "1", "resourceVersion": version}
    async with client.get(VMS, params=parameters) as answer:
        buffer = b""
        async for chunk in answer.content.iter_any():
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if b'"printableStatus":"Running"' in line:
                    running.add(json.loads(line)["object"]["metadata"]["name"])
            if len(running) >= count:
                return
