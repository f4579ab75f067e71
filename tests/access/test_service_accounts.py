"""Tokens of service accounts over HTTP (reference kubernetes-api.md 6)."""

from __future__ import annotations

import base64
import json

import pytest

ISSUER = "https://kubernetes.default.svc.cluster.local"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def request(client, namespace, spec=None, name="default"):
    return client.made(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {"spec": spec or {}})


def reviewed(client, token, audiences=()):
    return client.made(REVIEWS, {"spec": {"token": token, "audiences": list(audiences)}})["status"]


def test_a_token_says_what_the_reference_lists(client, namespace):
    answer = request(client, namespace)
    account = client.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").json()
    assert answer["spec"] == {"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": None}
    assert (answer["metadata"]["name"], answer["metadata"]["namespace"]) == ("default", namespace)
    said = claims(answer["status"]["token"])
    now = int(client.plane.clock.now().timestamp())
    assert said.pop("jti")
    assert said == {
        "iss": ISSUER,
        "sub": f"system:serviceaccount:{namespace}:default",
        "aud": [ISSUER],
        "exp": now + 3600,
        "iat": now,
        "nbf": now,
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": {"name": "default", "uid": account["metadata"]["uid"]},
        },
    }


def test_a_token_proves_its_account(client, namespace):
    token = request(client, namespace)["status"]["token"]
    info = client.made(WHO, {}, token=token)["status"]["userInfo"]
    uid = client.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").json()["metadata"]["uid"]
    assert info == {
        "username": f"system:serviceaccount:{namespace}:default",
        "uid": uid,
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
        "extra": {"authentication.kubernetes.io/credential-id": [f"JTI={claims(token)['jti']}"]},
    }
    assert reviewed(client, token) == {"authenticated": True, "user": info, "audiences": [ISSUER]}


def test_the_published_keys_verify_it(client, namespace):
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    def number(text):
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")

    token = request(client, namespace)["status"]["token"]
    discovery = client.get("/.well-known/openid-configuration", token=token)
    assert discovery.json() == {
        "issuer": ISSUER,
        "jwks_uri": f"{client.plane.url}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    keys = client.get("/openid/v1/jwks", token=token)
    assert keys.headers["Content-Type"] == "application/jwk-set+json"
    (key,) = keys.json()["keys"]
    signed, _, signature = token.rpartition(".")
    public = RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), PKCS1v15(), SHA256())
    assert client.get("/openid/v1/jwks", token="").status_code == 403


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        (599, "may not specify a duration less than 10 minutes"),
        (0, "may not specify a duration less than 10 minutes"),
        (2**32 + 1, "may not specify a duration larger than 2^32 seconds"),
    ],
)
def test_times_that_cannot_be_asked_for(client, namespace, seconds, why):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    answer = client("POST", path, {"spec": {"expirationSeconds": seconds}})
    assert answer.status_code == 422
    assert answer.json()["message"] == (
        f'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: {seconds}: {why}'
    )


def test_a_missing_account_has_no_tokens(client, namespace):
    answer = client("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/nope/token", {})
    assert (answer.status_code, answer.json()["message"]) == (404, 'serviceaccounts "nope" not found')


def test_a_token_ends_with_its_time(client, namespace):
    token = request(client, namespace, {"expirationSeconds": 600})["status"]["token"]
    client.plane.advance(659)
    assert client.made(WHO, {}, token=token)
    client.plane.advance(2)  # Kubernetes allows for clocks that differ by a minute.
    refused = client("POST", WHO, {}, token=token)
    assert refused.status_code == 401
    assert refused.json()["message"] == "Unauthorized"
    assert reviewed(client, token) == {
        "user": {},
        "error": "[invalid bearer token, service account token has expired]",
    }


def test_a_token_dies_with_its_account_though_another_takes_its_name(client, namespace):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    client.made(path, {"metadata": {"name": "robot"}})
    token = request(client, namespace, name="robot")["status"]["token"]
    assert client.made(WHO, {}, token=token)
    assert client("DELETE", f"{path}/robot").status_code == 200
    assert client("POST", WHO, {}, token=token).status_code == 401
    client.made(path, {"metadata": {"name": "robot"}})
    assert client("POST", WHO, {}, token=token).status_code == 401


def test_a_token_for_others_is_none_for_the_api_server(client, namespace):
    token = request(client, namespace, {"audiences": ["vault", "bank"]})["status"]["token"]
    assert client("POST", WHO, {}, token=token).status_code == 401
    status = reviewed(client, token, ["vault"])
    assert (status["authenticated"], status["audiences"]) == (True, ["vault"])
    assert reviewed(client, token)["error"] == (
        f'[invalid bearer token, token audiences ["vault" "bank"] is invalid for the target audiences ["{ISSUER}"]]'
    )


