"""Who may clone from another namespace (reference cdi.md 9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from solovirt.kinds.cdi import clone_authorisation
from solovirt.kinds.rbac import names as rbac
from solovirt.machinery.auth.identity import User
from solovirt.machinery.resource import GroupResource, ObjectKey

JANE = User("jane", ("system:authenticated",))
KEY = ObjectKey("golden", "disk")


class Stored:
    """A namespace `golden`, and a role there for jane with *rules*."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.role = {"metadata": {"name": "cloner", "namespace": "golden"}, "rules": list(rules)}

    def get(self, resource: GroupResource, key: ObjectKey) -> dict[str, Any] | None:
        if resource.plural == "namespaces":
            return {} if key.name == "golden" else None
        return self.role if resource == rbac.ROLES and key == ObjectKey("golden", "cloner") else None

    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        if resource == rbac.ROLE_BINDINGS and namespace == "golden":
            yield {
                "metadata": {"name": "jane", "namespace": "golden"},
                "roleRef": {"apiGroup": rbac.GROUP, "kind": "Role", "name": "cloner"},
                "subjects": [{"kind": "User", "apiGroup": rbac.GROUP, "name": "jane"}],
            }


def rule(group: str, *resources: str, names: list[str] | None = None) -> dict[str, Any]:
    made = {"apiGroups": [group], "resources": list(resources), "verbs": ["create"]}
    return {**made, "resourceNames": names} if names else made


CASES = [
    ((), False, False),
    ((rule("cdi.kubevirt.io", "datavolumes/source"),), True, True),
    ((rule("cdi.kubevirt.io", "datavolumes/source", names=["disk"]),), True, True),
    ((rule("cdi.kubevirt.io", "datavolumes/source", names=["other"]),), False, False),
    ((rule("cdi.kubevirt.io", "datavolumes"),), False, False),
    ((rule("", "pods"),), True, False),
    ((rule("", "pods", "persistentvolumeclaims"),), True, False),
    ((rule("", "pods", "pvcs"),), True, True),
]


@pytest.mark.parametrize(("rules", "of_claim", "of_snapshot"), CASES)
def test_the_rules_of_claims_and_snapshots(rules: tuple[Any, ...], of_claim: bool, of_snapshot: bool) -> None:
    stored = Stored(*rules)
    assert clone_authorisation.may_clone(stored, JANE, "pvc", KEY) is of_claim
    assert clone_authorisation.may_clone(stored, JANE, "snapshot", KEY) is of_snapshot


def test_administrators_and_the_controllers_may() -> None:
    for user in (User("root", ("system:masters",)), User("system:serviceaccount:cdi:cdi-sa", ())):
        assert clone_authorisation.may_clone(Stored(), user, "pvc", KEY)


def test_a_refusal_names_user_and_namespace() -> None:
    source = {"pvc": {"namespace": "golden", "name": "disk"}}
    with pytest.raises(clone_authorisation.CloneRefused) as refused:
        clone_authorisation.check(Stored(), JANE, source, "default")
    assert str(refused.value) == "User jane has insufficient permissions in clone source namespace golden"


def test_within_a_namespace_everybody_may_and_a_missing_one_is_told() -> None:
    clone_authorisation.check(Stored(), JANE, {"pvc": {"namespace": "golden", "name": "disk"}}, "golden")
    clone_authorisation.check(Stored(), JANE, {"http": {"url": "http://a"}}, "default")
    with pytest.raises(clone_authorisation.NamespaceMissing):
        clone_authorisation.check(Stored(), JANE, {"pvc": {"namespace": "nowhere", "name": "disk"}}, "default")
