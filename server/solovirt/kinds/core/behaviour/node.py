"""Nodes: what of them may not change. Their status is what the runtime says, written by a controller."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, forbidden_field
from solovirt.machinery.resource import Document


class NodeBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if obj.get("spec") is None:
            obj["spec"] = {}

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        spec, before = obj.get("spec") or {}, old.get("spec") or {}
        errors = []
        if before.get("providerID") and spec.get("providerID") != before["providerID"]:
            errors.append(
                forbidden_field("spec.providerID", 'node updates may not change providerID except from "" to valid')
            )
        if before.get("podCIDRs") and spec.get("podCIDRs") != before["podCIDRs"]:
            errors.append(
                forbidden_field("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
            )
        return errors
