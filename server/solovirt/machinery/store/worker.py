"""A thread that runs one function after the other for the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """
    Half the price of an executor: one queue, one thread, no futures but the loop's own.

    What is cancelled while it waits still runs: a function handed in here may hold a transaction that has to end.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* in the thread, after everything handed in before."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((function, loop, future))
        return await future

    async def stop(self) -> None:
        """Let the thread finish what it has; returns when it has ended. Safe to call twice."""
        self._jobs.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, loop, future = job
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the one who waits
                loop.call_soon_threadsafe(_fail, future, error)
            else:
                loop.call_soon_threadsafe(_finish, future, result)
                # Nothing of a job is kept while waiting for the next one: its rows may be large.
                del result
            del job, function, future


def _finish(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
