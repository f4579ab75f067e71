"""
Unknown fields: finding them and removing them.

A field is unknown if the schema neither lists it, nor takes any key (`additionalProperties`), nor preserves what it does not know. What is listed
below a preserved place is looked into all the same. The root's apiVersion, kind and metadata are not looked at (they are
`solovirt.machinery.metadata`'s business); those of an embedded resource are known, and its metadata is an ObjectMeta.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solovirt.machinery.resource import Document
from solovirt.machinery.schema import meta
from solovirt.machinery.schema.structural import structural

_ENVELOPE = ("apiVersion", "kind", "metadata")


def unknown_fields(document: Document, schema: Mapping[str, Any]) -> list[str]:
    """Paths of all unknown fields (`spec.vols[0].bogus`), in the order in which the document has them."""
    found: list[str] = []
    _object(document, schema, "", found, remove=False, skip=_ENVELOPE)
    return found


def prune(document: Document, schema: Mapping[str, Any]) -> None:
    """Remove all unknown fields, in place."""
    _object(document, schema, "", [], remove=True, skip=_ENVELOPE)


def _walk(value: Any, schema: Mapping[str, Any], path: str, found: list[str], *, remove: bool) -> None:
    if isinstance(value, dict):
        if schema.get("x-kubernetes-embedded-resource"):
            metadata = value.get("metadata")
            if isinstance(metadata, dict):
                _object(metadata, structural(meta.ObjectMeta), f"{path}.metadata", found, remove=remove)
            _object(value, schema, path, found, remove=remove, skip=_ENVELOPE)
        else:
            _object(value, schema, path, found, remove=remove)
    elif isinstance(value, list):
        items = schema.get("items")
        if items is None:
            if schema.get("x-kubernetes-preserve-unknown-fields"):
                return
            items = {}
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                _walk(item, items, f"{path}[{index}]", found, remove=remove)


def _object(
    value: Document,
    schema: Mapping[str, Any],
    path: str,
    found: list[str],
    *,
    remove: bool,
    skip: tuple[str, ...] = (),
) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    if additional is True or (additional is None and schema.get("x-kubernetes-preserve-unknown-fields")):
        if not properties:
            return
        other = None
        keep = True
    else:
        other = additional or None
        keep = bool(additional) or isinstance(additional, Mapping)
    dropped: list[str] = []
    for key, child in value.items():
        if key in skip:
            continue
        known = properties.get(key, other)
        if known is not None:
            if isinstance(child, dict | list):
                _walk(child, known, f"{path}.{key}" if path else key, found, remove=remove)
        elif not keep:
            found.append(f"{path}.{key}" if path else key)
            dropped.append(key)
    if remove:
        for key in dropped:
            del value[key]
