"""
What there is on disk.

    volumes/
        owner                       whose volumes these are: the uid of the database's kube-system namespace
        <persistent volume>/
            record.json             which transfer filled it, or how far that is
            data/                   the volume's root: disk.img, or an unpacked archive
            work/                   what a transfer under way needs; of no use to anybody else

`data` appears by a rename when it is complete and on disk, and the record says so after that: whoever sees `done` for its transfer may use the
disk. A crash before leaves work to take up or to throw away, never half a disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from solovirt.machinery.clock import micro_timestamp, parse_timestamp
from solovirt.volumes.protocol import Usage, VolumesUnavailable, VolumeUsage

DISK = "disk.img"
_OWNER = "owner"


class Filled(StrEnum):
    """How far a transfer is, as its record says."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    """For good."""


@dataclass(frozen=True, slots=True)
class Record:
    """What must be known of a volume after a restart."""

    transfer: str
    """The uid of the claim that it is filled for."""
    state: Filled
    size: int = 0
    """What the claim was promised, in bytes."""
    restarts: int = 0
    reason: str = ""
    message: str = ""
    not_before: datetime | None = None
    """When the next attempt is due."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the source says the claim is to be labelled with."""

    def dump(self) -> bytes:
        document = {**asdict(self), "not_before": micro_timestamp(self.not_before) if self.not_before else None}
        return json.dumps(document).encode()

    @classmethod
    def load(cls, text: bytes) -> Record | None:
        """None if the text is no record."""
        try:
            document = json.loads(text)
            due = document.pop("not_before", None)
            return cls(
                **{**document, "state": Filled(document["state"])}, not_before=parse_timestamp(due) if due else None
            )
        except (ValueError, TypeError, KeyError):
            return None


class Space:
    """
    The space below a directory: *keep_free* bytes of its file system are never used, and with *quota* no more than that is used altogether.

    What is used is counted once a second at most; what is written in between is allowed for.
    """

    _COUNT_EVERY = 1.0

    def __init__(self, path: Path, keep_free: int, quota: int | None = None) -> None:
        self._path = path
        self._keep_free = keep_free
        self.quota = quota
        self._counted = 0
        self._since = 0
        self._count_at = 0.0

    def left(self) -> int:
        found = os.statvfs(self._path)
        left = max(0, found.f_bavail * found.f_frsize - self._keep_free)
        if self.quota is None:
            return left
        now = time.monotonic()
        if now >= self._count_at:
            self._counted, self._since, self._count_at = used_below(self._path), 0, now + self._COUNT_EVERY
        return max(0, min(left, self.quota - self._counted - self._since))

    def need(self, size: int) -> None:
        """
        Raises OSError unless *size* more bytes can be written: ENOSPC, or EDQUOT if it is the quota.

        With *size* 0: unless anything can be.
        """
        left = self.left()
        if size > left or left == 0:
            if self.quota is not None and self._counted + self._since + size > self.quota:
                raise OSError(errno.EDQUOT, "disk quota exceeded")
            raise OSError(errno.ENOSPC, "no space left on device")
        self._since += size


def used_below(path: Path) -> int:
    """The bytes that everything below *path* takes up. Blocks."""
    used = 0
    for directory, _, files in os.walk(path):
        for name in files:
            # It may go while it is counted.
            with contextlib.suppress(FileNotFoundError):
                used += os.lstat(os.path.join(directory, name)).st_blocks * 512  # noqa: PTH118 - a hundred thousand of them
    return used


class VolumeFiles:
    """One volume's directory. Everything here blocks: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.disk = self.data / DISK
        self.work = path / "work"
        self._record = path / "record.json"

    def read(self) -> Record | None:
        try:
            return Record.load(self._record.read_bytes())
        except FileNotFoundError:
            return None

    def write(self, record: Record) -> None:
        """Replace the record; it is on disk on return."""
        make_directory(self.path)
        write_durably(self._record, record.dump())

    def prepare(self) -> Path:
        """The directory to work in, made if it is missing."""
        make_directory(self.path)
        self.work.mkdir(exist_ok=True)
        return self.work

    def publish(self, complete: Path, record: Record) -> None:
        """Make *complete*, a directory below `work`, the volume's content, whatever that was before, and write the record."""
        for directory, _, _ in os.walk(complete):
            sync_directory(Path(directory))
        if self.data.exists():
            outdated = self.work / "outdated"
            remove_tree(outdated)
            self.data.rename(outdated)
        complete.rename(self.data)
        sync_directory(self.path)
        self.write(record)
        remove_tree(self.work)

    def discard_work(self) -> None:
        """Throw away what a transfer left, all of it."""
        remove_tree(self.work)


