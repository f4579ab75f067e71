"""Watches: patches flat out to 50, 200 and 1,000 watchers, and the delay of an event at 20 patches a second."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp

from benchmarks.machines import VMS, prepare, virtual_machine
from benchmarks.measure import Figure, Report, load, percentile
from benchmarks.readers import Watchers
from benchmarks.requests import MERGE
from benchmarks.target import Target, api_server, expect, quiet

default = api_server


async def run(target: Target, scale: float, report: Report) -> None:
    report.section("watches")
    async with target.session() as client:
        await prepare(client)
        async with client.post(VMS, json=virtual_machine("watched")) as answer:
            await expect(answer, 201)
        for watchers in (50, 200, 1000):
            await _flat_out(target, client, watchers, max(50, int(60_000 / watchers * scale)), report)
        for watchers in (50, 200):
            await _delay(target, client, watchers, max(40, int(400 * scale)), report)


async def _patch(client: aiohttp.ClientSession, number: int) -> int:
    """Change the watched machine; its new resource version."""
    body = {"metadata": {"labels": {"tier": f"t{number}"}}}
    async with client.patch(f"{VMS}/watched", json=body, headers=MERGE) as answer:
        return int(json.loads(await expect(answer, 200))["metadata"]["resourceVersion"])


async def _flat_out(target: Target, client: aiohttp.ClientSession, watchers: int, patches: int, report: Report) -> None:
    version = await _patch(client, -watchers)
    with Watchers(target, f"{VMS}?watch=1&resourceVersion={version}", watchers) as readers:
        await quiet(target)
        alone = (await load(target, lambda number: _ignore(_patch(client, number)), count=1, clients=1)).cpu_seconds
        before, started = target.cpu_seconds(), time.perf_counter()
        await load(target, lambda number: _ignore(_patch(client, number + 1)), count=patches, clients=8)
        expected = patches + 1
        counts = await readers.seen(expected)
        seconds, cpu = time.perf_counter() - started, target.cpu_seconds() - before + alone
    events = sum(counts)
    lost = sum(expected - count for count in counts)
    report.add(
        Figure(
            f"flat out, {watchers} watchers",
            cpu / events * 1e6,
            "us CPU",
            8 if watchers == 200 else None,
            "about 75" if watchers == 200 else "",
            f"{events / seconds:.0f} events/s, {lost} lost; the patches' own CPU counted in",
        )
    )


async def _ignore(coroutine: object) -> None:
    await coroutine  # type: ignore[misc]  # the load wants no result


async def _delay(target: Target, client: aiohttp.ClientSession, watchers: int, patches: int, report: Report) -> None:
    version = await _patch(client, -watchers - 10_000)
    answered: dict[int, float] = {}
    with Watchers(target, f"{VMS}?watch=1&resourceVersion={version}", watchers, stamped=True) as readers:
        await quiet(target)
        for number in range(patches):
            began = time.monotonic()
            changed = await _patch(client, number)
            answered[changed] = time.monotonic()
            await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))
        await readers.seen(patches)
        delays = [stamp - answered[changed] for changed, stamp in readers.stamps() if changed in answered]
    budget = 10.0 if watchers == 200 else None
    peer = {50: "7", 200: "29"}[watchers]
    detail = f"p50 {percentile(delays, 0.5) * 1000:.2f} ms against the patch's answer, {len(delays)} events"
    report.add(
        Figure(f"delay p99 at 20/s, {watchers} watchers", percentile(delays, 0.99) * 1000, "ms", budget, peer, detail)
    )
