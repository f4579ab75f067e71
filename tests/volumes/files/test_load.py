"""Many imports at once: the loop stays free, and nothing is held in memory."""

from __future__ import annotations

import asyncio
import gzip
import resource
import sys
from pathlib import Path

import pytest

from solovirt.volumes.files.limits import Limits
from solovirt.volumes.protocol import TransferId, TransferState
from tests.volumes.files.conftest import MIB, Engine, random_disk

IMPORTS = 20
LATE = """
import asyncio, signal

async def main():
    loop, late, ended = asyncio.get_running_loop(), [0.0], asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print("ready", flush=True)
    while not ended.is_set():
        before = loop.time()
        await asyncio.sleep(0.005)
        late.append(loop.time() - before - 0.005)
    late.sort()
    print(late[int(len(late) * 0.99)])

asyncio.run(main())
"""
"""A process that does nothing, and how late it is."""


@pytest.mark.slow
async def test_twenty_imports_at_once_leave_the_loop_free_and_hold_nothing(engine: Engine, tmp_path: Path) -> None:
    """
    The server is a process of its own, as servers are: its work is not the loop's.

    Bounds: 99 of 100 times the loop is late by less than 50 ms, beyond what a process that does nothing is on the machine as it is just now; and each of
    the imports, of 64 MiB, takes less than 3 MiB of memory.
    """
    content = random_disk(64 * MIB)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "disk.gz").write_bytes(gzip.compress(content, 1))
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path / "served"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert server.stdout is not None
    port = int((await server.stdout.readline()).split(b"port ")[1].split()[0])
    late: list[float] = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            late.append(loop.time() - before - 0.005)

    idle = await asyncio.create_subprocess_exec(sys.executable, "-c", LATE, stdout=asyncio.subprocess.PIPE)
    assert idle.stdout is not None
    await idle.stdout.readline()
    watching = asyncio.create_task(watch())
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        # Twenty at once may have to wait for each other for longer than other tests do.
        engine.limits = Limits(keep_free=MIB)
        await engine.restart(*(f"pv-{number}" for number in range(IMPORTS)))
        requests = [
            engine.request(
                {"http": {"url": f"http://127.0.0.1:{port}/disk.gz"}},
                id=TransferId(f"uid-{number}"), volume=f"pv-{number}", size=64 * MIB,
            )
            for number in range(IMPORTS)
        ]  # fmt: skip

        async def one(number: int) -> TransferState:
            request = requests[number]
            while (progress := await engine.volumes.ask(request)).state in (
                TransferState.SCHEDULED,
                TransferState.RUNNING,
            ):
                await asyncio.sleep(0.05)
            assert progress.state is TransferState.SUCCEEDED, progress
            return progress.state

        await asyncio.gather(*(one(number) for number in range(IMPORTS)))
    finally:
        watching.cancel()
        server.terminate()
        idle.terminate()
        noise, _ = await idle.communicate()
        await server.wait()
    late.sort()
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) * 1024
    assert growth < IMPORTS * 3 * MIB
    # Twice, as there are two ways to wait: for a processor, and for the thread that has it and the interpreter's lock.
    assert late[int(len(late) * 0.99)] < 0.05 + 2 * float(noise), f"at most {late[-1]:.3f}, idle {float(noise):.3f}"
    assert engine.disk("pv-7").read_bytes() == content
