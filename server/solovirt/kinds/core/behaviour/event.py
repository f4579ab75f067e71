"""
Events: which namespace they belong in, and who reports them (reference kubernetes-api.md 7).

The core/v1 view takes what clients have always sent. Only an Event with an `eventTime`, which is the newer API's, is held to that
one's rules and must say who reports what.
"""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery import names
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, invalid, required
from solovirt.machinery.resource import Document

# Where events about cluster-scoped objects, which have no namespace, may be, if they have an `eventTime`.
_CLUSTER_NAMESPACES = ("default", "kube-system")
# Bytes, whatever the messages call them.
_NAME_LENGTH = 128
_NOTE_LENGTH = 1024


class EventBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        # Go serialises these even when they are empty, and clients print them.
        for field in ("reportingComponent", "reportingInstance"):
            if obj.get(field) is None:
                obj[field] = ""
        if obj.get("source") is None:
            obj["source"] = {}

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        return event_errors(obj, reporter="reportingComponent")

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)


def event_errors(obj: Document, *, reporter: str) -> list[FieldError]:
    """What both of Events' APIs want of one; *reporter* is what the reporting component is called in complaints."""
    if not obj.get("eventTime"):
        return _namespace_errors(obj)
    errors = []
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if not about and obj["metadata"].get("namespace", "") not in _CLUSTER_NAMESPACES:
        errors.append(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    component = obj.get("reportingComponent") or ""
    if not component:
        errors.append(required(reporter))
    errors += [invalid(reporter, component, problem) for problem in names.qualified_name(component)]
    for field in ("reportingInstance", "action", "reason"):
        if not obj.get(field):
            errors.append(required(field))
        errors += _length_errors(obj, field, _NAME_LENGTH)
    return [*errors, *_length_errors(obj, "message", _NOTE_LENGTH)]


def _length_errors(obj: Document, field: str, limit: int) -> list[FieldError]:
    if len((obj.get(field) or "").encode()) <= limit:
        return []
    return [invalid(field, "", f"can have at most {limit} characters")]


def _namespace_errors(obj: Document) -> list[FieldError]:
    namespace = obj["metadata"].get("namespace", "")
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if about == namespace or (not about and namespace == "default"):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]
