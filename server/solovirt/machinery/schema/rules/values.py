"""
Values as rules see them.

CEL knows times and bytes where JSON has strings, and tells 1 from 1.0; a field whose name is no identifier, or a word of the language, has
another name in it (`namespace` is `__namespace__`, `a-b` is `a__dash__b`). Where nothing of the kind is below a schema, its values
are handed over as they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Convert = Callable[[Any], Any]

_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_ESCAPES = re.compile(r"__|[.\-/]")
_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def escaped(name: str) -> str:
    """The name of a property in rules."""
    if name in _RESERVED:
        return f"__{name}__"
    return _ESCAPES.sub(lambda match: _ESCAPED[match.group()], name)


def converter(schema: Mapping[str, Any]) -> Convert | None:
    """What turns a value of *schema* into that of a rule; None if it is the same."""
    if schema.get("x-kubernetes-int-or-string"):
        return None
    match schema.get("type"):
        case "object":
            return _object(schema)
        case "array":
            items = schema.get("items")
            convert = converter(items) if isinstance(items, Mapping) else None
            if convert is None:
                return None
            return lambda value: [convert(one) for one in value] if isinstance(value, list) else value
        case "string":
            return _STRINGS.get(schema.get("format", ""))
        case "number":
            return lambda value: float(value) if _is_number(value) else value
        case "integer":
            return lambda value: int(value) if _is_number(value) else value
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(schema: Mapping[str, Any]) -> Convert | None:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    names = {name: escaped(name) for name in properties if escaped(name) != name}
    converts = {name: convert for name, child in properties.items() if (convert := converter(child)) is not None}
    other = schema.get("additionalProperties")
    rest = converter(other) if isinstance(other, Mapping) else None
    if not names and not converts and rest is None:
        return None

    def convert_object(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        out = {}
        for key, child in value.items():
            convert = converts.get(key) if key in properties else rest
            out[names.get(key, key)] = child if convert is None or child is None else convert(child)
        return out

    return convert_object


def _date_time(value: Any) -> Any:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _duration(value: Any) -> Any:
    text = value.lstrip("+-") if isinstance(value, str) else ""
    if not text or _DURATION_PART.sub("", text):
        return value
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return timedelta(seconds=-seconds if value.startswith("-") else seconds)


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return value


_STRINGS: Mapping[str, Convert] = {
    "date-time": _date_time,
    "date": _date_time,
    "duration": _duration,
    "byte": _bytes,
}
