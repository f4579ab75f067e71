"""
What the display of a simulated guest shows, as pixels and as a PNG.

A picture has few colours: a pixel is the number of one in the palette.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from solovirt.runtime.fake import font
from solovirt.runtime.protocol import GuestState

if TYPE_CHECKING:
    from solovirt.runtime.fake.life import Life

WIDTH, HEIGHT = 640, 400
PALETTE = ((0, 0, 0), (0xAA, 0xAA, 0xAA), (0x20, 0x60, 0x90), (0xFF, 0xFF, 0xFF), (0x55, 0x55, 0x55))
_BLACK, _GREY, _BLUE, _WHITE, _DARK = range(len(PALETTE))
_SCALE = 2
_CELL_WIDTH, _CELL_HEIGHT = (font.COLUMNS + 1) * _SCALE, (font.ROWS + 1) * _SCALE
_ACROSS, _DOWN = WIDTH // _CELL_WIDTH, HEIGHT // _CELL_HEIGHT
_KEPT = 16
"""Pictures that are remembered: a display that is looked at is asked for again and again."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One byte a pixel, row by row."""

    pixels: bytes
    width: int = WIDTH
    height: int = HEIGHT

    def rows(self, first: int, count: int) -> bytes:
        return self.pixels[first * self.width : (first + count) * self.width]

    def png(self) -> bytes:
        """The picture as a PNG with a palette."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        # Each row begins with the number of its filter; 0 is none.
        data = b"".join(b"\0" + self.rows(row, 1) for row in range(self.height))
        palette = bytes(channel for colour in PALETTE for channel in colour)
        chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def of(life: Life, now: datetime) -> Picture:
    """The picture that the guest shows at *now*."""
    state = life.at(now).state
    about = life.about()
    lines = [
        f" {life.namespace}/{life.name}",
        "",
        f"{about.os_pretty_name} {life.hostname} tty1",
        f"Kernel {about.kernel_release} on {about.machine}",
        "",
    ]
    lines += [f"eth{number}: {address}" for number, nic in enumerate(life.nics) for address in nic.addresses]
    lines += ["", f"state: {state.value}", "", f"{life.hostname} login: _"]
    return _draw(tuple(line[:_ACROSS] for line in lines[:_DOWN]), is_dim=state is GuestState.PAUSED)


@lru_cache(maxsize=_KEPT)
def _draw(lines: tuple[str, ...], *, is_dim: bool) -> Picture:
    pixels = bytearray(WIDTH * HEIGHT)
    for number, line in enumerate(lines):
        # The first line is a bar across the screen.
        back, front = (_BLUE, _WHITE) if number == 0 else (_BLACK, _DARK if is_dim else _GREY)
        _draw_line(pixels, number * _CELL_HEIGHT, line, back, front)
    return Picture(bytes(pixels))


def _draw_line(pixels: bytearray, top: int, line: str, back: int, front: int) -> None:
    glyphs = [font.rows(character) for character in line]
    for row in range(font.ROWS + 1):
        across = bytearray([back]) * WIDTH
        if row < font.ROWS:
            for place, glyph in enumerate(glyphs):
                for column, lit in enumerate(glyph[row]):
                    if lit:
                        start = place * _CELL_WIDTH + column * _SCALE
                        across[start : start + _SCALE] = bytes([front]) * _SCALE
        for repeat in range(_SCALE):
            start = (top + row * _SCALE + repeat) * WIDTH
            pixels[start : start + WIDTH] = across


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
