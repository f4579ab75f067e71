"""
Types of values in rules: those that a schema declares, with how large they can get, and those of the language.

Sizes are counted as Kubernetes counts them (k8s.io/apiserver, pkg/cel/common/schemas.go): what a schema does not limit is limited by the largest request
that is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from solovirt.machinery.schema.rules import values

LARGEST_REQUEST = 3 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Type:
    """
    A type. *kind* is its name in the language; lists, maps and optionals have an *element*, maps a *key*, objects *fields*.

    *most* is how many items or bytes a value can have, *least* how many bytes it takes in a request at least.
    """

    kind: str
    element: Type | None = None
    key: Type | None = None
    fields: Mapping[str, Type] = field(default_factory=dict)
    most: int = 0
    least: int = 1
    label: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "list":
                return f"list({self.element})"
            case "map":
                return f"map({self.key}, {self.element})"
            case "optional":
                return f"optional_type({self.element})"
            case "type":
                return f"type({self.element})"
            case "object":
                return self.label or "object"
            case "null":
                return "null"
            case "timestamp" | "duration":
                return f"google.protobuf.{self.kind.capitalize()}"
        return self.kind


DYN, BOOL, INT, UINT, DOUBLE = Type("dyn"), Type("bool", least=4), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL = Type("string", least=2), Type("bytes", least=2), Type("null", least=4)
ERROR = Type("!error!")
_SIMPLE = {"boolean": BOOL, "number": DOUBLE, "integer": INT}
# Least and most bytes of strings that have a type of their own.
_TIMES = {"duration": ("duration", 3, 32), "date": ("timestamp", 12, 12), "date-time": ("timestamp", 21, 32)}
_WHOLE = LARGEST_REQUEST - 2


def list_of(element: Type, most: int = 0) -> Type:
    return Type("list", element, most=most, least=2)


def map_of(key: Type, element: Type, most: int = 0) -> Type:
    return Type("map", element, key, most=most, least=2)


def optional_of(element: Type) -> Type:
    return Type("optional", element)


def of(schema: Mapping[str, Any], label: str = "selfType", *, root: bool = False) -> Type | None:
    """The type of the values of *schema*, None if rules can't see them. *root* is a whole object's."""
    length = schema.get("maxLength")
    if schema.get("x-kubernetes-int-or-string"):
        return Type("dyn", most=4 * length if length is not None else _WHOLE)
    kind = schema.get("type")
    if root:
        kind = "object"
    match kind:
        case "array":
            items = schema.get("items")
            element = _of_part(items, f"{label}.@idx") if isinstance(items, Mapping) else None
            if element is None:
                return None
            most = schema.get("maxItems")
            return list_of(element, max(most, 0) if most is not None else _WHOLE // (element.least + 1))
        case "object":
            other = schema.get("additionalProperties")
            if isinstance(other, Mapping) and not root:
                element = _of_part(other, f"{label}.@prop")
                if element is None:
                    return None
                most = schema.get("maxProperties")
                size = max(most, 0) if most is not None else _WHOLE // (element.least + 6)
                return map_of(STRING, element, size)
            return _object(schema, label, root=root)
        case "string":
            return _text(schema)
    return _SIMPLE.get(str(kind))


def _of_part(schema: Mapping[str, Any], label: str) -> Type | None:
    return of(schema, label, root=bool(schema.get("x-kubernetes-embedded-resource")))


_META = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}
_ENVELOPE: Mapping[str, Any] = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _META}


def _object(schema: Mapping[str, Any], label: str, *, root: bool) -> Type:
    properties = {**(schema.get("properties") or {}), **(_ENVELOPE if root else {})}
    required = frozenset(schema.get("required") or ())
    fields: dict[str, Type] = {}
    least = 2
    for name, child in properties.items():
        found = _of_part(child, f"{label}.{name}")
        if found is None:
            continue
        if (called := values.escaped(name)) is not None:
            fields[called] = found
        if name in required and "default" not in child:
            least += len(name) + found.least + 4
    return Type("object", fields=fields, least=least, label=label)


def _text(schema: Mapping[str, Any]) -> Type:
    length, name = schema.get("maxLength"), schema.get("format", "")
    if name in _TIMES:
        kind, least, most = _TIMES[name]
        return Type(kind, least=least, most=most)
    if name == "byte":
        return Type("bytes", least=2, most=max(length, 0) if length is not None else _WHOLE)
    if length is not None:
        most = 4 * max(length, 0)
    elif allowed := schema.get("enum"):
        most = max([len(one.encode()) for one in allowed if isinstance(one, str)], default=0)
    else:
        most = _WHOLE
    return Type("string", least=2, most=most)
