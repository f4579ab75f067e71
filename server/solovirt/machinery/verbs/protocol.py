"""
The verbs as their callers see them: HTTP handlers above, controllers beside.

`Api` is the one way to write. It takes documents that are already decoded JSON and gives back `Record`s; content negotiation,
tables and streams are the business of `machinery/http`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Protocol

from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document, ObjectKey, Resource
from solovirt.machinery.store.protocol import Record


class FieldValidation(StrEnum):
    """What becomes of unknown and duplicate fields."""

    IGNORE = "Ignore"
    WARN = "Warn"
    STRICT = "Strict"


class PatchType(Enum):
    """The patch formats, by content type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(slots=True)
class Caller:
    """Who asks, and what they want of the answer beside the object."""

    user: User
    field_manager: str = ""
    dry_run: bool = False
    field_validation: FieldValidation = FieldValidation.WARN
    request_id: str = ""
    warnings: list[str] = field(default_factory=list)
    """Filled in by the verb: texts for Warning headers."""
    epoch: int | None = None
    """The controllers' epoch in which this is asked: a write of an earlier one is refused. None for everybody else."""
    writes_status: bool = False
    """A create or edit of the object writes its status too, where that is a subresource: two writes of one controller in one."""
    duplicate_fields: tuple[str, ...] = ()
    """What its decoder says of fields that the body gave twice (`duplicate field "spec.cpu"`)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request points. *name* is empty for collections, *namespace* for cluster scope or all namespaces."""

    resource: Resource
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold of the object for a delete to go ahead."""

    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions, validated."""

    propagation: str | None = None
    """Background, Foreground, Orphan; None is the kind's default."""
    grace_seconds: int | None = None
    preconditions: Preconditions = Preconditions()
    orphan_dependents: bool | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a write."""

    record: Record
    """The object as it is stored now, or as it was when it went."""
    created: bool = False
    gone: bool = False
    """The object no longer exists."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or deletecollection selects and from when (reference kubernetes-api.md 2.3). Selectors are still text."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    limit: int = 0
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer to a list."""

    records: Sequence[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


@dataclass(slots=True)
class SubresourceRequest:
    """
    A request for a subresource (or virtual resource) that a registered handler answers. *http* is the aiohttp request.

    *content* is the decoded body, or why it cannot be decoded: a handler may have something else to say before it says that.
    """

    target: Target
    caller: Caller
    verb: str
    http: Any
    content: Document | StatusError | None = None

    @property
    def body(self) -> Document | None:
        """The decoded body, None if there is none. Raises BadRequest if it cannot be decoded."""
        if isinstance(self.content, StatusError):
            raise self.content
        return self.content


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler of a subresource answers if it is not simply a document: another status, an empty body, another content type."""

    status: int = 200
    body: Document | bytes = b""
    content_type: str = "application/json"


Edit = Callable[[Document], Document | None]
"""Changes a document in place, or returns another to use instead."""


class Api(Protocol):
    """Every verb on every resource. All methods raise StatusError for refusals."""

    async def get(self, target: Target, *, resource_version: str = "") -> Record:
        """Read one object. Raises NotFound."""
        ...

    async def list(self, target: Target, options: ListOptions) -> Listed: ...

    async def converted(self, target: Target, records: Sequence[Record]) -> Sequence[Record]:
        """*records* of the target's resource, as the store has them, in the target's version. Raises what its conversion raises."""
        ...

    async def create(self, target: Target, document: Document, caller: Caller) -> Stored:
        """Create from *document*, drawing a name from generateName if it has no name. A target with a name must match the document's."""
        ...

    async def update(self, target: Target, document: Document, caller: Caller) -> Stored:
        """Replace the object, or its status with `target.subresource == "status"`."""
        ...

    async def patch(
        self, target: Target, type: PatchType, patch: Any, caller: Caller, *, force: bool = False
    ) -> Stored:
        """Apply *patch* (decoded JSON or YAML) to the object as it is when its turn comes."""
        ...

    async def edit(self, target: Target, edit: Edit, caller: Caller) -> Stored:
        """
        Read, change, write in one step, for callers inside the process.

        *edit* sees the newest version, inside the writer; so no conflict is possible. It must have no effects beyond the document,
        and may run again. Raises NotFound if the object is not there.
        """
        ...

    async def delete(self, target: Target, options: DeleteOptions, caller: Caller) -> Stored: ...

    async def delete_collection(
        self, target: Target, selection: ListOptions, options: DeleteOptions, caller: Caller
    ) -> Sequence[Stored]: ...
