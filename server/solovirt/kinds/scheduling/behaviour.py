"""PriorityClasses: a number that stays, with the top reserved for the system (reference kubernetes-api.md 7)."""

from __future__ import annotations

from collections.abc import Sequence

from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, Forbidden, forbidden_field, invalid
from solovirt.machinery.resource import Document, GroupResource

PRIORITY_CLASSES = GroupResource("scheduling.k8s.io", "priorityclasses")

SYSTEM_CLASSES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}

_HIGHEST_OF_USERS = 1000000000


class PriorityClassBehaviour(Behaviour):
    """See the module."""

    needs_writer = True

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if obj.get("preemptionPolicy") is None:
            obj["preemptionPolicy"] = "PreemptLowerPriority"

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        self._check_default(obj, admission)
        name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
        if name.startswith("system-"):
            if SYSTEM_CLASSES.get(name) == value:
                return ()
            text = "priority class names with 'system-' prefix are reserved for system use only"
            return [forbidden_field("metadata.name", text)]
        if value > _HIGHEST_OF_USERS:
            text = f"maximum allowed value of a user defined priority is {_HIGHEST_OF_USERS}"
            return [forbidden_field("value", text)]
        return ()

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        self._check_default(obj, admission)
        errors = []
        if obj.get("value", 0) != old.get("value", 0):
            errors.append(forbidden_field("value", "may not be changed in an update."))
        if obj["preemptionPolicy"] != old.get("preemptionPolicy"):
            errors.append(invalid("preemptionPolicy", obj["preemptionPolicy"], "field is immutable"))
        return errors

    def _check_default(self, obj: Document, admission: Admission) -> None:
        if not obj.get("globalDefault"):
            return
        name = obj["metadata"].get("name", "")
        for other in admission.lookup.list(PRIORITY_CLASSES):
            if other.get("globalDefault") and other["metadata"]["name"] != name:
                raise Forbidden.of(
                    PRIORITY_CLASSES,
                    name,
                    f"PriorityClass {other['metadata']['name']} is already marked as default. Only one default can exist",
                )
