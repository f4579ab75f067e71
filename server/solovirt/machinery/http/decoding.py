"""
Request bodies, decoded.

JSON is read by orjson; YAML and (for built-in kinds) protobuf become the same documents. The refusals are worded as Kubernetes words them
(reference kubernetes-api.md 4.2, 9).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from solovirt.machinery.errors import BadRequest, RequestEntityTooLarge, StatusError, UnsupportedMediaType
from solovirt.machinery.http import duplicates, go_json
from solovirt.machinery.http.negotiation import JSON, PROTOBUF, YAML
from solovirt.machinery.verbs.protocol import FieldValidation, PatchType

if TYPE_CHECKING:
    from solovirt.machinery.http.endpoints import Endpoint
    from solovirt.machinery.http.exchange import Exchange
    from solovirt.machinery.resource import Document

BODY_LIMIT = 3145728
_UNKNOWN_FORMAT = "the body of the request was in an unknown format - accepted media types include: "
_SHOWN = 30
_INT64_CHARACTERS = 20
_TYPE_META = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
_GO_NAMES: dict[type, str] = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}


class Unreadable(ValueError):
    """The body is not in the format that it is said to be in; the message is Go's."""


class TooLargeNumber(Unreadable):
    """A number that no float can hold. It is JSON, but can't be decoded."""


def too_large() -> StatusError:
    return RequestEntityTooLarge(f"Request entity too large: limit is {BODY_LIMIT}")


async def read(request: Exchange) -> bytes:
    """The whole body. Raises RequestEntityTooLarge before reading more than the limit."""
    length = request.http.content_length
    if length is not None and length > BODY_LIMIT:
        raise too_large()
    if length == 0 or not request.http.body_exists:
        return b""
    # aiohttp counts what it reads against the application's client_max_size and raises its own 413, which the server renders.
    try:
        return await request.http.read()
    except web.RequestPayloadError as error:
        raise BadRequest(f"unable to read the body: {' '.join(str(error).split())}") from None


def media_type(request: Exchange, *, protobuf: bool) -> str:
    """The format of the body: JSON if nothing is said. Raises UnsupportedMediaType."""
    header = request.http.headers.get("Content-Type")
    if not header:
        return JSON
    kind = header.partition(";")[0].strip().lower()
    if kind in ("", JSON, "*/*", "application/*"):
        return JSON
    if kind == YAML or (kind == PROTOBUF and protobuf):
        return kind
    raise UnsupportedMediaType(f"{_UNKNOWN_FORMAT}{JSON}, {YAML}, {PROTOBUF}")


def patch_type(request: Exchange, *, built_in: bool) -> PatchType:
    """The kind of patch that the body is. Raises UnsupportedMediaType (reference kubernetes-api.md 3.6)."""
    header = request.http.headers.get("Content-Type", "")
    try:
        kind = PatchType(header.partition(";")[0].strip().lower())
    except ValueError:
        kind = None
    if kind is None or (kind is PatchType.STRATEGIC and not built_in):
        if built_in:
            raise UnsupportedMediaType("415: Unsupported Media Type", details={})
        accepted = (PatchType.JSON.value, PatchType.MERGE.value, PatchType.APPLY.value)
        raise UnsupportedMediaType(_UNKNOWN_FORMAT + ", ".join(accepted))
    return kind


class Decoded:
    """A body's value, and what the decoder says of fields that it gave twice."""

    __slots__ = ("duplicates", "value")

    def __init__(self, value: Any, doubled: tuple[str, ...] = ()) -> None:
        self.value = value
        self.duplicates = doubled


