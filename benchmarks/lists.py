"""Lists of 100, 10,000 and 100,000 machines: whole, as a Table, in pages, by label; and the memory that holding them takes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping

import aiohttp

from benchmarks.machines import VMS, prepare, virtual_machine
from benchmarks.measure import Figure, Report, load, median, percentile
from benchmarks.target import Target, api_server, expect, quiet

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
SIZES = (100, 10_000, 100_000)
MEMORY = {10_000: 250.0, 100_000: 900.0}
BUDGETS = {"full JSON": 60.0, "Table": 150.0, "by label": 5.0}
PEER = {"full JSON": "1150/1300", "Table": "490/700", "pages of 500": "1300/1800", "by label": "50/48"}

default = api_server


async def run(target: Target, scale: float, report: Report) -> None:
    report.section("lists (the peer's figures: time / CPU for 10,000)")
    async with target.session() as client:
        await prepare(client)

        async def create(number: int) -> None:
            document = virtual_machine(f"vm-{number:06}", hit=str(number % 1000 == 0).lower())
            async with client.post(VMS, json=document) as answer:
                await expect(answer, 201)

        stored = 0
        for size in (int(size * scale) for size in SIZES):
            start = stored
            await load(target, lambda number: create(start + number), count=size - stored, clients=32)  # noqa: B023 - run at once
            stored = size
            await quiet(target)
            budget = MEMORY.get(int(size / scale))
            report.add(
                Figure(f"memory, {size} machines", target.memory_mib(), "MiB", budget, detail="after creating them")
            )
            await _lists(target, client, size, report, budgets=BUDGETS if size == 10_000 else {})


async def _lists(
    target: Target, client: aiohttp.ClientSession, size: int, report: Report, *, budgets: Mapping[str, float]
) -> None:
    repeats = 7 if size <= 10_000 else 3
    works: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "full JSON": ({}, {}),
        "Table": (TABLE, {}),
        "pages of 500": ({}, {"limit": "500"}),
        "by label": ({}, {"labelSelector": "hit=true"}),
    }
    for name, (headers, parameters) in works.items():
        times, bytes_read = [], 0
        before = target.cpu_seconds()
        for _ in range(repeats):
            started = time.perf_counter()
            bytes_read = await _list(client, headers, parameters)
            times.append(time.perf_counter() - started)
        cpu = (target.cpu_seconds() - before) / repeats * 1000
        probe = asyncio.create_task(_worst_delay(client))
        await _list(client, headers, parameters)
        probe.cancel()
        worst = await probe * 1000
        detail = f"{median(times) * 1000:.1f} ms, {bytes_read / 1e6:.1f} MB; a GET meanwhile took up to {worst:.0f} ms"
        peer = PEER[name] if size == 10_000 else ""
        report.add(Figure(f"list {size}, {name}", cpu, "ms CPU", budgets.get(name), peer, detail))


async def _list(client: aiohttp.ClientSession, headers: Mapping[str, str], parameters: dict[str, str]) -> int:
    total, token = 0, ""
    while True:
        query = parameters | ({"continue": token} if token else {})
        async with client.get(VMS, headers=headers, params=query) as answer:
            if answer.status != 200:
                raise RuntimeError(f"list: {answer.status} {await answer.text()}")
            if "limit" in parameters:
                body = await answer.read()
                total += len(body)
                token = json.loads(body)["metadata"].get("continue", "")
            else:
                async for chunk in answer.content.iter_any():
                    total += len(chunk)
        if not token:
            return total


async def _worst_delay(client: aiohttp.ClientSession) -> float:
    """Until cancelled, ask for something small over and over; the longest that it took."""
    times = [0.0]
    try:
        while True:
            before = time.perf_counter()
            async with client.get("/version") as answer:
                await answer.read()
            times.append(time.perf_counter() - before)
            await asyncio.sleep(0.005)
    except asyncio.CancelledError:
        return percentile(times, 1)
