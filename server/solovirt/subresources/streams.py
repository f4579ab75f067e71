"""
Streams between clients and guests, over websockets as KubeVirt has them (reference kubevirt-subresources.md 5).

Every data frame is binary and carries raw bytes; text frames are ignored. What is in flight is bounded both ways: the guest is not read while
a slow client has not taken what it was sent, nor the client while the guest does not read. A stream ends when either side ends, when
another takes its place, when the guest is off, and when the server stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import ClassVar
from weakref import WeakValueDictionary

from aiohttp import WSCloseCode, WSMsgType, web

from solovirt.machinery.errors import BadRequest
from solovirt.runtime.protocol import ByteStream, GuestId, GuestState, Runtime

logger = logging.getLogger("solovirt.streams")

PROTOCOL = "plain.kubevirt.io"
_CHUNK = 64 << 10
"""The longest frame that is sent, in bytes: also what a datagram has at most."""
_LARGEST_FRAME = 4 << 20
_PING_SECONDS = 1.0
_SILENCE_SECONDS = 60.0
"""How long a client that is pinged may say nothing at all, before it counts as gone. Real time: it is about a connection."""
_GOODBYE_SECONDS = 2.0
"""How long client and guest may take, each, to hear that the stream has ended."""
_OFF = (GuestState.DEFINED, GuestState.SHUT_OFF, GuestState.CRASHED)


class _Session:
    """One client and one stream."""

    def __init__(self, http: web.Request, guest: GuestId, stream: ByteStream, *, keep_alive: bool) -> None:
        self.guest = guest
        self.over = asyncio.Event()
        self._stream = stream
        self._http = http
        self._keep_alive = keep_alive
        self._code = WSCloseCode.OK
        self._ended = asyncio.Event()
        self.socket = web.WebSocketResponse(
            protocols=(PROTOCOL,), compress=False, max_msg_size=_LARGEST_FRAME, autoping=False
        )

    def end(self, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Have the stream end soon, telling the client *code*."""
        self._code = code
        self._ended.set()

    async def run(self) -> web.WebSocketResponse:
        """Carry bytes until somebody ends it. Raises BadRequest if the client does not speak websocket."""
        try:
            if not self.socket.can_prepare(self._http):
                raise BadRequest("websocket: the client is not using the websocket protocol")
            await self.socket.prepare(self._http)
            await self._carry()
        finally:
            # The guest is let go of first: whoever comes next need not wait for a client that is slow to leave.
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._stream.close()
            self.over.set()
        await self._say_goodbye()
        return self.socket

    async def _carry(self) -> None:
        work = [self._to_client(), self._to_guest(), self._wait_for_end()]
        if self._keep_alive:
            work.append(self._ping())
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError | TimeoutError):
                logger.error("a stream to guest %s failed", self.guest, exc_info=result)
                self._code = WSCloseCode.INTERNAL_ERROR

    async def _to_client(self) -> None:
        while data := await self._stream.read():
            for start in range(0, len(data), _CHUNK):
                # Returns when the connection has room again, which is what slows the guest down.
                await self.socket.send_bytes(data[start : start + _CHUNK])

    async def _to_guest(self) -> None:
        while True:
            message = await self.socket.receive(_SILENCE_SECONDS if self._keep_alive else None)
            if message.type is WSMsgType.BINARY:
                await self._stream.write(message.data)
            elif message.type is WSMsgType.PING:
                await self.socket.pong(message.data)
            elif message.type not in (WSMsgType.PONG, WSMsgType.TEXT):
                return

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await self.socket.ping(b"keep alive")

    async def _wait_for_end(self) -> None:
        await self._ended.wait()

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.socket.close(code=self._code)
        except (TimeoutError, OSError):
            transport = self._http.transport
            if transport is not None and transport.get_write_buffer_size():
                # It reads nothing any more, so it can't be told. One that has only not answered finds what it was sent.
                transport.abort()


class Streams:
    """All open streams. `run` is to run in the background, and ends those of guests that are off."""

    name: ClassVar[str] = "guest-streams"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sessions: set[_Session] = set()
        self._single: dict[Hashable, _Session] = {}
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._sessions)

    def is_open(self, line: Hashable) -> bool:
        """Whether somebody has the stream *line*, of which there is one at a time."""
        return line in self._single

    @asynccontextmanager
    async def taking(self, line: Hashable) -> AsyncIterator[None]:
        """Within this, *line* is nobody else's: whoever had it is sent away, and others wait until the new one has it."""
        lock = self._turns.setdefault(line, asyncio.Lock())
        async with lock:
            if (before := self._single.get(line)) is not None:
                before.end()
                await before.over.wait()
            yield

    def begin(
        self, http: web.Request, guest: GuestId, stream: ByteStream, *, line: Hashable = None, keep_alive: bool = False
    ) -> _Session:
        """Note a stream that is open towards the guest; `serve` carries it."""
        session = _Session(http, guest, stream, keep_alive=keep_alive)
        self._sessions.add(session)
        if line is not None:
            self._single[line] = session
        return session

    async def serve(self, session: _Session) -> web.WebSocketResponse:
        """Answer the request with the stream; returns when it has ended. Raises BadRequest."""
        try:
            return await session.run()
        finally:
            self._sessions.discard(session)
            for line in [line for line, one in self._single.items() if one is session]:
                del self._single[line]

    async def run(self) -> None:
        """End the streams of guests that are off: a client that reads nothing would not notice."""
        async for event in self._runtime.events():
            mine = [session for session in self._sessions if session.guest == event.id]
            if not mine:
                continue
            guest = await self._runtime.find_guest(event.id)
            if guest is None or guest.state in _OFF:
                for session in mine:
                    session.end()

    async def stop(self, _: object = None) -> None:
        """The server stops: end all streams, and return when they have."""
        sessions = list(self._sessions)
        for session in sessions:
            session.end(WSCloseCode.GOING_AWAY)
        await asyncio.gather(*(session.over.wait() for session in sessions))
