"""
Namespaces: the finalizer in their spec, their phase, and those that stay (reference kubernetes-api.md 7).

A namespace is deleted in two steps. DELETE marks it Terminating; `controllers/namespace.py` empties it and then takes the `kubernetes`
finalizer out of spec.finalizers through the `finalize` subresource, which is the only way to change them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from solovirt.kinds.core import names
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, Forbidden, invalid
from solovirt.machinery.resource import Document

UNDELETABLE = frozenset({"default", "kube-system", "kube-public"})

_STANDARD_FINALIZERS = frozenset({names.NAMESPACE_FINALIZER, names.ORPHAN_FINALIZER, names.FOREGROUND_FINALIZER})


class NamespaceBehaviour(Behaviour):
    """See the module."""

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        metadata = obj["metadata"]
        if name := metadata.get("name"):
            metadata["labels"] = {**(metadata.get("labels") or {}), names.NAMESPACE_NAME_LABEL: name}
        spec = obj["spec"] = dict(obj.get("spec") or {})
        if old is None:
            finalizers = list(spec.get("finalizers") or ())
            if names.NAMESPACE_FINALIZER not in finalizers:
                finalizers.append(names.NAMESPACE_FINALIZER)
            spec["finalizers"] = finalizers
            obj["status"] = {"phase": "Active"}
            return
        if admission.subresource != "finalize":
            obj["spec"] = copy.deepcopy(old.get("spec") or {})
        if admission.subresource != "status":
            obj["status"] = copy.deepcopy(old.get("status") or {})

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return [
            invalid(
                f"spec.finalizers[{index}]",
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            )
            for index, finalizer in enumerate((obj.get("spec") or {}).get("finalizers") or ())
            if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS
        ]

    def validate_delete(self, obj: Document, admission: Admission) -> None:
        name = obj["metadata"]["name"]
        if name in UNDELETABLE:
            raise Forbidden.of(names.NAMESPACES, name, "this namespace may not be deleted")

    def begin_delete(self, obj: Document, admission: Admission) -> None:
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        obj["metadata"].pop("deletionGracePeriodSeconds", None)

    def is_held(self, obj: Document) -> bool:
        return bool((obj.get("spec") or {}).get("finalizers"))
