"""Roles and their bindings: defaults, who may write them, what a rule must have, and that a binding's role stays (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solovirt.kinds import label_selectors
from solovirt.kinds.rbac import escalation
from solovirt.kinds.rbac.names import GROUP
from solovirt.machinery.admission import Admission, Behaviour
from solovirt.machinery.errors import FieldError, invalid, not_supported, required
from solovirt.machinery.resource import Document

_SUBJECT_KINDS = ("Group", "ServiceAccount", "User")


class RoleBehaviour(Behaviour):
    """A Role, or with *cluster* a ClusterRole, whose rules may also be about paths."""

    def __init__(self, *, cluster: bool) -> None:
        self._cluster = cluster

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        escalation.check_role(obj, old, admission)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        errors = []
        for index, rule in enumerate(obj.get("rules") or ()):
            errors += self._rule_errors(f"rules[{index}]", rule)
        gathering = obj.get("aggregationRule")
        if gathering is not None and not gathering.get("clusterRoleSelectors"):
            errors.append(
                required(
                    "aggregationRule.clusterRoleSelectors",
                    "at least one clusterRoleSelector required if aggregationRule is non-nil",
                )
            )
        for index, selector in enumerate((gathering or {}).get("clusterRoleSelectors") or ()):
            errors += label_selectors.validate(selector, f"aggregationRule.clusterRoleSelectors[{index}]")
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        return self.validate_create(obj, admission)

    def _rule_errors(self, path: str, rule: dict[str, Any]) -> list[FieldError]:
        errors = []
        if not rule.get("verbs"):
            errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        if urls := rule.get("nonResourceURLs"):
            if not self._cluster:
                errors.append(
                    invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
                )
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                errors.append(
                    invalid(
                        f"{path}.nonResourceURLs",
                        urls,
                        "rules cannot apply to both regular resources and non-resource URLs",
                    )
                )
            return errors
        if not rule.get("apiGroups"):
            errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
        return errors


class BindingBehaviour(Behaviour):
    """A RoleBinding, or with *cluster* a ClusterRoleBinding."""

    def __init__(self, *, cluster: bool) -> None:
        self._role_kinds = ("ClusterRole",) if cluster else ("ClusterRole", "Role")
        self._cluster = cluster

    def mutate(self, obj: Document, old: Document | None, admission: Admission) -> None:
        if (role := obj.get("roleRef")) and not role.get("apiGroup"):
            role["apiGroup"] = GROUP
        for subject in obj.get("subjects") or ():
            if subject.get("apiGroup") is None and subject.get("kind") in ("Group", "User"):
                subject["apiGroup"] = GROUP
        escalation.check_binding(obj, old, admission)

    def validate_create(self, obj: Document, admission: Admission) -> Sequence[FieldError]:
        role = obj.get("roleRef") or {}
        errors = []
        if role.get("apiGroup") != GROUP:
            errors.append(not_supported("roleRef.apiGroup", role.get("apiGroup") or "", [GROUP]))
        if role.get("kind") not in self._role_kinds:
            errors.append(not_supported("roleRef.kind", role.get("kind") or "", self._role_kinds))
        if not role.get("name"):
            errors.append(required("roleRef.name"))
        for index, subject in enumerate(obj.get("subjects") or ()):
            errors += self._subject_errors(f"subjects[{index}]", subject)
        return errors

    def validate_update(self, obj: Document, old: Document, admission: Admission) -> Sequence[FieldError]:
        errors = list(self.validate_create(obj, admission))
        if obj.get("roleRef") != old.get("roleRef"):
            errors.append(invalid("roleRef", obj.get("roleRef"), "cannot change roleRef"))
        return errors

    def _subject_errors(self, path: str, subject: dict[str, Any]) -> list[FieldError]:
        errors = []
        if not subject.get("name"):
            errors.append(required(f"{path}.name"))
        kind = subject.get("kind") or ""
        if kind not in _SUBJECT_KINDS:
            return [*errors, not_supported(f"{path}.kind", kind, _SUBJECT_KINDS)]
        expected = "" if kind == "ServiceAccount" else GROUP
        if (subject.get("apiGroup") or "") != expected:
            errors.append(not_supported(f"{path}.apiGroup", subject.get("apiGroup") or "", [expected]))
        if kind == "ServiceAccount" and self._cluster and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
        return errors