def from_json(body: bytes, validation: FieldValidation = FieldValidation.IGNORE) -> Decoded:
    """Decode JSON, noting duplicate fields unless *validation* is to ignore them. Raises Unreadable."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _leniently(body)
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        # orjson encodes no deeper than 254 levels, and what cannot be encoded cannot be stored.
        raise Unreadable("exceeded max depth") from None
    if validation is not FieldValidation.IGNORE and duplicates.possible(body, encoded):
        return Decoded(value, tuple(f'duplicate field "{path}"' for path in duplicates.find(body)))
    return Decoded(value)


def _leniently(body: bytes) -> Any:
    """Decode what Go takes and orjson does not: invalid UTF-8 and lone surrogates, which become U+FFFD. Raises Unreadable."""
    problem = go_json.error(body)
    if problem is not None:
        raise Unreadable(problem)
    try:
        value = json.loads(body.decode(errors="replace"), parse_int=_integer, parse_float=_float)
    except RecursionError:
        raise Unreadable("exceeded max depth") from None
    return _without_surrogates(value)


def _integer(text: str) -> Any:
    """A number of 64 bits; one that needs more is a float, as in Go."""
    if len(text) <= _INT64_CHARACTERS and -(1 << 63) <= (number := int(text)) < 1 << 64:
        return number
    return _float(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise TooLargeNumber(f"json: cannot unmarshal number {text} into Go value of type float64")
    return number


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def from_yaml(body: bytes) -> Decoded:
    """Decode YAML. Raises Unreadable."""
    from solovirt.machinery.http import yaml_body

    try:
        parsed = yaml_body.parse(body)
    except yaml_body.YamlError as error:
        raise Unreadable(str(error)) from None
    if not parsed.duplicates:
        return Decoded(parsed.value)
    return Decoded(parsed.value, ("yaml: unmarshal errors:\n  " + "\n  ".join(parsed.duplicates),))


def decode(body: bytes, kind: str, validation: FieldValidation) -> Decoded:
    """Decode *body* of media type *kind*. Raises Unreadable."""
    if kind == JSON:
        return from_json(body, validation)
    if kind == YAML:
        return from_yaml(body)
    from solovirt.machinery.http import protobuf

    try:
        return Decoded(protobuf.decode(body))
    except protobuf.ProtobufError as error:
        raise Unreadable(str(error)) from None


def as_object(
    body: bytes, kind: str, endpoint: Endpoint, validation: FieldValidation, *, earlier: Sequence[str] = ()
) -> tuple[Document, tuple[str, ...]]:
    """
    Decode *body* as an object of the endpoint's kind; returns it with what is to be said of fields given twice.

    *earlier* are versions of its group that are taken for the endpoint's.
    For built-in kinds a missing kind and apiVersion are those of the path. Raises BadRequest.
    """
    resource = endpoint.resource
    try:
        decoded = decode(body, kind, validation)
    except TooLargeNumber as error:
        version = endpoint.api_version.rpartition("/")[2]
        raise BadRequest(
            f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}: {error}'
        ) from None
    except Unreadable as error:
        label = "" if kind == PROTOBUF else "couldn't get version/kind; json parse error: "
        raise _unrecognised(resource.kind, f"{label}{error}", body) from None
    document = decoded.value
    if document is None:
        document = {}
    if not isinstance(document, dict):
        got = _GO_NAMES[type(document)]
        problem = f"json: cannot unmarshal {got} into Go value of type {_TYPE_META}"
        raise _unrecognised(resource.kind, f"couldn't get version/kind; json parse error: {problem}", body)
    given_kind, given_version = document.get("kind") or "", document.get("apiVersion") or ""
    for field, value in (("apiVersion", given_version), ("kind", given_kind)):
        if not isinstance(value, str):
            got = _GO_NAMES.get(type(value), "object")
            problem = f"json: cannot unmarshal {got} into Go struct field .{field} of type string"
            raise _unrecognised(resource.kind, f"couldn't get version/kind; json parse error: {problem}", body)
    if given_version in [resource.api_version(version) for version in earlier]:
        document["apiVersion"] = given_version = endpoint.api_version
    if given_kind == resource.kind and given_version == endpoint.api_version:
        return document, decoded.duplicates
    if endpoint.built_in:
        _complete(document, endpoint, given_kind, given_version)
        return document, decoded.duplicates
    if not given_kind:
        raise _unrecognised(resource.kind, f"Object 'Kind' is missing in '{body.decode(errors='replace')}'", body)
    if given_version != endpoint.api_version:
        raise _wrong_version(given_version, endpoint.api_version)
    return document, decoded.duplicates


def _complete(document: Document, endpoint: Endpoint, given_kind: str, given_version: str) -> None:
    kind = endpoint.resource.kind
    if given_kind and given_kind != kind:
        version = (given_version or endpoint.api_version).rpartition("/")[2]
        scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
        raise BadRequest(
            f'{given_kind} in version "{version}" cannot be handled as a {kind}: '
            f'no kind "{given_kind}" is registered for version "{given_version or endpoint.api_version}" in scheme "{scheme}"'
        )
    if given_version and given_version != endpoint.api_version:
        raise _wrong_version(given_version, endpoint.api_version)
    if not given_kind or not given_version:
        rest = {key: value for key, value in document.items() if key not in ("apiVersion", "kind")}
        document.clear()
        document.update(apiVersion=endpoint.api_version, kind=kind, **rest)


def _wrong_version(given: str, expected: str) -> BadRequest:
    return BadRequest(f"the API version in the data ({given}) does not match the expected API version ({expected})")


def _unrecognised(kind: str, why: str, body: bytes) -> BadRequest:
    return BadRequest(f"the object provided is unrecognized (must be of type {kind}): {why} ({_summary(body)})")


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    shown = body[:_SHOWN]
    text = shown.decode(errors="replace") if body[:1] == b"{" else shown.hex()
    return f"{text} ..." if len(body) > _SHOWN else text


def as_patch(body: bytes, kind: PatchType, validation: FieldValidation) -> Decoded:
    """Decode a patch. Raises BadRequest."""
    if kind is PatchType.APPLY and body.lstrip()[:1] != b"{":
        try:
            return from_yaml(body)
        except Unreadable as error:
            raise BadRequest(f"error decoding YAML: {error}") from None
    try:
        return from_json(body, validation)
    except Unreadable as error:
        what = "YAML" if kind is PatchType.APPLY else "patch"
        raise BadRequest(f"error decoding {what}: {error}") from None


def undecodable_options(error: Unreadable) -> BadRequest:
    """The refusal of a subresource's body, as KubeVirt words it (reference kubevirt-subresources.md 2)."""
    return BadRequest(f"Can not unmarshal Request body to struct, error: {error}")


