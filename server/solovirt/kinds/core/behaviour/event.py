"""
Events: which namespace they belong in, and who reports them (reference kubernetes-api.md 7).

The core/v1 view takes what clients have always sent. Only an Event with an `eventTime`, which is the newer API's, is held to that
one's rules and must say who reports what.
"""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, invalid, required
from solovirt.machinery.resource import Document

# Where events about cluster-scoped objects, which have no namespace, may be.
_CLUSTER_NAMESPACES = ("default", "kube-system")


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
        errors = _namespace_errors(obj)
        if obj.get("eventTime"):
            reporter = ("reportingComponent", "reportingInstance", "action", "reason")
            errors += [required(field) for field in reporter if not obj.get(field)]
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)


def _namespace_errors(obj: Document) -> list[FieldError]:
    namespace = obj["metadata"].get("namespace", "")
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if about == namespace or (not about and namespace in _CLUSTER_NAMESPACES):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]