class VolumeDirectory:
    """All volumes. Everything here blocks: call it in a thread."""

    def __init__(self, root: Path, *, keep_free: int, quota: int | None = None) -> None:
        self.root = root
        self.space = Space(root, keep_free, quota)

    def open(self, owner: str, volumes: Collection[str]) -> list[str]:
        """
        Make the directory, or take it up: volumes other than *volumes* are deleted and returned.

        Raises VolumesUnavailable if it can't be used, and if it is another database's: all volumes would be deleted.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            sign = self.root / _OWNER
            if not sign.exists():
                write_durably(sign, owner.encode())
            known = sign.read_text()
            if known != owner:
                raise VolumesUnavailable(
                    f"the volumes in {self.root} belong to another database ({known}); use the data directory and database that"
                    " belong together, or move the volumes away"
                )
            orphans = [path for path in self._entries() if path.name not in volumes]
            for path in orphans:
                remove_tree(path)
        except OSError as error:
            raise VolumesUnavailable(f"the volumes in {self.root} can't be used: {error}") from error
        for name in volumes:
            files = self.volume(name)
            record = files.read()
            # What can be resumed stays until its transfer is asked for; the rest is rubbish.
            if files.work.exists() and (record is None or record.state is not Filled.BEGUN):
                files.discard_work()
        return sorted(path.name for path in orphans)

    def volume(self, name: str) -> VolumeFiles:
        """Raises ValueError for what can be no PersistentVolume's name."""
        if not _can_be_volume(name):
            raise ValueError(f"{name!r} can't be a volume's name")
        return VolumeFiles(self.root / name)

    def grow(self, name: str, disk_bytes: int) -> None:
        """Make a volume's disk at least so large; the added part is a hole. Nothing happens if it has none, or an archive."""
        if not _can_be_volume(name):
            return
        files = self.volume(name)
        record = files.read()
        if record is None or record.state is not Filled.DONE or not files.disk.is_file():
            return
        with files.disk.open("r+b") as disk:
            if os.fstat(disk.fileno()).st_size < disk_bytes:
                os.ftruncate(disk.fileno(), disk_bytes)
                os.fsync(disk.fileno())

    def remove(self, name: str) -> None:
        """Delete a volume; gone for good on return. Nothing happens if there is none."""
        if not _can_be_volume(name):
            return
        path = self.volume(name).path
        if path.exists():
            remove_tree(path)
            sync_directory(self.root)

    def usage(self) -> Usage:
        found = os.statvfs(self.root)
        total = found.f_blocks * found.f_frsize
        volumes = {}
        for path in self._entries():
            record = VolumeFiles(path).read()
            volumes[path.name] = VolumeUsage(record.size if record is not None else 0, used_below(path))
        quota = self.space.quota
        return Usage(total if quota is None else min(total, quota), self.space.left(), volumes)

    def _entries(self) -> Iterator[Path]:
        return (path for path in self.root.iterdir() if path.is_dir())


def _can_be_volume(name: str) -> bool:
    return bool(name) and not name.startswith(".") and "/" not in name and "\0" not in name and name != _OWNER


def make_directory(path: Path) -> None:
    """Make it, if it is missing, so that it survives a power failure."""
    if not path.exists():
        path.mkdir(exist_ok=True, mode=0o700)
        sync_directory(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a small file; the old content or the new one is there whatever happens."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Delete a directory that may not be there, also one whose content took its owner's rights away, as archives can."""

    def retry(_function: object, name: str, _error: object) -> None:
        parent = Path(name).parent
        for directory in (parent, Path(name)):
            if directory.is_dir() and not directory.is_symlink():
                directory.chmod(0o700)
        shutil.rmtree(name, ignore_errors=True)
        if os.path.lexists(name):
            Path(name).unlink()

    if path.exists():
        shutil.rmtree(path, onerror=retry)