def test_reviews_of_other_tokens(client):
    assert reviewed(client, "nonsense") == {"user": {}, "error": "invalid bearer token"}
    admin = reviewed(client, client.plane.token)
    assert admin["user"]["username"] == "solovirt-admin"
    assert reviewed(client, client.plane.token, ["vault"]) == {"user": {}, "error": "invalid bearer token"}
    empty = client("POST", REVIEWS, {"spec": {"token": ""}})
    assert (empty.status_code, empty.json()["message"]) == (
        400,
        "token is required for TokenReview in authentication",
    )


def test_a_token_bound_to_a_secret_dies_with_it(client, namespace):
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    uid = client.made(secrets, {"metadata": {"name": "s"}})["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "Secret", "name": "s"}
    token = request(client, namespace, {"boundObjectRef": reference})["status"]["token"]
    assert claims(token)["kubernetes.io"]["secret"] == {"name": "s", "uid": uid}
    assert client.made(WHO, {}, token=token)
    client("DELETE", f"{secrets}/s")
    assert client("POST", WHO, {}, token=token).status_code == 401


def test_a_token_bound_to_a_pod_tells_of_it(client, namespace):
    pods = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeName": "node01"}
    pod = client.made(pods, {"metadata": {"name": "p"}, "spec": spec})
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": pod["metadata"]["uid"]}
    token = request(client, namespace, {"boundObjectRef": reference})["status"]["token"]
    extra = client.made(WHO, {}, token=token)["status"]["userInfo"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert extra["authentication.kubernetes.io/pod-uid"] == [pod["metadata"]["uid"]]
    assert extra["authentication.kubernetes.io/node-name"] == ["node01"]


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ({"kind": "Secret", "apiVersion": "v1", "name": "nope"}, 404, 'secrets "nope" not found'),
        (
            {"kind": "Job", "apiVersion": "batch/v1", "name": "j"},
            400,
            "cannot bind token to object of type batch/v1, Kind=Job",
        ),
    ],
)
def test_what_a_token_cannot_be_bound_to(client, namespace, reference, code, message):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    answer = client("POST", path, {"spec": {"boundObjectRef": reference}})
    assert (answer.status_code, answer.json()["message"]) == (code, message)


def test_a_secret_for_a_token_gets_one(client, namespace):
    """Reference kubernetes-api.md 7, ServiceAccount."""
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    annotations = {"kubernetes.io/service-account.name": "default"}
    kind = "kubernetes.io/service-account-token"
    client.made(secrets, {"metadata": {"name": "t", "annotations": annotations}, "type": kind})
    client.plane.settle()
    secret = client.get(f"{secrets}/t").json()
    account = client.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").json()
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == account["metadata"]["uid"]
    assert base64.b64decode(secret["data"]["namespace"]).decode() == namespace
    assert base64.b64decode(secret["data"]["ca.crt"]) == client.plane.control_plane.authority_pem
    token = base64.b64decode(secret["data"]["token"]).decode()
    said = claims(token)
    assert said["iss"] == "kubernetes/serviceaccount"
    assert said["kubernetes.io/serviceaccount/secret.name"] == "t"
    client.plane.advance(7200)
    info = client.made(WHO, {}, token=token)["status"]["userInfo"]
    assert info["username"] == f"system:serviceaccount:{namespace}:default"
    client("DELETE", f"{secrets}/t")
    assert client("POST", WHO, {}, token=token).status_code == 401


def test_a_secret_for_the_token_of_nobody_goes(client, namespace):
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    annotations = {"kubernetes.io/service-account.name": "robot"}
    kind = "kubernetes.io/service-account-token"
    client.made(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "robot"}})
    client.made(secrets, {"metadata": {"name": "t", "annotations": annotations}, "type": kind})
    client.plane.settle()
    client("DELETE", f"/api/v1/namespaces/{namespace}/serviceaccounts/robot")
    client.plane.settle()
    assert client.get(f"{secrets}/t").status_code == 404


def test_no_key_is_made_before_the_first_token():
    from solovirt.testing import BackgroundControlPlane

    # Replicas of a shared database share their keys, and make them all at the start.
    with BackgroundControlPlane() as fresh:
        assert not (fresh.control_plane.settings.data_dir / "pki" / "service-account.key").exists()
