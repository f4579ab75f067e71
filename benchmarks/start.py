"""Process start to the first list of machines, on an empty and on an existing data directory; idle memory; a second control plane."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Figure, Report, median
from benchmarks.target import expect, of_process
from solovirt.testing import ServerProcess

ALL_VMS = "/apis/kubevirt.io/v1/virtualmachines"

_FURTHER = """
import time
from solovirt.testing import BackgroundControlPlane
with BackgroundControlPlane():
    for _ in range(5):
        began = time.perf_counter()
        with BackgroundControlPlane():
            print(time.perf_counter() - began, flush=True)
"""


async def run(report: Report) -> None:
    report.section("start")
    with tempfile.TemporaryDirectory() as scratch:
        for name, directories, peer in (("empty", range(5), "5.5 s"), ("existing", [0] * 5, "1.6 s")):
            times, memory = [], 0.0
            for number in directories:
                server = ServerProcess(Path(scratch) / f"start-{number}")
                started = time.perf_counter()
                server.start()
                try:
                    target = of_process(server)
                    async with target.session() as client, client.get(ALL_VMS) as answer:
                        await expect(answer, 200)
                    times.append(time.perf_counter() - started)
                    await asyncio.sleep(3)
                    memory = target.memory_mib()
                finally:
                    server.stop()
            report.add(Figure(f"first list, {name} data directory", median(times), "s", 1.5, peer))
            report.add(Figure(f"idle memory, {name} data directory", memory, "MiB", 120, "456 MiB"))
    printed = (await asyncio.to_thread(_further)).split()
    seconds = [float(line) for line in printed]
    report.add(Figure("a further control plane in the process", median(seconds), "s", 0.3))


def _further() -> str:
    """Start control planes one after another in a process that runs one; a line of seconds each."""
    return subprocess.run([sys.executable, "-c", _FURTHER], check=True, capture_output=True, text=True).stdout
