"""
Versions that a webhook converts, over HTTP (Kubernetes: "Versions in CustomResourceDefinitions"; texts of k8s.io/apiextensions-apiserver,
pkg/apiserver/conversion/webhook_converter.go).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.controllers.custom_resources.conftest import DEFINITIONS, Server, a_definition, a_version
from tests.webhooks import Webhook, webhook

V1 = "/apis/example.com/v1/namespaces/default/widgets"
V2 = "/apis/example.com/v2/namespaces/default/widgets"
NAME = f"{DEFINITIONS}/widgets.example.com"
WHAT = "conversion webhook for example.com/v1, Kind=Widget"


def schema(**spec: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}


TEXT = {"type": "string"}
OLD = schema(hostPort=TEXT)
NEW = schema(host=TEXT, port=TEXT, protocol={"type": "string", "default": "tcp"})


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What is one field in v1 is two in v2."""
    out = []
    for document in request["objects"]:
        spec = dict(document.get("spec") or {})
        if request["desiredAPIVersion"] == "example.com/v2":
            host, _, port = spec.pop("hostPort", "").partition(":")
            spec |= {"host": host, "port": port}
        else:
            spec = {"hostPort": f"{spec.pop('host', '')}:{spec.pop('port', '')}"}
        metadata = {**document["metadata"], "resourceVersion": "ignored"}
        out.append({**document, "apiVersion": request["desiredAPIVersion"], "metadata": metadata, "spec": spec})
    return {"result": {"status": "Success"}, "convertedObjects": out}


def definition(client_config: dict[str, Any], *, stored: str = "v1") -> dict[str, Any]:
    versions = [
        a_version("v1", OLD, storage=stored == "v1", selectableFields=[{"jsonPath": ".spec.hostPort"}]),
        a_version("v2", NEW, storage=stored == "v2", selectableFields=[{"jsonPath": ".spec.port"}]),
    ]
    out = a_definition(*versions)
    out["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"clientConfig": client_config, "conversionReviewVersions": ["v1"]},
    }
    return out


def widget(name: str, version: str = "v1", **spec: str) -> dict[str, Any]:
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook(convert) as made:
        yield made


async def test_each_version_is_read_and_written_as_it_is(server: Server, hook: Webhook) -> None:
    await server.define(definition(hook.client_config))
    made = await server("POST", V1, widget("a", hostPort="here:1"))
    assert (made.status, made.body["spec"]) == (201, {"hostPort": "here:1"})
    # What is stored is not converted to be read in its own version.
    assert (await server.get(f"{V1}/a"))["spec"] == {"hostPort": "here:1"}
    assert hook.reviews == []
    other = await server.get(f"{V2}/a")
    assert other["apiVersion"] == "example.com/v2"
    # Defaults are those of the version, and of metadata only labels and annotations are the webhook's.
    assert other["spec"] == {"host": "here", "port": "1", "protocol": "tcp"}
    assert other["metadata"] == made.body["metadata"]
    (request,) = hook.requests
    assert (request["desiredAPIVersion"], [one["apiVersion"] for one in request["objects"]]) == (
        "example.com/v2",
        ["example.com/v1"],
    )
    assert hook.reviews[0]["apiVersion"] == "apiextensions.k8s.io/v1"
    # Once more costs nothing.
    assert (await server.get(f"{V2}/a")) == other
    assert len(hook.reviews) == 1


async def test_what_is_written_by_another_version_is_stored_in_the_stored_one(server: Server, hook: Webhook) -> None:
    await server.define(definition(hook.client_config))
    made = await server("POST", V2, widget("a", "v2", host="there", port="2"))
    assert (made.status, made.body["spec"]) == (201, {"host": "there", "port": "2", "protocol": "tcp"})
    assert (await server.get(f"{V1}/a"))["spec"] == {"hostPort": "there:2"}
    patched = await server("PATCH", f"{V2}/a", {"spec": {"port": "3"}})
    assert (patched.status, patched.body["spec"]["port"], patched.body["metadata"]["generation"]) == (200, "3", 2)
    assert (await server.get(f"{V1}/a"))["spec"] == {"hostPort": "there:3"}
    current = await server.get(f"{V2}/a")
    current["spec"]["host"] = "elsewhere"
    assert (await server("PUT", f"{V2}/a", current)).status == 200
    assert (await server.get(f"{V1}/a"))["spec"] == {"hostPort": "elsewhere:3"}
    stale = await server("PUT", f"{V2}/a", current)
    assert stale.status == 409
    applied = await server(
        "PATCH",
        f"{V2}/b?fieldManager=me",
        widget("b", "v2", host="x", port="9"),
        Content_Type="application/apply-patch+yaml",
    )
    assert (applied.status, applied.body["apiVersion"]) == (201, "example.com/v2")
    tried = await server("PATCH", f"{V2}/a?dryRun=All", {"spec": {"port": "4"}})
    assert tried.body["spec"]["port"] == "4"
    assert (await server.get(f"{V2}/a"))["spec"]["port"] == "3"
    assert (await server("DELETE", f"{V2}/a")).status == 200
    assert (await server("GET", f"{V1}/a")).status == 404


