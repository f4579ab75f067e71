"""StorageClasses: defaults, and that what volumes were made with stays (reference kubernetes-api.md 7)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, forbidden_field, invalid, not_supported, required
from solovirt.machinery.resource import Document

_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")


class StorageClassBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        for field, value in (("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")):
            if obj.get(field) is None:
                obj[field] = value

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        errors = [] if obj.get("provisioner") else [required("provisioner")]
        for field, allowed in (("reclaimPolicy", _RECLAIM_POLICIES), ("volumeBindingMode", _BINDING_MODES)):
            if obj[field] not in allowed:
                errors.append(not_supported(field, obj[field], allowed))
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        errors = list(self.validate_create(obj, admission))
        errors += [
            forbidden_field(field, f"updates to {field} are forbidden.")
            for field in ("parameters", "provisioner", "reclaimPolicy")
            if (obj.get(field) or None) != (old.get(field) or None)
        ]
        if obj["volumeBindingMode"] != old.get("volumeBindingMode"):
            errors.append(invalid("volumeBindingMode", obj["volumeBindingMode"], "field is immutable"))
        return errors
