"""Pictures: PNG out of what older QEMUs take screenshots as, which is PPM."""

from __future__ import annotations

import re
import struct
import zlib

_HEADER = re.compile(rb"P6(?:\s+#[^\n]*)*\s+(\d+)\s+(\d+)\s+255\s")
_MOST_PIXELS = 64_000_000


def png(picture: bytes) -> bytes:
    """*picture*, PNG or PPM (P6, eight bits), as PNG. Raises ValueError for anything else."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return picture
    header = _HEADER.match(picture)
    if header is None:
        raise ValueError("the picture is neither PNG nor PPM")
    width, height = int(header[1]), int(header[2])
    pixels = memoryview(picture)[header.end() :]
    line = width * 3
    if width * height > _MOST_PIXELS or len(pixels) < line * height:
        raise ValueError("the picture is cut off")
    # A filter byte of 0 before each line: pixels as they are.
    lines = b"".join(b"\0" + bytes(pixels[at : at + line]) for at in range(0, line * height, line))
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", size), _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
