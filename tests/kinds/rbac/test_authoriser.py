"""Who may what by the roles and bindings there are (reference kubernetes-api.md 6)."""

from __future__ import annotations

from solovirt.kinds.rbac import names
from solovirt.machinery.auth.identity import Attributes, User
from solovirt.machinery.resource import ObjectKey
from tests.kinds.rbac.conftest import account, group, user

ALICE = User("alice", ("team", "system:authenticated"))
ROBOT = User("system:serviceaccount:a:robot", ("system:serviceaccounts", "system:serviceaccounts:a"))


async def test_nobody_holds_anything_by_themselves(cluster):
    assert cluster.asks(ALICE, "get", namespace="a") == (False, "")


async def test_a_cluster_role_binding_reaches_every_namespace_and_says_why(cluster):
    await cluster.role("reader", "get")
    await cluster.bind("b", "reader", group("team"))
    why = 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "team"'
    assert cluster.asks(ALICE, "get", namespace="a") == (True, why)
    assert cluster.asks(ALICE, "get") == (True, why)
    assert cluster.asks(User("bob"), "get", namespace="a") == (False, "")


async def test_a_role_binding_reaches_its_namespace_alone(cluster):
    await cluster.role("reader", "get")
    await cluster.bind("b", "reader", user("alice"), namespace="a")
    why = 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "reader" to User "alice"'
    assert cluster.asks(ALICE, "get", namespace="a") == (True, why)
    assert cluster.asks(ALICE, "get", namespace="b") == (False, "")
    assert cluster.asks(ALICE, "get") == (False, "")


async def test_a_role_of_the_namespace(cluster):
    await cluster.role("reader", "get", namespace="a")
    await cluster.bind("b", "reader", user("alice"), namespace="a", kind="Role")
    why = 'RBAC: allowed by RoleBinding "b/a" of Role "reader" to User "alice"'
    assert cluster.asks(ALICE, "get", namespace="a") == (True, why)


async def test_a_service_account_is_of_the_bindings_namespace_if_none_is_said(cluster):
    await cluster.role("reader", "get")
    await cluster.bind("here", "reader", account("robot"), namespace="a")
    await cluster.bind("there", "reader", account("robot", "a"), namespace="b")
    why = 'RBAC: allowed by RoleBinding "there/b" of ClusterRole "reader" to ServiceAccount "robot/a"'
    assert cluster.asks(ROBOT, "get", namespace="a")[0]
    assert cluster.asks(ROBOT, "get", namespace="b") == (True, why)


async def test_rights_add_up(cluster):
    await cluster.role("reader", "get")
    await cluster.role("writer", "create")
    await cluster.bind("b", "reader", group("team"))
    await cluster.bind("c", "writer", user("alice"), namespace="a")
    assert cluster.asks(ALICE, "get", namespace="a")[0]
    assert cluster.asks(ALICE, "create", namespace="a")[0]
    assert not cluster.asks(ALICE, "create", namespace="b")[0]


async def test_a_role_that_is_not_there_is_said_with_the_refusal(cluster):
    """The text of client-go's lister, which names the kind in lower case."""
    await cluster.bind("b", "nope", user("alice"))
    trouble = 'RBAC: clusterrole.rbac.authorization.k8s.io "nope" not found'
    assert cluster.asks(ALICE, "get", namespace="a") == (False, trouble)
    await cluster.bind("c", "gone", user("alice"), namespace="a", kind="Role")
    both = (
        'RBAC: [clusterrole.rbac.authorization.k8s.io "nope" not found, '
        'role.rbac.authorization.k8s.io "gone" not found]'
    )
    assert cluster.asks(ALICE, "get", namespace="a") == (False, both)
    await cluster.role("nope", "get")
    assert cluster.asks(ALICE, "get", namespace="b")[0]


async def test_every_change_counts_at_once(cluster):
    await cluster.role("reader", "get")
    assert not cluster.asks(ALICE, "get")[0]
    await cluster.bind("b", "reader", user("alice"))
    assert cluster.asks(ALICE, "get")[0]

    def change(document):
        document["rules"][0]["verbs"] = ["list"]

    await cluster.root.edit(names.CLUSTER_ROLES, ObjectKey("", "reader"), change)
    assert not cluster.asks(ALICE, "get")[0]
    assert cluster.asks(ALICE, "list")[0]

    def give_to_bob(document):
        document["subjects"] = [user("bob")]

    await cluster.root.edit(names.CLUSTER_ROLE_BINDINGS, ObjectKey("", "b"), give_to_bob)
    assert not cluster.asks(ALICE, "list")[0]
    assert cluster.asks(User("bob"), "list")[0]
    await cluster.unbind("b")
    assert not cluster.asks(User("bob"), "list")[0]


async def test_a_flood_of_changes_is_not_missed(cluster):
    """More than the event log's window holds: what is known is thrown away and read anew."""
    await cluster.role("reader", "get")
    await cluster.bind("b", "reader", user("alice"))
    assert cluster.asks(ALICE, "get")[0]
    await cluster.unbind("b")
    cluster.store._hub.restart(cluster.store.now.revision)  # what a restore of the database does
    cluster.rbac._seen = -1
    assert not cluster.asks(ALICE, "get")[0]


async def test_paths(cluster):
    await cluster.role("metrics", "get", nonResourceURLs=["/metrics"])
    await cluster.bind("b", "metrics", group("team"))
    assert cluster.rbac.allows(ALICE, Attributes("get", path="/metrics")) == (
        True,
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "metrics" to Group "team"',
    )
    assert cluster.rbac.allows(ALICE, Attributes("get", path="/metric")) == (False, "")


async def test_all_rules_of_a_user(cluster):
    await cluster.role("reader", "get", apiGroups=[""], resources=["pods"], resourceNames=["x"])
    await cluster.role("metrics", "get", nonResourceURLs=["/metrics"])
    await cluster.bind("b", "metrics", user("alice"))
    await cluster.bind("c", "reader", user("alice"), namespace="a")
    await cluster.bind("d", "nope", user("alice"))
    assert cluster.rbac.rules(ALICE, "a") == (
        [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]}],
        [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}],
        'clusterrole.rbac.authorization.k8s.io "nope" not found',
    )
    assert cluster.rbac.rules(ALICE, "b")[0] == []
