"""JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces."""

from __future__ import annotations

from typing import Any

from solovirt.machinery.errors import BadRequest
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}


def apply(document: Document, patch: Any) -> Document:
    """What *document* becomes by *patch*, as a new document. Raises BadRequest if the patch is no object."""
    out: Document = copied(document)
    apply_to(out, patch)
    return out


def apply_to(document: Document, patch: Any) -> None:
    """The same in place, for a caller whose own the document is. Nothing of the patch is shared with it."""
    if patch is None:
        raise BadRequest("Invalid JSON Patch")
    if not isinstance(patch, dict):
        kind = _GO_TYPES[type(patch)]
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    _merge(document, patch)


def _merge(target: Document, patch: Document) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            below = target.get(key)
            if not isinstance(below, dict):
                below = target[key] = {}
            _merge(below, value)
        else:
            target[key] = copied(value)
