"""Requests of users who are not masters, over HTTP (reference kubernetes-api.md 6)."""

from __future__ import annotations

import re

import pytest

from tests.access.conftest import RBAC

VM = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}}},
}


def act(client, user):
    """Requests as *user*, by impersonation."""
    return lambda method, path, body=None: client(method, path, body, Impersonate_User=user)


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "GET",
            "/api/v1/namespaces/default/pods",
            'pods is forbidden: User "nemo" cannot list resource "pods" in API group "" in the namespace "default"',
        ),
        (
            "GET",
            "/api/v1/namespaces/default/pods?watch=1",
            'pods is forbidden: User "nemo" cannot watch resource "pods" in API group "" in the namespace "default"',
        ),
        (
            "DELETE",
            "/apis/kubevirt.io/v1/namespaces/default/virtualmachines?fieldSelector=metadata.name%3Dx",
            (
                'virtualmachines.kubevirt.io is forbidden: User "nemo" cannot deletecollection resource "virtualmachines" '
                'in API group "kubevirt.io" in the namespace "default"'
            ),
        ),
        (
            "GET",
            "/api/v1/nodes/nope",
            'nodes "nope" is forbidden: User "nemo" cannot get resource "nodes" in API group "" at the cluster scope',
        ),
        (
            "POST",
            "/api/v1/namespaces/default/serviceaccounts/default/token",
            (
                'serviceaccounts "default" is forbidden: User "nemo" cannot create resource "serviceaccounts/token" '
                'in API group "" in the namespace "default"'
            ),
        ),
        (
            "PUT",
            "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/x/start",
            (
                'virtualmachines.subresources.kubevirt.io "x" is forbidden: User "nemo" cannot update resource '
                '"virtualmachines/start" in API group "subresources.kubevirt.io" in the namespace "default"'
            ),
        ),
        ("GET", "/metrics", 'forbidden: User "nemo" cannot get path "/metrics"'),
    ],
)
def test_nobodys_friend_is_refused(client, method, path, message):
    answer = act(client, "nemo")(method, path)
    assert answer.status_code == 403
    assert answer.json()["message"] == message
    assert answer.json()["reason"] == "Forbidden"