def not_an_object(value: Any) -> Unreadable:
    return Unreadable(
        f"json: cannot unmarshal {_GO_NAMES[type(value)]} into Go value of type map[string]interface {{}}"
    )


def of_kind(body: bytes, kind: str, expected: str) -> Document:
    """Decode *body* of media type *kind*, which is to be a document of the kind *expected*; null is an empty one. Raises BadRequest."""
    try:
        value = decode(body, kind, FieldValidation.IGNORE).value
    except Unreadable as error:
        raise _unrecognised(expected, f"couldn't get version/kind; json parse error: {error}", body) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        problem = f"json: cannot unmarshal {_GO_NAMES[type(value)]} into Go value of type {_TYPE_META}"
        raise _unrecognised(expected, f"couldn't get version/kind; json parse error: {problem}", body)
    return value


def as_delete_options(body: bytes, request: Exchange) -> Document:
    """Decode the body of a DELETE. Raises BadRequest or UnsupportedMediaType."""
    value = of_kind(body, media_type(request, protobuf=True), "DeleteOptions")
    given = value.get("kind")
    if given not in (None, "", "DeleteOptions"):
        raise BadRequest(
            f'{given} in version "{str(value.get("apiVersion") or "v1").rpartition("/")[2]}" cannot be handled as a DeleteOptions: '
            "expect DeleteOptions"
        )
    return value
