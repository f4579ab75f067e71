"""Clones of volumes on files."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from solovirt.volumes.files import clone
from solovirt.volumes.files.directory import Space
from solovirt.volumes.protocol import TransferId, TransferState
from tests.volumes.files.conftest import MIB, Engine, random_disk

SOURCE = {"pvc": {"namespace": "default", "name": "golden"}}


def fill(engine: Engine, content: bytes, volume: str = "golden") -> Path:
    disk = engine.disk(volume)
    disk.parent.mkdir(parents=True)
    disk.write_bytes(content)
    return disk


async def test_a_clone_is_the_same_and_grows_to_its_claim(engine: Engine) -> None:
    content = random_disk(8 * MIB)
    fill(engine, content)
    progress = await engine.finish(engine.request(SOURCE, origin="golden", size=10 * MIB, disk_bytes=9 * MIB))
    assert (progress.state, progress.message) == (TransferState.SUCCEEDED, "")
    assert engine.disk().read_bytes() == content + bytes(MIB)
    assert engine.entries() == {"record.json", "data", "data/disk.img"}


async def test_a_clone_of_a_volume_that_nobody_filled_is_empty(engine: Engine) -> None:
    progress = await engine.finish(engine.request(SOURCE, origin="golden"))
    assert progress.state is TransferState.SUCCEEDED
    assert engine.entries() == {"record.json", "data"}


async def test_a_target_that_is_too_small_is_refused(engine: Engine) -> None:
    fill(engine, bytes(8 * MIB))
    progress = await engine.finish(engine.request(SOURCE, origin="golden", size=4 * MIB))
    assert "target resources requests storage size is smaller than the source" in progress.message


async def test_a_source_that_is_being_filled_is_not_copied(engine: Engine) -> None:
    source = engine.request({"http": {"url": "http://127.0.0.1:1/"}}, id=TransferId("g"), volume="golden")
    await engine.finish(source)
    progress = await engine.finish(engine.request(SOURCE, origin="golden"))
    assert "is not filled yet" in progress.message


@pytest.mark.parametrize("can_copy_ranges", [True, False])
def test_without_shared_blocks_only_data_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_copy_ranges: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    if not can_copy_ranges:
        monkeypatch.setattr(os, "copy_file_range", refuse)
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"a" * MIB)
        file.seek(20 * MIB)
        file.write(b"b" * MIB)
        file.truncate(30 * MIB)
    moved = sum(clone.copy_file(source, target, Space(tmp_path, 0)))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks == source.stat().st_blocks
    assert moved == 21 * MIB


def test_a_tree_is_copied_with_its_links(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "file").write_bytes(b"x")
    (source / "a" / "file").chmod(0o640)
    (source / "a" / "b" / "same").hardlink_to(source / "a" / "file")
    (source / "link").symlink_to("a/file")
    for _ in clone.copy_tree(source, target, Space(tmp_path, 0)):
        pass
    assert (target / "a" / "file").stat().st_mode & 0o777 == 0o640
    assert (target / "a" / "b" / "same").samefile(target / "a" / "file")
    assert (target / "link").readlink() == Path("a/file")
    assert not (target / "a" / "file").samefile(source / "a" / "file")
