"""What a file is, by its first bytes (reference cdi.md 7.1), and the compressions, taken off in steps."""

from __future__ import annotations

import lzma
import sys
import zlib
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from solovirt.volumes.files.failure import unusable
from solovirt.volumes.files.limits import CHUNK
from solovirt.volumes.files.sparse import SparseFile

HEADER = 1024
"""How many bytes tell a format."""

# A window beyond this is refused: a file of a few bytes could ask for gigabytes of memory.
_MOST_MEMORY = 256 << 20
_LARGEST_WINDOW_LOG = 27
_READ = 256 * 1024


class Format(StrEnum):
    """Formats of disks, named as qemu-img names them, and what may be around them."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VMDK = "vmdk"
    VDI = "vdi"
    VPC = "vpc"
    VHDX = "vhdx"
    TAR = "tar"
    GZIP = "gz"
    XZ = "xz"
    ZSTD = "zst"


COMPRESSIONS = frozenset({Format.GZIP, Format.XZ, Format.ZSTD})

_MAGIC = (
    (0, b"\x1f\x8b", Format.GZIP),
    (0, b"\xfd7zXZ\x00", Format.XZ),
    (0, b"\x28\xb5\x2f\xfd", Format.ZSTD),
    (0, b"QFI\xfb", Format.QCOW2),
    (0, b"KDMV", Format.VMDK),
    (0x40, b"\x7f\x10\xda\xbe", Format.VDI),
    (0, b"conectix", Format.VPC),
    (0, b"vhdxfile", Format.VHDX),
    (0x101, b"ustar", Format.TAR),
)


def format_of(header: bytes) -> Format:
    """The format of a file that begins so; what is nothing else is raw, ISO images among it."""
    for offset, magic, name in _MAGIC:
        if header[offset : offset + len(magic)] == magic:
            return name
    return Format.RAW


def read_header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER)


class _Decompressor(Protocol):
    """As of lzma and compression.zstd: never more than asked for, so that a bomb goes off in small pieces."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's, with the interface of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _new(compression: Format) -> _Decompressor:
    match compression:
        case Format.GZIP:
            return _Gzip()
        case Format.XZ:
            return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
        case _:
            zstd = _zstd()
            decompressor: _Decompressor = zstd.ZstdDecompressor(
                options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW_LOG}
            )
            return decompressor


def _zstd() -> Any:
    # Imported when it is needed: most images are none.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def decompressed(source: Path, compression: Format) -> Generator[bytes, None, None]:
    """
    The content of *source* in pieces of at most `CHUNK` bytes, several compressed streams behind each other as one.

    Raises TransferFailed if it is damaged or ends too early.
    """
    errors: tuple[type[Exception], ...] = (zlib.error, lzma.LZMAError, EOFError)
    if compression is Format.ZSTD:
        errors = (*errors, _zstd().ZstdError)
    try:
        with source.open("rb") as file:
            yield from _streams(file, compression)
    except errors as error:
        raise unusable(f"the {compression} stream is damaged: {error}") from error


def _streams(file: Any, compression: Format) -> Generator[bytes, None, None]:
    waiting = file.read(_READ)
    while True:
        one = _new(compression)
        while not one.eof:
            given = b""
            if one.needs_input:
                given = waiting or file.read(_READ)
                waiting = b""
                if not given:
                    raise EOFError("it ends too early")
            if piece := one.decompress(given, CHUNK):
                yield piece
        waiting = one.unused_data or file.read(_READ)
        # Zeros behind a stream are padding, of tapes (gzip) and by the format (xz).
        while waiting and not (waiting := waiting.lstrip(b"\0")):
            waiting = file.read(_READ)
        if not waiting:
            return
        begin = waiting if len(waiting) >= 8 else waiting + file.peek()[:8]
        if format_of(begin) is not compression and not (compression is Format.ZSTD and _is_skippable(begin)):
            # The programs ignore what follows; a disk of which the end was ignored would be a wrong disk.
            raise EOFError("something else follows it")


def _is_skippable(begin: bytes) -> bool:
    """Whether a frame begins that zstd skips: notes of programs that compress in parallel."""
    return begin[1:4] == b"\x2a\x4d\x18" and 0x50 <= begin[0] <= 0x5F


def decompress(source: Path, compression: Format, target: SparseFile) -> Generator[int, None, None]:
    """Write the content of *source* into *target*, in steps."""
    for piece in decompressed(source, compression):
        target.write(piece)
        yield len(piece)
