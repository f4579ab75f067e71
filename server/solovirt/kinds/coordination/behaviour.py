"""Leases: their numbers make sense. That they are never updated unconditionally is in the declaration."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, invalid
from solovirt.machinery.resource import Document


class LeaseBehaviour(Behaviour):
    """See the module."""

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        spec = obj.get("spec") or {}
        errors = []
        seconds = spec.get("leaseDurationSeconds")
        if seconds is not None and seconds <= 0:
            errors.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
        transitions = spec.get("leaseTransitions")
        if transitions is not None and transitions < 0:
            errors.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)
