"""
Watchers in a process of their own, so that reading does not slow the load that they watch.

The process reads raw streams and counts lines: parsing a thousand streams would measure the reader.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from benchmarks.target import Target

_VERSION = re.compile(rb'"resourceVersion":"(\d+)"')


class Watchers:
    """*count* watches of *path*, open while the `with` block lasts. *stamped* notes when each event arrived (time.monotonic)."""

    def __init__(self, target: Target, path: str, count: int, *, stamped: bool = False) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=_read, args=(_Readers(target, path, stamped=stamped), count, theirs), name="watchers", daemon=True
        )
        self._stamps: list[tuple[int, float]] = []

    def __enter__(self) -> Self:
        self._process.start()
        assert self._ours.recv() == "open"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    async def seen(self, expected: int, *, seconds: float = 120) -> list[int]:
        """How many events each watcher got, once all have *expected* or the time is over."""
        self._ours.send((expected, seconds))
        counts, self._stamps = await asyncio.to_thread(self._ours.recv)
        return list(counts)

    def stamps(self) -> list[tuple[int, float]]:
        """Of each event of each watcher the resource version and the arrival, after `seen`."""
        return self._stamps


def _read(readers: _Readers, count: int, pipe: Connection) -> None:
    asyncio.run(readers.run(count, pipe))


class _Readers:
    def __init__(self, target: Target, path: str, *, stamped: bool) -> None:
        self._target, self._path, self._stamped = target, path, stamped
        self._counts: list[int] = []
        self._stamps: list[tuple[int, float]] = []

    async def run(self, count: int, pipe: Connection) -> None:
        self._counts = [0] * count
        tasks = []
        for number in range(count):
            reader, writer = await self._open()
            tasks.append(asyncio.create_task(self._follow(number, reader, writer)))
        pipe.send("open")
        expected, seconds = await asyncio.to_thread(pipe.recv)
        end = time.monotonic() + seconds
        while min(self._counts) < expected and time.monotonic() < end:  # noqa: ASYNC110 - an event for each read would slow the reading
            await asyncio.sleep(0.01)
        pipe.send((self._counts, self._stamps))
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        scheme, _, address = self._target.url.partition("://")
        host, _, port = address.rstrip("/").rpartition(":")
        tls = self._target.tls() if scheme == "https" else None
        reader, writer = await asyncio.open_connection(host, int(port), ssl=tls, limit=1 << 22)
        token = f"Authorization: Bearer {self._target.token}\r\n" if self._target.token else ""
        writer.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {address}\r\n{token}Accept: application/json\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        return reader, writer

    async def _follow(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The writer is kept: the connection closes with it.
        while data := await reader.read(1 << 20):
            if self._stamped:
                now = time.monotonic()
                self._stamps += [(int(version), now) for version in _VERSION.findall(data)]
            self._counts[number] += data.count(b'{"type":"MODIFIED"')
        writer.close()
