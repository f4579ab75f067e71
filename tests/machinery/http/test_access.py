"""Who may what, as clients see it (reference kubernetes-api.md 4, 6)."""

from __future__ import annotations

import base64

import pytest

from solovirt.machinery.http.app import SERVER
from tests.machinery.http.conftest import ALICE

VMS = "/apis/example.com/v1/namespaces/default/vms"


async def test_a_token_that_is_not_known_is_refused(http):
    reply = await http.get("/version", user={"Authorization": "Bearer wrong"})
    assert reply.status == 401
    assert reply.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


@pytest.mark.parametrize("path", ["/healthz", "/livez/ping", "/readyz", "/version", "/version/"])
async def test_health_and_version_are_open(http, path):
    assert (await http.get(path, user={})).status == 200


@pytest.mark.parametrize("path", ["/", "/api", "/metrics", "/openapi/v3", "/nope", "/healthzzz"])
async def test_nobody_gets_no_other_paths(http, path):
    reply = await http.get(path, user={})
    assert reply.status == 403
    assert reply.message == f'forbidden: User "system:anonymous" cannot get path "{path}"'
    assert reply.json["details"] == {}


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/example.com/v1", "/api/v1"])
async def test_whoever_is_known_may_discover(http, path):
    assert (await http.get(path, user=ALICE)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "message", "details"),
    [
        (
            "GET",
            VMS,
            'vms.example.com is forbidden: User "alice" cannot list resource "vms" in API group "example.com" in the namespace "default"',
            {"group": "example.com", "kind": "vms"},
        ),
        (
            "GET",
            f"{VMS}?watch=1&fieldSelector=metadata.name%3Da",
            'vms.example.com "a" is forbidden: User "alice" cannot watch resource "vms" in API group "example.com" in the namespace "default"',
            {"name": "a", "group": "example.com", "kind": "vms"},
        ),
        (
            "PUT",
            f"{VMS}/a/start",
            'vms.example.com "a" is forbidden: User "alice" cannot update resource "vms/start" in API group "example.com" in the namespace "default"',
            {"name": "a", "group": "example.com", "kind": "vms"},
        ),
        (
            "DELETE",
            "/api/v1/nodes",
            'nodes is forbidden: User "alice" cannot deletecollection resource "nodes" in API group "" at the cluster scope',
            {"kind": "nodes"},
        ),
        (
            "GET",
            "/apis/nope.io/v1/things",
            'things.nope.io is forbidden: User "alice" cannot list resource "things" in API group "nope.io" at the cluster scope',
            {"group": "nope.io", "kind": "things"},
        ),
    ],
)
async def test_refusals_name_who_what_and_where_before_anything_is_looked_up(http, method, path, message, details):
    reply = await http(method, path, user=ALICE)
    assert reply.status == 403
    assert reply.json["reason"] == "Forbidden"
    assert reply.message == message
    assert reply.json["details"] == details


async def test_what_follows_a_subresources_first_segment_is_looked_at_twice(client, app, registry):
    """
    Reference kubevirt-subresources.md 1: kube-apiserver knows the first segment alone, virt-api the whole name, and refuses with 401 and
    plain text; ports and protocols are no names.
    """
    asked = []

    class Rules:
        def allows(self, user, attributes):
            asked.append(attributes.subresource)
            return attributes.subresource in ("vnc", "portforward"), "because"

    async def answer(request):
        return {}

    app[SERVER]._authoriser = Rules()
    for name in ("portforward", "vnc/screenshot"):
        registry.handle(("example.com", "vms"), name, answer)
    assert (await client.get(f"{VMS}/a/portforward/22/tcp", user=ALICE)).status == 200
    refused = await client.get(f"{VMS}/a/vnc/screenshot", user=ALICE)
    assert (refused.status, refused.body) == (401, b"because")
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert asked == ["portforward", "vnc", "vnc/screenshot"]


async def test_browsers_send_the_token_as_a_websocket_protocol(http):
    encoded = base64.urlsafe_b64encode(b"admin-token").rstrip(b"=").decode()
    protocols = f"base64url.bearer.authorization.k8s.io.{encoded}, other"
    assert (await http.get("/metrics", user={"Sec-WebSocket-Protocol": protocols})).status == 200
    assert (
        await http.get("/metrics", user={"Sec-WebSocket-Protocol": "base64url.bearer.authorization.k8s.io.!"})
    ).status == 401
