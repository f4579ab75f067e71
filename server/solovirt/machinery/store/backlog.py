"""
Watches from further back than the hub's window.

Somebody who comes back after a while, or after a restart, may be behind the events kept in memory and still within the log. Such a watcher reads
the log in small portions until it has caught up with the hub, and is an ordinary cursor from then on. What it reads is its own: it
holds memory for nobody else, and a portion at a time for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.errors import ServiceUnavailable
from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import Database, DatabaseFailed, DatabaseUnavailable, Transaction
from solovirt.machinery.store.hub import Hub, HubCursor, too_old
from solovirt.machinery.store.protocol import Event

# Events in one portion: large enough to be worth a question, small enough for hundreds of watchers who come back together.
_PORTION = 50


class BacklogCursor:
    """A `protocol.Cursor` that begins in the log. Its `pending` is empty until it has caught up."""

    def __init__(self, database: Database, reader: log.Reader, hub: Hub, resource: GroupResource, since: int) -> None:
        self._database = database
        self._reader = reader
        self._hub = hub
        self._resource = resource
        self._position = since
        self._live: HubCursor | None = None
        self._closed = False

    @property
    def revision(self) -> int:
        return self._position if self._live is None else self._live.revision

    def pending(self) -> Sequence[Event]:
        return () if self._live is None else self._live.pending()

    async def next(self, timeout: float | None = None) -> Sequence[Event]:  # noqa: ASYNC109 - part of the protocol
        while self._live is None:
            if self._closed or self._hub.closed:
                return ()
            if self._hub.reaches_back_to(self._resource, self._position):
                self._live = self._hub.watch(self._resource, self._position)
            elif events := await self._read():
                return events
        return await self._live.next(timeout)

    def close(self) -> None:
        self._closed = True
        if self._live is not None:
            self._live.close()

    async def _read(self) -> Sequence[Event]:
        """The next portion; moves the position past it. Raises Expired if part of it has been compacted away."""
        position, until = self._position, self._hub.revision

        def work(transaction: Transaction) -> tuple[int, list[Event]]:
            horizon = log.head(transaction).horizon
            events = log.history(
                transaction, self._reader, self._resource, revision=position, until=until, limit=_PORTION
            )
            return horizon, events

        try:
            horizon, events = await self._database.read(work)
        except (DatabaseUnavailable, DatabaseFailed) as error:
            raise ServiceUnavailable(f"the database is not available: {error}", retry_after=1) from error
        if position < horizon:
            raise too_old(position, horizon)
        self._position = until if len(events) < _PORTION else events[-1].record.revision
        return events
