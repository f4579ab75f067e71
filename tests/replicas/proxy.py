"""A line between a replica and its database that can be cut, also around a COMMIT, and that can go dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Carries everything to *port*, until it is told to do something else."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.cut: str | None = None
        """Where to cut, once: `before` the next COMMIT reaches the server, or `after`, so that only the answer is lost."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            self._flowing.set()
            server.close()
            self.cut_all()
            await asyncio.gather(*self._handlers, return_exceptions=True)

    def cut_all(self) -> None:
        """Cut every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def stall(self, seconds: float) -> None:
        """Carry nothing for so long, and then what has come in meanwhile."""
        self._flowing.clear()
        await asyncio.sleep(seconds)
        self._flowing.set()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        self._writers.add(to_client)
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            to_client.close()
            self._writers.discard(to_client)
            return
        self._writers.add(to_server)
        swallow = False

        def close() -> None:
            to_server.close()
            to_client.close()

        async def up() -> None:
            nonlocal swallow
            while data := await from_client.read(65536):
                await self._flowing.wait()
                if b"COMMIT;" in data and self.cut is not None:
                    cut, self.cut = self.cut, None
                    if cut == "before":
                        break
                    swallow = True
                to_server.write(data)
            close()

        async def down() -> None:
            while (data := await from_server.read(65536)) and not swallow:
                await self._flowing.wait()
                to_client.write(data)
            close()

        try:
            await asyncio.gather(up(), down(), return_exceptions=True)
        finally:
            close()
            await asyncio.gather(to_server.wait_closed(), to_client.wait_closed(), return_exceptions=True)
            self._writers -= {to_client, to_server}
