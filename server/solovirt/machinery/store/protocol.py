"""
The store, as everybody else sees it.

The revision log is the truth: every write appends one revision, memory holds the fold of the log, and reads and watches are served from
memory. Writes are functions. A caller hands in a `Change`; the writer takes everything that is queued, runs each against the state as
the ones before it left it, commits all as one transaction, then changes memory, publishes to watchers and answers. So
nothing is answered before it is durable, two writers of one object need no retry, and a resourceVersion is given out only to a
write that happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.encoding import Encoded


@dataclass(frozen=True, slots=True)
class Index:
    """What is kept of an object beside its bytes, so that most questions need no parsing."""

    uid: str
    labels: Mapping[str, str]
    owners: tuple[str, ...] = ()
    """uids of metadata.ownerReferences."""
    deleting: bool = False
    """metadata.deletionTimestamp is set."""
    finalizers: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """Values of the resource's selectable fields, in the order of their declaration; absent ones are ``""``."""


@dataclass(frozen=True, slots=True)
class Record:
    """One version of one object. Immutable; holds bytes, not a tree."""

    resource: GroupResource
    key: ObjectKey
    revision: int
    """The resourceVersion."""
    body: bytes
    """The document after apiVersion and kind (see `encoding`), resourceVersion in place."""
    index: Index

    def document(self, api_version: str, kind: str) -> Document:
        """Parse into a tree that is the caller's own."""
        return parse(self, api_version, kind)


def parse(record: Record, api_version: str, kind: str) -> Document:
    import orjson  # here, so that the protocol stays importable without the codec

    document: Document = {"apiVersion": api_version, "kind": kind}
    document.update(orjson.loads(b"{" + record.body))
    return document


@dataclass(frozen=True, slots=True)
class Put:
    """Store this as the object's new version."""

    encoded: Encoded
    index: Index


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the object; *encoded* is its last state, which the DELETED event carries."""

    encoded: Encoded
    index: Index


@dataclass(frozen=True, slots=True)
class Keep:
    """Change nothing: no new revision, no event."""


Outcome = Put | Remove | Keep


class View(Protocol):
    """The state of all objects at one point of the log."""

    @property
    def revision(self) -> int:
        """The newest revision that this state contains."""
        ...

    def get(self, resource: GroupResource, key: ObjectKey) -> Record | None: ...

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """In key order."""
        ...

    def count(self, resource: GroupResource) -> int: ...

    def owned_by(self, uid: str) -> Sequence[Record]:
        """Every object, of any resource, with an owner reference to *uid*."""
        ...


Change = Callable[[Record | None, View], Outcome]
"""
Computes a write from the object's current version (None if there is none) and the state around it.

Runs synchronously inside the writer, exactly once if the commit succeeds, perhaps again if the batch has to be retried: it must not
have effects. Whatever it raises is raised to the one who asked for the write, and nothing of it is stored.
"""


class Written(NamedTuple):
    """How a write ended. *before* is what the change saw, *after* what is stored now (None if removed or never there)."""

    before: Record | None
    after: Record | None
    removed: Record | None = None
    """The last version of an object that this write removed, with the revision of the removal."""
    epoch: int = 0
    """Of a claim: the epoch that it began."""

    @property
    def changed(self) -> bool:
        return self.removed is not None or (self.after is not None and self.after is not self.before)


class EventType(StrEnum):
    """What happened to an object, before selectors are looked at."""

    PUT = "put"
    REMOVE = "remove"


@dataclass(slots=True)
class Event:
    """One revision, as watchers see it. *previous* is the version before, None on creation."""

    type: EventType
    record: Record
    previous: Record | None
    encoded: dict[Any, bytes] = field(default_factory=dict)
    """Watch lines made of this event so far, by representation; shared by all watchers."""


class Cursor(Protocol):
    """A watcher's position in the events of one resource."""

    @property
    def revision(self) -> int:
        """Everything up to and including this revision has been handed out or does not concern this resource."""
        ...

    async def next(self, timeout: float | None = None) -> Sequence[Event]:  # noqa: ASYNC109 - no error, an empty answer
        """
        Wait for events and return all there are, in the order of their commit; empty after *timeout* seconds of real time.

        Raises Expired if the position has fallen out of the window.
        """
        ...

    def pending(self) -> Sequence[Event]:
        """What `next` would return at once, without waiting; advances like it."""
        ...

    def close(self) -> None:
        """Stop watching. A `next` that waits ends with an empty answer. Safe to call twice."""
        ...


class Store(Protocol):
    """Keeps the objects."""

    @property
    def now(self) -> View:
        """The newest committed state that this process has seen. Live: it moves on with each commit."""
        ...

    async def start(self) -> None:
        """Open the database, fold the log into memory, start the writer. Raises if the schema is not current."""
        ...

    async def close(self) -> None:
        """Finish what is queued, then close. Watchers end."""
        ...

    async def write(
        self, resource: GroupResource, key: ObjectKey, change: Change, *, epoch: int | None = None, claim: bool = False
    ) -> Written:
        """
        Apply *change* to the object at *key*; returns after the commit.

        With *claim* a new epoch of the controllers begins with the write, if it puts anything; with *epoch* the write is refused as Fenced
        if that is not the present one. Raises what *change* raises, and ServiceUnavailable when closed.
        """
        ...

    async def fresh(self) -> View:
        """`now`, at least as new as every write that was acknowledged anywhere before this call."""
        ...

    async def wait_for(self, revision: int, timeout: float) -> bool:  # noqa: ASYNC109 - no error, an answer
        """Wait until `now` contains *revision*; False after *timeout* seconds of real time."""
        ...

    async def at(self, resource: GroupResource, revision: int) -> Sequence[Record]:
        """All objects of *resource* as they were at *revision*, in key order. Raises Expired if it is compacted away."""
        ...

    def watch(self, resource: GroupResource, since: int | None = None) -> Cursor:
        """Events after *since* (None: after now). A *since* in the future waits. Raises Expired if the window starts later."""
        ...

    def reindex(self, resource: GroupResource) -> None:
        """Look up the selectable fields of *resource* anew: what is selectable of it has changed."""
        ...

    async def compact(self, *, keep_revisions: int, keep_seconds: float) -> int:
        """Drop history older than both bounds, in small steps; returns how many revisions went."""
        ...
