"""Events, Nodes, Leases, ControllerRevisions, PriorityClasses and roles, by reference kubernetes-api.md 6 and 7."""

from __future__ import annotations

import pytest

from solovirt.kinds.core import names
from solovirt.machinery.errors import Forbidden

RBAC = "rbac.authorization.k8s.io"
ROLE_REF = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}


@pytest.mark.parametrize(
    ("namespace", "about", "fits"),
    [("n", "n", True), ("n", "other", False), ("default", "", True), ("n", "", False)],
)
def test_an_event_is_in_the_namespace_of_what_it_is_about(kind, namespace, about, fits):
    event = {
        "metadata": {"namespace": namespace, "name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", **({"namespace": about} if about else {})},
    }
    _, errors = kind("events").create(event)
    text = f'involvedObject.namespace: Invalid value: "{about}": does not match event.namespace'
    assert errors == ([] if fits else [text])


def test_an_event_with_a_time_of_the_new_kind_says_who_reports(kind):
    event = {
        "metadata": {"namespace": "n", "name": "e"},
        "involvedObject": {"namespace": "n"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    errors = kind("events").create(event)[1]
    assert [error for error in errors if error.endswith("Required value")] == [
        f"{field}: Required value" for field in ("reportingComponent", "reportingInstance", "action", "reason")
    ]
    # An empty name is also held to be no qualified one, in Kubernetes' words.
    assert errors[1] == 'reportingComponent: Invalid value: "": name part must be non-empty'


def test_a_node_keeps_its_provider(kind):
    made = kind("nodes").created({"metadata": {"name": "a"}, "spec": {"providerID": "x"}})
    assert kind("nodes").update(made, lambda obj: obj["spec"].update(providerID="y"))[1] == [
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'
    ]


def test_the_numbers_of_a_lease_make_sense(kind):
    lease = {
        "metadata": {"namespace": "n", "name": "l"},
        "spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1},
    }
    assert kind("leases", "coordination.k8s.io").create(lease)[1] == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_the_data_of_a_controller_revision_stays(kind):
    revisions = kind("controllerrevisions", "apps")
    made = revisions.created({"metadata": {"namespace": "n", "name": "r"}, "revision": 1, "data": {"a": 1}})
    assert revisions.update(made, lambda obj: obj.update(data={"a": 2}))[1] == [
        'data: Invalid value: {"a":2}: field is immutable'
    ]
    assert revisions.update(made, lambda obj: obj.update(revision=2))[1] == []


def test_the_value_of_a_priority_class_stays(kind):
    classes = kind("priorityclasses", "scheduling.k8s.io")
    made = classes.created({"metadata": {"name": "a"}, "value": 1})
    assert made["preemptionPolicy"] == "PreemptLowerPriority"
    assert classes.update(made, lambda obj: obj.update(value=2))[1] == [
        "value: Forbidden: may not be changed in an update."
    ]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("system-cluster-critical", 2000000000, True),
        ("system-node-critical", 2000001000, True),
        ("system-node-critical", 1, False),
        ("system-mine", 1, False),
        ("mine", 1000000000, True),
        ("mine", 1000000001, False),
    ],
)
def test_the_top_priorities_are_the_systems(kind, name, value, allowed):
    _, errors = kind("priorityclasses", "scheduling.k8s.io").create({"metadata": {"name": name}, "value": value})
    assert (errors == []) is allowed


def test_one_priority_class_is_the_default(kind, others):
    others.add(names.PRIORITY_CLASSES, {"metadata": {"name": "first"}, "globalDefault": True})
    with pytest.raises(Forbidden) as refusal:
        kind("priorityclasses", "scheduling.k8s.io").create({"metadata": {"name": "a"}, "globalDefault": True})
    assert refusal.value.message == (
        'priorityclasses.scheduling.k8s.io "a" is forbidden: PriorityClass first is already marked as default. '
        "Only one default can exist"
    )


def binding(**fields):
    return {"metadata": {"namespace": "n", "name": "b"}, "roleRef": dict(ROLE_REF), **fields}


def test_the_role_of_a_binding_stays(kind):
    bindings = kind("rolebindings", RBAC)
    made = bindings.created(binding())
    assert bindings.update(made, lambda obj: obj["roleRef"].update(name="edit"))[1] == [
        f'roleRef: Invalid value: {{"apiGroup":"{RBAC}","kind":"ClusterRole","name":"edit"}}: cannot change roleRef'
    ]


def test_groups_of_users_are_filled_in(kind):
    made = kind("rolebindings", RBAC).created(
        binding(
            roleRef={"kind": "Role", "name": "r"},
            subjects=[{"kind": "User", "name": "a"}, {"kind": "ServiceAccount", "name": "b", "namespace": "n"}],
        )
    )
    assert made["roleRef"]["apiGroup"] == RBAC
    assert made["subjects"][0]["apiGroup"] == RBAC
    assert "apiGroup" not in made["subjects"][1]


def test_a_cluster_wide_binding_binds_cluster_roles_to_accounts_in_namespaces(kind):
    _, errors = kind("clusterrolebindings", RBAC).create(
        binding(roleRef={**ROLE_REF, "kind": "Role"}, subjects=[{"kind": "ServiceAccount", "name": "b"}])
    )
    assert errors == [
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        "subjects[0].namespace: Required value",
    ]


def test_a_rule_names_verbs_groups_and_resources(kind):
    _, errors = kind("roles", RBAC).create({"metadata": {"namespace": "n", "name": "r"}, "rules": [{}]})
    assert errors == [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
    ]


def test_paths_are_for_cluster_roles(kind):
    rules = [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]
    assert kind("clusterroles", RBAC).create({"metadata": {"name": "r"}, "rules": rules})[1] == []
    assert kind("roles", RBAC).create({"metadata": {"namespace": "n", "name": "r"}, "rules": rules})[1] == [
        'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs'
    ]
