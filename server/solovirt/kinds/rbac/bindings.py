"""Bindings, read once: whom they give which role, and how access reviews tell of them (reference kubernetes-api.md 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from solovirt.machinery.auth.identity import User
from solovirt.machinery.errors import go_value
from solovirt.machinery.resource import Document, ObjectKey

USER, GROUP, SERVICE_ACCOUNT = "User", "Group", "ServiceAccount"


class Holder(NamedTuple):
    """Who is given a role: a user by name (service accounts are users too) or a group."""

    kind: str
    name: str


class Subject(NamedTuple):
    """One entry of a binding's `subjects`."""

    holder: Holder
    described: str
    """As reviews name it: `Group "admins"`, `ServiceAccount "bot/default"`."""


class Binding(NamedTuple):
    """A RoleBinding, or a ClusterRoleBinding if *namespace* is empty."""

    key: ObjectKey
    role: ObjectKey
    """The role: a ClusterRole if its namespace is empty."""
    subjects: tuple[Subject, ...]
    described: str
    """As reviews name it, without the subject: `ClusterRoleBinding "b" of ClusterRole "r"`."""

    def source(self, subject: Subject) -> str:
        """Where a right comes from, as reviews say it."""
        return f"{self.described} to {subject.described}"


def read(document: Document) -> Binding:
    """Read a binding; subjects of unknown kinds are nobody."""
    metadata = document["metadata"]
    key = ObjectKey(metadata.get("namespace") or "", metadata["name"])
    role = document.get("roleRef") or {}
    kind, name = role.get("kind") or "", role.get("name") or ""
    subjects = [_subject(one or {}, key.namespace) for one in document.get("subjects") or ()]
    own = f'RoleBinding "{key.name}/{key.namespace}"' if key.namespace else f'ClusterRoleBinding "{key.name}"'
    return Binding(
        key,
        ObjectKey(key.namespace if kind == "Role" else "", name),
        tuple(one for one in subjects if one is not None),
        f"{own} of {kind} {go_value(name)}",
    )


def holders(user: User) -> list[Holder]:
    """Everything that a binding may call *user*."""
    return [Holder(USER, user.name), *(Holder(GROUP, group) for group in user.groups)]


def subject_of(binding: Binding, who: Sequence[Holder]) -> Subject | None:
    """The first subject that is one of *who*."""
    return next((one for one in binding.subjects if one.holder in who), None)


def _subject(document: Document, namespace: str) -> Subject | None:
    kind, name = document.get("kind") or "", document.get("name") or ""
    if kind in (USER, GROUP):
        return Subject(Holder(kind, name), f"{kind} {go_value(name)}")
    if kind != SERVICE_ACCOUNT:
        return None
    of = document.get("namespace") or namespace
    if not of:
        return None
    return Subject(Holder(USER, f"system:serviceaccount:{of}:{name}"), f'{kind} "{name}/{of}"')
