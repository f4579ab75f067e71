"""
Why Go would fail to decode a document of a built-in kind.

Built-in kinds are Go structs in Kubernetes: a value of a wrong type is refused while it is decoded, with encoding/json's own words. The decoder goes on
after a mismatch and reports the first one; an error raised by a type's own decoding (times, quantities) ends it and is what is reported.
Reference kubernetes-api.md 4.2: `json: cannot unmarshal number into Go struct field ConfigMap.data of type string`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from solovirt.machinery.resource import Document
from solovirt.machinery.schema import meta
from solovirt.machinery.schema.structural import INT_OR_STRING, MICRO_TIME, QUANTITY, TIME, NamedSchema, structural

_JSON_TYPES: Mapping[type, str] = {
    bool: "bool",
    str: "string",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
_RANGES = {"int32": 31, "int64": 63}
_LAYOUTS = {TIME: "2006-01-02T15:04:05Z07:00", MICRO_TIME: "2006-01-02T15:04:05.000000Z07:00"}
_RFC3339 = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})([.,]\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(([KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?", re.ASCII)
_QUANTITY_SHAPE = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def decode_error(document: Document, schema: Mapping[str, Any], kind: str) -> str | None:
    """The first error of decoding *document*, or None. Unlike the other checks this looks at metadata, as the decoder does."""
    decoder = _Decoder()
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **(schema.get("properties") or {}),
        "metadata": structural(meta.ObjectMeta),
    }
    try:
        decoder.object(document, {**schema, "properties": properties}, kind, ())
    except _Ended as ended:
        return str(ended)
    return decoder.first


class _Ended(Exception):
    """A type's own decoding failed: nothing after it is read."""


