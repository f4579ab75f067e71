"""
Work off the event loop: threads that write, hash and unpack.

Long work is a generator that yields after each piece how many bytes it has moved, so that it can be told of, and stopped, in between: a
thread can't be cancelled, and a cancelled transfer must not leave one behind that still writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Steps = Generator[int, None, T]
"""Work in pieces; each `yield` says how many bytes the piece moved."""


class Workers:
    """A few threads of one's own: writing to a slow disk must not keep the store's from working."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="volumes")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in a thread. If cancelled, it returns only when the thread is done."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise

    async def drive(self, steps: Steps[T], moved: Callable[[int], None] | None = None) -> T:
        """Do *steps* in threads, one piece after the other, and tell *moved* of each; returns what the generator does."""
        try:
            while True:
                is_done, value = await self.run(_next, steps)
                if is_done:
                    result: T = value
                    return result
                if moved is not None:
                    moved(value)
        finally:
            steps.close()

    def close(self) -> None:
        self._pool.shutdown(wait=True)


def _next(steps: Steps[Any]) -> tuple[bool, Any]:
    # StopIteration can't pass through a future.
    try:
        return False, next(steps)
    except StopIteration as stop:
        return True, stop.value
