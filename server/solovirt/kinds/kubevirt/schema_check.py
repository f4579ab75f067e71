"""
Malformed objects, as KubeVirt's mutating webhooks word them (reference kubevirt-validation.md 2, end).

The webhooks of virtual machines, instances and migrations check required fields and types before the API server does, so clients see the
webhook's words for these. Bounds, patterns and enumerations are not the webhook's business and keep Kubernetes' wording.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from solovirt.kinds.kubevirt import denial
from solovirt.machinery.errors import Cause, FieldError, FieldErrorType, StatusError

_INDEX = re.compile(r"\[(\d+)\]")
_TYPE_MISMATCH = "must be of type"


def refusal(webhook: str, errors: Sequence[FieldError]) -> StatusError | None:
    """What *webhook* (its full name) says to *errors* of the structural schema; None if it would not have noticed any of them."""
    messages = [message for error in errors if (message := _message(error))]
    return denial.deny(webhook, [Cause(message) for message in messages]) if messages else None


def complaints(errors: Sequence[FieldError], unknown: Sequence[str]) -> list[str]:
    """
    What KubeVirt's own check says of an object that nobody has pruned: *errors* and *unknown* fields are the structural schema's.

    Unknown fields at the top come first; a status may contain anything.
    """
    top = [field for field in unknown if "." not in field]
    below = [_INDEX.sub(r".\1", field) for field in unknown if field.startswith("spec.")]
    return [
        *(f".{field} in body is a forbidden property" for field in top),
        *(message for error in errors if not error.field.startswith("status") and (message := _message(error))),
        *(f"{field} in body is a forbidden property" for field in below),
    ]


def _message(error: FieldError) -> str | None:
    if error.field.partition(".")[0].partition("[")[0] not in ("spec", "status"):
        # Metadata is checked by the API server alone.
        return None
    path = _INDEX.sub(r".\1", error.field)
    if error.type is FieldErrorType.REQUIRED:
        return f"{path} in body is required"
    if error.type is FieldErrorType.TYPE_INVALID and _TYPE_MISMATCH in error.detail:
        return f"{path} in body {error.detail[error.detail.index(_TYPE_MISMATCH) :]}"
    return None
