"""An engine on a directory of the test's, a web server on loopback, and images made on the spot."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from solovirt.machinery.clock import ManualClock
from solovirt.volumes.files import FileVolumes
from solovirt.volumes.files.limits import Limits
from solovirt.volumes.protocol import Operation, Progress, TransferId, TransferRequest, TransferState

MIB = 1 << 20
OWNER = "11111111-2222-3333-4444-555555555555"
IMPATIENT = Limits(keep_free=MIB, stall_seconds=0.3, connect_seconds=2.0)


def random_disk(size: int = 2 * MIB, *, seed: int = 1) -> bytes:
    """Content with a hole in the middle."""
    part = random.Random(seed).randbytes(size // 4)
    return (part + bytes(size // 2) + part)[:size]


def image(path: Path, content: bytes, kind: str, *options: str) -> Path:
    """*content* as a disk image of that format."""
    raw = path.with_suffix(".raw")
    raw.write_bytes(content)
    if kind == "raw":
        return raw
    made = path.with_suffix(f".{kind}")
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, *options, raw, made], check=True)
    return made


@dataclass
class Cluster:
    """Secrets and ConfigMaps, by name."""

    secrets: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    config_maps: dict[str, Mapping[str, str]] = field(default_factory=dict)
    insecure: set[str] = field(default_factory=set)

    def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        return self.secrets.get(name)

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        return self.config_maps.get(name)

    def insecure_registries(self) -> Collection[str]:
        return self.insecure


class Engine:
    """The engine, its clock and directory, and a waiter."""

    def __init__(self, root: Path, *, limits: Limits = IMPATIENT) -> None:
        self.root = root
        self.limits = limits
        self.clock = ManualClock()
        self.cluster = Cluster()
        self.volumes = self._new()
        self._changed = asyncio.Event()
        self.seen: list[Progress] = []

    def _new(self) -> FileVolumes:
        return FileVolumes(self.root, clock=self.clock, cluster=self.cluster, limits=self.limits)

    async def start(self, *volumes: str) -> None:
        self.volumes.on_change(lambda *_: self._changed.set())
        await self.volumes.start(owner=OWNER, volumes=volumes or ("pv",))

    async def restart(self, *volumes: str) -> None:
        """As after the process ended in good order."""
        await self.volumes.close()
        self.volumes = self._new()
        await self.start(*volumes)

    def request(self, source: Mapping[str, Any], *, size: int = 4 * MIB, **more: Any) -> TransferRequest:
        made = TransferRequest(
            id=TransferId("claim-uid"),
            operation=Operation.CLONE if "pvc" in source else Operation.IMPORT,
            namespace="default",
            claim="disk",
            source=source,
            size_bytes=size,
            started=self.clock.now(),
            volume="pv",
        )
        return replace(made, **more)

    async def finish(self, request: TransferRequest, *, seconds: float = 20.0) -> Progress:
        """Ask until the attempt has ended."""
        async with asyncio.timeout(seconds):
            while True:
                self._changed.clear()
                progress = await self.volumes.ask(request)
                self.seen.append(progress)
                if progress.state not in (TransferState.SCHEDULED, TransferState.RUNNING):
                    return progress
                await self._changed.wait()

    async def again(self, request: TransferRequest) -> Progress:
        """The attempt after the back-off."""
        await self.clock.advance(timedelta(seconds=301))
        return await self.finish(request)

    def disk(self, volume: str = "pv") -> Path:
        return self.root / volume / "data" / "disk.img"

    def entries(self, volume: str = "pv") -> set[str]:
        """Every file and directory of a volume."""
        top = self.root / volume
        return {str(path.relative_to(top)) for path in top.rglob("*")}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    made = Engine(tmp_path / "volumes")
    await made.start()
    yield made
    await made.volumes.close()


class Site:
    """A web server with the manners that a test gives it."""

    def __init__(self) -> None:
        self.application = web.Application()
        self.requests: list[web.Request] = []
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.application.router.add_get("/files/{name:.*}", self._file)

    async def start(self) -> None:
        self._runner = web.AppRunner(self.application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.host = f"{host}:{port}"
        self.url = f"http://{self.host}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def serve(self, name: str, content: bytes) -> dict[str, Any]:
        """A source that is *content*, with ranges and an ETag."""
        self.files[name] = content
        return {"http": {"url": f"{self.url}/files/{name}"}}

    async def _file(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        content = self.files.get(request.match_info["name"])
        if content is None:
            raise web.HTTPNotFound
        first = 0
        if request.headers.get("If-Range") == '"v1"':
            first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": '"v1"'}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return web.Response(body=content[first:], status=206 if first else 200, headers=headers)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    await made.stop()
