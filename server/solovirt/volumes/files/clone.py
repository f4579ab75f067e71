"""Copies of files: shared blocks where the file system can, else the data without the holes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from solovirt.volumes.files.directory import Space
from solovirt.volumes.files.limits import MEBIBYTE
from solovirt.volumes.files.workers import Steps

_FICLONE = 0x40049409
_STEP = 8 * MEBIBYTE
_CANNOT = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM)


def copy_tree(source: Path, target: Path, space: Space, *, at_once: bool = False) -> Steps[None]:
    """
    Copy a volume's content into the new directory *target*, in steps; it is on disk at the end. Raises OSError.

    With *at_once* each file is copied as it is at one moment, or not at all.
    """
    target.mkdir(mode=0o700)
    copied: dict[tuple[int, int], Path] = {}
    for directory, _, _ in os.walk(source):
        here = target / Path(directory).relative_to(source)
        with os.scandir(directory) as entries:
            for entry in entries:
                path, found = here / entry.name, entry.stat(follow_symlinks=False)
                if entry.is_symlink():
                    path.symlink_to(Path(entry.path).readlink())
                elif entry.is_dir():
                    path.mkdir(mode=stat.S_IMODE(found.st_mode))
                elif (found.st_dev, found.st_ino) in copied:
                    path.hardlink_to(copied[found.st_dev, found.st_ino])
                else:
                    yield from copy_file(Path(entry.path), path, space, at_once=at_once)
                    path.chmod(stat.S_IMODE(found.st_mode))
                    copied[found.st_dev, found.st_ino] = path


def copy_file(source: Path, target: Path, space: Space, *, at_once: bool = False) -> Steps[None]:
    """Copy one file, in steps, holes as holes; it is on disk at the end. Raises OSError."""
    with source.open("rb") as reader, target.open("wb") as writer:
        if not _share_blocks(reader.fileno(), writer.fileno()):
            if at_once:
                raise OSError(errno.EBUSY, "the volume is in use, and its file system can't copy it at one moment")
            yield from _copy_data(reader.fileno(), writer.fileno(), space)
        os.fsync(writer.fileno())
    yield 0


def _share_blocks(reader: int, writer: int) -> bool:
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def _copy_data(reader: int, writer: int, space: Space) -> Steps[None]:
    size = os.fstat(reader).st_size
    os.ftruncate(writer, size)
    position = 0
    while position < size:
        try:
            begin = os.lseek(reader, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                # Nothing but a hole is left.
                return
            raise
        # A step of holes is told of as well: progress is of the disk, not of what it holds.
        if begin > position:
            yield begin - position
        end = os.lseek(reader, begin, os.SEEK_HOLE)
        while begin < end:
            length = min(_STEP, end - begin)
            space.need(length)
            copied = _copy_range(reader, writer, begin, length)
            if copied == 0:
                raise OSError(errno.EIO, "the source became shorter while it was copied")
            begin += copied
            yield copied
        position = end


def _copy_range(reader: int, writer: int, position: int, length: int) -> int:
    try:
        return os.copy_file_range(reader, writer, length, position, position)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    piece = os.pread(reader, min(length, MEBIBYTE), position)
    return os.pwrite(writer, piece, position) if piece else 0
