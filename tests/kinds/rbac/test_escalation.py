"""
Nobody gives away what they do not hold (reference kubernetes-api.md 6, "Escalation check").

The texts are those of kube-apiserver's registry of roles and bindings.
"""

from __future__ import annotations

import pytest

from solovirt.kinds.rbac import names
from solovirt.machinery.errors import Forbidden, Invalid, NotFound
from solovirt.machinery.resource import ObjectKey
from tests.kinds.rbac.conftest import PODS, user

ROLE_REF = {"apiGroup": names.GROUP, "kind": "ClusterRole"}


def role(name, *verbs, namespace="a", **more):
    return {"metadata": {"name": name, "namespace": namespace}, "rules": [{**PODS, "verbs": list(verbs)}], **more}


def binding(name, to, namespace="a"):
    return {
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {**ROLE_REF, "name": to},
        "subjects": [user("bob")],
    }


@pytest.fixture
async def alice(cluster):
    await cluster.role("reader", "get", "list")
    await cluster.bind("alice", "reader", user("alice"), namespace="a")
    return cluster.as_user("alice", "team", "system:authenticated")


async def test_a_role_may_hold_what_its_writer_holds(alice):
    assert await alice.create(names.ROLES, role("r", "get"))


async def test_a_role_may_not_hold_more(alice):
    with pytest.raises(Forbidden) as refused:
        await alice.create(names.ROLES, role("r", "get", "delete", "create"))
    assert refused.value.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "alice" (groups=["team" "system:authenticated"]) is attempting '
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}'
    )
    assert refused.value.details == {"name": "r", "group": names.GROUP, "kind": "roles"}


async def test_what_is_held_in_one_namespace_is_not_held_in_another(alice):
    with pytest.raises(Forbidden):
        await alice.create(names.ROLES, role("r", "get", namespace="b"))


async def test_a_role_may_not_be_changed_to_hold_more(alice, cluster):
    await alice.create(names.ROLES, role("r", "get"))

    def widen(document):
        document["rules"][0]["verbs"] = ["get", "delete"]

    with pytest.raises(Forbidden):
        await alice.edit(names.ROLES, ObjectKey("a", "r"), widen)


async def test_what_the_garbage_collector_changes_is_no_grant(alice, cluster):
    await cluster.root.create(names.ROLES, {**role("r", "delete"), "metadata": {"name": "r", "namespace": "a"}})

    def hold(document):
        document["metadata"]["finalizers"] = ["example.com/held"]

    def label(document):
        document["metadata"]["labels"] = {"a": "b"}

    assert await alice.edit(names.ROLES, ObjectKey("a", "r"), hold)
    with pytest.raises(Forbidden):
        await alice.edit(names.ROLES, ObjectKey("a", "r"), label)


async def test_whoever_may_escalate_may(alice, cluster):
    await cluster.role("escalator", "escalate", apiGroups=[names.GROUP], resources=["roles"])
    await cluster.bind("alice-escalates", "escalator", user("alice"), namespace="a")
    assert await alice.create(names.ROLES, role("r", "delete"))


async def test_a_binding_needs_what_its_role_holds(alice, cluster):
    await cluster.role("deleter", "delete")
    assert await alice.create(names.ROLE_BINDINGS, binding("b", "reader"))
    with pytest.raises(Forbidden) as refused:
        await alice.create(names.ROLE_BINDINGS, binding("c", "deleter"))
    assert refused.value.message == (
        'rolebindings.rbac.authorization.k8s.io "c" is forbidden: user "alice" (groups=["team" "system:authenticated"]) is '
        'attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    )


async def test_whoever_may_bind_a_role_may(alice, cluster):
    await cluster.role("deleter", "delete")
    await cluster.role("binder", "bind", apiGroups=[names.GROUP], resources=["clusterroles"], resourceNames=["deleter"])
    await cluster.bind("alice-binds", "binder", user("alice"), namespace="a")
    assert await alice.create(names.ROLE_BINDINGS, binding("c", "deleter"))


async def test_a_role_that_cannot_be_looked_at_cannot_be_bound(alice, cluster):
    with pytest.raises(NotFound) as refused:
        await alice.create(names.ROLE_BINDINGS, binding("c", "nope"))
    assert refused.value.message == 'clusterroles.rbac.authorization.k8s.io "nope" not found'
    assert await cluster.root.create(names.ROLE_BINDINGS, binding("c", "nope"))


async def test_an_aggregation_rule_may_gather_anything_and_needs_everything(cluster):
    await cluster.role("author", "*", apiGroups=["*"], resources=["*"])
    await cluster.bind("alice", "author", user("alice"))
    gathering = {
        "metadata": {"name": "g"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    }
    # All verbs on all resources are `escalate` too.
    assert await cluster.as_user("alice").create(names.CLUSTER_ROLES, gathering)
    await cluster.role("roles", "create", apiGroups=[names.GROUP], resources=["clusterroles"])
    await cluster.bind("bob", "roles", user("bob"))
    with pytest.raises(Forbidden) as refused:
        await cluster.as_user("bob").create(names.CLUSTER_ROLES, {**gathering, "metadata": {"name": "h"}})
    assert refused.value.message == (
        'clusterroles.rbac.authorization.k8s.io "h" is forbidden: must have cluster-admin privileges to use the aggregationRule'
    )


async def test_an_aggregation_rule_selects_something(cluster):
    with pytest.raises(Invalid) as refused:
        await cluster.root.create(names.CLUSTER_ROLES, {"metadata": {"name": "g"}, "aggregationRule": {}})
    assert refused.value.message == (
        'ClusterRole.rbac.authorization.k8s.io "g" is invalid: aggregationRule.clusterRoleSelectors: Required value: '
        "at least one clusterRoleSelector required if aggregationRule is non-nil"
    )
