"""What `kubectl get` prints of the rbac.authorization.k8s.io group (reference kubernetes-api.md 5)."""

from __future__ import annotations

from solovirt.kinds.cells import AGE, CREATED_AT, NAME, at
from solovirt.machinery.resource import Column, Document

ROLES = (NAME, CREATED_AT)
CLUSTER_ROLES = ROLES


def _role(document: Document) -> str:
    return f"{at(document, 'roleRef.kind')}/{at(document, 'roleRef.name')}"


def _subjects(kind: str, document: Document) -> str:
    found = [one for one in document.get("subjects") or () if one.get("kind") == kind]
    if kind == "ServiceAccount":
        return ", ".join(f"{one.get('namespace') or ''}/{one.get('name')}" for one in found)
    return ", ".join(str(one.get("name")) for one in found)


ROLE_BINDINGS = (
    NAME,
    Column("Role", cell=lambda document, _: _role(document), description="The role that is given."),
    AGE,
    Column(
        "Users",
        cell=lambda document, _: _subjects("User", document),
        description="The users who have it.",
        priority=1,
    ),
    Column(
        "Groups",
        cell=lambda document, _: _subjects("Group", document),
        description="The groups that have it.",
        priority=1,
    ),
    Column(
        "ServiceAccounts",
        cell=lambda document, _: _subjects("ServiceAccount", document),
        description="The service accounts that have it.",
        priority=1,
    ),
)
CLUSTER_ROLE_BINDINGS = ROLE_BINDINGS
