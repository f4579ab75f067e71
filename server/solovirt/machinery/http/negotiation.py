"""
In which form a client wants its answer.

An Accept header is parsed once and remembered; picking a clause is a short loop. What can be made is JSON and YAML of the object itself,
of a Table, and of PartialObjectMetadata (reference kubernetes-api.md 5); protobuf is never sent, every client that prefers it takes JSON too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from solovirt.machinery.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_ACCEPTED = f"only the following media types are accepted: {JSON}, {YAML}, {PROTOBUF}"
_META_VERSIONS = ("v1", "v1beta1")


class Shape(Enum):
    """What is made of an object before it is sent."""

    OBJECT = ""
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    PARTIAL_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class Clause:
    """One alternative of an Accept header."""

    media_type: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The form that was settled on. *meta_version* is the version of meta.k8s.io that a Table or partial object is in."""

    media_type: str = JSON
    shape: Shape = Shape.OBJECT
    meta_version: str = "v1"
    pretty: bool = False

    @property
    def plain(self) -> bool:
        """The stored bytes will do."""
        return self is PLAIN


PLAIN = Wanted()


@lru_cache(maxsize=512)
def clauses(accept: str) -> tuple[Clause, ...]:
    """The alternatives of an Accept header, best first."""
    weighted: list[tuple[float, Clause]] = []
    for part in accept.split(","):
        media_type, *rest = (piece.strip() for piece in part.split(";"))
        if not media_type:
            continue
        parameters = dict(piece.partition("=")[::2] for piece in rest)
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        weighted.append((weight, Clause(media_type.lower(), parameters)))
    # Stable: clauses of the same weight stay in the order in which they were written.
    weighted.sort(key=lambda pair: -pair[0])
    return tuple(clause for weight, clause in weighted if weight > 0)


def _encoding(media_type: str) -> str | None:
    if media_type in (JSON, "*/*", "application/*"):
        return JSON
    if media_type == YAML:
        return YAML
    return None


@lru_cache(maxsize=512)
def negotiate(accept: str, shapes: frozenset[Shape]) -> Wanted:
    """
    Pick the first alternative of *accept* that can be made, of *shapes* besides the object itself.

    Raises NotAcceptable if there is none. No header, or an empty one, takes JSON.
    """
    if not accept.strip():
        return PLAIN
    for clause in clauses(accept):
        media_type = _encoding(clause.media_type)
        if media_type is None:
            continue
        shape = Shape.OBJECT
        version = "v1"
        if wanted := clause.parameters.get("as"):
            version = clause.parameters.get("v", "")
            if clause.parameters.get("g") != "meta.k8s.io" or version not in _META_VERSIONS:
                continue
            try:
                shape = Shape(wanted)
            except ValueError:
                continue
            if shape not in shapes:
                continue
        pretty = clause.parameters.get("pretty") in ("1", "true")
        if media_type == JSON and shape is Shape.OBJECT and not pretty:
            return PLAIN
        return Wanted(media_type, shape, version, pretty)
    raise NotAcceptable(_ACCEPTED)


READ = frozenset((Shape.TABLE, Shape.PARTIAL, Shape.PARTIAL_LIST))
"""Shapes of answers to get, list, watch and writes."""
DATA = frozenset[Shape]()
"""Discovery, subresources, Status bodies: the object itself."""


def of_error(accept: str) -> Wanted:
    """The form of a failure's Status: what the client accepts, JSON if that cannot be made."""
    try:
        return negotiate(accept, READ)
    except NotAcceptable:
        return PLAIN
