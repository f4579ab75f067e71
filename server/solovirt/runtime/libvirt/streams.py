"""Connections to a guest's sockets, as the streams that the runtime's protocols speak of."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path

from solovirt.runtime.protocol import GuestError

_PIECE = 64 << 10
_CONNECT_SECONDS = 5.0


class SocketStream:
    """`ByteStream` over a socket; *closed* is called once, when it is let go of."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, closed: Callable[[], None] | None = None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = closed

    async def read(self) -> bytes:
        try:
            return await self._reader.read(_PIECE)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise
        except OSError as error:
            raise ConnectionError(str(error)) from error

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted, as a client. Raises ssl.SSLError, ConnectionError."""
        await self._writer.start_tls(context)

    async def close(self) -> None:
        closed, self._closed = self._closed, None
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        if closed is not None:
            closed()


async def open_socket(path: Path, what: str) -> SocketStream:
    """Connect to a Unix socket that QEMU serves. Raises GuestError, which says *what* could not be connected to."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return SocketStream(*await asyncio.open_unix_connection(path))
    except (OSError, TimeoutError) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
        raise GuestError(f"{what} can't be connected to: {text}") from error


async def open_port(address: str, port: int) -> SocketStream:
    """Connect to a TCP port. Raises ConnectionError."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return SocketStream(*await asyncio.open_connection(address, port))
    except TimeoutError:
        raise ConnectionError(f"{address}:{port} doesn't answer") from None
    except OSError as error:
        raise ConnectionError(f"{address}:{port} can't be connected to: {error.strerror}") from error
