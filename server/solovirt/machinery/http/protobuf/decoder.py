"""
From the wire to a document.

Go writes every field that it holds by value, also when it is empty: an empty string, a zero time and a zero number of such a field mean that
nothing was set, and are left out as Go's JSON would. The table marks the numbers (and the few strings) whose zero was set on purpose.
"""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, NamedTuple

import orjson

MAGIC = b"k8s\0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 250
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT64 = 1 << 63
_APIEXTENSIONS_SCHEMA = "apiextensions.v1.JSONSchemaProps"


class ProtobufError(ValueError):
    """The bytes are no message of the kind that they are said to be; the message is Go's, as near as can be told."""


class _Field(NamedTuple):
    name: str
    type: str
    repeated: bool = False
    map: bool = False
    inline: bool = False
    zero: bool = False


_Message = dict[int, _Field]


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    text = resources.files(__package__).joinpath("fields.json").read_bytes()
    table: dict[str, dict[str, list[str]]] = orjson.loads(text)
    return table


@functools.cache
def _message(name: str) -> _Message:
    out = {}
    for number, (field, type_, *rest) in _table()[name].items():
        flags = rest[0] if rest else ""
        out[int(number)] = _Field(field, type_, "R" in flags, "M" in flags, "I" in flags, "Z" in flags)
    return out


def decode(body: bytes) -> Any:
    """Read a body in Kubernetes' envelope: a document with apiVersion and kind. Raises ProtobufError."""
    if body[:4] != MAGIC:
        raise ProtobufError(
            f"provided data does not appear to be a protobuf message, expected prefix {_go_bytes(MAGIC)}"
        )
    envelope = _fields(body[4:])
    api_version = kind = ""
    raw = b""
    for number, _, value in envelope:
        if number == 1 and isinstance(value, bytes):
            for inner, _, text in _fields(value):
                if inner == 1:
                    api_version = _text(text)
                elif inner == 2:
                    kind = _text(text)
        elif number == 2 and isinstance(value, bytes):
            raw = value
        elif number == 3 and value:
            raise ProtobufError("unable to decode protobuf message with a content encoding")
        elif number == 4 and value == b"application/json":
            return _parsed(raw)
    name = _message_name(api_version, kind)
    if name not in _table():
        scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}" in scheme "{scheme}"')
    return {"apiVersion": api_version, "kind": kind, **_decode(raw, name, 0)}


def _message_name(api_version: str, kind: str) -> str:
    """The table's name for a kind: packages are called by the first label of the group."""
    if kind == "DeleteOptions":
        # Part of every group, and the same in each.
        return "meta.v1.DeleteOptions"
    group, _, version = api_version.rpartition("/")
    return f"{group.partition('.')[0] or 'core'}.{version}.{kind}"


