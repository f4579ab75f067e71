"""Files written in one go from beginning to end, with holes where there are only zeros."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from solovirt.volumes.files.directory import Space
from solovirt.volumes.files.limits import MEBIBYTE

_BLOCK = 64 * 1024
_ZEROS = bytes(_BLOCK)
_LOOK_EVERY = 16 * MEBIBYTE


class Hash(Protocol):
    """As of hashlib."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class SparseFile:
    """
    Appends from *offset* on; what was behind it is cut off. Blocks: use it in a thread.

    *digest* sees all that is written. Raises OSError (ENOSPC) when the space that is to be kept free is reached.
    """

    def __init__(self, path: Path, space: Space, *, offset: int = 0, digest: Hash | None = None) -> None:
        self.size = offset
        self._space = space
        self._digest = digest
        self._looked_at = offset
        space.need(0)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (0 if offset else os.O_TRUNC), 0o600)
        os.ftruncate(self._file, offset)

    def write(self, data: bytes) -> None:
        if self._digest is not None:
            self._digest.update(data)
        if self.size + len(data) - self._looked_at >= _LOOK_EVERY:
            self._space.need(len(data))
            self._looked_at = self.size
        begin = None
        # Blocks of the file: pieces come in any size, and a file system makes no holes in half a block.
        position = 0
        while position < len(data):
            end = min(len(data), position + _BLOCK - (self.size + position) % _BLOCK)
            block = data[position:end]
            if block == _ZEROS or block == _ZEROS[: len(block)]:
                if begin is not None:
                    self._put(data, begin, position)
                    begin = None
            elif begin is None:
                begin = position
            position = end
        if begin is not None:
            self._put(data, begin, len(data))
        self.size += len(data)

    def _put(self, data: bytes, begin: int, end: int) -> None:
        view = memoryview(data)
        while begin < end:
            begin += os.pwrite(self._file, view[begin:end], self.size + begin)

    def sync(self) -> None:
        """Have everything so far on disk."""
        os.ftruncate(self._file, self.size)
        os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            # A hole at the end is only there once the size says so.
            os.ftruncate(self._file, self.size)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
