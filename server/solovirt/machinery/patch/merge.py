"""JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces."""

from __future__ import annotations

from typing import Any

from solovirt.machinery.errors import BadRequest
from solovirt.machinery.patch.values import copied
from solovirt.machinery.resource import Document

_GO_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}


def apply(document: Document, patch: Any) -> Document:
    """What *document* becomes by *patch*, as a new document. Raises BadRequest if the patch is no object."""
    if patch is None:
        raise BadRequest("Invalid JSON Patch")
    if not isinstance(patch, dict):
        kind = _GO_TYPES[type(patch)]
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    return _merged(document, patch)


def _merged(target: Any, patch: Document) -> Document:
    out: Document = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = _merged(out.get(key), value)
        else:
            out[key] = copied(value)
    for key, value in out.items():
        if key not in patch:
            out[key] = copied(value)
    return out
