"""
Servers that misbehave and images that are broken: the phase, condition, event and restart count that CDI shows (reference cdi.md 3.2, 4.3, 4.6), and nothing left on disk.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from solovirt.kinds.core import names as core
from tests.controllers.data_volume.conftest import Cluster
from tests.volumes.files.conftest import MIB, Site, image, random_disk

CONTENT = random_disk(2 * MIB, seed=31)
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Rogue(Site):
    """A web server whose manners are its paths."""

    def __init__(self) -> None:
        super().__init__()
        self.application.router.add_get("/rogue/{manner}", self._misbehave)
        self.is_mended = False

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        manner = request.match_info["manner"]
        if self.is_mended:
            return web.Response(body=CONTENT)
        match manner:
            case "gone":
                raise web.HTTPNotFound
            case "broken":
                raise web.HTTPInternalServerError
            case "loop":
                raise web.HTTPFound(request.path)
        length = {"short": len(CONTENT) + 1000}.get(manner, len(CONTENT))
        response = web.StreamResponse(headers={"Content-Length": str(length)})
        await response.prepare(request)
        half = len(CONTENT) // 2
        await response.write(CONTENT[:half])
        if manner == "stalls":
            await asyncio.sleep(2)
        if manner == "short":
            await response.write(CONTENT[half:])
        assert request.transport is not None
        request.transport.close()
        return response


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rogue() -> AsyncIterator[Rogue]:
    made = Rogue()
    await made.start()
    yield made
    await made.stop()


def truncated_qcow2(directory: Path) -> bytes:
    whole = image(directory / "truncated", random_disk(3 * MIB, seed=32), "qcow2").read_bytes()
    return whole[: len(whole) - MIB]


def backing_qcow2(directory: Path) -> bytes:
    made = bytearray(image(directory / "backing", bytes(MIB), "qcow2").read_bytes())
    made[8:20] = (0x10000).to_bytes(8, "big") + (11).to_bytes(4, "big")
    made[0x10000 : 0x10000 + 11] = b"/etc/passwd"
    return bytes(made)


SERVERS = {
    "gone": "Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found",
    "broken": "Unable to connect to http data source: expected status code 200, got 500. Status: 500 Internal Server Error",
    "loop": "Unable to connect to http data source: stopped after 10 redirects",
    "stalls": "Unable to connect to http data source: timed out: the server sends nothing",
    "cuts": "Unable to process data: unexpected EOF",
    "short": "Unable to process data: unexpected EOF",
}
IMAGES = {
    "truncated": "Unable to process data: Image source is damaged",
    "backing": "Unable to process data: Image source is invalid because it has invalid backing file /etc/passwd",
    "bomb": "Unable to process data: virtual image size",
    "cut-gzip": "Unable to process data: the gz stream is damaged",
}


def left(cluster: Cluster, name: str) -> set[str]:
    """What is on disk of the claim's volume."""
    volume = cluster.root / cluster.get(core.PERSISTENT_VOLUME_CLAIMS, name)["spec"]["volumeName"]
    return {str(path.relative_to(volume)) for path in volume.rglob("*")}


async def failed_once(cluster: Cluster, name: str, message: str) -> None:
    """What CDI shows of an ordinary failure: another attempt follows, so the phase stays and the restarts count."""
    await cluster.until(lambda: cluster.status(name).get("restartCount") == 1)
    status = cluster.status(name)
    assert status["phase"] == "ImportInProgress"
    running, reason, said = cluster.condition(name)
    assert (running, reason) == ("False", "Error")
    assert said.startswith(message)
    assert cluster.condition(name, "Ready")[0] == "False"
    assert cluster.condition(name, "Bound") == ("True", "Bound", f"PVC {name} Bound")
    annotations = cluster.get(core.PERSISTENT_VOLUME_CLAIMS, name)["metadata"]["annotations"]
    assert annotations["cdi.kubevirt.io/storage.pod.restarts"] == "1"
    assert any(told == "ErrImportFailed" for told, _ in cluster.told())
    assert ("Error", said) in cluster.told()


@pytest.mark.parametrize("manner", SERVERS)
async def test_a_server_that_misbehaves_is_tried_again_until_it_behaves(
    cluster: Cluster, rogue: Rogue, manner: str
) -> None:
    rogue.is_mended = False
    await cluster.data_volume(f"server-{manner}", {"http": {"url": f"{rogue.url}/rogue/{manner}"}})
    await failed_once(cluster, f"server-{manner}", SERVERS[manner])
    # There is no ETag, so nothing can be gone on with, and nothing is kept.
    assert left(cluster, f"server-{manner}") <= {"record.json", "work", "work/source", "work/source.note"}
    rogue.is_mended = True
    await cluster.clock.advance(10)
    await cluster.until_phase(f"server-{manner}", "Succeeded")
    assert cluster.status(f"server-{manner}")["restartCount"] == 1
    assert cluster.disk(f"server-{manner}").read_bytes()[: len(CONTENT)] == CONTENT
    assert left(cluster, f"server-{manner}") == {"record.json", "data", "data/disk.img"}


@pytest.mark.parametrize("kind", IMAGES)
async def test_a_broken_image_is_refused_again_and_again(
    cluster: Cluster, site: Site, tmp_path: Path, kind: str
) -> None:
    content: Any = {
        "truncated": lambda: truncated_qcow2(tmp_path),
        "backing": lambda: backing_qcow2(tmp_path),
        "bomb": lambda: gzip.compress(bytes(80 * MIB), 1),
        "cut-gzip": lambda: gzip.compress(CONTENT)[:-1000],
    }[kind]()
    await cluster.data_volume(f"image-{kind}", site.serve(f"image-{kind}", content))
    expected = "DataVolume too small to contain image" if kind == "bomb" else IMAGES[kind]
    await failed_once(cluster, f"image-{kind}", expected)
    assert any(reason == "ErrImportFailed" and text.startswith(IMAGES[kind]) for reason, text in cluster.told())
    assert left(cluster, f"image-{kind}") == {"record.json"}
    await cluster.clock.advance(10)
    await cluster.until(lambda: cluster.status(f"image-{kind}").get("restartCount") == 2)


async def test_a_full_disk_is_too_small_until_there_is_room(
    cluster: Cluster, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC and EDQUOT are told as if the claim were too small (reference 4.6)."""
    volumes = cluster.volumes
    monkeypatch.setattr(volumes._directory.space, "quota", 1)
    await cluster.data_volume("full", site.serve("full", CONTENT))
    await failed_once(cluster, "full", "DataVolume too small to contain image")
    assert left(cluster, "full") == {"record.json"}
    monkeypatch.undo()
    await cluster.clock.advance(10)
    await cluster.until_phase("full", "Succeeded")
