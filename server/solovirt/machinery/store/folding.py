"""
Folding the log into memory: at start, and whenever another process has appended.

At start, memory comes from the `object` table and the watch hub's rings from the newest entries of the log, so that watchers which
were connected before a restart go on where they were.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from solovirt.machinery.resource import GroupResource
from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import Database, DatabaseFailed, Head, Transaction, Work
from solovirt.machinery.store.hub import Hub
from solovirt.machinery.store.memory import Memory
from solovirt.machinery.store.protocol import Event, Record

logger = logging.getLogger(__name__)

# Entries that are folded before the event loop gets a turn.
_CHUNK = 200

Read = Callable[[Work[list[log.Entry]]], Awaitable[list[log.Entry]]]


class _Loaded(NamedTuple):
    """What `load` reads, in one transaction."""

    head: Head
    objects: dict[GroupResource, list[Record]]
    events: list[Event]
    start: int
    """The revision after which *events* are complete."""


class Folding:
    """Moves memory and hub along the log."""

    def __init__(self, memory: Memory, hub: Hub, reader: log.Reader, *, refill_bytes: int) -> None:
        self._memory = memory
        self._hub = hub
        self._reader = reader
        self._refill_bytes = refill_bytes
        self.horizon = 0

    async def load(self, database: Database) -> Head:
        """Fill memory and hub from nothing."""
        loaded = await database.read(self._load)
        self._memory.fill(loaded.objects, loaded.head.revision)
        self.horizon = loaded.head.horizon
        self._hub.begin(start=loaded.start)
        self._hub.publish(loaded.events, loaded.head.revision)
        return loaded.head

    def _load(self, transaction: Transaction) -> _Loaded:
        head = log.head(transaction)
        objects = log.objects(transaction, self._reader)
        known = {record.revision: record for records in objects.values() for record in records}
        entries, start = log.newest(
            transaction,
            self._reader,
            known=known,
            revision=head.horizon,
            until=head.revision,
            max_bytes=self._refill_bytes,
        )
        events = log.linked(transaction, self._reader, entries)
        return _Loaded(head, objects, events, start)

    async def catch_up(self, head: Head, read: Read, database: Database) -> None:
        """
        Fold what others have appended, up to *head*.

        Only one at a time may do this, and not while a batch of our own is being committed. Raises DatabaseFailed if the log went back.
        """
        memory = self._memory
        if head.revision < memory.revision:
            raise DatabaseFailed(
                f"the log went back from {memory.revision} to {head.revision}: the database was restored under a running server"
            )
        if head.horizon > self.horizon:
            self.note_horizon(head.horizon)
        if head.horizon > memory.revision:
            # Part of what is missing has been forgotten: start over, and let watchers do so too.
            logger.warning("the log was compacted beyond revision %d, loading everything anew", memory.revision)
            loaded = await database.read(self._load)
            memory.fill(loaded.objects, loaded.head.revision)
            self.note_horizon(loaded.head.horizon)
            self._hub.restart(loaded.head.revision)
            return
        while memory.revision < head.revision:
            behind = memory.revision

            def work(transaction: Transaction, behind: int = behind) -> list[log.Entry]:
                return log.after(transaction, self._reader, revision=behind, until=head.revision, limit=_CHUNK)

            entries = await read(work)
            events = log.events_of(entries, lambda entry: memory.get(entry.record.resource, entry.record.key))
            reached = head.revision if len(entries) < _CHUNK else entries[-1].record.revision
            memory.apply(events, reached)
            self._hub.publish(events, reached)

    def note_horizon(self, horizon: int) -> None:
        """The log was compacted up to *horizon*."""
        self.horizon = horizon
        self._hub.forget(horizon)