async def test_lists_are_converted_at_once_and_selected_by_what_they_become(server: Server, hook: Webhook) -> None:
    await server.define(definition(hook.client_config))
    for number in range(3):
        await server("POST", V1, widget(f"w{number}", hostPort=f"h:{number}"))
    listed = await server.get(V2)
    assert [one["spec"]["port"] for one in listed["items"]] == ["0", "1", "2"]
    assert {one["apiVersion"] for one in listed["items"]} == {"example.com/v2"}
    assert [len(request["objects"]) for request in hook.requests] == [3]
    chosen = await server.get(f"{V2}?fieldSelector=spec.port=1")
    assert [one["metadata"]["name"] for one in chosen["items"]] == ["w1"]
    chosen = await server.get(f"{V1}?fieldSelector=spec.hostPort=h:2")
    assert [one["metadata"]["name"] for one in chosen["items"]] == ["w2"]
    refused = await server("GET", f"{V1}?fieldSelector=spec.port=1")
    assert (refused.status, refused.body["message"]) == (400, "field label not supported: spec.port")
    deleted = await server("DELETE", f"{V2}?fieldSelector=spec.port=0")
    assert [one["spec"]["host"] for one in deleted.body["items"]] == ["h"]
    assert [one["metadata"]["name"] for one in (await server.get(V1))["items"]] == ["w1", "w2"]


async def test_watches_see_their_version(server: Server, hook: Webhook) -> None:
    await server.define(definition(hook.client_config))
    await server("POST", V1, widget("a", hostPort="h:1"))
    async with server.watch(f"{V2}?fieldSelector=spec.port=1") as stream:
        first = json.loads(await stream.content.readline())
        await server("PATCH", f"{V1}/a", {"metadata": {"labels": {"x": "y"}}})
        second = json.loads(await stream.content.readline())
        await server("PATCH", f"{V1}/a", {"spec": {"hostPort": "h:2"}})
        third = json.loads(await stream.content.readline())
    seen = [(one["type"], one["object"]["apiVersion"], one["object"]["spec"]["port"]) for one in (first, second, third)]
    assert seen == [
        ("ADDED", "example.com/v2", "1"),
        ("MODIFIED", "example.com/v2", "1"),
        # It leaves the selection, as it was when it was in it.
        ("DELETED", "example.com/v2", "1"),
    ]


async def test_what_was_stored_before_stays_as_it_is_until_it_is_written(server: Server, hook: Webhook) -> None:
    plain = a_definition(a_version("v1", OLD))
    await server.define(plain)
    await server("POST", V1, widget("a", hostPort="h:1"))
    changed = definition(hook.client_config, stored="v2")
    answer = await server("PATCH", NAME, {"spec": changed["spec"]})
    assert answer.status == 200, answer.body
    await server.settle()
    assert (await server.get(NAME))["status"]["storedVersions"] == ["v1", "v2"]
    assert (await server.get(f"{V1}/a"))["spec"] == {"hostPort": "h:1"}
    assert hook.reviews == []
    assert (await server.get(f"{V2}/a"))["spec"]["host"] == "h"
    await server("PATCH", f"{V2}/a", {"metadata": {"labels": {"x": "y"}}})
    await server.restart()
    before = len(hook.reviews)
    assert (await server.get(f"{V2}/a"))["spec"]["host"] == "h"
    assert len(hook.reviews) == before
    # Back to one form for all: what is stored stays what it is, and says that it is of the version asked for.
    kept = await server("PATCH", NAME, {"spec": {"conversion": {"strategy": "None", "webhook": None}}})
    assert kept.status == 200, kept.body
    shown = await server("GET", f"{V1}/a")
    assert (shown.body["apiVersion"], shown.body["metadata"]["labels"]) == ("example.com/v1", {"x": "y"})


