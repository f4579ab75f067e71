"""
CPU and latency of a write through the store alone, on SQLite with every commit synced.

    .venv/bin/python -m benchmarks.store_writes [--url URL] [--writes N]

Prints, for creates and updates of a VirtualMachine of 4 kB as stored, at 1, 16 and 64 writers: milliseconds of CPU a write (all threads of
the process), writes a second, and the median latency.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time

from solovirt.machinery.clock import SystemClock
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store import migrate
from solovirt.machinery.store.encoding import Encoded, encode
from solovirt.machinery.store.protocol import Change, Index, Put
from solovirt.machinery.store.sql import SqlStore

VMS = GroupResource("kubevirt.io", "virtualmachines")
BODY_BYTES = 4000


def _change(name: str) -> Change:
    encoded: Encoded = encode({"metadata": {"name": name, "uid": name}, "spec": {"filler": "x" * BODY_BYTES}})
    put = Put(encoded, Index(uid=name, labels={}))
    return lambda _current, _view: put


async def _run(store: SqlStore, writers: int, names: list[str]) -> str:
    changes = [(ObjectKey("default", name), _change(name)) for name in names]
    left = iter(changes)
    latencies: list[float] = []

    async def writer() -> None:
        for key, change in left:
            began = time.perf_counter()
            await store.write(VMS, key, change)
            latencies.append(time.perf_counter() - began)

    cpu, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(writer())
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    return (
        f"{cpu / len(names) * 1000:6.3f} ms CPU  {len(names) / took:7.0f} writes/s  "
        f"p50 {statistics.median(latencies) * 1000:6.2f} ms"
    )


async def main(url: str, writes: int) -> None:
    await migrate.upgrade(url)
    store = SqlStore(url, clock=SystemClock(), selectable=lambda _: ())
    await store.start()
    for writers in (1, 16, 64):
        names = [f"vm-{writers}-{number:06}" for number in range(writes)]
        print(f"create  {writers:3} writers  {await _run(store, writers, names)}")
        print(f"update  {writers:3} writers  {await _run(store, writers, names)}")
    await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--writes", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        asyncio.run(main(arguments.url or f"sqlite+aiosqlite:///{folder}/store.db", arguments.writes))