def _go_bytes(data: bytes) -> str:
    return "[" + " ".join(str(byte) for byte in data) + "]"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise ProtobufError("proto: integer overflow")


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """The fields of a message: number, wire type, and an int or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ProtobufError(f"proto: illegal tag 0 (wire type {wire})")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ProtobufError(f"proto: illegal wireType {wire}")
        if at + size > len(data):
            raise ProtobufError("unexpected EOF")
        yield number, wire, data[at : at + size]
        at += size


def _decode(data: bytes, name: str, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise ProtobufError("exceeded max depth")
    message = _message(name)
    out: dict[str, Any] = {}
    for number, wire, value in _fields(data):
        field = message.get(number)
        if field is None:
            continue
        if field.map:
            key, item = _entry(value, field.type, depth)
            out.setdefault(field.name, {})[key] = item
        elif field.repeated:
            items = out.setdefault(field.name, [])
            if wire == _BYTES and field.type in ("int", "bool"):
                items += _packed(value, field.type)
            else:
                items.append(_value(value, wire, field.type, depth))
        elif field.inline:
            out.update(_decode(_message_bytes(value, wire), field.type, depth + 1))
        else:
            decoded = _value(value, wire, field.type, depth)
            if _is_set(decoded, field):
                out[field.name] = decoded
    return out


def _is_set(value: Any, field: _Field) -> bool:
    if value is None:
        return False
    # false and 0 where Go holds a pointer; an empty message; a bool where a schema could be; the number 0 where text could be.
    return (
        bool(value) or field.zero or isinstance(value, dict | list) or field.type in ("intorstring", "schema-or-bool")
    )


def _entry(data: Any, type_: str, depth: int) -> tuple[str, Any]:
    """One entry of a map: a message of key and value."""
    key, value, wire = "", None, _BYTES
    for number, one_wire, one in _fields(_message_bytes(data, _BYTES)):
        if number == 1:
            key = _text(one)
        elif number == 2:
            value, wire = one, one_wire
    if value is None:
        value = b""
    return key, _value(value, wire, type_, depth)


def _packed(data: bytes, type_: str) -> list[Any]:
    out, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        out.append(_value(number, _VARINT, type_, 0))
    return out


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        raise ProtobufError("proto: wrong wireType for a string")
    return value.decode(errors="replace")


def _message_bytes(value: Any, wire: int) -> bytes:
    if wire != _BYTES or not isinstance(value, bytes):
        raise ProtobufError(f"proto: wrong wireType = {wire} for a message")
    return value


def _value(value: Any, wire: int, type_: str, depth: int) -> Any:
    if type_ == "string":
        return _text(value)
    if type_ in ("int", "bool"):
        if wire != _VARINT:
            raise ProtobufError(f"proto: wrong wireType = {wire} for a number")
        if type_ == "bool":
            return bool(value)
        return value - (1 << 64) if value >= _INT64 else value
    if type_ == "double":
        if wire != _FIXED64:
            raise ProtobufError(f"proto: wrong wireType = {wire} for a double")
        number = struct.unpack("<d", value)[0]
        return int(number) if number.is_integer() else number
    data = _message_bytes(value, wire)
    special = _SPECIAL.get(type_)
    if special is not None:
        return special(data, depth)
    return _decode(data, type_, depth + 1)


def _bytes(data: bytes, _: int) -> str:
    return base64.b64encode(data).decode()


def _quantity(data: bytes, _: int) -> str:
    return next((_text(value) for number, _, value in _fields(data) if number == 1), "") or "0"


def _instant(data: bytes) -> datetime | None:
    """A metav1.Time: an empty message is no time, and so is Go's zero time (the year 1)."""
    seconds = nanoseconds = 0
    for number, wire, value in _fields(data):
        if wire == _VARINT and number == 1:
            seconds = value - (1 << 64) if value >= _INT64 else value
        elif wire == _VARINT and number == 2:
            nanoseconds = value
    if not data:
        return None
    try:
        when = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        raise ProtobufError("Time.UnmarshalProtobuf: year outside of range [0,9999]") from None
    return None if when.year == 1 else when


def _time(data: bytes, _: int) -> str | None:
    when = _instant(data)
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(data: bytes, _: int) -> str | None:
    when = _instant(data)
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _int_or_string(data: bytes, _: int) -> int | str:
    kind, number, text = 0, 0, ""
    for field, wire, value in _fields(data):
        if field == 1 and wire == _VARINT:
            kind = value
        elif field == 2 and wire == _VARINT:
            number = value - (1 << 64) if value >= _INT64 else value
        elif field == 3:
            text = _text(value)
    return text if kind == 1 else number


def _json(data: bytes, _: int) -> Any:
    raw = next((value for number, _, value in _fields(data) if number == 1), b"")
    return _parsed(raw) if raw else None


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"json: {error}") from None


def _strings(data: bytes, _: int) -> list[str]:
    return [_text(value) for number, _, value in _fields(data) if number == 1]


def _schema_or_list(other: int) -> Callable[[bytes, int], Any]:
    """JSONSchemaPropsOr…: a schema, or a list of what is in field number *other*."""

    def decode_either(data: bytes, depth: int) -> Any:
        others: list[Any] = []
        for number, wire, value in _fields(data):
            if number != other:
                return _decode(_message_bytes(value, wire), _APIEXTENSIONS_SCHEMA, depth + 1)
            others.append(bool(value) if wire == _VARINT else value)
        return others

    return decode_either


def _schema_or_bool(data: bytes, depth: int) -> Any:
    # `allows` comes before the schema, and is there (as true) beside one.
    for number, wire, value in _fields(data):
        if number == 2:
            return _decode(_message_bytes(value, wire), _APIEXTENSIONS_SCHEMA, depth + 1)
    return any(value for number, _, value in _fields(data) if number == 1)


def _schema_or_array(data: bytes, depth: int) -> Any:
    found = _schema_or_list(2)(data, depth)
    if isinstance(found, list):
        return [_decode(one, _APIEXTENSIONS_SCHEMA, depth + 1) for one in found]
    return found


def _schema_or_strings(data: bytes, depth: int) -> Any:
    found = _schema_or_list(2)(data, depth)
    return [_text(one) for one in found] if isinstance(found, list) else found


_SPECIAL: dict[str, Callable[[bytes, int], Any]] = {
    "bytes": _bytes,
    "quantity": _quantity,
    "time": _time,
    "microtime": _micro_time,
    "intorstring": _int_or_string,
    "json": _json,
    "strings": _strings,
    "schema-or-bool": _schema_or_bool,
    "schema-or-array": _schema_or_array,
    "schema-or-strings": _schema_or_strings,
}
