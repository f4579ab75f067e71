"""
Swagger 2.0 documents as gnostic's protobuf message `openapi.v2.Document`.

kubectl up to 1.29 asks for nothing else. Only the messages that our documents use are written; field numbers are those of gnostic's
OpenAPIv2.proto. Values of any shape (defaults, enums, extensions) travel as YAML text, of which JSON is a part.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

_VARINT, _DOUBLE, _BYTES = 0, 1, 2
_SEVEN_BITS = 0x7F


def _varint(value: int) -> bytes:
    if value <= _SEVEN_BITS:
        return value.to_bytes(1, "little")
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _block(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _text(number: int, value: str) -> bytes:
    return _block(number, value.encode()) if value else b""


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_block(number, value.encode()) for value in values)


def _flag(number: int, value: object) -> bytes:
    return _varint(number << 3 | _VARINT) + b"\x01" if value else b""


def _integer(number: int, value: int | None) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value & (1 << 64) - 1) if value else b""


def _double(number: int, value: float | None) -> bytes:
    return _varint(number << 3 | _DOUBLE) + struct.pack("<d", value) if value else b""


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode() + "\n")


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _block(2, value)


def _named_all(number: int, values: Mapping[str, Any], encode: Callable[[Any], bytes]) -> bytes:
    return b"".join(_block(number, _named(name, encode(value))) for name, value in values.items())


def _extensions(number: int, value: Mapping[str, Any]) -> bytes:
    return _named_all(number, {key: one for key, one in value.items() if key.startswith("x-")}, _any)


def document(swagger: Mapping[str, Any]) -> bytes:
    """Encode a Swagger 2.0 document."""
    info = swagger["info"]
    encoder = _Encoder()
    return b"".join(
        (
            _text(1, swagger["swagger"]),
            _block(2, _text(1, info["title"]) + _text(2, info["version"])),
            _block(8, _named_all(2, swagger["paths"], encoder.path)),
            _block(9, _named_all(1, swagger["definitions"], encoder.schema)),
            _block(10, _named_all(1, swagger.get("parameters", {}), encoder.parameter)),
            *(_block(12, _security(one)) for one in swagger.get("security", ())),
            _block(13, _named_all(1, swagger.get("securityDefinitions", {}), _api_key)),
        )
    )


def _security(requirement: Mapping[str, list[str]]) -> bytes:
    return _named_all(1, requirement, lambda scopes: _texts(1, scopes))


def _api_key(definition: Mapping[str, Any]) -> bytes:
    key = _text(1, definition["type"]) + _text(2, definition["name"]) + _text(3, definition["in"])
    return _block(2, key + _text(4, definition.get("description", "")))


class _Encoder:
    """Encodes the parts that occur often; equal objects are encoded once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def schema(self, value: Mapping[str, Any]) -> bytes:
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._schema(value)
        return known

    def _schema(self, value: Mapping[str, Any]) -> bytes:
        get = value.get
        parts = [
            _text(1, get("$ref", "")),
            _text(2, get("format", "")),
            _text(3, get("title", "")),
            _text(4, get("description", "")),
            _block(5, _any(value["default"])) if "default" in value else b"",
            _double(6, get("multipleOf")),
            _double(7, get("maximum")),
            _flag(8, get("exclusiveMaximum")),
            _double(9, get("minimum")),
            _flag(10, get("exclusiveMinimum")),
            _integer(11, get("maxLength")),
            _integer(12, get("minLength")),
            _text(13, get("pattern", "")),
            _integer(14, get("maxItems")),
            _integer(15, get("minItems")),
            _flag(16, get("uniqueItems")),
            _integer(17, get("maxProperties")),
            _integer(18, get("minProperties")),
            _texts(19, get("required", ())),
            *(_block(20, _any(one)) for one in get("enum", ())),
        ]
        additional = get("additionalProperties")
        if isinstance(additional, Mapping):
            parts.append(_block(21, _block(1, self.schema(additional))))
        elif additional is not None:
            parts.append(_block(21, _varint(2 << 3 | _VARINT) + (b"\x01" if additional else b"\x00")))
        if "type" in value:
            parts.append(_block(22, _text(1, value["type"])))
        if "items" in value:
            parts.append(_block(23, _block(1, self.schema(value["items"]))))
        if "properties" in value:
            parts.append(_block(25, _named_all(1, value["properties"], self.schema)))
        parts.append(_extensions(31, value))
        return b"".join(parts)

    def path(self, value: Mapping[str, Any]) -> bytes:
        numbers = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
        parts = [
            _block(number, self._operation(value[method])) for method, number in numbers.items() if method in value
        ]
        parts += [_block(9, self._parameters_item(one)) for one in value.get("parameters", ())]
        return b"".join(parts)

    def _operation(self, value: Mapping[str, Any]) -> bytes:
        return b"".join(
            (
                _texts(1, value.get("tags", ())),
                _text(3, value.get("description", "")),
                _text(5, value.get("operationId", "")),
                _texts(6, value.get("produces", ())),
                _texts(7, value.get("consumes", ())),
                *(_block(8, self._parameters_item(one)) for one in value.get("parameters", ())),
                _block(9, _named_all(1, value["responses"], self._response)),
                _texts(10, value.get("schemes", ())),
                _extensions(13, value),
            )
        )

    def _response(self, value: Mapping[str, Any]) -> bytes:
        out = _text(1, value["description"])
        if "schema" in value:
            out += _block(2, _block(1, self.schema(value["schema"])))
        return _block(1, out)

    def _parameters_item(self, value: Mapping[str, Any]) -> bytes:
        if "$ref" in value:
            return _block(2, _text(1, value["$ref"]))
        return _block(1, self.parameter(value))

    def parameter(self, value: Mapping[str, Any]) -> bytes:
        if value["in"] == "body":
            body = _text(2, value["name"]) + _text(3, "body") + _flag(4, value.get("required"))
            return _block(1, body + _block(5, self.schema(value["schema"])))
        head = _flag(1, value.get("required")) + _text(2, value["in"]) + _text(3, value.get("description", ""))
        head += _text(4, value["name"])
        if value["in"] == "query":
            return _block(2, _block(3, head + _text(6, value["type"]) + _flag(20, value.get("uniqueItems"))))
        return _block(2, _block(4, head + _text(5, value["type"]) + _flag(19, value.get("uniqueItems"))))