def test_anonymous_users_may_ask_for_health_and_version_alone(client):
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert client.get(path, token="").status_code == 200
    answer = client.get("/api", token="")
    assert answer.status_code == 403
    assert answer.json()["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'


def test_whoever_is_known_may_discover(client):
    for path in ("/api", "/apis", "/apis/kubevirt.io/v1", "/openapi/v3"):
        assert act(client, "nemo")("GET", path).status_code == 200


def test_view_edit_and_admin_reach_machines(client, namespace):
    """KubeVirt's roles are gathered into Kubernetes' by their labels."""
    machines = f"/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachines"
    start = f"/apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/vm/start"
    for role in ("view", "edit", "admin"):
        client.bind(role, role, {"kind": "User", "name": f"{role}er"}, namespace)
    view, edit, admin = (act(client, f"{role}er") for role in ("view", "edit", "admin"))
    machine = {**VM, "metadata": {"name": "vm"}}
    assert view("POST", machines, machine).status_code == 403
    assert edit("POST", machines, machine).status_code == 201
    assert view("GET", f"{machines}/vm").status_code == 200
    assert view("PUT", start).status_code == 403
    assert edit("PUT", start).status_code == 202
    assert edit("DELETE", machines).status_code == 403
    assert admin("DELETE", machines).status_code == 200
    binding = {
        "metadata": {"name": "more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    }
    bindings = f"{RBAC}/namespaces/{namespace}/rolebindings"
    assert edit("POST", bindings, binding).status_code == 403
    assert admin("POST", bindings, binding).status_code == 201
    refused = admin("POST", bindings, {**binding, "roleRef": {**binding["roleRef"], "name": "cluster-admin"}})
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'rolebindings.rbac.authorization.k8s.io "more" is forbidden: user "adminer" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}'
    )


def test_a_namespace_can_be_read_with_a_role_in_it(client, namespace):
    client.bind("views", "view", {"kind": "User", "name": "nora"}, namespace)
    assert act(client, "nora")("GET", f"/api/v1/namespaces/{namespace}").status_code == 200
    assert act(client, "nora")("GET", "/api/v1/namespaces").status_code == 403


def test_a_named_object_can_be_listed_and_watched_by_its_name(client, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"], "verbs": ["get", "list", "delete"]}
    client.made(f"{RBAC}/namespaces/{namespace}/roles", {"metadata": {"name": "one"}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}
    client.made(
        f"{RBAC}/namespaces/{namespace}/rolebindings",
        {"metadata": {"name": "one"}, "roleRef": reference, "subjects": [{"kind": "User", "name": "olga"}]},
    )
    client.made(path, {"metadata": {"name": "a"}})
    olga = act(client, "olga")
    assert olga("GET", f"{path}/a").status_code == 200
    assert olga("GET", f"{path}/b").status_code == 403
    assert olga("GET", path).status_code == 403
    assert olga("GET", f"{path}?fieldSelector=metadata.name%3Da").status_code == 200
    assert olga("GET", f"{path}?fieldSelector=metadata.name%3Db").status_code == 403


def test_impersonation_needs_the_verb(client, namespace):
    token = client.made(f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token", {})["status"]["token"]
    me = f"system:serviceaccount:{namespace}:default"
    refused = client.get("/api/v1/nodes", token=token, Impersonate_User="bob")
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        f'users "bob" is forbidden: User "{me}" cannot impersonate resource "users" in API group "" at the cluster scope'
    )
    assert refused.json()["details"] == {"name": "bob", "kind": "users"}
    # Whoever may edit in a namespace may act as its service accounts.
    client.bind("edits", "edit", {"kind": "ServiceAccount", "name": "default", "namespace": namespace}, namespace)
    who = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    other = f"system:serviceaccount:{namespace}:other"
    info = client.made(who, {}, token=token, Impersonate_User=other)["status"]["userInfo"]
    assert info["groups"] == ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    refused = client("POST", who, {}, token=token, Impersonate_User=other, Impersonate_Group="system:masters")
    assert refused.json()["message"] == (
        f'groups "system:masters" is forbidden: User "{me}" cannot impersonate resource "groups" in API group "" at the cluster scope'
    )


def test_impersonated_groups_need_a_user(client):
    answer = client.get("/api", Impersonate_Group="a")
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("without impersonating a user name")


def test_who_acted_as_another_is_that_other(client, namespace):
    """Also for those who acted as nobody: anonymous has its own group."""
    who = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    refused = client("POST", who, {}, Impersonate_User="system:anonymous")
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot create resource '
        '"selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope'
    )


def test_bad_tokens_are_not_taken_for_nobody(client):
    for token in ("nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        answer = client.get("/healthz", token=token)
        assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


@pytest.mark.slow
def test_a_certificate_from_the_command_line_proves_user_and_groups(client, namespace):
    client.bind("views", "view", {"kind": "Group", "name": "testers"}, namespace)
    with client.certified("carla", "testers", "others") as carla:
        info = carla.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}).json()["status"]["userInfo"]
        (credential,) = info.pop("extra")["authentication.kubernetes.io/credential-id"]
        assert re.fullmatch("X509SHA256=[0-9a-f]{64}", credential)
        assert info == {"username": "carla", "groups": ["testers", "others", "system:authenticated"]}
        assert carla.get(f"/api/v1/namespaces/{namespace}/pods").status_code == 200
        assert carla.get("/api/v1/nodes").status_code == 403


def test_an_aggregated_role_follows_its_parts(client):
    rule = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    roles = f"{RBAC}/clusterroles"
    client.made(roles, {"metadata": {"name": "widgets", "labels": labels}, "rules": [rule]})
    client.plane.settle()
    for role in ("view", "edit", "admin"):
        assert rule in client.get(f"{roles}/{role}").json()["rules"]
    client("DELETE", f"{roles}/widgets")
    client.plane.settle()
    for role in ("view", "edit", "admin"):
        assert rule not in client.get(f"{roles}/{role}").json()["rules"]


def test_the_roles_of_a_fresh_installation_are_aggregated_already(client):
    """Their rules are put together before anybody asks, so the controller finds nothing to write."""
    found = client.get(f"{RBAC}/clusterroles").json()["items"]
    for role in found:
        managers = {entry["manager"] for entry in role["metadata"].get("managedFields", ())}
        assert "clusterrole-aggregation-controller" not in managers or role["metadata"]["name"] in (
            "view",
            "edit",
            "admin",
        )
    named = {role["metadata"]["name"] for role in found}
    assert {
        "cluster-admin",
        "admin",
        "edit",
        "view",
        "system:discovery",
        "kubevirt.io:view",
        "cdi.kubevirt.io:edit",
    } <= named
