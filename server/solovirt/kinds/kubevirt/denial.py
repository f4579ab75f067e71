"""
How KubeVirt's webhooks say no.

KubeVirt checks its objects in admission webhooks, so a refusal is not Kubernetes' own `Invalid` but a denial that carries the webhook's name
in its message and has causes without name, group and kind (reference kubevirt-validation.md, 1.2). Rules return `Cause`s, made with the
functions below, and the behaviour of a kind turns them into one `StatusError` with `deny`.
"""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.errors import Cause, FieldErrorType, StatusError

_SHOWN = 10
"""How many causes a denial names; the rest is only counted."""


class Denied(StatusError):
    """A webhook refused the object and says which fields are wrong."""

    reason, code = "Invalid", 422


class DeniedPlainly(StatusError):
    """A webhook refused the request with an error text alone."""

    reason, code = None, 400


class EvictionDenied(StatusError):
    """The eviction interceptor keeps a pod: what runs in it is asked to leave first."""

    reason, code = None, 429


def deny(webhook: str, causes: Sequence[Cause]) -> StatusError:
    """The refusal by *webhook* (its full name) for these causes, at least one. To be raised by the caller."""
    messages = [cause.message for cause in causes[:_SHOWN]]
    if (more := len(causes) - _SHOWN) > 0:
        messages.append(f"and {more} more validation errors")
    details = {"causes": [cause.document() for cause in causes[:_SHOWN]]}
    return Denied(_denied_by(webhook, ", ".join(messages)), details=details)


def deny_plainly(webhook: str, text: str) -> StatusError:
    """The refusal by *webhook* with *text* and nothing else: 400 without reason and details. To be raised by the caller."""
    return DeniedPlainly(_denied_by(webhook, text))


def deny_eviction(webhook: str, text: str) -> StatusError:
    """The refusal of an eviction: 429 without reason and details. To be raised by the caller."""
    return EvictionDenied(_denied_by(webhook, text))


def _denied_by(webhook: str, text: str) -> str:
    return f'admission webhook "{webhook}" denied the request: {text}'


def invalid(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.INVALID.value, field)


def required(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.REQUIRED.value, field)


def not_supported(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.NOT_SUPPORTED.value, field)


def not_found(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.NOT_FOUND.value, field)


def duplicate(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.DUPLICATE.value, field)


def forbidden(field: str | None, message: str) -> Cause:
    return Cause(message, FieldErrorType.FORBIDDEN.value, field)


def unexpected(field: str | None, message: str) -> Cause:
    return Cause(message, "UnexpectedServerResponse", field)
