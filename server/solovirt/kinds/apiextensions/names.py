"""The names that CustomResourceDefinitions' parts agree on (reference kubernetes-api.md 7)."""

from __future__ import annotations

from typing import Any

from solovirt.machinery.resource import Document, GroupResource

GROUP = "apiextensions.k8s.io"
DEFINITIONS = GroupResource(GROUP, "customresourcedefinitions")
CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
APPROVED_ANNOTATION = "api-approved.kubernetes.io"

NAMES_ACCEPTED, ESTABLISHED, TERMINATING = "NamesAccepted", "Established", "Terminating"
API_APPROVED = "KubernetesAPIApprovalPolicyConformant"


def condition(definition: Document, type_: str) -> dict[str, Any] | None:
    """The condition of this type, None if there is none."""
    found = (definition.get("status") or {}).get("conditions") or ()
    return next((one for one in found if one.get("type") == type_), None)


def is_true(definition: Document, type_: str) -> bool:
    return (condition(definition, type_) or {}).get("status") == "True"


def set_condition(definition: Document, type_: str, status: str, reason: str, message: str, now: str) -> None:
    """Write a condition, in place; its time changes with its status alone."""
    fresh = {"lastTransitionTime": now, "message": message, "reason": reason, "status": status, "type": type_}
    conditions = definition.setdefault("status", {}).get("conditions") or []
    for index, one in enumerate(conditions):
        if one.get("type") == type_:
            if one.get("status") == status:
                fresh["lastTransitionTime"] = one.get("lastTransitionTime") or now
            conditions[index] = fresh
            break
    else:
        conditions.append(fresh)
    definition["status"]["conditions"] = conditions


def is_protected(group: str) -> bool:
    """Whether the group is Kubernetes' own, where a definition needs an annotation that says who approved it."""
    return group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io")
