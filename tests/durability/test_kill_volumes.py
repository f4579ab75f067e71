"""kill -9 in the middle of downloads, conversions and clones: after all restarts every disk is whole, and there is nothing but disks."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from solovirt.testing import ServerProcess
from tests.volumes.files.conftest import MIB, Site, image, random_disk

DATA_VOLUMES = "/apis/cdi.kubevirt.io/v1beta1/namespaces/default/datavolumes"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
KILLS = 5
SIZE = 48 * MIB


class SlowSite(Site):
    """Serves at a walk, so that there is a middle to kill in."""

    async def _file(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]  # a stream, not a body
        content = self.files[request.match_info["name"]]
        first = 0
        if request.headers.get("If-Range") == '"v1"':
            first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": '"v1"', "Content-Length": str(len(content) - first)}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if first else 200, headers=headers)
        await response.prepare(request)
        for position in range(first, len(content), MIB):
            await response.write(content[position : min(position + MIB, len(content))])
            await asyncio.sleep(0.02)
        return response


def data_volume(name: str, source: dict[str, Any]) -> dict[str, Any]:
    storage = {"resources": {"requests": {"storage": str(SIZE)}}}
    return {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {"name": name},
        "spec": {"source": source, "storage": storage},
    }


async def phases(server: ServerProcess) -> dict[str, str]:
    async with aiohttp.ClientSession(server.url) as client, client.get(DATA_VOLUMES) as answer:
        listed = await answer.json()
    return {one["metadata"]["name"]: (one.get("status") or {}).get("phase", "") for one in listed["items"]}


@pytest.mark.slow
async def test_disks_are_whole_after_any_number_of_kills(tmp_path: Path) -> None:
    content = random_disk(SIZE)
    site = SlowSite()
    await site.start()
    sources = {
        "raw": site.serve("raw", content),
        "packed": site.serve("packed", gzip.compress(image(tmp_path / "a", content, "qcow2").read_bytes(), 1)),
        "blank": {"blank": {}},
        "clone": {"pvc": {"namespace": "default", "name": "raw"}},
    }
    server = ServerProcess(tmp_path / "data", ["--volumes", "files", "--insecure-http"])
    try:
        await asyncio.to_thread(server.start)
        async with aiohttp.ClientSession(server.url) as client:
            for name, source in sources.items():
                async with client.post(DATA_VOLUMES, json=data_volume(name, source)) as answer:
                    assert answer.status == 201, await answer.text()
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.1, 1.2))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        async with asyncio.timeout(90):
            while set((await phases(server)).values()) != {"Succeeded"}:
                await asyncio.sleep(0.2)
        async with aiohttp.ClientSession(server.url) as client, client.get(CLAIMS) as answer:
            claims = (await answer.json())["items"]
        volumes = {one["metadata"]["name"]: one["spec"]["volumeName"] for one in claims}
        assert all(one["metadata"]["annotations"]["cdi.kubevirt.io/storage.pod.restarts"] == "0" for one in claims)
    finally:
        await asyncio.to_thread(server.stop)
        await site.stop()
    root = tmp_path / "data" / "volumes"
    for name, volume in volumes.items():
        expected = bytes(SIZE) if name == "blank" else content
        assert (root / volume / "data" / "disk.img").read_bytes() == expected, name
        assert json.loads((root / volume / "record.json").read_bytes())["state"] == "done"
    found = {str(path.relative_to(root)) for path in root.rglob("*")}
    parts = ("", "/data", "/data/disk.img", "/record.json")
    assert found == {"owner", *(f"{volume}{part}" for volume in volumes.values() for part in parts)}
