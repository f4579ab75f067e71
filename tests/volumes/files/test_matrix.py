"""Every source with every format: the disk is byte for byte what was put in (reference cdi.md 7.1, 7.2)."""

from __future__ import annotations

import asyncio
import gzip
import lzma
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from solovirt.volumes.protocol import Operation, TransferState
from tests.volumes.files.conftest import MIB, Engine, Site, image, random_disk
from tests.volumes.files.registry import Registry, layer
from tests.volumes.files.test_image_archive import docker_archive
from tests.volumes.files.test_registry import zstd

CONTENT = random_disk(4 * MIB, seed=77)
SIZE = 5 * MIB
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx")
PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd}
CASES = [(kind, "") for kind in FORMATS] + [
    (kind, packing) for kind in ("raw", "qcow2") for packing in (".gz", ".xz", ".zst")
]


async def _by_http(engine: Engine, site: Site, content: bytes) -> None:
    await site.start()
    request = engine.request(site.serve("disk", content), size=SIZE)
    assert (await engine.finish(request)).state is TransferState.SUCCEEDED, engine.seen[-1]


async def _by_s3(engine: Engine, site: Site, content: bytes) -> None:
    await site.start()
    site.files["bucket/disk"] = content
    request = engine.request({"s3": {"url": f"{site.url}/files/bucket/disk"}}, size=SIZE)
    assert (await engine.finish(request)).state is TransferState.SUCCEEDED, engine.seen[-1]


async def _by_registry(engine: Engine, site: Site, content: bytes) -> None:
    registry = Registry(site)
    await site.start()
    registry.image("v1", layer({"disk/one": content}))
    engine.cluster.insecure = {site.host}
    request = engine.request({"registry": {"url": f"docker://{site.host}/vm/disk:v1"}}, size=SIZE)
    assert (await engine.finish(request)).state is TransferState.SUCCEEDED, engine.seen[-1]


async def _by_archive(engine: Engine, site: Site, content: bytes) -> None:
    await site.start()
    docker_archive(engine.root.with_name("archives") / "one", content)
    request = engine.request({"registry": {"url": "oci-archive:one"}}, size=SIZE)
    assert (await engine.finish(request)).state is TransferState.SUCCEEDED, engine.seen[-1]


async def _by_upload(engine: Engine, site: Site, content: bytes) -> None:
    await site.start()
    request = engine.request({"upload": {}}, operation=Operation.UPLOAD, size=SIZE)
    while (await engine.volumes.ask(request)).state is not TransferState.RUNNING:
        await asyncio.sleep(0)

    async def pieces() -> AsyncIterator[bytes]:
        for position in range(0, len(content), 100_000):
            yield content[position : position + 100_000]

    await engine.volumes.receive(request.id, pieces(), size=len(content), early=False)


SOURCES = {"http": _by_http, "s3": _by_s3, "registry": _by_registry, "archive": _by_archive, "upload": _by_upload}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "packing"), CASES, ids=[kind + packing for kind, packing in CASES])
@pytest.mark.parametrize("source", SOURCES)
async def test_the_disk_is_what_was_put_in(
    engine: Engine, site: Site, tmp_path: Path, source: str, kind: str, packing: str
) -> None:
    content = PACKINGS[packing](image(tmp_path / "disk", CONTENT, kind).read_bytes())
    await SOURCES[source](engine, site, content)
    found = engine.disk().read_bytes()
    # A VHD's size is rounded up to a geometry; what is beyond is nothing.
    assert found[: len(CONTENT)] == CONTENT
    assert found[len(CONTENT) :] == bytes(len(found) - len(CONTENT))
    assert engine.entries() == {"record.json", "data", "data/disk.img"}
    # And a clone of it is the same, from the next volume on.
    await engine.restart("pv", "copy")
    clone = engine.request(
        {"pvc": {"namespace": "default", "name": "disk"}}, id="copy-uid", volume="copy", origin="pv", size=len(found)
    )
    assert (await engine.finish(clone)).state is TransferState.SUCCEEDED, engine.seen[-1]
    assert engine.disk("copy").read_bytes() == found
