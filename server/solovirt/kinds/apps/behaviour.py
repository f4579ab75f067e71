"""ControllerRevisions: a snapshot of something, which is why its data never changes (reference kubernetes-api.md 7)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, invalid, required
from solovirt.machinery.resource import Document


class ControllerRevisionBehaviour(Behaviour):
    """See the module."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        errors = [] if obj.get("data") is not None else [required("data", "data is mandatory")]
        return errors + _revision_errors(obj)

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        errors = _revision_errors(obj)
        if obj.get("data") != old.get("data"):
            errors.append(invalid("data", obj.get("data"), "field is immutable"))
        return errors


def _revision_errors(obj: Document) -> list[FieldError]:
    revision = obj.get("revision", 0)
    return [invalid("revision", revision, "must be greater than or equal to 0")] if revision < 0 else []
