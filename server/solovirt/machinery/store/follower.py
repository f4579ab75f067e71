"""
Following a log that others append to.

A notification wakes the follower when somebody has committed; polling makes up for lost ones. Reads that must be up to date ask for
the head, and all that wait share one question.
"""

from __future__ import annotations

import asyncio
import logging
import time

from solovirt.machinery.errors import ServiceUnavailable
from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import (
    Database,
    DatabaseFailed,
    DatabaseUnavailable,
    Head,
    Session,
    SharedDatabase,
)
from solovirt.machinery.store.folding import Folding
from solovirt.machinery.store.memory import Memory

logger = logging.getLogger(__name__)

# How often the head is looked at without having been told of a change, in seconds.
_POLL_SECONDS = 1.0
# How long a question about the head may take, and after what silence the database counts as lost (polling, it is asked every second).
_ANSWER_SECONDS = 5.0
_SILENT_SECONDS = 8.0


class Follower:
    """Keeps memory at the log's head. *busy* is the writer's: one of them at a time moves memory."""

    def __init__(
        self,
        database: SharedDatabase,
        memory: Memory,
        folding: Folding,
        busy: asyncio.Lock,
        *,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self._database = database
        self._memory = memory
        self._folding = folding
        self._busy = busy
        self._poll_seconds = poll_seconds
        self._told = asyncio.Event()
        self._trouble: str | None = None
        self._heard = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._database.listen(self._tell)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="store follower")

    async def close(self) -> None:
        tasks = [task for task in (self._task, self._asking, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Nobody is to wait for a question that was called off.
        self._task = self._asking = self._next = None

    def trouble(self) -> str | None:
        """Why the database can't be asked; None if it answered lately."""
        silent = time.monotonic() - self._heard
        if self._trouble is None and silent > _SILENT_SECONDS:
            return f"the database has not answered for {silent:.0f} seconds"
        return self._trouble

    def _tell(self, revision: int) -> None:
        if revision > self._memory.revision:
            self._told.set()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._told.wait()
            except TimeoutError:
                pass  # nothing was heard: look all the same
            self._told.clear()
            try:
                await self.fresh()
            except ServiceUnavailable as error:
                logger.warning("can't follow the log: %s", error)
                await asyncio.sleep(self._poll_seconds)

    async def catch_up(self, session: Session) -> None:
        """Fold up to the head that *session* has locked; for the writer, which holds *busy*."""
        if session.head is not None:
            await self._folding.catch_up(session.head, session.read, self._database)

    async def fresh(self) -> None:
        """
        Return when memory is at least as new as the log was when this was called.

        A question that is under way may have been answered before the caller's time, so the caller waits for the next one, which it shares with
        everybody else who came meanwhile. Raises ServiceUnavailable if the database can't be asked.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._ask_after(self._asking), name="store head check")
            # If everybody who asked has gone, nobody is left to be told of a failure.
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: the others still wait for it if this caller is cancelled.
        await asyncio.shield(self._next)

    async def _ask_after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._asking, self._next = self._next, None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                head = await self._database.read(log.head)
            self._heard, self._trouble = time.monotonic(), None
            # The writer may be ahead of this answer, and is more often than not.
            if head.revision > self._memory.revision or head.horizon > self._folding.horizon:
                async with self._busy:
                    await self._fold_to(head)
        except (DatabaseUnavailable, DatabaseFailed) as error:
            self._trouble = str(error)
            raise ServiceUnavailable(f"the database is not available: {error}", retry_after=1) from error
        except TimeoutError as error:
            self._trouble = f"no answer within {_ANSWER_SECONDS:.0f} seconds"
            raise ServiceUnavailable(f"the database is not available: {self._trouble}", retry_after=1) from error

    async def _fold_to(self, head: Head) -> None:
        if head.revision < self._memory.revision:
            head = Head(self._memory.revision, head.horizon, head.epoch)
        database: Database = self._database
        await self._folding.catch_up(head, database.read, database)
