"""
From the event log into the work queues.

A pump follows the events of one resource for all controllers that watch it. A controller that wants objects' own keys costs no
parsing; for those whose keys are inside the document, it is parsed once per event however many there are of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from solovirt.machinery.control.protocol import EveryKindController
from solovirt.machinery.control.queue import WorkQueue
from solovirt.machinery.errors import Expired
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Cursor, Event, EventType, Record, Store

logger = logging.getLogger("solovirt.control")

# How many objects are queued between two turns of the event loop while everything is listed.
_LISTED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Subscription:
    """One controller's interest in a resource; *keys* as in `Source`."""

    queue: WorkQueue[Any]
    keys: Callable[[Document], Iterable[ObjectKey]] | None


class Pump:
    """
    Feeds work queues from the events of *resource*, from `start` until `stop`.

    *after_batch* is called when events were handed on, *missed* when some were lost (the objects are listed anew by then).
    """

    def __init__(
        self,
        resource: GroupResource,
        *,
        registry: Registry,
        store: Store,
        subscriptions: Sequence[Subscription],
        every_kind: Sequence[tuple[EveryKindController, WorkQueue[Any]]],
        after_batch: Callable[[], None],
        missed: Callable[[], None],
    ) -> None:
        self._resource = resource
        self._registry = registry
        self._store = store
        self._own_key = [one.queue for one in subscriptions if one.keys is None]
        self._related = [(one.queue, one.keys) for one in subscriptions if one.keys is not None]
        self._every_kind = every_kind
        self._after_batch = after_batch
        self._missed = missed
        self._cursor: Cursor | None = None
        self._task: asyncio.Task[None] | None = None
        self._listing = False
        self.error: str | None = None
        """Why events do not flow, None if they do."""

    @property
    def busy(self) -> bool:
        """The objects that exist are not all queued yet."""
        return self._listing

    def start(self) -> None:
        """Follow events from now on, and queue everything that exists."""
        # Opened here rather than in the task: what is written after `start` has returned is an event, not a hole.
        self._cursor = self._store.watch(self._resource)
        self._listing = True
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"events of {self._resource}")

    async def stop(self) -> None:
        """Stop following; safe to call twice."""
        self.abandon()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def abandon(self) -> None:
        """Stop following, without waiting for it."""
        if self._task is not None:
            self._task.cancel()
        if self._cursor is not None:
            self._cursor.close()

    def drain(self) -> None:
        """Hand on the events that are there already."""
        if self._cursor is not None and not self._listing:
            # Left for the task, which will meet it too and lists everything anew.
            with contextlib.suppress(Expired):
                self._hand_on(self._cursor.pending())

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Expired:
                logger.info("events of %s were missed; everything is looked at again", self._resource)
                self._listing = True
                if self._cursor is not None:
                    self._cursor.close()
                self._cursor = self._store.watch(self._resource)
                self._missed()
            except Exception as error:
                # Nothing but a defect gets here, and without events the control plane would quietly stand still.
                self.error = str(error) or type(error).__name__
                logger.exception("events of %s can't be followed", self._resource)
                raise

    async def _follow(self) -> None:
        assert self._cursor is not None, "opened by start"
        if self._listing:
            await self._list()
            self._listing = False
            self._after_batch()
        while True:
            if events := await self._cursor.next():
                self._hand_on(events)
            else:
                # The cursor was closed, by the store on its way down; `stop` is next.
                await asyncio.get_running_loop().create_future()

    async def _list(self) -> None:
        if not (self._own_key or self._related):
            return
        for number, record in enumerate(list(self._store.now.list(self._resource))):
            self._queue(record, None)
            if number % _LISTED_AT_ONCE == _LISTED_AT_ONCE - 1:
                await asyncio.sleep(0)

    def _hand_on(self, events: Sequence[Event]) -> None:
        if not events:
            return
        for event in events:
            self._queue(event.record, event.previous if event.type is EventType.PUT else None)
            for controller, queue in self._every_kind:
                self._add(queue, controller.wake, event)
        self._after_batch()

    def _queue(self, record: Record, previous: Record | None) -> None:
        for queue in self._own_key:
            queue.add(record.key)
        if not self._related:
            return
        for one in (record,) if previous is None else (record, previous):
            document = self._parse(one)
            if document is None:
                return
            for queue, keys in self._related:
                self._add(queue, keys, document)

    def _add(self, queue: WorkQueue[Any], keys: Callable[[Any], Iterable[Any]], about: Any) -> None:
        try:
            for key in keys(about):
                queue.add(key)
        except Exception:
            # A mapping that trips over one object shall not keep every other event from every other controller.
            logger.exception("an event of %s could not be turned into keys; it is left out", self._resource)

    def _parse(self, record: Record) -> Document | None:
        declared = self._registry.get(record.resource)
        if declared is None:
            return None
        return record.document(declared.api_version(declared.storage_version.name), declared.kind)
