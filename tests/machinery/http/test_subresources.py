"""Handlers of subresources and virtual resources (reference kubernetes-api.md 6; kubevirt-subresources.md 1, 2)."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from solovirt.machinery.errors import Conflict, NotFound
from solovirt.machinery.verbs.protocol import Answer

VM = "/apis/example.com/v1/namespaces/default/vms/a"
GROUP_RESOURCE = ("example.com", "vms")


@pytest.fixture
def seen(registry):
    """Requests that reached the handler of `start`, which answers what `seen.result` holds."""

    class Seen(list[Any]):
        result = None
        reads_bodies = True

    seen = Seen()

    async def handler(request):
        if seen.reads_bodies:
            assert isinstance(request.body, dict | None)
        seen.append(request)
        if isinstance(seen.result, Exception):
            raise seen.result
        return seen.result

    registry.handle(GROUP_RESOURCE, "start", handler)
    registry.handle(GROUP_RESOURCE, "portforward", handler)
    registry.handle(GROUP_RESOURCE, "vnc/screenshot", handler)
    return seen


async def test_a_handler_gets_target_caller_and_body(client, seen):
    seen.result = Answer(202)
    reply = await client("PUT", f"{VM}/start", {"paused": True}, headers={"User-Agent": "virtctl/v1.9"})
    assert (reply.status, reply.body) == (202, b"")
    (request,) = seen
    assert (request.verb, request.body) == ("update", {"paused": True})
    assert (request.target.namespace, request.target.name, request.target.subresource) == ("default", "a", "start")
    assert (request.caller.user.name, request.caller.field_manager) == ("admin", "virtctl")


async def test_an_empty_body_is_none(client, seen):
    assert (await client("PUT", f"{VM}/start")).status == 200
    assert seen[0].body is None


async def test_a_body_that_cannot_be_read_is_refused_as_kubevirt_does(client, seen):
    reply = await client("PUT", f"{VM}/start", b"{nope")
    assert reply.status == 400
    assert reply.message.startswith("Can not unmarshal Request body to struct, error: ")
    assert not seen


async def test_a_handler_may_have_something_else_to_say_before_it_reads_the_body(client, seen):
    seen.reads_bodies, seen.result = False, NotFound.path()
    assert (await client("PUT", f"{VM}/start", b"{nope")).status == 404


async def test_further_segments_belong_to_the_declared_subresource(client, seen):
    await client.get(f"{VM}/portforward/22/tcp")
    await client.get(f"{VM}/vnc/screenshot")
    assert [request.target.subresource for request in seen] == ["portforward", "vnc/screenshot"]


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ({"kind": "Thing"}, 200, "application/json", b'{"kind":"Thing"}'),
        (Answer(200, b"png", "image/png"), 200, "image/png", b"png"),
        (Answer(500, b"why", "text/plain"), 500, "text/plain", b"why"),
        (Answer(201, {"a": 1}), 201, "application/json", b'{"a":1}'),
        (None, 200, "application/json", b""),
    ],
)
async def test_what_a_handler_may_give_back(client, seen, result, status, content_type, body):
    seen.result = result
    reply = await client("PUT", f"{VM}/start")
    assert (reply.status, reply.headers["Content-Type"], reply.body) == (status, content_type, body)


async def test_a_handler_may_answer_by_itself(client, seen):
    seen.result = web.Response(text="own")
    assert (await client("PUT", f"{VM}/start")).body == b"own"


async def test_a_handlers_refusal_is_a_status(client, seen):
    seen.result = Conflict('Operation cannot be fulfilled on virtualmachine.kubevirt.io "a": VM is already running')
    reply = await client("PUT", f"{VM}/start")
    assert reply.status == 409
    assert reply.json["reason"] == "Conflict"


async def test_verbs_that_a_subresource_does_not_have(client, seen):
    assert (await client("POST", f"{VM}/start")).status == 405
    assert (await client("PUT", f"{VM}/portforward/22")).status == 405


async def test_virtual_resources_are_answered_by_their_handler(client, registry):
    async def who(request):
        return {**request.body, "status": {"userInfo": {"username": request.caller.user.name}}}

    registry.handle(("authentication.k8s.io", "selfsubjectreviews"), "", who)
    reply = await client("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert reply.status == 201
    assert reply.json == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {},
        "status": {"userInfo": {"username": "admin"}},
    }
