"""
How fields merge and who can own them: a structural schema, made ready for walking.

A `Shape` says of a value whether it is one thing (scalars, atomic maps and lists) or made of parts, and how its parts are called in a field set
(see `fieldset`). Shapes are made when they are first looked at, so that of a VirtualMachine's thousands of fields only those in use
cost anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from solovirt.machinery.schema import meta
from solovirt.machinery.schema.structural import structural

Schema = Mapping[str, Any]

_PRESERVE = "x-kubernetes-preserve-unknown-fields"


class _Fields(dict[str, tuple[str, "Shape"]]):
    """The part of a map called by a key: its name in field sets and its shape. Declared ones are remembered, others are not."""

    __slots__ = ("_shape",)

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape

    def __missing__(self, key: str) -> tuple[str, Shape]:
        schema = self._shape.declared.get(key)
        if schema is None:
            return "f:" + key, self._shape.other or DEDUCED
        self[key] = found = ("f:" + key, of(schema))
        return found


class Shape:
    """
    What a schema says about parts.

    *atomic* maps have none. *declared* holds the schemas of named fields, *other* is the shape of all other fields, None if there can't be any.
    Lists have parts if *keys* name what tells items apart, or if *is_set*.
    """

    __slots__ = ("_items", "_opening", "atomic", "declared", "defaults", "fields", "is_set", "keys", "other", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.declared: Schema = schema.get("properties") or {}
        if schema.get("x-kubernetes-embedded-resource"):
            self.declared = {**_ENVELOPE, **self.declared, "metadata": structural(meta.ObjectMeta)}
        self.other = self._other()
        self.fields = _Fields(self)
        self.atomic = schema.get("x-kubernetes-map-type") == "atomic"
        list_type = schema.get("x-kubernetes-list-type")
        self.is_set = list_type == "set"
        self.keys: tuple[str, ...] = ()
        self.defaults: dict[str, Any] = {}
        if list_type == "map":
            self.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
            properties = (schema.get("items") or {}).get("properties") or {}
            self.defaults = {
                key: properties[key]["default"] for key in self.keys if "default" in (properties.get(key) or {})
            }
        self._opening = f'k:{{"{self.keys[0]}":' if len(self.keys) == 1 else ""
        self._items: Shape | None = None

    def _other(self) -> Shape | None:
        schema = self.schema
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping) and additional:
            return of(additional)
        if additional is not None:
            return DEDUCED if additional is True or additional == {} else None
        return DEDUCED if schema.get(_PRESERVE) or not self.declared else None

    @property
    def items(self) -> Shape:
        """The shape of a list's items."""
        if self._items is None:
            items = self.schema.get("items")
            self._items = DEDUCED if items is None else of(items)
        return self._items

    def item(self, value: Any) -> str | None:
        """What an item of a list with parts is called in a field set; None if it cannot be told from others."""
        if not self.keys:
            return None if type(value) in (dict, list, type(None)) else "v:" + orjson.dumps(value).decode()
        if type(value) is not dict:
            return None
        if self._opening:
            key = self.keys[0]
            if key in value:
                return f"{self._opening}{orjson.dumps(value[key]).decode()}}}"
        known = {
            key: value[key] if key in value else self.defaults[key]
            for key in self.keys
            if key in value or key in self.defaults
        }
        if not known:
            return None
        return "k:" + orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()


_ENVELOPE: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}

DEDUCED = Shape({"additionalProperties": False})
"""The shape of what no schema speaks of: maps have parts, which are of this shape again, lists have none."""
DEDUCED.other = DEDUCED

# By identity; a shape holds its schema, so that no other can come to the same place. Schemas of users' kinds come and go, hence the bound.
_shapes: dict[int, Shape] = {}
_roots: dict[int, tuple[Schema, Shape]] = {}
_MOST_SHAPES = 20_000
_MOST_ROOTS = 2_000


def of(schema: Schema) -> Shape:
    """The shape of a part of an object."""
    known = _shapes.get(id(schema))
    if known is None:
        if len(_shapes) > _MOST_SHAPES:
            _shapes.clear()
        known = Shape(schema)
        _shapes[id(schema)] = known
    return known


def of_object(schema: Schema) -> Shape:
    """The shape of a whole object, whose metadata is always an ObjectMeta."""
    known = _roots.get(id(schema))
    if known is None:
        if len(_roots) > _MOST_ROOTS:
            _roots.clear()
        declared = {**_ENVELOPE, **(schema.get("properties") or {}), "metadata": structural(meta.ObjectMeta)}
        known = (
            schema,
            Shape({**schema, "properties": declared, **({} if schema.get("properties") else {_PRESERVE: True})}),
        )
        _roots[id(schema)] = known
    return known[1]
