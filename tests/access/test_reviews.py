"""Reviews over HTTP (reference kubernetes-api.md 6): every resource of the table, and its refusals."""

from __future__ import annotations

import pytest

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"
PODS = {"verb": "list", "resource": "pods", "namespace": "default"}
EXACTLY_ONE = "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"


def test_masters_may_and_no_reason_is_given(client):
    answer = client.made(f"{AUTHORIZATION}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}})
    assert answer["kind"] == "SelfSubjectAccessReview"
    assert answer["spec"] == {"resourceAttributes": PODS}
    assert answer["status"] == {"allowed": True}
    (entry,) = answer["metadata"]["managedFields"]
    assert entry["operation"] == "Update"


def test_the_reason_names_binding_role_and_subject(client, namespace):
    client.bind("views", "view", {"kind": "User", "name": "vera"}, namespace)
    attributes = {**PODS, "namespace": namespace}
    spec = {"user": "vera", "resourceAttributes": attributes}
    answer = client.made(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": spec})
    why = f'RBAC: allowed by RoleBinding "views/{namespace}" of ClusterRole "view" to User "vera"'
    assert answer["status"] == {"allowed": True, "reason": why}
    attributes["verb"] = "delete"
    assert client.made(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": spec})["status"] == {"allowed": False}


def test_a_review_of_a_path(client):
    attributes = {"path": "/api", "verb": "get"}
    asked = {"user": "vera", "groups": ["system:authenticated"], "nonResourceAttributes": attributes}
    why = 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"'
    answer = client.made(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": asked})
    assert answer["status"] == {"allowed": True, "reason": why}
    attributes["path"] = "/metrics"
    assert not client.made(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": asked})["status"]["allowed"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("selfsubjectaccessreviews", {"spec": {}}, EXACTLY_ONE),
        (
            "selfsubjectaccessreviews",
            {"spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/x"}}},
            (
                'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":""}: '
                "cannot be specified in combination with resourceAttributes"
            ),
        ),
        (
            "subjectaccessreviews",
            {"spec": {"resourceAttributes": {}}},
            'spec.user: Invalid value: "": at least one of user or group must be specified',
        ),
        (
            "subjectaccessreviews",
            {"metadata": {"name": "x"}, "spec": {"user": "a", "resourceAttributes": {}}},
            'metadata: Invalid value: {"name":"x"}: must be empty',
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"spec": {"user": "a", "resourceAttributes": {"namespace": "other"}}},
            'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"spec": {"user": "a", "nonResourceAttributes": {"path": "/x", "verb": "get"}}},
            'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request',
        ),
    ],
)
def test_reviews_that_ask_nothing_or_too_much(client, path, body, message):
    """The texts of kube-apiserver's validation, which names the kind of its internal object: none."""
    answer = client("POST", f"{AUTHORIZATION}/{path}", body)
    assert answer.status_code == 422
    assert answer.json()["message"] == f'.authorization.k8s.io "" is invalid: {message}'
    assert answer.json()["details"]["group"] == "authorization.k8s.io"


def test_a_local_review_is_of_its_namespace(client, namespace):
    client.bind("views", "view", {"kind": "Group", "name": "viewers"}, namespace)
    path = f"{AUTHORIZATION}/namespaces/{namespace}/localsubjectaccessreviews"
    asked = {"user": "a", "groups": ["viewers"], "resourceAttributes": {**PODS, "namespace": namespace}}
    answer = client.made(path, {"spec": asked})
    assert answer["status"]["allowed"] is True
    assert answer["metadata"]["namespace"] == namespace
    assert client("POST", f"{AUTHORIZATION}/localsubjectaccessreviews", {"spec": asked}).status_code == 404


def test_my_rules_in_a_namespace(client, namespace):
    client.bind("views", "kubevirt.io:migrate", {"kind": "User", "name": "mia"}, namespace)
    answer = client.made(
        f"{AUTHORIZATION}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}}, Impersonate_User="mia"
    )
    assert answer["spec"] == {}
    status = answer["status"]
    assert status["incomplete"] is False
    assert {
        "verbs": ["update"],
        "apiGroups": ["subresources.kubevirt.io"],
        "resources": ["virtualmachines/migrate"],
    } in (status["resourceRules"])
    assert {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]} in (
        status["nonResourceRules"]
    )


