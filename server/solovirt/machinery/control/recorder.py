"""
Events about objects, written as client-go's recorder writes them.

A controller calls `Recorder.event` and goes on; the core/v1 Event is written in the background, in order for each object and for many
objects at once, so that they share the store's commits. What happened before is not written again: the Event that says it
is patched with a higher count and a later lastTimestamp. As in client-go

* more than ten different messages of one reason about one object within ten minutes become one Event
  "(combined from similar events): …", and
* an object that a source says too much about (25 at once, one more every five minutes) is no longer listened to for a while.

Nothing here must survive: after a restart the next occurrence is a new Event with count 1.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from solovirt.machinery.clock import Clock, timestamp
from solovirt.machinery.control.queue import QueueClosed, WorkQueue
from solovirt.machinery.errors import AlreadyExists, Forbidden, NotFound, StatusError
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document, GroupResource
from solovirt.machinery.verbs.protocol import Api, Caller, PatchType, Target

logger = logging.getLogger("solovirt.control")

EVENTS = GroupResource("", "events")

# client-go's defaults: tools/events correlator.
_CACHE_SIZE = 4096
_SIMILAR_LIMIT = 10
_SIMILAR_WINDOW = timedelta(minutes=10)
_BURST = 25
_REFILL = timedelta(minutes=5)
_COMBINED = "(combined from similar events): "
# What may wait to be written. Beyond it events are dropped, as client-go does: they tell people, nothing depends on them.
_MOST_WAITING = 50_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

K = TypeVar("K")
V = TypeVar("V")


class _Newest(OrderedDict[K, V], Generic[K, V]):
    """The *_CACHE_SIZE* entries used last."""

    def use(self, key: K, make: Callable[[], V]) -> V:
        if key in self:
            self.move_to_end(key)
            return self[key]
        value = self[key] = make()
        if len(self) > _CACHE_SIZE:
            self.popitem(last=False)
        return value


class _Reference(NamedTuple):
    """An Event's involvedObject, less its resourceVersion (which does not tell two objects apart)."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """Something that happened, on its way to become an Event."""

    caller: Caller
    component: str
    about: _Reference
    revision: str
    type: str
    reason: str
    message: str
    when: datetime


@dataclass(slots=True)
class _Similar:
    """Occurrences that differ in their message alone."""

    messages: set[str]
    last: datetime


@dataclass(slots=True)
class _Tokens:
    """What one source may still say about one object."""

    left: float
    counted: datetime


@dataclass(slots=True)
class _Written:
    """The Event that tells of an occurrence already."""

    name: str = ""
    count: int = 0
    first: str = ""


