"""
The display of a simulated guest: a server of the RFB protocol (RFC 6143), with raw pixels and no password.

A client is sent what it asks for, a band of the picture at a time and only as fast as it reads; one that asked for changes waits until
there is one. What it types and points at is taken in and leads to nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from solovirt.runtime.fake import picture
from solovirt.runtime.fake.line import Line
from solovirt.runtime.fake.picture import PALETTE, Picture

if TYPE_CHECKING:
    from solovirt.runtime.fake.life import Life

_VERSION = b"RFB 003.008\n"
_NONE = 1
"""The security type without any."""
_SET_PIXEL_FORMAT, _SET_ENCODINGS, _UPDATE_REQUEST, _KEY, _POINTER, _CUT_TEXT = 0, 2, 3, 4, 5, 6
_LENGTHS = {_SET_PIXEL_FORMAT: 20, _SET_ENCODINGS: 4, _UPDATE_REQUEST: 10, _KEY: 8, _POINTER: 6, _CUT_TEXT: 8}
"""Bytes of each message, as far as they are the same for all of its kind."""
_MOST_TEXT = 1 << 20
_BAND = 32
"""Rows that are sent at a time."""
_FORMAT = struct.Struct(">BBBBHHHBBB3x")
_DEPTHS = (8, 16, 32)


_Conversation: TypeAlias = Generator[int, bytes, None]


class _Nonsense(Exception):
    """What the client sent is no RFB."""


@dataclass(frozen=True, slots=True)
class _Format:
    """How the client wants its pixels: true colours of 8, 16 or 32 bits."""

    bits: int = 32
    depth: int = 24
    big_endian: bool = False
    maxima: tuple[int, int, int] = (255, 255, 255)
    shifts: tuple[int, int, int] = (16, 8, 0)

    def encode(self) -> bytes:
        return _FORMAT.pack(self.bits, self.depth, self.big_endian, True, *self.maxima, *self.shifts)

    @classmethod
    def decode(cls, data: bytes) -> _Format:
        bits, depth, big_endian, true_colour, *rest = _FORMAT.unpack(data)
        if not true_colour or bits not in _DEPTHS:
            raise _Nonsense
        return cls(bits, depth, bool(big_endian), (rest[0], rest[1], rest[2]), (rest[3], rest[4], rest[5]))

    def pixels(self, indices: bytes) -> bytes:
        """Pixels of the palette as the client wants them."""
        size = self.bits // 8
        colours = [self._value(colour).to_bytes(size, "big" if self.big_endian else "little") for colour in PALETTE]
        out = bytearray(len(indices) * size)
        for plane in range(size):
            # One table look-up for all pixels at once, byte by byte of a pixel.
            table = bytes(colour[plane] for colour in colours).ljust(256, b"\0")
            out[plane::size] = indices.translate(table)
        return bytes(out)

    def _value(self, colour: tuple[int, int, int]) -> int:
        value = 0
        for channel, most, shift in zip(colour, self.maxima, self.shifts, strict=True):
            value |= (channel * most + 127) // 255 << shift
        return value & ((1 << self.bits) - 1)


class Display(Line):
    """A connection to the display of the guest *life*; *clock* is the control plane's."""

    def __init__(self, life: Life, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._life = life
        self._clock = clock
        self._format = _Format()
        self._minor = 8
        self._input = bytearray()
        self._conversation = self._converse()
        self._wanted = next(self._conversation)
        self._asked: tuple[int, int, int, int] | None = None
        """The part of the picture that the client waits for, and has not been sent."""
        self._asked_for_changes = False
        self._sent: Picture | None = None
        self._bands: Iterator[bytes] = iter(())
        self.say(_VERSION)

    async def received(self, data: bytes) -> None:
        self._input += data
        try:
            while len(self._input) >= self._wanted:
                part = bytes(self._input[: self._wanted])
                del self._input[: self._wanted]
                self._wanted = self._conversation.send(part)
        except (_Nonsense, StopIteration):
            self.end()

    def changed(self, life: Life, now: datetime) -> None:
        self._life = life
        self._move()

    def more(self) -> bytes:
        for band in self._bands:
            return band
        if self._asked is None:
            return b""
        now = picture.of(self._life, self._clock())
        if self._asked_for_changes and self._sent is not None and now.pixels == self._sent.pixels:
            return b""
        area, self._asked = self._asked, None
        before = self._sent if self._asked_for_changes else None
        self._sent = now
        self._bands = self._update(now, before, *area)
        return next(self._bands)

    def _update(
        self, now: Picture, before: Picture | None, left: int, top: int, width: int, height: int
    ) -> Iterator[bytes]:
        """The parts of an update: its header, and the bands of the area that differ from what was sent before."""
        bands = [(row, min(_BAND, top + height - row)) for row in range(top, top + height, _BAND)]
        if before is not None:
            bands = [(row, count) for row, count in bands if now.rows(row, count) != before.rows(row, count)]
        yield struct.pack(">BxH", 0, len(bands))
        for row, count in bands:
            pixels = b"".join(
                now.pixels[line * now.width + left : line * now.width + left + width]
                for line in range(row, row + count)
            )
            yield struct.pack(">HHHHi", left, row, width, count, 0) + self._format.pixels(pixels)

    # -- what the client says

    def _converse(self) -> _Conversation:
        """Take messages apart: yields how many bytes come next, and is sent them."""
        yield from self._shake_hands()
        while True:
            yield from self._message()

    def _shake_hands(self) -> _Conversation:
        version = yield len(_VERSION)
        if not version.startswith(b"RFB 003.") or not version[8:11].isdigit():
            raise _Nonsense
        self._minor = int(version[8:11])
        if self._minor < 7:
            # The server decides, and says nothing of how it went.
            self.say(struct.pack(">I", _NONE))
        else:
            self.say(bytes([1, _NONE]))
            chosen = yield 1
            if chosen[0] != _NONE:
                raise _Nonsense
            if self._minor >= 8:
                self.say(struct.pack(">I", 0))
        yield 1
        name = f"QEMU ({self._life.name})".encode()
        size = struct.pack(">HH", picture.WIDTH, picture.HEIGHT)
        self.say(size + self._format.encode() + struct.pack(">I", len(name)) + name)

    def _message(self) -> _Conversation:
        kind = (yield 1)[0]
        if kind not in _LENGTHS:
            raise _Nonsense
        body = yield _LENGTHS[kind] - 1
        if kind == _SET_PIXEL_FORMAT:
            self._format = _Format.decode(body[3:])
        elif kind == _SET_ENCODINGS:
            # Everybody understands raw pixels, so it doesn't matter what else they would.
            (count,) = struct.unpack(">H", body[1:])
            if count:
                yield 4 * count
        elif kind == _UPDATE_REQUEST:
            self._ask(*struct.unpack(">BHHHH", body))
        elif kind == _CUT_TEXT:
            (length,) = struct.unpack(">i", body[3:])
            if abs(length) > _MOST_TEXT:
                raise _Nonsense
            if length:
                yield abs(length)

    def _ask(self, incremental: int, left: int, top: int, width: int, height: int) -> None:
        left, top = min(left, picture.WIDTH), min(top, picture.HEIGHT)
        width, height = min(width, picture.WIDTH - left), min(height, picture.HEIGHT - top)
        # One that asks again before it was answered gets one answer, to whichever question wants more.
        self._asked_for_changes = bool(incremental) and (self._asked is None or self._asked_for_changes)
        self._asked = left, top, width, height
        self._move()