def test_rules_are_of_some_namespace(client):
    answer = client("POST", f"{AUTHORIZATION}/selfsubjectrulesreviews", {"spec": {}})
    assert (answer.status_code, answer.json()["message"]) == (400, "no namespace on request")


def test_who_am_i(client):
    answer = client.made(f"{AUTHENTICATION}/selfsubjectreviews", {})
    assert answer["status"] == {
        "userInfo": {"username": "solovirt-admin", "groups": ["system:masters", "system:authenticated"]}
    }
    assert answer["metadata"]["creationTimestamp"]
    other = client.made(
        f"{AUTHENTICATION}/selfsubjectreviews",
        {},
        Impersonate_User="bob",
        Impersonate_Uid="7",
        Impersonate_Extra_Scopes="view",
    )
    assert other["status"]["userInfo"] == {
        "username": "bob",
        "uid": "7",
        "groups": ["system:authenticated"],
        "extra": {"scopes": ["view"]},
    }


def test_reviews_are_decoded_as_any_object(client):
    wrong = client("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", {"spec": 5})
    assert wrong.status_code == 400
    assert wrong.json()["message"].startswith(
        'SelfSubjectAccessReview in version "v1" cannot be handled as a SelfSubjectAccessReview: json: cannot unmarshal number'
    )
    strict = {"spec": {"resourceAttributes": PODS, "bogus": 1}}
    refused = client("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews?fieldValidation=Strict", strict)
    assert refused.status_code == 400
    assert refused.json()["message"].endswith('strict decoding error: unknown field "spec.bogus"')
    warned = client("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", strict)
    assert (warned.status_code, warned.headers["Warning"]) == (201, '299 - "unknown field \\"spec.bogus\\""')
    assert client.get(f"{AUTHORIZATION}/selfsubjectaccessreviews").status_code == 405


def test_a_review_in_protobuf(client):
    """kubectl from 1.32 sends them so (reference kubernetes-api.md 9); field numbers from k8s.io/api/authorization/v1."""

    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    attributes = field(1, b"default") + field(2, b"list") + field(3, b"") + field(5, b"pods")
    review = field(1, b"") + field(2, field(1, attributes)) + field(3, b"\x08\x00")
    kind = field(1, b"authorization.k8s.io/v1") + field(2, b"SelfSubjectAccessReview")
    body = b"k8s\0" + field(1, kind) + field(2, review)
    answer = client._http.post(
        f"{AUTHORIZATION}/selfsubjectaccessreviews",
        content=body,
        headers={
            "Authorization": f"Bearer {client.plane.token}",
            "Content-Type": "application/vnd.kubernetes.protobuf",
            "Accept": "application/vnd.kubernetes.protobuf,application/json",
        },
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"] == {"resourceAttributes": PODS}
    assert answer.json()["status"] == {"allowed": True}


def test_discovery_shows_the_reviews(client):
    listed = {one["name"]: one for one in client.get(AUTHORIZATION).json()["resources"]}
    assert list(listed) == [
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    ]
    assert listed["localsubjectaccessreviews"] == {
        "name": "localsubjectaccessreviews",
        "singularName": "localsubjectaccessreview",
        "namespaced": True,
        "kind": "LocalSubjectAccessReview",
        "verbs": ["create"],
    }
    core = {one["name"]: one for one in client.get("/api/v1").json()["resources"]}
    assert core["serviceaccounts/token"] == {
        "name": "serviceaccounts/token",
        "singularName": "",
        "namespaced": True,
        "group": "authentication.k8s.io",
        "version": "v1",
        "kind": "TokenRequest",
        "verbs": ["create"],
    }


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("selfsubjectaccessreviews", {"resourceAttributes": {"verb": None, "fieldSelector": {"requirements": [None]}}}),
        ("selfsubjectaccessreviews", {"nonResourceAttributes": {}}),
        ("subjectaccessreviews", {"groups": [None], "extra": {"a": None}, "resourceAttributes": {}}),
        ("selfsubjectrulesreviews", None),
    ],
)
def test_odd_questions_are_no_internal_errors(client, path, spec):
    assert client("POST", f"{AUTHORIZATION}/{path}", {"spec": spec}).status_code in (201, 400, 422)
