"""
Who may clone what from another namespace (reference cdi.md 9.2).

Leave is RBAC's: `create` on `datavolumes/source`, or what would let one read the bytes with a pod of one's own. Within a namespace everybody may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from solovirt.kinds.cdi import names
from solovirt.kinds.rbac import bindings
from solovirt.kinds.rbac import names as rbac
from solovirt.kinds.rbac.authoriser import Rights, rights_of
from solovirt.kinds.rbac.rules import Rule
from solovirt.machinery.auth.authoriser import MASTERS
from solovirt.machinery.auth.identity import Attributes, User
from solovirt.machinery.resource import Document, GroupResource, ObjectKey

_CONTROLLERS = ("system:serviceaccount:kubevirt:kubevirt-controller", "system:serviceaccount:cdi:cdi-sa")
"""Whose own cluster roles let them clone everything; before they do for others, they see whether those may."""


class Reads(Protocol):
    """Admission's look-up, or a controller's objects."""

    def get(self, resource: GroupResource, key: ObjectKey) -> Document | None: ...
    def list(self, resource: GroupResource, namespace: str | None = None) -> Iterable[Document]: ...


class CloneRefused(Exception):
    """The user may not clone from there; the text is CDI's."""


class NamespaceMissing(Exception):
    """The source's namespace is not there; the text says so."""


def check(reads: Reads, user: User, source: Mapping[str, Any], namespace: str) -> None:
    """
    See that *user* may clone *source* (a DataVolume's, resolved) into *namespace*. Raises CloneRefused and NamespaceMissing.

    Sources that are no clones, and incomplete ones, pass: other rules are about them.
    """
    for kind in ("pvc", "snapshot"):
        given = source.get(kind) or {}
        name, origin = given.get("name"), given.get("namespace") or namespace
        if not name or origin == namespace:
            continue
        if reads.get(names.NAMESPACES, ObjectKey("", origin)) is None:
            raise NamespaceMissing(f'namespaces "{origin}" not found')
        if not may_clone(reads, user, kind, ObjectKey(origin, name)):
            text = f"User {user.name} has insufficient permissions in clone source namespace {origin}"
            raise CloneRefused(text)


def may_clone(reads: Reads, user: User, kind: str, key: ObjectKey) -> bool:
    """Whether *user* may clone the claim (*kind* `pvc`) or snapshot (`snapshot`) *key*."""
    if MASTERS in user.groups or user.name in _CONTROLLERS:
        return True
    rights = _rights(reads, user, key.namespace)

    def may(group: str, resource: str, subresource: str = "", name: str = "") -> bool:
        attributes = Attributes("create", group, "", resource, subresource, key.namespace, name)
        return rights.allowing(attributes) is not None

    if may(names.GROUP, names.DATA_VOLUMES.plural, "source", key.name):
        return True
    # CDI asks for `pvcs`, which is no resource: for snapshots only the rule above, or a right to everything, helps.
    return may("", "pods") and (kind == "pvc" or may("", "pvcs"))


def _rights(reads: Reads, user: User, namespace: str) -> Rights:
    def rules_of(role: ObjectKey) -> tuple[Rule, ...] | None:
        found = reads.get(rbac.ROLES if role.namespace else rbac.CLUSTER_ROLES, role)
        return None if found is None else tuple(Rule.of(one) for one in found.get("rules") or ())

    given = [bindings.read(one) for one in reads.list(rbac.CLUSTER_ROLE_BINDINGS)]
    given += [bindings.read(one) for one in reads.list(rbac.ROLE_BINDINGS, namespace)]
    return rights_of(bindings.holders(user), given, rules_of)
