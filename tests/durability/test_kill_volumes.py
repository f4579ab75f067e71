"""kill -9 in the middle of downloads, conversions and clones: after all restarts every disk is whole, and there is nothing but disks."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
from collections.abc import AsyncIterator
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


async def _token(client: aiohttp.ClientSession, claim: str) -> str:
    request = {
        "apiVersion": "upload.cdi.kubevirt.io/v1beta1",
        "kind": "UploadTokenRequest",
        "metadata": {"generateName": "token-for-virtctl-"},
        "spec": {"pvcName": claim},
    }
    path = "/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/default/uploadtokenrequests"
    async with client.post(path, json=request) as answer:
        assert answer.status == 200, await answer.text()
        token: str = (await answer.json())["status"]["token"]
        return token


async def _until_phase(server: ServerProcess, name: str, phase: str) -> None:
    async with asyncio.timeout(30):
        while (await phases(server)).get(name) != phase:
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_an_upload_that_a_kill_cut_off_is_no_disk_and_can_be_sent_again(tmp_path: Path) -> None:
    content = random_disk(SIZE)
    server = ServerProcess(tmp_path / "data", ["--volumes", "files", "--insecure-http"])
    halfway = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        for position in range(0, SIZE, MIB):
            if position == SIZE // 2:
                halfway.set()
                await asyncio.sleep(60)
            yield content[position : position + MIB]

    try:
        await asyncio.to_thread(server.start)
        async with aiohttp.ClientSession(server.url) as client:
            async with client.post(DATA_VOLUMES, json=data_volume("sent", {"upload": {}})) as answer:
                assert answer.status == 201, await answer.text()
            await _until_phase(server, "sent", "UploadReady")
            headers = {"Authorization": f"Bearer {await _token(client, 'sent')}"}
            sending = asyncio.create_task(client.post("/v1beta1/upload-async", data=pieces(), headers=headers))
            await halfway.wait()
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.kill)
            with pytest.raises(aiohttp.ClientError):
                await sending
        await asyncio.to_thread(server.start)
        await _until_phase(server, "sent", "UploadReady")
        async with aiohttp.ClientSession(server.url) as client:
            headers = {"Authorization": f"Bearer {await _token(client, 'sent')}"}
            async with client.post("/v1beta1/upload-async", data=io.BytesIO(content), headers=headers) as answer:
                assert answer.status == 200, await answer.text()
            # Received, and killed before it is the disk: what was answered 200 is not Succeeded unless it is whole.
            await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(30):
            while (phase := (await phases(server)).get("sent")) not in ("UploadReady", "Succeeded"):
                await asyncio.sleep(0.05)
        if phase == "UploadReady":
            async with aiohttp.ClientSession(server.url) as client:
                headers = {"Authorization": f"Bearer {await _token(client, 'sent')}"}
                async with client.post("/v1beta1/upload", data=io.BytesIO(content), headers=headers) as answer:
                    assert answer.status in (200, 503), await answer.text()
        await _until_phase(server, "sent", "Succeeded")
    finally:
        await asyncio.to_thread(server.stop)
    (volume,) = (path for path in (tmp_path / "data" / "volumes").iterdir() if path.is_dir())
    assert (volume / "data" / "disk.img").read_bytes() == content
    found = {str(path.relative_to(volume)) for path in volume.rglob("*")}
    assert found == {"data", "data/disk.img", "record.json"}
