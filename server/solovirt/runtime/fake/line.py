"""The guest's end of a simulated connection: what is written arrives in the guest, what the guest says is read."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from solovirt.runtime.fake.life import Life

MOST_WAITING = 64 << 10
"""So many bytes may wait to be read, before what is written has to wait too."""


class Line:
    """
    A `ByteStream`. What a guest does with what it gets is `received`, a subclass's; it says something with `say`.

    Chunks stay apart, so a datagram is read as it was said. A guest that is paused takes nothing in.
    """

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._held = False
        self._moved = asyncio.Event()

    async def read(self) -> bytes:
        while True:
            if self._waiting:
                chunk = self._waiting.popleft()
                self._size -= len(chunk)
                self._move()
                return chunk
            if self._ended:
                return b""
            if chunk := self.more():
                return chunk
            self._moved.clear()
            await self._moved.wait()

    async def write(self, data: bytes) -> None:
        while not self._ended and (self._held or self._size > MOST_WAITING):
            self._moved.clear()
            await self._moved.wait()
        if self._ended:
            raise ConnectionResetError("the guest has closed the connection")
        await self.received(data)

    async def close(self) -> None:
        self.end()
        self._waiting.clear()

    # -- the guest's side

    async def received(self, data: bytes) -> None:
        """The guest got *data*."""

    def more(self) -> bytes:
        """Something that is only made when somebody reads it; nothing if there is nothing now."""
        return b""

    def changed(self, life: Life, now: datetime) -> None:
        """The guest has changed, perhaps: it is *life* at *now*."""

    def say(self, data: bytes) -> None:
        if data and not self._ended:
            self._waiting.append(data)
            self._size += len(data)
            self._move()

    def hold(self, *, held: bool) -> None:
        """Take nothing in, or go on."""
        self._held = held
        self._move()

    def end(self) -> None:
        """No more is said, once what was has been read."""
        self._ended = True
        self._move()

    @property
    def ended(self) -> bool:
        return self._ended

    def _move(self) -> None:
        self._moved.set()
