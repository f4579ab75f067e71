"""Disks in container images: the first file below `disk/`, looked for from the lowest layer on (reference cdi.md 7.2)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Generator
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
# What lies before the disk in its layer is skipped, but has to be unpacked for that.
_MOST_SKIPPED = 64 * GIBIBYTE


def extract(layer: Path, target: SparseFile, *, largest: int, available: int) -> Steps[bool]:
    """Write the layer's disk into *target*, in steps; False if it has none. Raises TransferFailed."""
    try:
        with _opened(layer) as content, tarfile.open(fileobj=content, mode="r|", bufsize=CHUNK) as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # not in the stubs
                if not member.isreg() or not _is_disk(member.name):
                    if member.offset_data + member.size > _MOST_SKIPPED:
                        raise unusable("the container image is too large")
                    yield 0
                    continue
                if member.size > largest:
                    raise too_large(member.size, available)
                source = tar.extractfile(member)
                assert source is not None
                while piece := source.read(CHUNK):
                    target.write(piece)
                    yield len(piece)
                if target.size != member.size:
                    raise unusable("the container image's layer is cut off")
                return True
    except tarfile.TarError as error:
        raise unusable(f"the container image's layer is damaged: {error}") from error
    return False


def _is_disk(name: str) -> bool:
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".")]
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
