"""
Controllers, as they are written.

A controller names the resource whose keys it reconciles and the others whose events concern it. The manager keeps one
deduplicating work queue per controller, runs `reconcile` for each key (never twice at once for one key), and retries with
back-off what it raises. A reconciler owns nothing in memory: it reads the views, moves the world one step and says when to come again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from solovirt.machinery.clock import Clock
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store.protocol import Event, Record
from solovirt.machinery.verbs.protocol import Edit


@dataclass(frozen=True, slots=True)
class Result:
    """A reconcile that succeeded; *again_after* asks for another one later, by the control plane's clock."""

    again_after: timedelta | None = None


DONE = Result()


class TerminalError(Exception):
    """The reconcile failed and retrying can't help until something changes. Logged once, not retried."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    A resource whose events concern a controller.

    *keys* maps an object (its newest state, or its last if it was deleted) to the keys to reconcile; None takes its own key.
    It is also called with the state before, so that an object leaving a relation wakes the one it left.
    """

    resource: GroupResource
    keys: Callable[[Document], Iterable[ObjectKey]] | None = None


class Objects(Protocol):
    """Reads and writes for controllers: parsed documents in, parsed documents out, always the storage version."""

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        """From memory; the document is the caller's own."""
        ...

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterable[Document]: ...

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """All objects as they are stored, for those who need not look into each; to be used up before the next await."""
        ...

    def owned_by(self, uid: str, resource: GroupResource | None = None) -> Sequence[Document]:
        """The objects with an owner reference to *uid*."""
        ...

    def newest(self, resource: GroupResource, document: Document) -> Document | None:
        """*document* as it is stored now: itself as long as nobody has written it since, None if nothing is there."""
        ...

    async def create(self, resource: GroupResource, document: Document, *, with_status: bool = False) -> Document:
        """Raises AlreadyExists and every other refusal. *with_status*: the document's status counts, also where it is a subresource."""
        ...

    async def edit(
        self,
        resource: GroupResource,
        key: ObjectKey,
        edit: Edit,
        *,
        status: bool = False,
        subresource: str = "",
        with_status: bool = False,
    ) -> Document | None:
        """
        Change the object (with *status*: through its status subresource, if it has one). None if it is gone.

        *subresource* names another one to write through (a namespace's `finalize`). *with_status*: the object and its status both, in
        one write, also where the status is a subresource.
        """
        ...

    async def add(self, resource: GroupResource, document: Document) -> None:
        """As `create`, for those who do not look at what was made of it."""
        ...

    async def change(
        self, resource: GroupResource, key: ObjectKey, edit: Edit, *, status: bool = False, with_status: bool = False
    ) -> bool:
        """As `edit`, for those who only ask whether the object was there."""
        ...

    async def delete(
        self,
        resource: GroupResource,
        key: ObjectKey,
        *,
        uid: str | None = None,
        propagation: str | None = None,
        grace_seconds: int | None = None,
        revision: int | None = None,
    ) -> bool:
        """
        Delete; False if it (or the one with that *uid*) is gone already.

        With *revision*, only if it is still at that resourceVersion; raises Conflict otherwise.
        """
        ...


class Recorder(Protocol):
    """Emits core/v1 Events, aggregated as client-go's recorder does (count, lastTimestamp)."""

    def event(self, about: Document, type: str, reason: str, message: str) -> None:
        """Record that *reason* happened to *about*; *type* is Normal or Warning. Written in the background, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every controller gets."""

    objects: Objects
    recorder: Recorder
    clock: Clock


class Controller(Protocol):
    """One control loop. *name* is its field manager and the source.component of its events."""

    name: ClassVar[str]
    resource: ClassVar[GroupResource]
    sources: Sequence[Source]

    async def reconcile(self, key: ObjectKey) -> Result:
        """Move the object at *key* (which may be gone) one step towards what it should be. Running it twice changes nothing more."""
        ...


class ObjectRef(NamedTuple):
    """An object of any kind."""

    resource: GroupResource
    key: ObjectKey


@runtime_checkable
class EveryKindController(Protocol):
    """
    A control loop over the objects of all resources that are stored, those of later CustomResourceDefinitions too.

    It is shown every event there is, so `wake` must be quick: indexes, not parsed documents. Its state may be what an index can
    be rebuilt from: `survey` is called first, and again whenever events were missed.
    """

    name: ClassVar[str]

    def survey(self) -> Iterable[ObjectRef]:
        """What needs a look as things stand now."""
        ...

    def wake(self, event: Event) -> Iterable[ObjectRef]:
        """What needs a look because of this event."""
        ...

    async def reconcile_object(self, ref: ObjectRef) -> Result:
        """As `Controller.reconcile`."""
        ...


class Background(Protocol):
    """
    A task of the control plane that is not driven by keys: a runtime's events, compaction, expiry.

    One that has an attribute `busy` that is true is waited for by `Manager.settle`.
    """

    name: str

    async def run(self) -> Any:
        """Run until cancelled. Raising ends the control plane's health; the manager restarts it with back-off."""
        ...
