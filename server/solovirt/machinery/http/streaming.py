"""
Answers that are sent piece by piece.

The loop is free between pieces, and a client that does not read is dropped: what is queued for it must not stay in memory for longer than
it can be expected to need.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from aiohttp import web
from aiohttp.http import StreamWriter

from solovirt.machinery.http import negotiation

if TYPE_CHECKING:
    from solovirt.machinery.http.exchange import Exchange

STALL_SECONDS = 30.0
"""How long a client may leave what was sent to it unread."""
_GZIP_WINDOW = 31


class ClientStalled(ConnectionResetError):
    """The client does not read; its connection was cut."""


async def write(http: web.Request, data: bytes) -> None:
    """
    Send a piece of a prepared response and wait until the client has taken most of it.

    Raises ConnectionError if the client is gone, or is dropped for not reading.
    """
    # The response's own write waits for the client without end.
    await cast("StreamWriter", http.writer).write(data, drain=False)
    if not http.protocol.writing_paused:
        return
    try:
        async with asyncio.timeout(STALL_SECONDS):
            await http.writer.drain()
    except TimeoutError:
        if http.transport is not None:
            http.transport.abort()
        raise ClientStalled("the client does not read") from None


async def send(request: Exchange, pieces: Iterable[bytes], length: int | None = None) -> web.StreamResponse:
    """
    Answer 200 with *pieces*, made one at a time as the client takes them; without them if it asked for the head alone.

    *length* is their total, if it is known.
    """
    response = web.StreamResponse(headers=request.headers(negotiation.JSON))
    compressor = None
    if request.accepts_gzip:
        compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    elif length is not None:
        response.content_length = length
    await response.prepare(request.http)
    if request.method == "HEAD":
        # What came after the head would be taken for the next answer.
        await response.write_eof()
        return response
    for piece in pieces:
        data = piece
        if compressor is not None:
            data = await asyncio.to_thread(compressor.compress, piece)
        if data:
            await write(request.http, data)
        # A client that reads quickly never makes us wait, and others want their turn.
        await asyncio.sleep(0)
    if compressor is not None:
        await write(request.http, compressor.flush())
    await response.write_eof()
    return response
