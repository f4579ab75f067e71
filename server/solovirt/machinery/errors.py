"""
Refusals, as Kubernetes words them.

Each class is one `reason` of `metav1.Status` that a caller may want to catch; `status()` is the body that clients get, in the key
order of a real API server. One middleware renders them (`machinery/http/errors.py`); nothing else writes a Status for a failure.
Texts and details follow reference kubernetes-api.md section 4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from solovirt.machinery.resource import Document, GroupResource


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of `details.causes`."""

    message: str
    reason: str | None = None
    field: str | None = None

    def document(self) -> Document:
        out: Document = {}
        if self.reason is not None:
            out["reason"] = self.reason
        out["message"] = self.message
        if self.field is not None:
            out["field"] = self.field
        return out


class StatusError(Exception):
    """A request refused with a Status. Subclasses fix reason and code; `status()` is the body."""

    reason: str | None = None
    code: int = 500

    def __init__(
        self,
        message: str,
        *,
        details: Document | None = None,
        retry_after: int | None = None,
        continue_token: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.continue_token = continue_token

    def status(self) -> Document:
        """The `Status` document for this failure."""
        metadata: Document = {}
        if self.continue_token is not None:
            metadata["continue"] = self.continue_token
        out: Document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason is not None:
            out["reason"] = self.reason
        details = self.details
        if self.retry_after is not None:
            details = {**(details or {}), "retryAfterSeconds": self.retry_after}
        if details is not None:
            out["details"] = details
        out["code"] = self.code
        return out


def _name_details(resource: GroupResource, name: str, *, kind: str | None = None) -> Document:
    details: Document = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    details["kind"] = kind or resource.plural
    return details


class BadRequest(StatusError):
    """The request cannot be read."""

    reason, code = "BadRequest", 400


class Unauthorized(StatusError):
    """Nobody knows who is asking."""

    reason, code = "Unauthorized", 401

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(StatusError):
    """The one asking may not."""

    reason, code = "Forbidden", 403

    @classmethod
    def of(cls, resource: GroupResource, name: str, why: str, *, causes: Sequence[Cause] = ()) -> Forbidden:
        named = f"{resource} {go_quoted(name)}" if name else f"{resource}"
        details = _name_details(resource, name)
        if causes:
            details["causes"] = [cause.document() for cause in causes]
        return cls(f"{named} is forbidden: {why}", details=details)


class NotFound(StatusError):
    """There is no such object."""

    reason, code = "NotFound", 404

    @classmethod
    def of(cls, resource: GroupResource, name: str) -> NotFound:
        return cls(f"{resource} {go_quoted(name)} not found", details=_name_details(resource, name))

    @classmethod
    def path(cls) -> NotFound:
        return cls("the server could not find the requested resource", details={})


class MethodNotAllowed(StatusError):
    """The path exists; this verb on it does not."""

    reason, code = "MethodNotAllowed", 405

    def __init__(self, message: str = "the server does not allow this method on the requested resource") -> None:
        super().__init__(message, details={})


class NotAcceptable(StatusError):
    """No representation that the client accepts can be made."""

    reason, code = "NotAcceptable", 406


class AlreadyExists(StatusError):
    """An object of that name is there already."""

    reason, code = "AlreadyExists", 409

    @classmethod
    def of(cls, resource: GroupResource, name: str) -> AlreadyExists:
        return cls(f"{resource} {go_quoted(name)} already exists", details=_name_details(resource, name))


class Conflict(StatusError):
    """The object is not in the state that the client presumed."""

    reason, code = "Conflict", 409
    MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

    @classmethod
    def of(cls, resource: GroupResource, name: str, why: str = MODIFIED) -> Self:
        return cls(
            f"Operation cannot be fulfilled on {resource} {go_quoted(name)}: {why}",
            details=_name_details(resource, name),
        )


class Fenced(Conflict):
    """The write is of controllers that another process has taken over from; it is refused however often it is tried."""


class Expired(StatusError):
    """The asked-for version has been compacted away; list again."""

    reason, code = "Expired", 410


class RequestEntityTooLarge(StatusError):
    """The body or the object is larger than the server takes."""

    reason, code = "RequestEntityTooLarge", 413


class UnsupportedMediaType(StatusError):
    """The body is in a format that the server does not read."""

    reason, code = "UnsupportedMediaType", 415


class TooManyRequests(StatusError):
    """Try again later."""

    reason, code = "TooManyRequests", 429


class InternalError(StatusError):
    """The server failed; the log has the cause under the request's id."""

    reason, code = "InternalError", 500

    @classmethod
    def of(cls, error: str) -> InternalError:
        return cls(f"Internal error occurred: {error}", details={"causes": [{"message": error}]})


class PlainError(StatusError):
    """A 500 that carries Go's error text and neither reason nor details, where a real API server answers so."""

    reason, code = None, 500


class ServiceUnavailable(StatusError):
    """Not now: starting, stopping, or a part is missing."""

    reason, code = "ServiceUnavailable", 503


class Timeout(StatusError):
    """It took too long."""

    reason, code = "Timeout", 504

    @classmethod
    def resource_version_too_large(cls, asked: int, current: int) -> Timeout:
        return cls(
            f"Timeout: Too large resource version: {asked}, current: {current}",
            details={"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]},
            retry_after=1,
        )


class FieldErrorType(StrEnum):
    """The kinds of field error, by the `reason` that their cause carries."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    TYPE_INVALID = "FieldValueTypeInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    NOT_FOUND = "FieldValueNotFound"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"
    TOO_SHORT = "FieldValueTooShort"
    TOO_MANY = "FieldValueTooMany"
    TOO_FEW = "FieldValueTooFew"
    INTERNAL = "InternalError"


_LABELS = {
    FieldErrorType.REQUIRED: "Required value",
    FieldErrorType.INVALID: "Invalid value",
    FieldErrorType.TYPE_INVALID: "Invalid value",
    FieldErrorType.NOT_SUPPORTED: "Unsupported value",
    FieldErrorType.DUPLICATE: "Duplicate value",
    FieldErrorType.NOT_FOUND: "Not found",
    FieldErrorType.FORBIDDEN: "Forbidden",
    FieldErrorType.TOO_LONG: "Too long",
    FieldErrorType.TOO_SHORT: "Too short",
    FieldErrorType.TOO_MANY: "Too many",
    FieldErrorType.TOO_FEW: "Too few",
    FieldErrorType.INTERNAL: "Internal error",
}
_WITH_VALUE = {
    FieldErrorType.INVALID,
    FieldErrorType.TYPE_INVALID,
    FieldErrorType.NOT_SUPPORTED,
    FieldErrorType.DUPLICATE,
    FieldErrorType.NOT_FOUND,
    FieldErrorType.TOO_MANY,
    FieldErrorType.TOO_FEW,
}


class _NoValue:
    """The value is not printed, although errors of this type usually print it."""


NO_VALUE = _NoValue()


@dataclass(frozen=True, slots=True)
class FieldError:
    """
    One thing wrong with one field of an object (Kubernetes' field.Error).

    *field* is the path (`spec.vols[1].name`; ``<nil>`` for the root); *value* is printed for the types that show it. Build it with the
    functions below.
    """

    type: FieldErrorType
    field: str
    value: Any = NO_VALUE
    detail: str = ""

    def body(self) -> str:
        """The message without the field: label, value, detail."""
        out = _LABELS[self.type]
        if self.type in _WITH_VALUE and self.value is not NO_VALUE:
            out += f": {go_value(self.value)}"
        if self.detail:
            out += f": {self.detail}"
        return out

    def __str__(self) -> str:
        return f"{self.field}: {self.body()}"

    def cause(self) -> Cause:
        return Cause(message=self.body(), reason=self.type.value, field=self.field)


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def go_quoted(text: str) -> str:
    """*text* as Go's strconv.Quote and %q write it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_value(value: Any) -> str:
    """A JSON value as field errors print it: strings Go-quoted, scalars plain, the rest compact JSON, None as null."""
    if isinstance(value, str):
        return go_quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(FieldErrorType.REQUIRED, field, detail=detail)


def invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(FieldErrorType.INVALID, field, value, detail)


def not_supported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    detail = "supported values: " + ", ".join(json.dumps(one) for one in supported)
    return FieldError(FieldErrorType.NOT_SUPPORTED, field, value, detail)


def forbidden_field(field: str, detail: str) -> FieldError:
    return FieldError(FieldErrorType.FORBIDDEN, field, detail=detail)


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError(FieldErrorType.DUPLICATE, field, value)


def too_long(field: str, max_bytes: int) -> FieldError:
    unit = "byte" if max_bytes == 1 else "bytes"
    return FieldError(FieldErrorType.TOO_LONG, field, detail=f"may not be more than {max_bytes} {unit}")


def too_many(field: str, actual: int, most: int) -> FieldError:
    unit = "item" if most == 1 else "items"
    return FieldError(FieldErrorType.TOO_MANY, field, actual, f"must have at most {most} {unit}")


class Invalid(StatusError):
    """The object breaks rules of its kind: 422 with a cause for each."""

    reason, code = "Invalid", 422

    @classmethod
    def of(cls, group: str, kind: str, name: str, errors: Sequence[FieldError]) -> Invalid:
        qualified = f"{kind}.{group}" if group else kind
        distinct = list(dict.fromkeys(str(error) for error in errors))
        text = distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"
        details: Document = {}
        if name:
            details["name"] = name
        if group:
            details["group"] = group
        details["kind"] = kind
        details["causes"] = [error.cause().document() for error in errors]
        return cls(f"{qualified} {go_quoted(name)} is invalid: {text}", details=details)