class _Decoder:
    def __init__(self) -> None:
        self.first: str | None = None

    def _save(self, message: str) -> None:
        if self.first is None:
            self.first = message

    def _mismatch(self, found: str, go_type: str, struct: str, fields: tuple[str, ...]) -> str:
        return f"json: cannot unmarshal {found} into Go struct field {struct}.{'.'.join(fields)} of type {go_type}"

    def value(self, value: Any, schema: Mapping[str, Any], struct: str, fields: tuple[str, ...]) -> None:
        if value is None:
            return
        name = schema.name if isinstance(schema, NamedSchema) else ""
        if name in _LAYOUTS:
            self._time(value, name, struct, fields)
        elif name == QUANTITY:
            self._quantity(value)
        elif schema.get("x-kubernetes-int-or-string"):
            self._int_or_string(value, struct, fields)
        elif name == meta.RawExtension.schema_name or (not schema.get("type") and name != INT_OR_STRING):
            return
        else:
            self._typed(value, schema, struct, fields)

    def _typed(self, value: Any, schema: Mapping[str, Any], struct: str, fields: tuple[str, ...]) -> None:
        type_ = schema["type"]
        found = _JSON_TYPES[type(value)]
        if type_ == "object" and isinstance(value, dict):
            self.object(value, schema, struct, fields)
        elif type_ == "array" and isinstance(value, list):
            items = schema.get("items")
            if isinstance(items, Mapping):
                for item in value:
                    self.value(item, items, struct, fields)
        elif type_ == "string" and isinstance(value, str):
            if schema.get("format") == "byte" and (offset := _corrupt_base64(value)) is not None:
                self._save(f"illegal base64 data at input byte {offset}")
        elif type_ == "boolean" and isinstance(value, bool):
            return
        elif type_ in ("integer", "number") and found == "number":
            bits = _RANGES.get(schema.get("format", ""), 63)
            if type_ == "integer" and not (isinstance(value, int) and -(2**bits) <= value < 2**bits):
                self._save(self._mismatch(f"number {_number_text(value)}", go_type(schema), struct, fields))
        else:
            self._save(self._mismatch(found, go_type(schema), struct, fields))

    def object(self, value: Document, schema: Mapping[str, Any], struct: str, fields: tuple[str, ...]) -> None:
        properties = schema.get("properties") or {}
        other = schema.get("additionalProperties")
        inner = schema.name.rsplit(".", 1)[-1] if isinstance(schema, NamedSchema) else struct
        for key, child in value.items():
            if key in properties:
                self.value(child, properties[key], inner, (*fields, key))
            elif isinstance(other, Mapping):
                self.value(child, other, struct, fields)

    def _time(self, value: Any, name: str, struct: str, fields: tuple[str, ...]) -> None:
        if not isinstance(value, str):
            raise _Ended(self._mismatch(_JSON_TYPES[type(value)], "string", struct, fields))
        if problem := _time_problem(value, _LAYOUTS[name]):
            raise _Ended(problem)

    def _quantity(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        if isinstance(value, bool | list | dict) or not _QUANTITY.fullmatch(text):
            if re.fullmatch(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)", text) and text.count(".") <= 1:
                raise _Ended("unable to parse quantity's suffix")
            raise _Ended(f"quantities must match the regular expression '{_QUANTITY_SHAPE}'")

    def _int_or_string(self, value: Any, struct: str, fields: tuple[str, ...]) -> None:
        if isinstance(value, str):
            return
        found = _JSON_TYPES[type(value)]
        if found != "number":
            raise _Ended(self._mismatch(found, "int32", struct, fields))
        if not (isinstance(value, int) and -(2**31) <= value < 2**31):
            raise _Ended(self._mismatch(f"number {_number_text(value)}", "int32", struct, fields))


def go_type(schema: Mapping[str, Any]) -> str:
    """The Go type behind a schema as error messages print it: `[]v1.Container`, `map[string]string`, `int32`."""
    if isinstance(schema, NamedSchema) and schema.get("type") == "object":
        parts = schema.name.split(".")
        return f"{parts[-2]}.{parts[-1]}"
    type_ = schema.get("type")
    if type_ == "array":
        items = schema.get("items")
        return f"[]{go_type(items) if isinstance(items, Mapping) else 'interface {}'}"
    if type_ == "object":
        other = schema.get("additionalProperties")
        return f"map[string]{go_type(other) if isinstance(other, Mapping) else 'interface {}'}"
    if type_ == "string" and schema.get("format") == "byte":
        return "[]uint8"
    if isinstance(schema, NamedSchema):
        return {QUANTITY: "resource.Quantity", INT_OR_STRING: "intstr.IntOrString"}.get(schema.name, "v1.Time")
    scalars = {"integer": schema.get("format") or "int64", "number": "float64", "boolean": "bool", "string": "string"}
    return scalars.get(type_ or "", "interface {}")


def _number_text(value: float) -> str:
    return json.dumps(value)


def _corrupt_base64(text: str) -> int | None:
    """Where Go's decoder finds the text to be no standard base64, or None. Line ends are skipped."""
    symbols = [(at, character) for at, character in enumerate(text) if character not in "\r\n"]
    for index, (at, character) in enumerate(symbols):
        if character in _BASE64:
            continue
        if character != "=" or index % 4 < 2:
            return at
        rest = symbols[index + 1 :]
        if index % 4 == 2:
            if not rest:
                return len(text)
            if rest[0][1] != "=":
                return rest[0][0] - 1
            rest = rest[1:]
        return rest[0][0] if rest else None
    if len(symbols) % 4:
        return len(text) - len(symbols) % 4
    return None


_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECOND, _MINUTE, _HOUR = 60, 60, 24


def _time_problem(text: str, layout: str) -> str | None:
    """How Go's time.Parse refuses *text*, or None if it does not."""
    quoted = json.dumps(text, ensure_ascii=False)
    match = _RFC3339.fullmatch(text)
    if match is None or (layout == _LAYOUTS[MICRO_TIME] and len(match[7] or "") != len(".000000")):
        rest, element = _unparsed(text, layout)
        return (
            f'parsing time {quoted} as "{layout}": cannot parse {json.dumps(rest, ensure_ascii=False)} as "{element}"'
        )
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    for bad, what in (
        (not 1 <= month <= len(_MONTHS), "month"),
        (hour >= _HOUR, "hour"),
        (minute >= _MINUTE, "minute"),
        (second >= _SECOND, "second"),
    ):
        if bad:
            return f"parsing time {quoted}: {what} out of range"
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _MONTHS[month - 1] or (month == 2 and day == 29 and not leap):
        return f"parsing time {quoted}: day out of range"
    return None


_ELEMENTS = (
    (r"\d{4}", "2006"),
    ("-", "-"),
    (r"\d{2}", "01"),
    ("-", "-"),
    (r"\d{2}", "02"),
    ("T", "T"),
    (r"\d{2}", "15"),
    (":", ":"),
    (r"\d{2}", "04"),
    (":", ":"),
    (r"\d{2}", "05"),
)


def _unparsed(text: str, layout: str) -> tuple[str, str]:
    """What is left of *text* where it leaves the layout, and the layout's element that it does not fit."""
    position = 0
    fraction = (r"[.,]\d{6}(?!\d)", ".000000") if ".000000" in layout else (r"([.,]\d+)?", "")
    for pattern, element in (*_ELEMENTS, fraction, (r"Z|[+-]\d{2}:\d{2}", "Z07:00")):
        match = re.compile(pattern, re.ASCII).match(text, position)
        if match is None:
            return text[position:], element
        position = match.end()
    return text[position:], ""
