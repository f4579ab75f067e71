"""
Imports of disks over HTTP: throughput beside `curl` and `qemu-img convert` on the same file, and the API's answers while many run at once.

Both sides have the disk on stable storage at the end. The web server is a process of its own on loopback; the file is half holes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from benchmarks.measure import Figure, Report, median, percentile
from benchmarks.target import Target, expect, of_process
from solovirt.testing import ServerProcess

_MIB = 1 << 20
_SIZE = 1024 * _MIB
_AT_ONCE = 20
_TOGETHER = 64 * _MIB
_DATA_VOLUMES = "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes"


async def run(report: Report, scale: float) -> None:
    report.section("imports")
    size = max(64 * _MIB, int(_SIZE * scale) // _MIB * _MIB)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        files = _make(directory / "served", size)
        with _web(directory / "served") as url, ServerProcess(directory / "data", ["--volumes", "files"]) as server:
            target = of_process(server)
            async with target.session() as client:
                for name in files:
                    peer = await asyncio.to_thread(_by_hand, f"{url}/{name}", directory, name)
                    ours = [
                        await _import(client, f"{name.replace('.', '-')}-{number}", f"{url}/{name}", size)
                        for number in range(3)
                    ]
                    rate = size / _MIB / median(ours)
                    by_hand = f"{size / _MIB / peer:.0f} MiB/s"
                    report.add(Figure(f"import of {name}, of {size // _MIB} MiB of disk", rate, "MiB/s", None, by_hand))
                await _at_once(report, target, client, f"{url}/small.img.gz")


def _make(directory: Path, size: int) -> list[str]:
    """A disk, raw, as qcow2 and packed."""
    directory.mkdir()
    source = random.Random(1)  # noqa: S311 - content of a disk
    raw = directory / "disk.img"
    with raw.open("wb") as file:
        for position in range(0, size, 8 * _MIB):
            file.seek(position)
            file.write(source.randbytes(4 * _MIB))
        file.truncate(size)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, directory / "disk.qcow2"], check=True)
    with (directory / "disk.img.gz").open("wb") as packed:
        subprocess.run(["gzip", "-1", "-c", raw], check=True, stdout=packed)
    with (directory / "small.img.gz").open("wb") as packed:
        subprocess.run(["gzip", "-1"], check=True, input=_small(source), stdout=packed)
    return ["disk.img", "disk.qcow2", "disk.img.gz"]


def _small(source: random.Random) -> bytes:
    """A disk of 64 MiB, half of it nothing."""
    return source.randbytes(_TOGETHER // 2) + bytes(_TOGETHER // 2)


@contextlib.contextmanager
def _web(directory: Path) -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("port ")[1].split()[0]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _by_hand(url: str, directory: Path, name: str) -> float:
    """Seconds that the usual programs take."""
    disk, fetched = directory / "by-hand.img", directory / f"fetched-{name}"
    if name.endswith(".qcow2"):
        script = f"curl -sf {url} -o {fetched} && qemu-img convert -t writeback -O raw {fetched} {disk}"
    else:
        unpack = "| gzip -dc " if name.endswith(".gz") else ""
        script = f"curl -sf {url} {unpack}> {fetched} && qemu-img convert -t writeback -f raw -O raw {fetched} {disk}"
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(["/bin/sh", "-c", f"{script} && sync {disk}"], check=True)
        times.append(time.perf_counter() - began)
        disk.unlink()
        fetched.unlink()
    return median(times)


async def _create(client: aiohttp.ClientSession, name: str, url: str, size: int) -> None:
    document = {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {"name": name},
        "spec": {
            "source": {"http": {"url": url}},
            "storage": {"resources": {"requests": {"storage": str(size)}}},
        },
    }
    async with client.post(_DATA_VOLUMES, json=document) as answer:
        await expect(answer, 201)


async def _import(client: aiohttp.ClientSession, name: str, url: str, size: int) -> float:
    """Seconds from the request to Succeeded."""
    began = time.perf_counter()
    await _create(client, name, url, size)
    await _succeeded(client, {name})
    seconds = time.perf_counter() - began
    async with client.delete(f"{_DATA_VOLUMES}/{name}") as answer:
        await expect(answer, 200)
    return seconds


async def _succeeded(client: aiohttp.ClientSession, names: set[str]) -> None:
    while True:
        async with client.get(_DATA_VOLUMES) as answer:
            await expect(answer, 200)
            listed = (await answer.json())["items"]
        phases = {one["metadata"]["name"]: (one.get("status") or {}).get("phase") for one in listed}
        if all(phases.get(name) == "Succeeded" for name in names):
            return
        await asyncio.sleep(0.02)


async def _at_once(report: Report, target: Target, client: aiohttp.ClientSession, url: str) -> None:
    """Many imports together: how long a GET takes meanwhile, and what the server's memory comes to."""
    before = target.memory_mib()
    names = {f"together-{number}" for number in range(_AT_ONCE)}
    began = time.perf_counter()
    await asyncio.gather(*(_create(client, name, url, _TOGETHER) for name in names))
    done = asyncio.create_task(_succeeded(client, names))
    waits: list[float] = []
    most = before
    while not done.done():
        asked = time.perf_counter()
        async with client.get(f"{_DATA_VOLUMES}/together-0") as answer:
            await expect(answer, 200)
        waits.append(time.perf_counter() - asked)
        most = max(most, target.memory_mib())
        await asyncio.sleep(0.01)
    await done
    report.add(Figure(f"{_AT_ONCE} imports at once", time.perf_counter() - began, "s"))
    report.add(Figure("GET meanwhile, p99", percentile(waits, 0.99) * 1000, "ms", 50))
    report.add(Figure("server's memory meanwhile, more", most - before, "MiB", 5 * _AT_ONCE))
