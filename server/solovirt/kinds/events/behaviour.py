"""
Events that come by events.k8s.io (reference kubernetes-api.md 7).

They are validated as the newer API wants them and, but for their series, never change. Fields are named as the core group does: Kubernetes
validates both APIs' Events in one internal form, and its messages show.
"""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.kinds.core.behaviour.event import EventBehaviour, event_errors
from solovirt.machinery.admission import Admission
from solovirt.machinery.errors import FieldError, invalid, required
from solovirt.machinery.resource import Document

_UNSET: tuple[tuple[str, object], ...] = (
    ("firstTimestamp", None),
    ("lastTimestamp", None),
    ("count", 0),
    ("source", {}),
)
_IMMUTABLE = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
)


class NewEventBehaviour(EventBehaviour):
    """See the module."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        errors = [*event_errors(obj, reporter="reportingController"), *_series_errors(obj)]
        if not obj.get("eventTime"):
            errors.append(required("eventTime"))
        if obj.get("type") not in ("Normal", "Warning"):
            errors.append(invalid("type", "", f"has invalid value: {obj.get('type') or ''}"))
        errors += [
            invalid(field, "", "needs to be unset") for field, empty in _UNSET if obj.get(field) not in (None, empty)
        ]
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        errors = [*event_errors(obj, reporter="reportingController")]
        if obj.get("series") != old.get("series"):
            errors += _series_errors(obj)
        for field in _IMMUTABLE:
            stored = "reportingComponent" if field == "reportingController" else field
            value = obj.get(stored)
            if value != old.get(stored):
                errors.append(invalid(field, value, "field is immutable"))
        return errors


def _series_errors(obj: Document) -> list[FieldError]:
    series = obj.get("series")
    if series is None:
        return []
    errors = []
    if (series.get("count") or 0) < 2:
        errors.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors
