"""What is on disk: what survives, what is swept, and whose it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from solovirt.volumes.files.directory import Filled, Record, Space, VolumeDirectory, VolumeFiles
from solovirt.volumes.protocol import VolumesUnavailable
from tests.volumes.files.conftest import MIB, OWNER


def opened(root: Path, *names: str, owner: str = "me") -> VolumeDirectory:
    directory = VolumeDirectory(root, keep_free=0)
    directory.open(owner, names)
    return directory


def filled(directory: VolumeDirectory, name: str, content: bytes = b"x") -> VolumeFiles:
    files = directory.volume(name)
    complete = files.prepare() / "complete"
    complete.mkdir()
    (complete / "disk.img").write_bytes(content)
    files.publish(complete, Record("uid", Filled.DONE, size=MIB))
    return files


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record(
        "uid", Filled.BEGUN, 5, 3, "Error", "why", datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), {"a/b": "c"}
    )
    files = VolumeFiles(tmp_path)
    files.write(record)
    assert files.read() == record


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"transfer": "a"}', b'{"transfer": "a", "state": "odd"}'])
def test_a_record_that_is_none_counts_as_missing(text: bytes) -> None:
    assert Record.load(text) is None


def test_publishing_replaces_what_was_there_and_leaves_no_work(tmp_path: Path) -> None:
    directory = opened(tmp_path / "volumes")
    files = filled(directory, "pv", b"old")
    filled(directory, "pv", b"new")
    assert files.disk.read_bytes() == b"new"
    assert {path.name for path in files.path.iterdir()} == {"data", "record.json"}


def test_volumes_that_are_gone_are_swept_at_start(tmp_path: Path) -> None:
    root = tmp_path / "volumes"
    directory = opened(root)
    filled(directory, "kept")
    filled(directory, "orphan")
    assert VolumeDirectory(root, keep_free=0).open("me", ["kept"]) == ["orphan"]
    assert {path.name for path in root.iterdir()} == {"owner", "kept"}


def test_volumes_of_another_database_are_not_touched(tmp_path: Path) -> None:
    root = tmp_path / "volumes"
    files = filled(opened(root, "pv"), "pv")
    with pytest.raises(VolumesUnavailable, match="belong to another database"):
        opened(root, owner="somebody else")
    assert files.disk.exists()


def test_work_of_an_interrupted_transfer_stays_and_other_work_goes(tmp_path: Path) -> None:
    root = tmp_path / "volumes"
    directory = opened(root)
    begun, done, unknown = (directory.volume(name) for name in ("begun", "done", "unknown"))
    filled(directory, "done")
    begun.write(Record("uid", Filled.BEGUN))
    for files in (begun, done, unknown):
        (files.prepare() / "source").touch()
    opened(root, "begun", "done", "unknown")
    assert begun.work.exists()
    assert not done.work.exists()
    assert not unknown.work.exists()


def test_a_removed_volume_leaves_nothing_even_if_its_content_resists(tmp_path: Path) -> None:
    directory = opened(tmp_path / "volumes")
    files = filled(directory, "pv")
    inner = files.data / "inner"
    inner.mkdir()
    (inner / "file").touch()
    inner.chmod(0)
    directory.remove("pv")
    directory.remove("pv")
    assert {path.name for path in directory.root.iterdir()} == {"owner"}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "owner"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    directory = opened(tmp_path / "volumes")
    with pytest.raises(ValueError, match="can't be a volume's name"):
        directory.volume(name)
    directory.remove(name)
    assert (tmp_path / "volumes" / "owner").exists()


def test_usage_counts_promises_and_blocks(tmp_path: Path) -> None:
    directory = opened(tmp_path / "volumes")
    filled(directory, "a", bytes(range(256)) * 256)
    filled(directory, "b")
    usage = directory.usage()
    assert usage.promised == 2 * MIB
    assert usage.used >= 65536
    assert usage.total > usage.free > 0


def test_a_disk_grows_and_never_shrinks(tmp_path: Path) -> None:
    directory = VolumeDirectory(tmp_path / "volumes", keep_free=0)
    directory.open(OWNER, ["pv"])
    directory.grow("pv", 100)
    assert not (tmp_path / "volumes" / "pv").exists(), "nothing that is not there"
    files = directory.volume("pv")
    complete = files.prepare() / "complete"
    complete.mkdir()
    (complete / "disk.img").write_bytes(b"content")
    files.publish(complete, Record("uid", Filled.DONE))
    directory.grow("pv", 100)
    assert files.disk.read_bytes() == b"content" + bytes(93)
    directory.grow("pv", 10)
    assert files.disk.stat().st_size == 100
    files.write(Record("uid", Filled.BEGUN))
    directory.grow("pv", 200)
    assert files.disk.stat().st_size == 100, "it is being filled"


def test_a_quota_is_for_all_volumes_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = VolumeDirectory(tmp_path / "volumes", keep_free=0, quota=2 * MIB)
    directory.open(OWNER, ["a", "b"])
    space = directory.space
    space.need(MIB)
    with pytest.raises(OSError, match="disk quota exceeded"):
        space.need(2 * MIB)
    # What is there is counted, once a second.
    made = directory.volume("a").prepare() / "source"
    made.write_bytes(b"x" * (MIB + MIB // 2))
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert 0 < space.left() <= MIB // 2
    with pytest.raises(OSError, match="disk quota exceeded"):
        space.need(MIB)
    usage = directory.usage()
    assert (usage.total, usage.free) == (2 * MIB, space.left())
    made.write_bytes(b"x" * 3 * MIB)
    monkeypatch.setattr("time.monotonic", lambda: 2e9)
    with pytest.raises(OSError, match="disk quota exceeded"):
        space.need(0)


def test_a_full_file_system_refuses_even_nothing(tmp_path: Path) -> None:
    """So that a conversion, which is watched from outside, is stopped."""
    space = Space(tmp_path, keep_free=1 << 62)
    with pytest.raises(OSError, match="no space left on device"):
        space.need(0)
