"""
The writer: group commit.

Callers queue changes and wait. One task takes everything that is queued, runs each change against the state as the ones before it left
it, commits all of it as one transaction, then moves memory on, publishes to watchers and answers. While one batch is being synced to disk
the next one queues up, so the load sets the size of batches.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from solovirt.machinery.clock import Clock
from solovirt.machinery.errors import Fenced, InternalError, ServiceUnavailable, StatusError, Timeout
from solovirt.machinery.resource import GroupResource, ObjectKey
from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import (
    CommitUnknown,
    Database,
    DatabaseFailed,
    DatabaseUnavailable,
    Session,
    Transaction,
)
from solovirt.machinery.store.hub import Hub
from solovirt.machinery.store.memory import Memory, Overlay
from solovirt.machinery.store.metrics import CommitStatistics
from solovirt.machinery.store.protocol import Change, Event, EventType, Put, Record, Remove, Written
from solovirt.machinery.store.tables import head

logger = logging.getLogger(__name__)

# The most changes in one transaction; more wait for the next one.
_BATCH_LIMIT = 256
# For how long changes are run before the event loop gets a turn, in seconds.
_TURN_SECONDS = 0.005
# For how long the outcome of a commit is asked for before its callers are told that it is unknown.
_RESOLVE_SECONDS = 30.0
# For how long a commit that failed says something about the database's health.
_TROUBLE_SECONDS = 10.0

_MOVE_EPOCH = sa.update(head).values(epoch=sa.bindparam("its_epoch"))

CatchUp = Callable[[Session], Awaitable[None]]
"""Moves memory on to the head that a session has locked."""


@dataclass(slots=True)
class _Asked:
    """A change that waits for its commit."""

    resource: GroupResource
    key: ObjectKey
    change: Change
    epoch: int | None
    claim: bool
    answer: asyncio.Future[Written]


@dataclass(slots=True)
class _Fact:
    """A fact that waits for its commit; without a value it is to be forgotten."""

    scope: str
    key: str
    value: bytes | None
    answer: asyncio.Future[None]


class _Batch:
    """What one transaction will contain."""

    def __init__(self, memory: Memory, epoch: int) -> None:
        self.view = Overlay(memory)
        self.began_in = epoch
        self.epoch = epoch
        self.base = memory.revision
        self.events: list[Event] = []
        self.facts: dict[tuple[str, str], bytes | None] = {}
        # Who is waiting, with the answer to give when the commit is through: a result or an exception.
        self.answers: list[tuple[asyncio.Future[Any], Any]] = []
        self.id = secrets.randbits(62)

    @property
    def empty(self) -> bool:
        return not self.events and not self.facts

    def run(self, asked: _Asked) -> Any:
        """Run one change; the answer to give."""
        if asked.epoch is not None and asked.epoch != self.epoch:
            return Fenced.of(
                asked.resource,
                asked.key.name,
                f"written in epoch {asked.epoch} of the controllers, now it is {self.epoch}",
            )
        view = self.view
        current = view.get(asked.resource, asked.key)
        try:
            outcome = asked.change(current, view)
        except StatusError as refusal:
            # Nobody asks where it was raised, and its frames would keep this whole batch until the garbage collector comes by.
            return refusal.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - a change's failure is its caller's business
            return error
        if isinstance(outcome, Put):
            revision = view.revision + 1
            record = Record(asked.resource, asked.key, revision, outcome.encoded.body(revision), outcome.index)
            view.put(record)
            self.events.append(Event(EventType.PUT, record, current))
            if asked.claim:
                self.epoch += 1
            return Written(before=current, after=record, epoch=self.epoch)
        if isinstance(outcome, Remove):
            if current is None:
                return RuntimeError(f"a change removes {asked.resource} {asked.key}, which isn't there")
            revision = view.revision + 1
            record = Record(asked.resource, asked.key, revision, outcome.encoded.body(revision), outcome.index)
            view.remove(asked.resource, asked.key, revision)
            self.events.append(Event(EventType.REMOVE, record, current))
            return Written(before=current, after=None, removed=record)
        return Written(before=current, after=current)


class Writer:
    """Owns the tail of the log in this process. *busy* is held while memory and log may differ."""

    def __init__(self, database: Database, memory: Memory, hub: Hub, clock: Clock, catch_up: CatchUp) -> None:
        self._database = database
        self._memory = memory
        self._hub = hub
        self._clock = clock
        self._catch_up = catch_up
        self._queue: deque[_Asked | _Fact] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.busy = asyncio.Lock()
        self.statistics = CommitStatistics()
        self.epoch = 0
        # What the last commit that failed said, and until when that counts: nobody may try another one if we are said to be ill.
        self._trouble: tuple[str, float] = ("", 0.0)

    @property
    def waiting(self) -> int:
        """How much is queued."""
        return len(self._queue)

    @property
    def trouble(self) -> str | None:
        """Why commits fail at present; None if none did lately."""
        text, until = self._trouble
        return text if text and time.monotonic() < until else None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="store writer")

    async def close(self) -> None:
        """Refuse what comes, commit what is queued, and end."""
        self._closed = True
        self._rouse()
        if self._task is not None:
            # Not awaited itself: it may have been cancelled, with the loop that is ending.
            await asyncio.wait([self._task])

    async def write(
        self, resource: GroupResource, key: ObjectKey, change: Change, *, epoch: int | None = None, claim: bool = False
    ) -> Written:
        answer: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._enqueue(_Asked(resource, key, change, epoch, claim, answer))
        try:
            return await answer
        finally:
            # A refusal would lead to this frame, and this frame back to the refusal.
            del answer

    async def remember(self, scope: str, key: str, value: bytes | None) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(_Fact(scope, key, value, answer))
        await answer

    def _enqueue(self, item: _Asked | _Fact) -> None:
        if self._closed or self._task is None:
            raise ServiceUnavailable("the store is closed")
        self._queue.append(item)
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not self._queue:
                    if self._closed:
                        return
                    self._wake = loop.create_future()
                    await self._wake
                    self._wake = None
                    # One more turn: whatever became runnable together with the first write gets into its batch.
                    await asyncio.sleep(0)
                    continue
                async with self.busy:
                    await self._commit_some()
        finally:
            self._closed = True
            for item in self._queue:
                _fail(item.answer, ServiceUnavailable("the store is closed"))
            self._queue.clear()

    def _take(self) -> list[_Asked | _Fact]:
        taken: list[_Asked | _Fact] = []
        while self._queue and len(taken) < _BATCH_LIMIT:
            item = self._queue.popleft()
            # A caller that was cancelled while it waited wants nothing any more.
            if not item.answer.done():
                taken.append(item)
        return taken

    async def _commit_some(self) -> None:
        """Take a batch from the queue to its end. Whatever happens, everybody in it is answered."""
        taken = self._take()
        if not taken:
            return
        try:
            batch = await self._write_batch(taken)
        except StatusError as error:
            failure: BaseException = error
        except DatabaseUnavailable as error:
            self.statistics.failures += 1
            logger.warning("nothing of a batch of %d was committed: %s", len(taken), error)
            self._trouble = (str(error), time.monotonic() + _TROUBLE_SECONDS)
            failure = ServiceUnavailable(f"the database is not available: {error}", retry_after=1)
            failure.__cause__ = error
        except DatabaseFailed as error:
            self.statistics.failures += 1
            logger.error("nothing of a batch of %d was committed: %s", len(taken), error)  # noqa: TRY400 - the driver's words say it all
            self._trouble = (str(error), time.monotonic() + _TROUBLE_SECONDS)
            failure = InternalError.of(f"the database refused: {error}")
            failure.__cause__ = error
        except BaseException as error:
            for item in taken:
                _fail(item.answer, InternalError.of(f"the store's writer failed: {error!r}"))
            if not isinstance(error, Exception):
                raise
            logger.exception("a batch of %d failed", len(taken))
            return
        else:
            for answer, result in batch.answers:
                if answer.done():
                    continue
                if isinstance(result, BaseException):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)
            return
        for item in taken:
            _fail(item.answer, failure)

    async def _write_batch(self, taken: Sequence[_Asked | _Fact]) -> _Batch:
        began = time.perf_counter()
        session = await self._database.begin()
        try:
            if session.head is not None:
                self.epoch = session.head.epoch
                await self._catch_up(session)
            batch = await self._run_changes(taken)
        except BaseException:
            await session.abandon()
            raise
        if batch.empty:
            await session.abandon()
            return batch
        try:
            await session.commit(self._append(batch))
        except CommitUnknown as error:
            self.statistics.unknown += 1
            await self._resolve(batch, error)
        self.statistics.committed(len(batch.events) + len(batch.facts), time.perf_counter() - began)
        self.epoch = batch.epoch
        revision = batch.view.revision
        self._memory.apply(batch.events, revision)
        if batch.events:
            self._hub.publish(batch.events, revision)
        return batch

    async def _run_changes(self, taken: Sequence[_Asked | _Fact]) -> _Batch:
        loop = asyncio.get_running_loop()
        batch = _Batch(self._memory, self.epoch)
        turn_ends = loop.time() + _TURN_SECONDS
        for item in taken:
            if item.answer.done():
                continue
            if isinstance(item, _Fact):
                batch.facts[item.scope, item.key] = item.value
                batch.answers.append((item.answer, None))
            else:
                batch.answers.append((item.answer, batch.run(item)))
            if loop.time() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = loop.time() + _TURN_SECONDS
        return batch

    def _append(self, batch: _Batch) -> Callable[[Transaction], None]:
        """The work that writes *batch*. The rows are made by whoever runs it: on SQLite that is not the event loop's thread."""
        statements = self._database.statements
        milliseconds = int(self._clock.now().timestamp() * 1000)
        events = batch.events
        base, revision = batch.base, batch.view.revision

        def work(transaction: Transaction) -> None:
            rows = []
            newest: dict[tuple[str, str, str, str], tuple[Event, str]] = {}
            for event in events:
                record = event.record
                previous = event.previous
                text = "{" + record.body.decode()
                where = (*record.resource, *record.key)
                rows.append(
                    (
                        record.revision,
                        *where,
                        event.type.value,
                        None if previous is None else previous.revision,
                        batch.id,
                        milliseconds,
                        text,
                    )
                )
                newest[where] = (event, text)
            if rows:
                if transaction.execute(statements.move_head, (revision, base)) != 1:
                    raise DatabaseFailed(f"somebody else has appended to the log: its head is not at {base}")
                transaction.executemany(statements.append, rows)
            if batch.epoch != batch.began_in:
                transaction.core.execute(_MOVE_EPOCH, {"its_epoch": batch.epoch})
            put = [
                (*where, event.record.index.uid, event.record.revision, text)
                for where, (event, text) in newest.items()
                if event.type is EventType.PUT
            ]
            if put:
                transaction.executemany(statements.put_object, put)
            removed = [where for where, (event, _) in newest.items() if event.type is EventType.REMOVE]
            if removed:
                transaction.executemany(statements.remove_object, removed)
            remembered = [(*where, value) for where, value in batch.facts.items() if value is not None]
            if remembered:
                transaction.executemany(statements.put_fact, remembered)
            forgotten = [where for where, value in batch.facts.items() if value is None]
            if forgotten:
                transaction.executemany(statements.remove_fact, forgotten)

        return work

    async def _resolve(self, batch: _Batch, error: CommitUnknown) -> None:
        """
        Find out whether *batch* was committed; return if so.

        The head is locked first, which waits until the transaction in doubt has ended one way or the other. Raises DatabaseUnavailable, or
        DatabaseFailed if nobody but the database itself can be to blame, if the batch was not committed, and Timeout if it can't be found out.
        """
        logger.warning("the outcome of a commit is unknown, asking for it: %s", error)
        if not batch.events:
            # Facts alone leave no trace in the log. They are idempotent: whoever put them puts them again.
            raise DatabaseUnavailable(str(error)) from error
        first = batch.base + 1

        def work(transaction: Transaction) -> bool:
            log.locked_head(transaction)
            return log.batch_at(transaction, first) == batch.id

        pause = 0.05
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                while True:
                    try:
                        if await self._database.write(work):
                            return
                    except (DatabaseUnavailable, CommitUnknown) as unavailable:
                        logger.warning("still asking for the outcome of a commit: %s", unavailable)
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, 2.0)
                    else:
                        # A line that was cut says nothing against another try; a disk that was told to sync and did not, does.
                        kind = DatabaseFailed if self._database.in_process else DatabaseUnavailable
                        raise kind(f"the commit failed: {error}") from error
        except TimeoutError:
            raise Timeout(
                f"the write may have happened or not: the database went away during its commit: {error}"
            ) from error


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
