"""
Events live for an hour after they were last written (reference kubernetes-api.md 7).

Events expire in the order in which they were written, and the log hands them out in that order: what is kept of each is its key
and when, in one queue. An event that was written again stands in the queue twice, and the first entry is passed over because
the revision is no longer the event's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from solovirt.kinds.core import names
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.control.protocol import Tools
from solovirt.machinery.errors import Conflict, Expired
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.protocol import Cursor, EventType, Store

logger = logging.getLogger("solovirt.control")

TIME_TO_LIVE = timedelta(hours=1)

_AT_ONCE = 64
_START_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class _Written(NamedTuple):
    when: datetime
    key: ObjectKey
    revision: int


class EventExpiry:
    """See the module."""

    name = "event-expiry"

    def __init__(self, tools: Tools, *, store: Store, time_to_live: timedelta = TIME_TO_LIVE) -> None:
        self._objects = tools.objects
        self._clock = tools.clock
        self._store = store
        self._time_to_live = time_to_live
        self._queue: deque[_Written] = deque()
        self._filled = asyncio.Event()
        self._expiring = False

    @property
    def busy(self) -> bool:
        """Events are over and not yet deleted."""
        return self._expiring or self._is_due()

    async def run(self) -> None:
        """Delete events as they expire, until cancelled."""
        cursor = self._load()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(cursor))
                group.create_task(self._expire())
        finally:
            cursor.close()

    def _load(self) -> Cursor:
        cursor = self._store.watch(names.EVENTS)
        self._queue = deque(
            sorted(
                (
                    _Written(_last_written(document), _key(document), int(document["metadata"]["resourceVersion"]))
                    for document in self._objects.list(names.EVENTS)
                ),
                key=lambda one: one.when,
            )
        )
        self._filled.set()
        return cursor

    async def _follow(self, cursor: Cursor) -> None:
        while True:
            try:
                events = await cursor.next()
            except Expired:
                cursor.close()
                cursor = self._load()
                continue
            if not events:
                # The store is closing; so is the manager.
                await asyncio.get_running_loop().create_future()
            now = self._clock.now()
            self._queue += [
                _Written(now, event.record.key, event.record.revision)
                for event in events
                if event.type is EventType.PUT
            ]
            self._filled.set()

    async def _expire(self) -> None:
        while True:
            self._filled.clear()
            if not self._queue:
                await self._filled.wait()
            elif self._is_due():
                self._expiring = True
                try:
                    await self._delete_due()
                finally:
                    self._expiring = False
            else:
                await self._clock.sleep_until(self._queue[0].when + self._time_to_live)

    def _is_due(self) -> bool:
        return bool(self._queue) and self._queue[0].when + self._time_to_live <= self._clock.now()

    async def _delete_due(self) -> None:
        due: list[_Written] = []
        while self._is_due() and len(due) < _AT_ONCE:
            due.append(self._queue.popleft())
        await asyncio.gather(*(self._delete(one) for one in due))

    async def _delete(self, written: _Written) -> None:
        record = self._store.now.get(names.EVENTS, written.key)
        if record is None or record.revision != written.revision:
            return
        try:
            await self._objects.delete(names.EVENTS, written.key, revision=written.revision)
        except Conflict:
            # Written again in this moment: it is further back in the queue.
            return


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"].get("namespace", ""), document["metadata"]["name"])


def _last_written(document: Document) -> datetime:
    """When the event was last written, as far as it says so itself."""
    metadata = document["metadata"]
    times = [metadata.get("creationTimestamp"), *(one.get("time") for one in metadata.get("managedFields") or ())]
    return max((parse_timestamp(one) for one in times if one), default=_START_OF_TIME)
