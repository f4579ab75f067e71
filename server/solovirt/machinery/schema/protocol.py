"""
A schema ready for use.

The structural schema (OpenAPI v3 with Kubernetes' extensions) is the one source of what is valid. A kind's pydantic models declare it, or a
user's CustomResourceDefinition brings it; either way it is compiled to a pydantic-core validator that says yes quickly, and walked slowly only
to word a no. `metadata`, `apiVersion` and `kind` are checked elsewhere (`solovirt.machinery.metadata`) and ignored here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from solovirt.machinery.errors import FieldError
from solovirt.machinery.resource import Document, Resource, Version


class ObjectSchema(Protocol):
    """What objects of one version of a resource may contain."""

    @property
    def structural(self) -> Mapping[str, Any]:
        """The structural schema: OpenAPI v3, every reference resolved or under `$defs`-like names of the implementation."""
        ...

    def accepts(self, document: Document) -> bool:
        """Whether the document is valid and complete as it stands: nothing to prune, drop, default or report. Fast."""
        ...

    def decode_error(self, document: Document) -> str | None:
        """For built-in kinds: why Go would fail to decode it (`json: cannot unmarshal …`), or None. Custom kinds never fail here."""
        ...

    def unknown_fields(self, document: Document) -> list[str]:
        """Paths of fields that the schema does not know (`spec.vols[0].bogus`), in the order in which Kubernetes reports them."""
        ...

    def prune(self, document: Document) -> None:
        """Remove unknown fields, in place."""
        ...

    def default(self, document: Document) -> None:
        """Write the schema's defaults, in place; drop nulls where null is not allowed."""
        ...

    def normalise(self, document: Document) -> None:
        """Write quantities and times of a built-in kind as Go does, in place. For documents without a decode error."""
        ...

    def validate(self, document: Document, old: Document | None = None) -> Sequence[FieldError]:
        """Everything wrong with the values; list-type uniqueness included, rules not."""
        ...

    def check_rules(
        self, document: Document, old: Document | None, wrong: Sequence[FieldError] = ()
    ) -> Sequence[FieldError]:
        """What the rules in CEL find wrong, unless *wrong*, which `validate` found, keeps them from being checked."""
        ...


class Schemas(Protocol):
    """Compiles schemas on first use and keeps them for as long as the registry serves the version."""

    def of(self, resource: Resource, version: Version) -> ObjectSchema: ...
