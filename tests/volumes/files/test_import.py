"""Imports over HTTP into files: every format comes out byte for byte, and what can go wrong does so in CDI's words (reference cdi.md 4.6, 7)."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import lzma
import shutil
import struct
import subprocess
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from solovirt.volumes.files.directory import Filled, VolumeFiles
from solovirt.volumes.files.formats import _zstd
from solovirt.volumes.protocol import TransferState
from tests.volumes.files.conftest import MIB, Engine, Site, image, random_disk

needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
DONE = {"record.json", "data", "data/disk.img"}


def zstd(content: bytes) -> bytes:
    return bytes(_zstd().compress(content))


def xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 6 // 10]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, xz, zstd], ids=["plain", "gz", "xz", "zst"])
async def test_a_raw_disk_arrives_byte_for_byte_and_grows_to_its_claim(
    engine: Engine, site: Site, pack: Callable[[bytes], bytes]
) -> None:
    await site.start()
    content = random_disk()
    source = site.serve("disk.img", pack(content))

    progress = await engine.finish(engine.request(source, size=5 * MIB, disk_bytes=4 * MIB))

    assert (progress.state, progress.percent) == (TransferState.SUCCEEDED, 100.0)
    assert engine.disk().read_bytes() == content + bytes(2 * MIB)
    # Zeros are holes: the rest of the disk takes no space.
    assert engine.disk().stat().st_blocks * 512 <= MIB + 64 * 1024
    assert engine.entries() == DONE


@needs_qemu_img
@pytest.mark.parametrize("kind", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
async def test_every_disk_format_is_converted_to_raw(engine: Engine, site: Site, tmp_path: Path, kind: str) -> None:
    await site.start()
    content = random_disk()
    options = ("-o", "force_size=on") if kind == "vpc" else ()
    source = site.serve("disk", image(tmp_path / "disk", content, kind, *options).read_bytes())

    progress = await engine.finish(engine.request(source, size=3 * MIB))

    assert progress.state is TransferState.SUCCEEDED, progress
    assert engine.disk().read_bytes() == content + bytes(MIB)
    assert engine.entries() == DONE


@needs_qemu_img
@pytest.mark.parametrize("pack", [gzip.compress, xz, zstd], ids=["gz", "xz", "zst"])
async def test_a_compressed_qcow2_is_unpacked_and_converted(
    engine: Engine, site: Site, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    await site.start()
    content = random_disk()
    source = site.serve("disk", pack(image(tmp_path / "disk", content, "qcow2", "-c").read_bytes()))
    assert (await engine.finish(engine.request(source, size=2 * MIB))).state is TransferState.SUCCEEDED
    assert engine.disk().read_bytes() == content


@needs_qemu_img
@pytest.mark.parametrize("kind", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
async def test_an_image_of_which_the_end_is_missing_is_refused(
    engine: Engine, site: Site, tmp_path: Path, kind: str
) -> None:
    await site.start()
    content = random_disk(8 * MIB)
    source = site.serve("disk", truncated(image(tmp_path / "disk", content, kind).read_bytes()))

    progress = await engine.finish(engine.request(source, size=16 * MIB))

    assert (progress.state, progress.restarts, progress.reason) == (TransferState.RETRYING, 1, "Error")
    assert progress.message.startswith("Unable to process data: ")
    assert engine.entries() == {"record.json"}


@pytest.mark.parametrize("pack", [gzip.compress, xz, zstd], ids=["gz", "xz", "zst"])
async def test_a_compressed_stream_that_ends_too_early_is_refused(
    engine: Engine, site: Site, pack: Callable[[bytes], bytes]
) -> None:
    await site.start()
    progress = await engine.finish(engine.request(site.serve("disk", truncated(pack(random_disk())))))
    assert progress.state is TransferState.RETRYING
    assert "ends too early" in progress.message
    assert engine.entries() == {"record.json"}


async def test_compressed_streams_behind_each_other_are_one_disk(engine: Engine, site: Site) -> None:
    await site.start()
    content = random_disk()
    skippable = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 4) + b"note"
    packed = zstd(content[:MIB]) + skippable + zstd(content[MIB:])
    assert (await engine.finish(engine.request(site.serve("a", packed), size=2 * MIB))).message == ""
    assert engine.disk().read_bytes() == content


async def test_what_follows_a_compressed_stream_is_not_ignored(engine: Engine, site: Site) -> None:
    await site.start()
    progress = await engine.finish(engine.request(site.serve("a", gzip.compress(b"x" * 600) + b"rubbish")))
    assert "something else follows it" in progress.message


@needs_qemu_img
async def test_a_disk_larger_than_its_claim_is_refused_in_cdis_words(
    engine: Engine, site: Site, tmp_path: Path
) -> None:
    await site.start()
    content = random_disk(4 * MIB)
    expected = (
        "Unable to process data: virtual image size 4194304 is larger than the reported available storage 3145728."
        " A larger PVC is required"
    )
    for kind in ("raw", "qcow2"):
        source = site.serve(kind, image(tmp_path / "disk", content, kind).read_bytes())
        request = engine.request(source, size=3 * MIB, id=kind)
        assert (await engine.finish(request)).message == expected


async def test_a_bomb_goes_off_at_the_size_of_the_claim(engine: Engine, site: Site) -> None:
    await site.start()
    source = site.serve("bomb.zst", zstd(bytes(100 * MIB)))
    progress = await engine.finish(engine.request(source, size=4 * MIB))
    assert "is larger than the reported available storage 4194304" in progress.message
    assert engine.entries() == {"record.json"}


@needs_qemu_img
async def test_images_that_name_other_files_are_refused(engine: Engine, site: Site, tmp_path: Path) -> None:
    await site.start()
    backing = image(tmp_path / "backing", random_disk(), "qcow2")
    overlay, external = tmp_path / "overlay.qcow2", tmp_path / "external.qcow2"
    make = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*make, "-b", str(backing), "-F", "qcow2", str(overlay)], check=True)
    subprocess.run([*make, "-o", f"data_file={tmp_path / 'data'}", str(external), "1M"], check=True)
    parent, linked = image(tmp_path / "parent", random_disk(), "vmdk"), tmp_path / "linked.vmdk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", "-b", str(parent), "-F", "vmdk", str(linked)], check=True)
    description = b'# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 100 FLAT "/etc/hostname" 0\n'
    # A header that promises nothing but a description has qemu open the files which that names.
    flat = struct.pack("<4sIIQQQQ", b"KDMV", 1, 3, 0, 128, 1, 1).ljust(512, b"\0") + description.ljust(512, b"\0")
    told = {}
    for name, content in {
        "overlay": overlay.read_bytes(),
        "external": external.read_bytes(),
        "linked": linked.read_bytes(),
        "flat": flat,
    }.items():
        progress = await engine.finish(engine.request(site.serve(name, content), id=name, volume=name))
        assert progress.state is TransferState.RETRYING
        told[name] = progress.message
    assert told["overlay"].endswith(f"is invalid because it has invalid backing file {backing}")
    assert "external data file" in told["external"]
    assert "invalid backing file" in told["linked"]
    assert "content is in other files" in told["flat"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
async def test_a_checksum_is_of_the_bytes_as_they_are_served(engine: Engine, site: Site, algorithm: str) -> None:
    await site.start()
    packed = gzip.compress(random_disk())
    source = site.serve("disk", packed)
    source["http"]["checksum"] = f"{algorithm}:{hashlib.new(algorithm, packed).hexdigest().upper()}"
    assert (await engine.finish(engine.request(source))).state is TransferState.SUCCEEDED


async def test_a_checksum_that_does_not_match_is_final(engine: Engine, site: Site) -> None:
    await site.start()
    content = random_disk()
    source = site.serve("disk", content)
    wrong, right = "0" * 32, hashlib.md5(content, usedforsecurity=False).hexdigest()
    source["http"]["checksum"] = f"md5:{wrong}"

    progress = await engine.finish(engine.request(source))

    assert (progress.state, progress.reason, progress.restarts) == (TransferState.FAILED, "ChecksumError", 0)
    assert progress.message == (
        "Unable to process data: checksum validation failed: checksum mismatch: expected"
        f" md5:{wrong}, calculated md5:{right}"
    )
    assert engine.entries() == {"record.json"}
    await engine.restart()
    assert (await engine.finish(engine.request(source))).state is TransferState.FAILED
    assert len(site.requests) == 1


async def test_a_status_other_than_200_is_told_as_cdi_does_and_tried_again_after_the_back_off(
    engine: Engine, site: Site
) -> None:
    await site.start()
    request = engine.request({"http": {"url": f"{site.url}/files/missing"}})
    progress = await engine.finish(request)
    assert progress.message == (
        "Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found"
    )
    assert (progress.state, progress.restarts) == (TransferState.RETRYING, 1)
    assert progress.look_again == timedelta(seconds=10)
    assert (await engine.again(request)).restarts == 2
    # Of a restart nothing is lost, and the back-off holds: 20 seconds after the second failure.
    await engine.restart()
    progress = await engine.finish(request)
    assert (progress.restarts, progress.look_again) == (2, timedelta(seconds=20))
    site.serve("missing", random_disk())
    assert (await engine.again(request)).state is TransferState.SUCCEEDED


async def test_credentials_and_headers_come_from_secrets_and_go_along_redirects(engine: Engine, site: Site) -> None:
    async def redirect(request: web.Request) -> web.Response:
        site.requests.append(request)
        raise web.HTTPFound("/files/disk")

    site.application.router.add_get("/redirect", redirect)
    await site.start()
    site.serve("disk", random_disk())
    engine.cluster.secrets = {
        "login": {"accessKeyId": b"jane", "secretKey": b"s3cret"},
        "token": {"secretHeader": b"X-Token: 4711\n"},
    }
    fields = {
        "url": f"{site.url}/redirect",
        "secretRef": "login",
        "extraHeaders": ["X-Plain: yes"],
        "secretExtraHeaders": ["token"],
    }
    assert (await engine.finish(engine.request({"http": fields}))).state is TransferState.SUCCEEDED
    assert len(site.requests) == 2
    for request in site.requests:
        assert request.headers["Authorization"] == "Basic amFuZTpzM2NyZXQ="
        assert (request.headers["X-Token"], request.headers["X-Plain"]) == ("4711", "yes")
        assert request.headers["User-Agent"] == "cdi-golang-importer"


async def test_a_secret_that_is_missing_is_told_and_waited_for(engine: Engine, site: Site) -> None:
    await site.start()
    source = site.serve("disk", random_disk())
    source["http"]["secretRef"] = "later"
    progress = await engine.finish(engine.request(source))
    assert progress.message == 'Unable to process data: secret "later" not found'
    engine.cluster.secrets["later"] = {"accessKeyId": b"a", "secretKey": b"b"}
    assert (await engine.again(engine.request(source))).state is TransferState.SUCCEEDED


async def test_a_loop_of_redirects_ends(engine: Engine, site: Site) -> None:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.path)

    site.application.router.add_get("/loop", redirect)
    await site.start()
    progress = await engine.finish(engine.request({"http": {"url": f"{site.url}/loop"}}))
    assert progress.message == "Unable to connect to http data source: stopped after 10 redirects"


Manner = Callable[[web.Request, web.StreamResponse, bytes], Awaitable[Any]]


async def stall(request: web.Request, response: web.StreamResponse, content: bytes) -> None:
    await response.write(content[: len(content) // 2])
    await asyncio.sleep(5)


async def cut(request: web.Request, response: web.StreamResponse, content: bytes) -> None:
    await response.write(content[: len(content) // 2])
    assert request.transport is not None
    request.transport.close()


@pytest.mark.parametrize("manner", [stall, cut])
async def test_a_download_that_broke_off_goes_on_where_it_was(engine: Engine, site: Site, manner: Manner) -> None:
    content = random_disk(4 * MIB)
    is_bad = True

    async def file(request: web.Request) -> web.StreamResponse:
        nonlocal is_bad
        site.files["disk"] = content
        if not is_bad:
            request.match_info["name"] = "disk"
            return await site._file(request)
        is_bad = False
        response = web.StreamResponse(headers={"ETag": '"v1"', "Content-Length": str(len(content))})
        await response.prepare(request)
        await manner(request, response, content)
        return response

    site.application.router.add_get("/bad", file)
    await site.start()
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    request = engine.request({"http": {"url": f"{site.url}/bad", "checksum": checksum}})

    progress = await engine.finish(request)
    assert (progress.state, progress.restarts) == (TransferState.RETRYING, 1)
    assert engine.entries() == {"record.json", "work", "work/source", "work/source.note"}

    await engine.restart()
    progress = await engine.again(request)
    assert progress.state is TransferState.SUCCEEDED
    assert engine.disk().read_bytes() == content
    # The second time only what was missing was fetched; the checksum is over everything all the same.
    assert int(site.requests[0].headers["Range"].removeprefix("bytes=").removesuffix("-")) >= MIB
    assert engine.entries() == DONE


async def test_a_file_that_changed_meanwhile_is_fetched_anew(engine: Engine, site: Site) -> None:
    await site.start()
    old, new = random_disk(seed=1), random_disk(seed=2)
    files = VolumeFiles(engine.root / "pv")
    work = files.prepare()
    (work / "source").write_bytes(old[:MIB])
    note = f'{{"url": "{site.url}/files/disk", "validator": "\\"v0\\"", "offset": {MIB}}}'
    (work / "source.note").write_text(note)
    assert (await engine.finish(engine.request(site.serve("disk", new), size=2 * MIB))).message == ""
    assert site.requests[0].headers["Range"] == f"bytes={MIB}-"
    assert engine.disk().read_bytes() == new


async def test_a_body_that_is_longer_than_its_length_is_cut_and_shorter_is_refused(engine: Engine, site: Site) -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(2 * MIB)})
        await response.prepare(request)
        await response.write(bytes(MIB))
        assert request.transport is not None
        request.transport.close()
        return response

    site.application.router.add_get("/short", short)
    await site.start()
    progress = await engine.finish(engine.request({"http": {"url": f"{site.url}/short"}}))
    assert progress.state is TransferState.RETRYING
    # Without a validator nobody knows whether the rest belongs to it: nothing is kept.
    assert "unexpected EOF" in progress.message
    assert not engine.disk().exists()


async def test_nobody_listens(engine: Engine, unused_tcp_port: int) -> None:
    progress = await engine.finish(engine.request({"http": {"url": f"http://127.0.0.1:{unused_tcp_port}/disk"}}))
    assert progress.message.startswith("Unable to connect to http data source: ")


async def test_blank_disks_have_the_size_of_their_claim_and_no_blocks(engine: Engine) -> None:
    progress = await engine.finish(engine.request({"blank": {}}, size=64 * MIB, disk_bytes=60 * MIB))
    assert progress.state is TransferState.SUCCEEDED
    found = engine.disk().stat()
    assert (found.st_size, found.st_blocks, found.st_mode & 0o777) == (60 * MIB, 0, 0o660)
    assert engine.entries() == DONE


async def test_preallocation_takes_the_space(engine: Engine) -> None:
    await engine.finish(engine.request({"blank": {}}, size=MIB, preallocate=True))
    assert engine.disk().stat().st_blocks * 512 >= MIB


@pytest.mark.parametrize("kind", ["gcs", "imageio", "vddk"])
async def test_sources_that_are_not_built_are_refused_for_good(engine: Engine, kind: str) -> None:
    progress = await engine.finish(engine.request({kind: {"url": "http://example.com"}}))
    assert progress.state is TransferState.FAILED
    assert progress.message == f"Unable to connect to {kind} data source: the source {kind} is not supported here"


async def test_a_full_disk_is_told_as_such(engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.start()
    monkeypatch.setattr(engine.volumes._directory.space, "_keep_free", 1 << 60)
    progress = await engine.finish(engine.request(site.serve("disk", random_disk())))
    assert progress.message == "Unable to process data: no space left on device"
    assert engine.entries() == {"record.json"}


async def test_a_missing_qemu_img_is_told(
    engine: Engine, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.start()
    header = struct.pack(">4sIQI", b"QFI\xfb", 3, 0, 0).ljust(1024, b"\0")
    monkeypatch.setenv("PATH", str(tmp_path))
    progress = await engine.finish(engine.request(site.serve("disk", header)))
    assert "qemu-img is not installed on this machine" in progress.message


async def test_progress_moves_with_the_bytes(engine: Engine, site: Site) -> None:
    content = random_disk(4 * MIB)
    half_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: 2 * MIB])
        half_way.set()
        await go_on.wait()
        await response.write(content[2 * MIB :])
        return response

    site.application.router.add_get("/slow", slow)
    await site.start()
    engine.limits = engine.volumes._limits
    request = engine.request({"http": {"url": f"{site.url}/slow"}})
    assert (await engine.volumes.ask(request)).state is TransferState.SCHEDULED
    await half_way.wait()
    async with asyncio.timeout(5):
        while (progress := await engine.volumes.ask(request)).percent is None or progress.percent < 25:
            await asyncio.sleep(0.01)
    assert progress.state is TransferState.RUNNING
    assert 25 <= progress.percent <= 50
    go_on.set()
    assert (await engine.finish(request)).state is TransferState.SUCCEEDED


async def test_a_transfer_that_is_done_is_not_begun_again_after_a_restart(engine: Engine, site: Site) -> None:
    await site.start()
    request = engine.request(site.serve("disk", random_disk()))
    await engine.finish(request)
    await engine.restart()
    assert (await engine.volumes.ask(request)).state is TransferState.SUCCEEDED
    assert len(site.requests) == 1
    record = VolumeFiles(engine.root / "pv").read()
    assert record is not None
    assert (record.state, record.transfer) == (Filled.DONE, "claim-uid")