class EventWriter:
    """Writes what all recorders of a control plane are told. `start` it, and `stop` it to flush and end."""

    def __init__(
        self,
        *,
        registry: Registry,
        api: Api,
        clock: Clock,
        writers: int = 16,
        changed: Callable[[], None] | None = None,
    ) -> None:
        self._registry = registry
        self._api = api
        self._clock = clock
        self._writers = writers
        self._queue: WorkQueue[_Reference] = WorkQueue(clock=clock, changed=changed)
        self._waiting: dict[_Reference, deque[_Occurrence]] = {}
        self._waiting_count = 0
        self._similar: _Newest[tuple[Any, ...], _Similar] = _Newest()
        self._tokens: _Newest[tuple[str, _Reference], _Tokens] = _Newest()
        self._written: _Newest[tuple[Any, ...], _Written] = _Newest()
        self._last_name = 0

    @property
    def idle(self) -> bool:
        """Everything that was recorded is written (or was refused)."""
        return self._queue.idle

    def close(self) -> Any:
        """End `run` at once; what waits is lost. Awaitable."""
        return self._queue.close()

    def recorder(self, component: str, caller: Caller) -> ApiRecorder:
        """A recorder whose events have *component* as their source, written on behalf of *caller*."""
        return ApiRecorder(self, component, caller, self._clock)

    def put(self, occurrence: _Occurrence) -> None:
        """Take an occurrence for writing."""
        if self._waiting_count >= _MOST_WAITING:
            logger.warning(
                "too many events wait to be written; dropped %s %s", occurrence.reason, occurrence.about.name
            )
            return
        self._waiting_count += 1
        self._waiting.setdefault(occurrence.about, deque()).append(occurrence)
        self._queue.add(occurrence.about)

    async def run_one(self) -> None:
        """One of the tasks that write: run it until it returns, which is after `close`."""
        while True:
            try:
                about = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._write_all(about)
            finally:
                self._queue.done(about)

    @property
    def writers(self) -> int:
        """How many tasks should run `run_one`."""
        return self._writers

    async def _write_all(self, about: _Reference) -> None:
        waiting = self._waiting.get(about)
        while waiting:
            occurrence = waiting.popleft()
            self._waiting_count -= 1
            try:
                await self._write(occurrence)
            except Forbidden as error:
                # The namespace is on its way out, mostly.
                logger.debug("event %s about %s refused: %s", occurrence.reason, about.name, error)
            except StatusError as error:
                logger.warning("event %s about %s refused: %s", occurrence.reason, about.name, error)
            except Exception:
                logger.exception("event %s about %s could not be written", occurrence.reason, about.name)
        self._waiting.pop(about, None)

    async def _write(self, occurrence: _Occurrence) -> None:
        occurrence, key = self._combine(occurrence)
        written = self._written.use(key, _Written)
        # Counted before it may be dropped: the count says how often it happened, not how often it was told.
        written.count += 1
        written.first = written.first or timestamp(occurrence.when)
        if not self._may_speak(occurrence):
            logger.debug("event %s about %s dropped: too many", occurrence.reason, occurrence.about.name)
            return
        if written.name and await self._count_up(occurrence, written):
            return
        await self._create(occurrence, written)

    def _combine(self, occurrence: _Occurrence) -> tuple[_Occurrence, tuple[Any, ...]]:
        """The occurrence, its message replaced if there are too many like it, and what it has in common with repetitions."""
        alike = (occurrence.component, occurrence.about, occurrence.type, occurrence.reason)
        similar = self._similar.use(alike, lambda: _Similar(set(), occurrence.when))
        if occurrence.when - similar.last > _SIMILAR_WINDOW:
            similar.messages.clear()
        similar.last = occurrence.when
        similar.messages.add(occurrence.message)
        if len(similar.messages) < _SIMILAR_LIMIT:
            return occurrence, (*alike, occurrence.message)
        # One of them goes, so that the set stays bounded and the next new message is still one too many.
        similar.messages.pop()
        return replace(occurrence, message=_COMBINED + occurrence.message), alike

    def _may_speak(self, occurrence: _Occurrence) -> bool:
        tokens = self._tokens.use(
            (occurrence.component, occurrence.about), lambda: _Tokens(float(_BURST), occurrence.when)
        )
        tokens.left = min(_BURST, tokens.left + (occurrence.when - tokens.counted) / _REFILL)
        tokens.counted = occurrence.when
        if tokens.left < 1:
            return False
        tokens.left -= 1
        return True

    async def _count_up(self, occurrence: _Occurrence, written: _Written) -> bool:
        """Patch the Event that tells of this already; False if it is gone."""
        patch = {
            "count": written.count,
            "lastTimestamp": timestamp(occurrence.when),
            "message": occurrence.message,
        }
        try:
            await self._api.patch(
                self._target(occurrence, written.name), PatchType.MERGE, patch, replace(occurrence.caller, warnings=[])
            )
        except NotFound:
            return False
        return True

    async def _create(self, occurrence: _Occurrence, written: _Written) -> None:
        while True:
            name = self._draw_name(occurrence)
            # An Event that had expired goes on where it ended.
            document = _event(occurrence, name, count=written.count, first=written.first)
            try:
                await self._api.create(self._target(occurrence, ""), document, replace(occurrence.caller, warnings=[]))
            except AlreadyExists:
                # Another process named one at the same nanosecond of a clock that stands still.
                continue
            written.name = name
            return

    def _draw_name(self, occurrence: _Occurrence) -> str:
        nanoseconds = (occurrence.when - _EPOCH) // timedelta(microseconds=1) * 1000
        self._last_name = max(nanoseconds, self._last_name + 1)
        return f"{occurrence.about.name}.{self._last_name:016x}"

    def _target(self, occurrence: _Occurrence, name: str) -> Target:
        declared = self._registry.get(EVENTS)
        if declared is None:
            raise NotFound.path()
        return Target(declared, "v1", _namespace(occurrence.about), name)


class ApiRecorder:
    """`Recorder` for one component."""

    def __init__(self, writer: EventWriter, component: str, caller: Caller, clock: Clock) -> None:
        self._writer = writer
        self._component = component
        self._caller = caller
        self._clock = clock

    def event(self, about: Document, type: str, reason: str, message: str) -> None:
        """Record that *reason* happened to *about*. Returns at once; failures to write are logged."""
        metadata = about["metadata"]
        reference = _Reference(
            about["apiVersion"],
            about["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
            metadata.get("uid", ""),
        )
        self._writer.put(
            _Occurrence(
                self._caller,
                self._component,
                reference,
                metadata.get("resourceVersion", ""),
                type,
                reason,
                message,
                self._clock.now(),
            )
        )


def _namespace(about: _Reference) -> str:
    # Events are namespaced; those about cluster-scoped objects live in `default`.
    return about.namespace or "default"


def _event(occurrence: _Occurrence, name: str, *, count: int, first: str) -> Document:
    about = occurrence.about
    involved = {
        "kind": about.kind,
        "namespace": about.namespace,
        "name": about.name,
        "uid": about.uid,
        "apiVersion": about.api_version,
        "resourceVersion": occurrence.revision,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": _namespace(about)},
        "involvedObject": {field: value for field, value in involved.items() if value},
        "reason": occurrence.reason,
        "message": occurrence.message,
        "source": {"component": occurrence.component},
        "firstTimestamp": first,
        "lastTimestamp": timestamp(occurrence.when),
        "count": count,
        "type": occurrence.type,
        "reportingComponent": occurrence.component,
        "reportingInstance": "",
    }
