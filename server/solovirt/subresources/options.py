"""
The bodies of requests that act, read as KubeVirt reads them (reference kubevirt-subresources.md 2 and 3.1).

virt-api asks no body for its content type: whatever was sent is options in JSON or YAML.
"""

from __future__ import annotations

from solovirt.machinery.errors import BadRequest
from solovirt.machinery.http import decoding
from solovirt.machinery.http.negotiation import JSON, YAML
from solovirt.machinery.resource import Document
from solovirt.machinery.verbs.protocol import FieldValidation, SubresourceRequest

_GO_TYPES = {bool: "bool", int: "int64", list: "[]string", str: "string"}
_JSON_TYPES = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
_PROBLEM = "Can not unmarshal Request body to struct, error: json: cannot unmarshal"


async def body(request: SubresourceRequest) -> Document | None:
    """The decoded body of whatever type, None if there is none. Raises BadRequest."""
    if request.content is not None:
        return request.body
    sent: bytes = await request.http.read()
    if not sent.strip():
        return None
    try:
        value = decoding.decode(sent, JSON if sent.lstrip()[:1] == b"{" else YAML, FieldValidation.IGNORE).value
    except decoding.Unreadable as error:
        raise decoding.undecodable_options(error) from None
    if value is not None and not isinstance(value, dict):
        raise decoding.undecodable_options(decoding.not_an_object(value))
    return value


async def options(request: SubresourceRequest, struct: str, **fields: type) -> Document:
    """The options in the body that are known, by name; all have dryRun. Raises BadRequest if one is of another type."""
    given = await body(request) or {}
    found: Document = {}
    for name, wanted in {**fields, "dryRun": list}.items():
        value = given.get(name)
        if value is None:
            continue
        if type(value) is not wanted:
            raise _mismatch(value, f"{struct}.{name}", _GO_TYPES[wanted])
        if isinstance(value, list):
            for one in value:
                if not isinstance(one, str):
                    raise _mismatch(one, f"{struct}.{name}", "string")
        found[name] = value
    return found


def require_types(given: Document, struct: str, **fields: type | str) -> None:
    """
    Raise BadRequest where a field of *given* is of another type, as Go's decoder does.

    *fields* are text, or objects: those are given by the name of their Go type. All have dryRun.
    """
    for name, wanted in {**fields, "dryRun": list}.items():
        value = given.get(name)
        expected = dict if isinstance(wanted, str) else wanted
        if value is not None and type(value) is not expected:
            raise _mismatch(value, f"{struct}.{name}", wanted if isinstance(wanted, str) else _GO_TYPES[wanted])


def _mismatch(value: object, field: str, go_type: str) -> BadRequest:
    given = _JSON_TYPES.get(type(value), "object")
    if isinstance(value, float):
        given += f" {value}"
    return BadRequest(f"{_PROBLEM} {given} into Go struct field {field} of type {go_type}")
