"""
The store in SQL: the parts put together.

`SqlStore` implements `protocol.Store` on SQLite and PostgreSQL. Reads and watches are served from memory, which is folded from the
`object` table at start and moved on by the writer; on a shared database the `Follower` moves it on for what others append.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa

from solovirt.machinery.clock import Clock
from solovirt.machinery.errors import Expired, ServiceUnavailable, Timeout
from solovirt.machinery.resource import GroupResource, ObjectKey, Resource
from solovirt.machinery.store import compaction, log, migrate, views
from solovirt.machinery.store.backlog import BacklogCursor
from solovirt.machinery.store.dialect import (
    DatabaseFailed,
    DatabaseUnavailable,
    Session,
    SharedDatabase,
    Transaction,
    database_for,
)
from solovirt.machinery.store.facts import SqlFacts
from solovirt.machinery.store.folding import Folding
from solovirt.machinery.store.follower import Follower
from solovirt.machinery.store.hub import Hub, too_old
from solovirt.machinery.store.memory import Memory, as_of, merge
from solovirt.machinery.store.metrics import CommitStatistics
from solovirt.machinery.store.protocol import Change, Cursor, Record, View, Written
from solovirt.machinery.store.tables import head
from solovirt.machinery.store.writer import Writer

# What one resource's recent events may take in memory, by the hub's reckoning.
_WINDOW_BYTES = 24 << 20
# How much of the log is read back into the rings at start, in characters of documents.
_REFILL_BYTES = 16 << 20

_CLAIM = sa.update(head).values(epoch=head.c.epoch + 1).returning(head.c.epoch)


class SqlStore:
    """
    Objects, their history and facts in the database at *url*.

    `sqlite:///path`, `sqlite://` (in memory) or `postgresql://…`, with or without a `+driver`. *selectable* gives the paths of a
    resource's selectable fields; if its answer for a resource changes, call `reindex`. *window_bytes* bounds the recent events kept of each
    resource. Start it before use, close it after.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        selectable: Callable[[GroupResource], Sequence[str]],
        window_bytes: int = _WINDOW_BYTES,
    ) -> None:
        self._database = database_for(url)
        self._clock = clock
        self._memory = Memory()
        self._hub = Hub(window_bytes=window_bytes)
        self._reader = log.Reader(selectable)
        self._folding = Folding(self._memory, self._hub, self._reader, refill_bytes=min(_REFILL_BYTES, window_bytes))
        self._writer = Writer(self._database, self._memory, self._hub, clock, self._catch_up)
        self._follower: Follower | None = None
        if isinstance(self._database, SharedDatabase):
            self._follower = Follower(self._database, self._memory, self._folding, self._writer.busy)
        self.facts = SqlFacts(self._database, self._writer)

    @property
    def now(self) -> View:
        return self._memory

    @property
    def shared(self) -> bool:
        """Other processes may be writing to the same database."""
        return self._follower is not None

    async def show(self, resources: Iterable[Resource]) -> None:
        """Have a SQL view of each of *resources* in the database, for people; nothing happens if they are there. Raises the errors of `Database`."""
        if not self._database.in_memory:
            await views.ensure(self._database, resources)

    @property
    def commits(self) -> CommitStatistics:
        """What has been committed by this process, and how long it took."""
        return self._writer.statistics

    @property
    def waiting(self) -> int:
        """Writes that wait for a commit."""
        return self._writer.waiting

    def trouble(self) -> str | None:
        """Why the database does not serve at present; None if it does, as far as is known. Looks at memory only."""
        return self._follower.trouble() if self._follower is not None else self._writer.trouble

    @property
    def horizon(self) -> int:
        """States before this revision can't be told any more."""
        return self._folding.horizon

    async def start(self) -> None:
        """
        Open the database, fold the log into memory, start the writer.

        Raises SchemaNotCurrent, DatabaseInUse (another process has the SQLite file), DatabaseUnavailable, DatabaseFailed.
        """
        await self._database.open()
        try:
            if self._database.in_memory:
                await self._database.write(lambda transaction: migrate.create(transaction.core))
            await self._database.read(lambda transaction: migrate.check(transaction.core))
            self._writer.epoch = (await self._folding.load(self._database)).epoch
            self._writer.start()
            if self._follower is not None:
                await self._follower.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._follower is not None:
            await self._follower.close()
        await self._writer.close()
        self._hub.close()
        await self._database.close()

    async def write(
        self, resource: GroupResource, key: ObjectKey, change: Change, *, epoch: int | None = None, claim: bool = False
    ) -> Written:
        """
        Apply *change*; returns after the commit.

        With *claim* a new epoch begins in the same transaction; with *epoch* (of a claim) the write is refused as Fenced if somebody has
        claimed a later one. Raises what *change* raises, ServiceUnavailable or InternalError if nothing was stored, and Timeout if
        that can't be found out.
        """
        return await self._writer.write(resource, key, change, epoch=epoch, claim=claim)

    async def claim_epoch(self) -> int:
        """Start a new epoch: from its return on, writes of earlier ones are refused, in all processes."""

        def work(transaction: Transaction) -> int:
            epoch: int = transaction.core.execute(_CLAIM).scalar_one()
            return epoch

        async with self._writer.busy:
            self._writer.epoch = await self._database.write(work)
        return self._writer.epoch

    async def fresh(self) -> View:
        if self._follower is not None:
            await self._follower.fresh()
        return self._memory

    async def wait_for(self, revision: int, timeout: float) -> bool:  # noqa: ASYNC109 - part of the protocol
        return await self._hub.reached(revision, timeout)

    async def at(self, resource: GroupResource, revision: int) -> Sequence[Record]:
        """Also raises Timeout (Too large resource version) if *revision* has not been reached."""
        memory = self._memory
        now = memory.revision
        if revision > now:
            raise Timeout.resource_version_too_large(revision, now)
        if revision < self.horizon:
            raise _list_too_old()
        if revision == now:
            return memory.records(resource)
        if (events := self._hub.events_after(resource, revision)) is not None:
            return as_of(memory.records(resource), events)
        # Both are of this moment, the log is read after it: it is asked about the time between and no later.
        current = memory.records(resource)

        def work(transaction: Transaction) -> tuple[dict[ObjectKey, Record | None], int]:
            before = log.before_changes(transaction, self._reader, resource, revision=revision, until=now)
            # Looked at last: what was read before was still complete then.
            return before, log.head(transaction).horizon

        try:
            before, horizon = await self._database.read(work)
        except (DatabaseUnavailable, DatabaseFailed) as error:
            raise ServiceUnavailable(f"the database is not available: {error}", retry_after=1) from error
        if revision < horizon:
            raise _list_too_old()
        return list(merge(iter(current), sorted(before.items(), key=lambda item: item[0])))

    def watch(self, resource: GroupResource, since: int | None = None) -> Cursor:
        """A *since* from before the hub's window is served from the log in SQL, as long as that has it."""
        if since is None or self._hub.reaches_back_to(resource, since):
            return self._hub.watch(resource, since)
        if since < self.horizon:
            raise too_old(since, self.horizon)
        return BacklogCursor(self._database, self._reader, self._hub, resource, since)

    async def compact(self, *, keep_revisions: int, keep_seconds: float) -> int:
        before = int((self._clock.now().timestamp() - keep_seconds) * 1000)
        gone, horizon = await compaction.compact(self._database, keep_revisions=keep_revisions, before=before)
        if horizon > self.horizon:
            self._folding.note_horizon(horizon)
        return gone

    def reindex(self, resource: GroupResource) -> None:
        """Ask again for the selectable fields of *resource* and look them up in all its objects."""
        self._reader.forget_paths()
        self._memory.replace([self._reader.reindexed(record) for record in self._memory.records(resource)])

    async def _catch_up(self, session: Session) -> None:
        if self._follower is not None:
            await self._follower.catch_up(session)


def _list_too_old() -> Expired:
    # Reference kubernetes-api.md 2.3, "list Exact".
    return Expired("The resourceVersion for the provided list is too old.")
