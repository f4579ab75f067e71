"""
Measure against the budgets: `python -m benchmarks [NAME …] [--scale N]`.

NAMEs pick from the list below; without any all run. Each prints what it measured beside the budget.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from benchmarks.server import VMS, cpu_seconds, expect, load, memory_mib, session, virtual_machine
from solovirt.testing import ServerProcess

MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


async def requests(server: ServerProcess, scale: float) -> None:
    """Create, get, merge patch, apply, update, delete."""
    count = int(2000 * scale)
    manifest = json.dumps(virtual_machine("x"))
    print(f"manifest: {len(manifest)} bytes; budgets: create 0.5, get 0.15, merge patch 0.6, apply 1.0 ms CPU/op")
    async with session(server) as client:

        async def create(number: int) -> None:
            async with client.post(VMS, json=virtual_machine(f"vm-{number}")) as answer:
                await expect(answer, 201)

        async def get(number: int) -> None:
            async with client.get(f"{VMS}/vm-{number}") as answer:
                await expect(answer, 200)

        async def patch(number: int) -> None:
            body = {"metadata": {"labels": {"tier": f"t{number}"}}}
            async with client.patch(f"{VMS}/vm-{number}", json=body, headers=MERGE) as answer:
                await expect(answer, 200)

        async def apply(number: int) -> None:
            body = {
                "apiVersion": "kubevirt.io/v1",
                "kind": "VirtualMachine",
                "metadata": {"name": f"vm-{number}", "labels": {"applied": "yes"}},
            }
            parameters = {"fieldManager": "bench", "force": "true"}
            async with client.patch(f"{VMS}/vm-{number}", json=body, headers=APPLY, params=parameters) as answer:
                await expect(answer, 200)

        async def delete(number: int) -> None:
            async with client.delete(f"{VMS}/vm-{number}") as answer:
                await expect(answer, 200)

        for number in range(20):
            await create(count + number)
            await get(count + number)
        for clients in (1, 16, 64):
            for name, operation in (("create", create), ("get", get), ("merge patch", patch), ("apply", apply), ("delete", delete)):  # fmt: skip
                figures = await load(server, operation, count=count, clients=clients)
                print(figures.row(f"{name}, {clients} clients"))


async def lists(server: ServerProcess, scale: float) -> None:
    """Lists of 10,000 machines: full, Table, by label."""
    count = int(10_000 * scale)
    async with session(server) as client:

        async def create(number: int) -> None:
            document = virtual_machine(f"vm-{number}", hit=str(number % 1000 == 0).lower())
            async with client.post(VMS, json=document) as answer:
                await expect(answer, 201)

        await load(server, create, count=count, clients=32)
        print(f"{count} machines: {memory_mib(server.pid):.0f} MiB resident (budget 250)")
        for name, headers, parameters, budget in (
            ("full JSON", {}, {}, 60),
            ("Table", TABLE, {}, 150),
            ("by label", {}, {"labelSelector": "hit=true"}, 5),
        ):
            times = []
            before = cpu_seconds(server.pid)
            for _ in range(5):
                started = time.perf_counter()
                async with client.get(VMS, headers=headers, params=parameters) as answer:
                    size = len(await expect(answer, 200))
                times.append(time.perf_counter() - started)
            cpu = (cpu_seconds(server.pid) - before) / 5 * 1000
            print(
                f"list {name:<12} {statistics.median(times) * 1000:7.1f} ms, {cpu:7.1f} ms CPU, {size:>10} bytes (budget {budget} ms)"
            )


async def watches(server: ServerProcess, scale: float) -> None:
    """200 watchers of one kind under patches flat out."""
    watchers, patches = 200, int(500 * scale)
    async with session(server) as client:
        async with client.post(VMS, json=virtual_machine("watched")) as answer:
            version = json.loads(await expect(answer, 201))["metadata"]["resourceVersion"]
        seen = 0

        async def watch() -> None:
            nonlocal seen
            mine = 0
            async with client.get(VMS, params={"watch": "1", "resourceVersion": version}, timeout=None) as answer:
                async for chunk in answer.content.iter_any():
                    lines = chunk.count(b"\n")
                    mine += lines
                    seen += lines
                    if mine >= patches:
                        return

        async with asyncio.TaskGroup() as group:
            for _ in range(watchers):
                group.create_task(watch())
            await asyncio.sleep(1)
            before, started = cpu_seconds(server.pid), time.perf_counter()

            async def patch(number: int) -> None:
                body = {"metadata": {"labels": {"tier": f"t{number}"}}}
                async with client.patch(f"{VMS}/watched", json=body, headers=MERGE) as answer:
                    await expect(answer, 200)

            await load(server, patch, count=patches, clients=8)
        seconds = time.perf_counter() - started
        cpu = cpu_seconds(server.pid) - before
        print(
            f"{seen} events to {watchers} watchers: {cpu / seen * 1e6:.1f} µs server CPU an event (budget 8), {seen / seconds:.0f} events/s"
        )


async def running(server: ServerProcess, scale: float) -> None:
    """Machines from create to Running."""
    count = int(1000 * scale)
    async with session(server) as client:

        async def create(number: int) -> None:
            document = virtual_machine(f"vm-{number}")
            document["spec"]["runStrategy"] = "Always"
            document["spec"]["template"]["metadata"]["annotations"] = {"fake.solovirt.io/boot-seconds": "0"}
            async with client.post(VMS, json=document) as answer:
                await expect(answer, 201)

        async with client.get(VMS) as answer:
            first = int(json.loads(await expect(answer, 200))["metadata"]["resourceVersion"])
        started, before = time.perf_counter(), cpu_seconds(server.pid)
        await load(server, create, count=count, clients=32)
        statuses: list[str] = []
        while statuses.count("Running") < count:
            await asyncio.sleep(0.5)
            async with client.get(VMS) as answer:
                document = json.loads(await expect(answer, 200))
            statuses = [item.get("status", {}).get("printableStatus", "") for item in document["items"]]
        seconds = time.perf_counter() - started
        writes = (int(document["metadata"]["resourceVersion"]) - first) / count
        cpu = (cpu_seconds(server.pid) - before) / count * 1000
        print(
            f"{count} machines to Running in {seconds:.1f} s ({count / seconds:.0f}/s, budget 167/s), "
            f"{writes:.1f} store writes each (budget 12), {cpu:.2f} ms CPU each"
        )


async def start(server: ServerProcess, _scale: float) -> None:
    """Process start to the first list of machines, on an empty and on an existing data directory."""
    for name, directories in (("empty", range(3)), ("existing", [0, 0, 0])):
        times = []
        for number in directories:
            fresh = ServerProcess(server.data_dir.parent / f"start-{number}")
            started = time.perf_counter()
            fresh.start()
            try:
                async with session(fresh) as client, client.get(VMS) as answer:
                    await expect(answer, 200)
                times.append(time.perf_counter() - started)
                memory = memory_mib(fresh.pid)
            finally:
                fresh.stop()
        print(
            f"start to the first list, {name} data directory: {statistics.median(times):.2f} s (budget 1.5), "
            f"{memory:.0f} MiB resident when idle (budget 120)"
        )


Benchmark = Callable[[ServerProcess, float], Coroutine[None, None, None]]
ALL: dict[str, Benchmark] = {
    "requests": requests,
    "lists": lists,
    "watches": watches,
    "running": running,
    "start": start,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ALL)}")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the counts")
    arguments = parser.parse_args()
    for name in arguments.names or ALL:
        print(f"== {name}")
        with tempfile.TemporaryDirectory() as scratch, ServerProcess(Path(scratch) / "data") as server:
            asyncio.run(ALL[name](server, arguments.scale))


if __name__ == "__main__":
    main()