async def test_both_versions_own_their_fields(server: Server, hook: Webhook) -> None:
    await server.define(definition(hook.client_config))
    await server("POST", f"{V1}?fieldManager=one", widget("a", hostPort="h:1"))
    changed = await server("PATCH", f"{V2}/a?fieldManager=two", {"spec": {"port": "2"}})
    entries = {
        one["manager"]: (one["apiVersion"], one["fieldsV1"].get("f:spec"))
        for one in changed.body["metadata"]["managedFields"]
    }
    assert entries["two"] == ("example.com/v2", {"f:port": {}})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"result": {"status": "Failure", "message": "no way"}}, f"{WHAT} failed: no way"),
        ({"result": {"status": "Failure"}}, f"{WHAT} failed: response.result.status was 'Failure', not 'Success'"),
        ({"uid": "x"}, f'{WHAT} failed: expected response.uid="'),
        ({"result": {"status": "Success"}}, f"{WHAT} returned 0 objects, expected 1"),
        (b"nonsense", f"{WHAT} failed: couldn't get version/kind; json parse error: "),
        (b'{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1"}', f"{WHAT} failed: no response provided"),
        (
            b'{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v2","response":{}}',
            (
                f"{WHAT} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, "
                "got apiextensions.k8s.io/v2, Kind=ConversionReview"
            ),
        ),
        (
            web.Response(status=500, text="broken"),
            f'{WHAT} failed: an error on the server ("broken") has prevented the request from succeeding',
        ),
        (web.Response(status=404), f"{WHAT} failed: the server could not find the requested resource"),
    ],
)
async def test_what_a_webhook_does_wrong_is_told(server: Server, answer: Any, told: str) -> None:
    async with webhook(lambda _: answer) as hook:
        await server.define(definition(hook.client_config))
        await server("POST", V1, widget("a", hostPort="h:1"))
        refused = await server("GET", f"{V2}/a")
        assert refused.status == 500
        assert refused.body["message"].startswith(told), refused.body
        assert "reason" not in refused.body


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"apiVersion": "example.com/v1"}, "invalid groupVersion (expected example.com/v2, received example.com/v1)"),
        ({"kind": "Gadget"}, "invalid kind (expected Widget, received Gadget)"),
        ({"metadata": {"name": "b"}}, "must have the same name: a != b"),
    ],
)
async def test_a_webhook_may_change_neither_kind_nor_name(server: Server, change: Any, told: str) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        made = convert(request)
        for document in made["convertedObjects"]:
            metadata = {**document["metadata"], **change.get("metadata", {})}
            document |= {**change, "metadata": metadata}
        return made

    async with webhook(answer) as hook:
        await server.define(definition(hook.client_config))
        await server("POST", V1, widget("a", hostPort="h:1"))
        refused = await server("GET", f"{V2}/a")
        assert refused.status == 500
        assert refused.body["message"].endswith(told)


async def test_a_webhook_that_is_not_there_is_told_as_go_tells_it(server: Server) -> None:
    async with webhook(convert) as hook:
        config = hook.client_config
    await server.define(definition(config))
    await server("POST", V1, widget("a", hostPort="h:1"))
    refused = await server("GET", f"{V2}/a")
    assert (refused.status, refused.body["message"]) == (
        500,
        f'{WHAT} failed: Post "{config["url"]}?timeout=30s": dial tcp 127.0.0.1:{hook.port}: connect: connection refused',
    )
    # Nor is anything stored that could not be converted.
    created = await server("POST", V2, widget("b", "v2", host="h", port="1"))
    assert created.status == 500
    assert created.body["message"].startswith("conversion webhook for example.com/v2, Kind=Widget failed: ")
    assert (await server("GET", f"{V1}/b")).status == 404


async def test_a_certificate_that_nobody_vouches_for_is_refused(server: Server, hook: Webhook) -> None:
    await server.define(definition({"url": hook.url}))
    await server("POST", V1, widget("a", hostPort="h:1"))
    refused = await server("GET", f"{V2}/a")
    assert refused.body["message"].endswith(
        "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    )


async def test_a_service_leads_nowhere_but_to_an_external_name(server: Server, hook: Webhook) -> None:
    config = {
        "service": {"namespace": "default", "name": "hook", "path": "/convert", "port": hook.port},
        "caBundle": hook.client_config["caBundle"],
    }
    await server.define(definition(config))
    await server("POST", V1, widget("a", hostPort="h:1"))
    at = f'Post "https://hook.default.svc:{hook.port}/convert?timeout=30s"'
    refused = await server("GET", f"{V2}/a")
    assert refused.body["message"] == f'{WHAT} failed: {at}: service "hook" not found'
    ports = {"ports": [{"port": hook.port}]}
    services = "/api/v1/namespaces/default/services"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"}, "spec": ports}
    await server("POST", services, service)
    refused = await server("GET", f"{V2}/a")
    assert refused.body["message"] == f'{WHAT} failed: {at}: no endpoints available for service "hook"'
    await server("DELETE", f"{services}/hook")
    service["spec"] = {"type": "ExternalName", "externalName": "127.0.0.1", **ports}
    made = await server("POST", services, service)
    assert made.status == 201, made.body
    assert (await server.get(f"{V2}/a"))["spec"]["host"] == "h"


async def test_a_webhook_does_not_hold_up_other_writes(server: Server) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        await go_on.wait()
        return convert(request)

    async with webhook(answer) as hook:
        await server.define(definition(hook.client_config))
        waiting = asyncio.create_task(server("POST", V2, widget("a", "v2", host="h", port="1")))
        await asked.wait()
        made = await server("POST", V1, widget("b", hostPort="h:2"))
        assert made.status == 201
        assert not waiting.done()
        go_on.set()
        assert (await waiting).status == 201
