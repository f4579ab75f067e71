"""Uploads into files: what is sent becomes the disk, or can be sent again (reference cdi.md 8.3)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solovirt.volumes.protocol import Operation, TransferId, TransferRequest, TransferState, UploadFailed, UploadRefused
from tests.volumes.files.conftest import MIB, Engine, image, random_disk

ID = TransferId("claim-uid")


async def sent(content: bytes, *, ends: bool = True) -> AsyncIterator[bytes]:
    for position in range(0, len(content), 64 * 1024):
        yield content[position : position + 64 * 1024]
    if not ends:
        await asyncio.Event().wait()


async def ready(engine: Engine, *, size: int = 4 * MIB) -> TransferRequest:
    request = engine.request({"upload": {}}, size=size, operation=Operation.UPLOAD)
    assert (await engine.volumes.ask(request)).state is TransferState.SCHEDULED
    assert (await engine.volumes.ask(request)).state is TransferState.RUNNING
    return request


@pytest.mark.parametrize("early", [False, True])
async def test_what_is_sent_becomes_the_disk(engine: Engine, early: bool) -> None:
    request, content = await ready(engine), random_disk()
    await engine.volumes.receive(ID, sent(content), size=len(content), early=early)
    async with asyncio.timeout(5):
        while (await engine.volumes.ask(request)).state is not TransferState.SUCCEEDED:
            await asyncio.sleep(0.01)
    assert engine.disk().read_bytes() == content + bytes(2 * MIB)
    assert engine.entries() == {"record.json", "data", "data/disk.img"}
    with pytest.raises(UploadRefused):
        await engine.volumes.receive(ID, sent(content), size=None, early=early)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
async def test_an_image_is_converted(engine: Engine, tmp_path: Path) -> None:
    await ready(engine, size=2 * MIB)
    content = random_disk()
    made = image(tmp_path / "disk", content, "qcow2").read_bytes()
    await engine.volumes.receive(ID, sent(made), size=None, early=False)
    assert engine.disk().read_bytes() == content


async def test_what_is_too_large_is_told_and_something_else_can_be_sent(engine: Engine) -> None:
    request = await ready(engine)
    with pytest.raises(UploadFailed, match="A larger PVC is required") as failed:
        await engine.volumes.receive(ID, sent(random_disk(8 * MIB)), size=None, early=True)
    assert failed.value.is_too_large
    progress = await engine.volumes.ask(request)
    assert (progress.state, progress.restarts) == (TransferState.RUNNING, 1)
    assert engine.entries() == {"record.json"}
    await engine.volumes.receive(ID, sent(random_disk()), size=None, early=False)


async def test_less_than_announced_is_refused(engine: Engine) -> None:
    await ready(engine)
    with pytest.raises(UploadFailed, match="unexpected EOF"):
        await engine.volumes.receive(ID, sent(random_disk()), size=3 * MIB, early=False)


async def test_a_client_that_leaves_leaves_nothing(engine: Engine) -> None:
    await ready(engine)
    first = asyncio.create_task(engine.volumes.receive(ID, sent(random_disk(), ends=False), size=None, early=True))
    async with asyncio.timeout(5):
        while not (engine.root / "pv" / "work" / "source").exists():
            await asyncio.sleep(0.01)
    with pytest.raises(UploadRefused, match="another upload is under way"):
        await engine.volumes.receive(ID, sent(b"x"), size=None, early=True)
    first.cancel()
    await asyncio.wait([first])
    assert engine.entries() == {"record.json"}
    await engine.volumes.receive(ID, sent(random_disk()), size=None, early=False)


async def test_nothing_is_taken_for_what_is_no_upload(engine: Engine) -> None:
    with pytest.raises(UploadRefused):
        await engine.volumes.receive(ID, sent(b"x"), size=None, early=False)
