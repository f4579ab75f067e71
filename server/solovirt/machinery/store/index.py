"""
What is taken out of an object when it is stored or loaded, so that later questions need no parsing.

The writer gets an `Index` from whoever encodes the object; the store itself parses only what it loads from SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solovirt.machinery.resource import Document
from solovirt.machinery.store.protocol import Index

_NO_LABELS: Mapping[str, str] = {}


def index_of(document: Document, selectable: Sequence[str]) -> Index:
    """
    Index *document*; *selectable* are the paths of the resource's selectable fields (`spec.nodeName`).

    What is not of the expected type is left out rather than refused: the document has been validated, or comes from the log.
    """
    metadata = document.get("metadata") or {}
    labels = metadata.get("labels")
    references = metadata.get("ownerReferences")
    finalizers = metadata.get("finalizers")
    return Index(
        uid=metadata.get("uid") or "",
        labels=dict(labels) if labels else _NO_LABELS,
        owners=tuple(reference["uid"] for reference in references if reference.get("uid")) if references else (),
        deleting=metadata.get("deletionTimestamp") is not None,
        finalizers=tuple(finalizers) if finalizers else (),
        fields=tuple([field_value(document, path) for path in selectable]) if selectable else (),
    )


def field_value(document: Document, path: str) -> str:
    """The value at a dotted *path* as field selectors compare it; ``""`` if it is absent or no scalar."""
    value: Any = document
    for step in path.lstrip(".").split("."):
        if not isinstance(value, dict):
            return ""
        value = value.get(step)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return ""
