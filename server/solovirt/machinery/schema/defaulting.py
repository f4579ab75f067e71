"""
Schema defaults and nulls.

Custom resources (reference kubernetes-api.md section 7, CRD lifecycle): a missing property gets its default; a null where null is not
allowed is replaced by the default if there is one and dropped if there is none; a null item of a list stays, for validation to refuse. Built-in
kinds: Go decodes null as the zero value, which is not written back, so a null property is dropped and a null item becomes
the zero of its type.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from solovirt.machinery.resource import Document

_ENVELOPE = ("apiVersion", "kind", "metadata")
_ZERO: Mapping[Any, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def default(document: Document, schema: Mapping[str, Any], *, built_in: bool) -> None:
    """Write the defaults of *schema* and drop nulls, in place. The root's apiVersion, kind and metadata are left alone."""
    _object(document, schema, built_in=built_in, skip=_ENVELOPE)


def _walk(value: Any, schema: Mapping[str, Any], *, built_in: bool) -> None:
    if isinstance(value, dict):
        _object(value, schema, built_in=built_in)
    elif isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, Mapping):
            return
        for index, item in enumerate(value):
            if item is None and not items.get("nullable"):
                if "default" in items:
                    value[index] = copy.deepcopy(items["default"])
                elif built_in:
                    value[index] = _zero(items)
            _walk(value[index], items, built_in=built_in)


def _zero(schema: Mapping[str, Any]) -> Any:
    type_ = schema.get("type")
    if type_ == "object":
        return {}
    return [] if type_ == "array" else _ZERO.get(type_)


def _object(value: Document, schema: Mapping[str, Any], *, built_in: bool, skip: tuple[str, ...] = ()) -> None:
    properties = schema.get("properties") or {}
    for key, child in properties.items():
        if (
            "default" in child
            and key not in skip
            and (key not in value or (value[key] is None and not child.get("nullable")))
        ):
            value[key] = copy.deepcopy(child["default"])
    other = schema.get("additionalProperties")
    if not isinstance(other, Mapping):
        other = None
    dropped: list[str] = []
    for key, child in value.items():
        known = properties.get(key, other)
        if known is None or key in skip:
            continue
        if child is None:
            if known.get("nullable"):
                continue
            if "default" in known:
                value[key] = copy.deepcopy(known["default"])
            elif built_in and key not in properties:
                value[key] = _zero(known)
            else:
                dropped.append(key)
        elif isinstance(child, dict | list):
            _walk(child, known, built_in=built_in)
    for key in dropped:
        del value[key]
