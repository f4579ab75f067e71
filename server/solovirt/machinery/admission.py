"""
What a kind does to and thinks of its objects while they are written.

`Behaviour` is the hook that a `Resource` carries. The write pipeline (`machinery/verbs`) calls it in this order, once for each write:

1. decode, note unknown and duplicate fields; on update and patch: read the old object, apply the patch
2. prune unknown fields, write schema defaults
3. `mutate` (what KubeVirt's mutating webhooks do; for built-in kinds their defaulting)
4. prune and default again, validate metadata and structural schema
5. `validate_create` or `validate_update` (what a validating webhook or a built-in kind's own validation does)
6. managedFields, generation, store

Users' webhooks come after the kind in 3 and 5: they are a `Reviewer`, and asked before the write's turn comes (`machinery/verbs/waiting`).

Everything else here is synchronous and runs inside the writer: an implementation looks at memory only, never waits. `Admission.lookup`
sees the state that the write will be applied to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import FieldError, StatusError
from solovirt.machinery.resource import Document, GroupResource, ObjectKey, Resource

if TYPE_CHECKING:
    from solovirt.machinery.store.protocol import Record


class Operation(StrEnum):
    """The admission operations of Kubernetes that end in a write."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class LookUp(Protocol):
    """Reads other objects, as they are at this point of the log."""

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None:
        """The object, parsed and the caller's own, or None."""
        ...

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Document]:
        """All objects of the resource (in *namespace*, if given) in key order."""
        ...

    def records(self, resource: GroupResource, namespace: str | None = None) -> Iterator[Record]:
        """As `list`, but unparsed: for what is read with every write and kept as long as the bytes stay the same."""
        ...


@dataclass(slots=True)
class Admission:
    """One write on its way in."""

    operation: Operation
    resource: Resource
    version: str
    key: ObjectKey
    user: User
    lookup: LookUp
    now: datetime
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers; append to it."""


class Behaviour:
    """
    The default life cycle of a kind; kinds with rules of their own derive from it.

    Documents passed in are the callee's to change only where the method says so. Validation returns field errors (answered as
    422 Invalid in Kubernetes' wording) or raises a StatusError of its own shape (KubeVirt's webhook denials).
    """

    # The kind's mutate and validate must see the very state that the object is stored into, as when they hand out what only
    # one object may have (a cluster IP). Otherwise a create is admitted against the newest state before its turn comes, as in Kubernetes.
    needs_writer: ClassVar[bool] = False
    # What mutate makes of a document that the schema accepts is accepted too, so that nobody need ask the schema again.
    keeps_valid: ClassVar[bool] = False

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        """Change *obj* as the kind's defaulting and mutating webhooks would. *old* is None on create."""

    def refuse_malformed(self, obj: Document, errors: Sequence[FieldError], admission: Admission) -> StatusError | None:
        """
        The refusal of an object that is not as its structural schema wants it, in the kind's own words; None for Kubernetes' Invalid.

        Called when step 4 found *errors*. For kinds whose webhooks check the schema themselves, before the API server does.
        """
        return None

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return ()

    def validate_delete(self, obj: Document, admission: Admission) -> None:
        """Raise a StatusError if the object may not be deleted."""

    def begin_delete(self, obj: Document, admission: Admission) -> None:
        """Change *obj* as it starts to be deleted and is not gone at once (deletionTimestamp has just been set)."""

    def grace_seconds(self, obj: Document, asked: int | None) -> int | None:
        """How long the object lingers after a DELETE: None for kinds that know no grace (all but pods)."""
        return None

    def is_held(self, obj: Document) -> bool:
        """Whether something other than metadata.finalizers keeps a deleted object (a namespace's spec.finalizers)."""
        return False


@dataclass(slots=True)
class Review:
    """One write as admission from outside sees it (an AdmissionReview's request). *document* is None on delete, *old* on create."""

    operation: Operation
    resource: Resource
    version: str
    key: ObjectKey
    user: User
    document: Document | None
    old: Document | None
    subresource: str = ""
    dry_run: bool = False
    field_manager: str = ""
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers; append to it."""


class Reviewer(Protocol):
    """
    Admission that has to be waited for: webhooks.

    It is asked outside the store's writer. What it is told of is the object as it was then; if that changes before the write's turn comes, it is
    asked again.
    """

    def concerns(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        """Whether anybody might want to know of such a write. Quick: it is asked of every one."""
        ...

    async def mutate(self, review: Review, settle: Callable[[Document], None]) -> Document | None:
        """
        *review*'s document as those who may change it leave it. Raises StatusError for a refusal.

        After each change *settle* writes the kind's defaults into the document, or raises if it is none of the kind any more.
        """
        ...

    async def validate(self, review: Review) -> None:
        """Ask those who may only refuse. Raises StatusError for a refusal."""
        ...
