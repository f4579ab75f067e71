"""
Nobody gives away what they do not hold (reference kubernetes-api.md 6).

Writing a role needs every right in it, or the verb `escalate` on it; a binding needs those of the role it binds, or `bind` on that
role. Looked at in the state that the write is applied to, before the object is validated, as in Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable

from solovirt.kinds.rbac import bindings, names
from solovirt.kinds.rbac.authoriser import Rights, rights_of
from solovirt.kinds.rbac.rules import EVERYTHING, Rule, compact, go_strings, missing
from solovirt.machinery.admission import Admission, Operation
from solovirt.machinery.auth.authoriser import MASTERS
from solovirt.machinery.auth.identity import Attributes
from solovirt.machinery.errors import Forbidden, NotFound, go_value
from solovirt.machinery.resource import Document, ObjectKey

# What the garbage collector has to change without holding anything.
_COLLECTOR_FIELDS = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def check_role(obj: Document, old: Document | None, admission: Admission) -> None:
    """Raise Forbidden unless the user may write the role *obj*."""
    if _is_exempt(obj, old, admission):
        return
    name = admission.key.name if admission.operation is Operation.UPDATE else ""
    resource = admission.resource.plural
    if _may(admission, Attributes("escalate", names.GROUP, "v1", resource, "", admission.key.namespace, name)):
        return
    _refuse_missing(admission, _rules(obj))
    if _aggregates(obj) or (old is not None and _aggregates(old)):
        held = _held(admission, admission.key.namespace)
        if missing([right.rule for right in held.all], EVERYTHING):
            raise _forbidden(admission, "must have cluster-admin privileges to use the aggregationRule")


def check_binding(obj: Document, old: Document | None, admission: Admission) -> None:
    """Raise Forbidden unless the user may write the binding *obj*; NotFound if the role that would have to be looked at is not there."""
    if _is_exempt(obj, old, admission):
        return
    role = obj.get("roleRef") or {}
    kind, name = role.get("kind"), role.get("name") or ""
    resource = {"Role": names.ROLES, "ClusterRole": names.CLUSTER_ROLES}.get(kind or "")
    if resource is None:
        # No such kind of role: refused by validation.
        return
    namespace = admission.key.namespace
    if _may(admission, Attributes("bind", role.get("apiGroup") or "", "", resource.plural, "", namespace, name)):
        return
    found = admission.lookup.get(resource, ObjectKey(namespace if kind == "Role" else "", name))
    if found is None:
        raise NotFound.of(resource, name)
    _refuse_missing(admission, _rules(found))


def _is_exempt(obj: Document, old: Document | None, admission: Admission) -> bool:
    if MASTERS in admission.user.groups:
        return True
    return old is not None and _without_collector_fields(obj) == _without_collector_fields(old)


def _without_collector_fields(document: Document) -> Document:
    metadata = {key: value for key, value in document["metadata"].items() if key not in _COLLECTOR_FIELDS}
    return {**document, "metadata": metadata}


def _rules(role: Document) -> list[Rule]:
    return [Rule.of(one) for one in role.get("rules") or ()]


def _aggregates(role: Document) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _held(admission: Admission, namespace: str) -> Rights:
    """What the user holds at this point of the log."""
    lookup = admission.lookup

    def rules_of(role: ObjectKey) -> tuple[Rule, ...] | None:
        found = lookup.get(names.ROLES if role.namespace else names.CLUSTER_ROLES, role)
        return None if found is None else tuple(_rules(found))

    given = [bindings.read(one) for one in lookup.list(names.CLUSTER_ROLE_BINDINGS)]
    if namespace:
        given += [bindings.read(one) for one in lookup.list(names.ROLE_BINDINGS, namespace)]
    return rights_of(bindings.holders(admission.user), given, rules_of)


def _may(admission: Admission, attributes: Attributes) -> bool:
    return _held(admission, attributes.namespace).allowing(attributes) is not None


def _refuse_missing(admission: Admission, wanted: Iterable[Rule]) -> None:
    held = _held(admission, admission.key.namespace)
    lacking = missing([right.rule for right in held.all], wanted)
    if not lacking:
        return
    user = admission.user
    lines = "\n".join(sorted({str(rule) for rule in compact(lacking)}))
    why = (
        f"user {go_value(user.name)} (groups={go_strings(user.groups)}) is attempting to grant RBAC permissions "
        f"not currently held:\n{lines}"
    )
    if held.errors:
        why += f"; resolution errors: [{held.trouble}]"
    raise _forbidden(admission, why)


def _forbidden(admission: Admission, why: str) -> Forbidden:
    return Forbidden.of(admission.resource.group_resource, admission.key.name, why)
