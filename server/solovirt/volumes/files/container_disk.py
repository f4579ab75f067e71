"""
Disks in container images.

An import takes the first file below `disk/`, looked for from the lowest layer on (reference cdi.md 7.2). A guest's containerDisk is what a container
of the image would see: the file at its path, or the only one of the directory `disk`, of the topmost layer that has one, unless a layer above hides it.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from solovirt.volumes.files.failure import too_large, unusable
from solovirt.volumes.files.formats import COMPRESSIONS, decompressed, format_of, read_header
from solovirt.volumes.files.limits import CHUNK, GIBIBYTE
from solovirt.volumes.files.workers import Steps

if TYPE_CHECKING:
    from solovirt.volumes.files.sparse import SparseFile

_DIRECTORY = "disk"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
# What lies before the disk in its layer is skipped, but has to be unpacked for that.
_MOST_SKIPPED = 64 * GIBIBYTE


class Hidden:
    """What upper layers hide of lower ones: whiteouts."""

    def __init__(self, names: frozenset[PurePosixPath] = frozenset()) -> None:
        self.names = set(names)

    def note(self, path: PurePosixPath) -> None:
        """See whether a file of a layer is a whiteout."""
        if path.name == _OPAQUE:
            self.names.add(path.parent)
        elif path.name.startswith(_WHITEOUT):
            self.names.add(path.with_name(path.name.removeprefix(_WHITEOUT)))

    def hides(self, path: PurePosixPath) -> bool:
        return any(one in self.names for one in (path, *path.parents))

    def __str__(self) -> str:
        return "\n".join(sorted(str(one) for one in self.names))


def extract(layer: Path, target: SparseFile, *, largest: int, available: int) -> Steps[bool]:
    """Write the layer's first disk into *target*, in steps; False if it has none. Raises TransferFailed."""
    with _archive(layer) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # not in the stubs; else all of them stay in memory
            path = _plain(member.name)
            if member.isreg() and _is_below_directory(path):
                yield from _copy(tar, member, target, largest=largest, available=available)
                return True
            yield _skip(member)
    return False


def extract_only(layer: Path, target: SparseFile, *, path: str, hidden: Hidden) -> Steps[bool]:
    """
    Write the file at *path* (or, if empty, the only one of the directory `disk`) into *target*, in steps; False if the layer has none.

    What it hides of lower layers is added to *hidden*. Raises TransferFailed.
    """
    wanted = _plain(path) if path else None
    above = Hidden(frozenset(hidden.names))
    is_found = False
    with _archive(layer) as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # as above
            name = _plain(member.name)
            hidden.note(name)
            is_it = name == wanted if wanted else name.parent == PurePosixPath(_DIRECTORY)
            if not member.isreg() or not is_it or name.name.startswith(_WHITEOUT) or above.hides(name):
                yield _skip(member)
                continue
            if is_found:
                raise unusable(f"more than one file found in folder /{_DIRECTORY}, only one disk is allowed")
            yield from _copy(tar, member, target, largest=_MOST_SKIPPED * 16, available=_MOST_SKIPPED * 16)
            is_found = True
    return is_found


@contextlib.contextmanager
def _archive(layer: Path) -> Iterator[tarfile.TarFile]:
    try:
        with _opened(layer) as content, tarfile.open(fileobj=content, mode="r|", bufsize=CHUNK) as tar:
            yield tar
    except tarfile.TarError as error:
        raise unusable(f"the container image's layer is damaged: {error}") from error


def _skip(member: tarfile.TarInfo) -> int:
    if member.offset_data + member.size > _MOST_SKIPPED:
        raise unusable("the container image is too large")
    return 0


def _copy(
    tar: tarfile.TarFile, member: tarfile.TarInfo, target: SparseFile, *, largest: int, available: int
) -> Steps[None]:
    if member.size > largest:
        raise too_large(member.size, available)
    source = tar.extractfile(member)
    assert source is not None
    while piece := source.read(CHUNK):
        target.write(piece)
        yield len(piece)
    if target.size != member.size:
        raise unusable("the container image's layer is cut off")


def _plain(name: str) -> PurePosixPath:
    return PurePosixPath(*(part for part in PurePosixPath(name).parts if part not in ("/", ".")))


def _is_below_directory(path: PurePosixPath) -> bool:
    parts = path.parts
    return len(parts) > 1 and parts[0] == _DIRECTORY and not parts[-1].startswith(_WHITEOUT)


def _opened(layer: Path) -> io.BufferedIOBase:
    compression = format_of(read_header(layer))
    if compression in COMPRESSIONS:
        return io.BufferedReader(_Pieces(decompressed(layer, compression)), CHUNK)
    return layer.open("rb")


class _Pieces(io.RawIOBase):
    """A generator of bytes as a file."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io's own readers pass
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        self._pieces.close()
        super().close()
