"""
Admission webhooks that run beside the server, over HTTP (Kubernetes: "Dynamic Admission Control"; texts of k8s.io/apiserver,
pkg/admission/plugin/webhook; where they stand in the pipeline: design decision 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.controllers.custom_resources.conftest import Server
from tests.webhooks import Webhook, json_patch, webhook

GROUP = "/apis/admissionregistration.k8s.io/v1"
MUTATING, VALIDATING = f"{GROUP}/mutatingwebhookconfigurations", f"{GROUP}/validatingwebhookconfigurations"
MAPS = "/api/v1/namespaces/default/configmaps"
NAME = "hook.example.com"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path / "data")
    await made.start()
    yield made
    await made.stop()


def allow(_: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def rule(resources: str = "configmaps", *operations: str, **more: Any) -> dict[str, Any]:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": [resources],
        "operations": list(operations) or ["*"],
        **more,
    }


def configuration(hook: Webhook, name: str = "test", *, mutating: bool = False, **more: Any) -> dict[str, Any]:
    entry = {
        "name": NAME,
        "clientConfig": hook.client_config,
        "rules": [rule()],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }
    kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "webhooks": [entry],
    }


async def configure(server: Server, hook: Webhook, name: str = "test", *, mutating: bool = False, **more: Any) -> None:
    answer = await server(
        "POST", MUTATING if mutating else VALIDATING, configuration(hook, name, mutating=mutating, **more)
    )
    assert answer.status == 201, answer.body


def a_map(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": {"k": "v"}}


async def test_a_configuration_gets_its_defaults(server: Server) -> None:
    async with webhook(allow) as hook:
        made = await server("POST", MUTATING, configuration(hook, mutating=True))
    (entry,) = made.body["webhooks"]
    assert (made.status, made.body["metadata"]["generation"]) == (201, 1)
    assert {key: entry[key] for key in sorted(set(entry) - {"clientConfig", "name", "admissionReviewVersions"})} == {
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "reinvocationPolicy": "Never",
        "rules": [rule(scope="*")],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


async def test_a_validating_webhook_sees_each_write_and_may_refuse_it(server: Server) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        wanted = (request.get("object") or request["oldObject"])["data"]["k"]
        return {"allowed": wanted != "bad", "status": {"message": "no", "code": 403, "reason": "Forbidden"}}

    async with webhook(answer) as hook:
        await configure(server, hook)
        made = await server("POST", f"{MAPS}?fieldManager=me", a_map())
        assert made.status == 201
        (request,) = hook.requests
        assert hook.reviews[0]["apiVersion"] == "admission.k8s.io/v1"
        assert request["kind"] == request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
        assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
        assert (request["name"], request["namespace"], request["operation"]) == ("a", "default", "CREATE")
        assert (request["oldObject"], request["dryRun"]) == (None, False)
        assert request["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"}
        assert request["userInfo"]["username"] == "solovirt-admin"
        assert request["object"]["metadata"]["uid"] == made.body["metadata"]["uid"]
        refused = await server("PATCH", f"{MAPS}/a", {"data": {"k": "bad"}})
        assert (refused.status, refused.body["reason"], refused.body["code"]) == (403, "Forbidden", 403)
        assert refused.body["message"] == f'admission webhook "{NAME}" denied the request: no'
        assert hook.requests[-1]["operation"] == "UPDATE"
        assert hook.requests[-1]["oldObject"]["data"] == {"k": "v"}
        assert (await server.get(f"{MAPS}/a"))["data"] == {"k": "v"}
        deleted = await server("DELETE", f"{MAPS}/a")
        assert deleted.status == 200
        assert (hook.requests[-1]["operation"], hook.requests[-1]["object"]) == ("DELETE", None)
        assert hook.requests[-1]["oldObject"]["metadata"]["name"] == "a"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (None, 400, " without explanation"),
        ({"reason": "Because"}, 400, ": Because"),
        ({"message": "no", "code": 200}, 400, ": no"),
        ({"message": "no", "code": 422}, 422, ": no"),
    ],
)
async def test_refusals_have_the_webhooks_code_and_words(server: Server, status: Any, code: int, told: str) -> None:
    async with webhook(lambda _: {"allowed": False, "status": status}) as hook:
        await configure(server, hook)
        refused = await server("POST", MAPS, a_map())
    assert (refused.status, refused.body["message"]) == (code, f'admission webhook "{NAME}" denied the request{told}')


async def test_a_mutating_webhook_changes_what_is_stored(server: Server) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        # What the server alone sets of a new object is not set yet.
        assert "uid" not in request["object"]["metadata"] or request["operation"] != "CREATE"
        return json_patch(
            {"op": "add", "path": "/metadata/labels", "value": {"seen": request["operation"].lower()}},
            {"op": "add", "path": "/data/more", "value": "x"},
        )

    async with webhook(answer) as hook:
        await configure(server, hook, mutating=True)
        made = await server("POST", MAPS, a_map())
        assert (made.status, made.body["data"]) == (201, {"k": "v", "more": "x"})
        assert made.body["metadata"]["labels"] == {"seen": "create"}
        assert made.body["metadata"]["uid"]
        patched = await server("PATCH", f"{MAPS}/a", {"data": {"k": "w"}})
        assert patched.body["metadata"]["labels"] == {"seen": "update"}
        assert (await server.get(f"{MAPS}?labelSelector=seen=update"))["items"][0]["data"]["k"] == "w"
        tried = await server("POST", f"{MAPS}?dryRun=All", a_map("b"))
        assert tried.body["data"]["more"] == "x"
        assert hook.requests[-1]["dryRun"] is True
        assert (await server("GET", f"{MAPS}/b")).status == 404


async def test_what_a_mutating_webhook_makes_is_validated(server: Server) -> None:
    bad = {"op": "add", "path": "/data/a b", "value": "x"}
    async with webhook(lambda _: json_patch(bad)) as hook:
        await configure(server, hook, mutating=True)
        refused = await server("POST", MAPS, a_map())
        assert (refused.status, refused.body["details"]["causes"][0]["field"]) == (422, "data[a b]")
        hook.answer = lambda _: json_patch({"op": "add", "path": "/data", "value": 7})
        refused = await server("POST", MAPS, a_map())
        assert (refused.status, refused.body["reason"]) == (500, "InternalError")
        hook.answer = lambda _: json_patch({"op": "remove", "path": "/spec/nothing"})
        assert (await server("POST", MAPS, a_map())).status == 500


async def test_validating_webhooks_see_what_mutating_ones_left(server: Server) -> None:
    async with (
        webhook(lambda _: json_patch({"op": "add", "path": "/data/one", "value": "1"})) as first,
        webhook(allow) as second,
    ):
        await configure(server, first, mutating=True)
        await configure(server, second)
        made = await server("POST", MAPS, a_map())
    assert second.requests[0]["object"] == {**made.body, "metadata": second.requests[0]["object"]["metadata"]}
    assert second.requests[0]["object"]["metadata"]["uid"] == made.body["metadata"]["uid"]


async def test_mutating_webhooks_follow_each_other_and_are_asked_again_if_they_want(server: Server) -> None:
    def adding(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda request: json_patch(
            {"op": "add", "path": f"/data/{key}", "value": ",".join(sorted(request["object"]["data"]))}
        )

    async with webhook(adding("a")) as first, webhook(adding("b")) as second:
        await configure(server, first, "1", mutating=True, reinvocationPolicy="IfNeeded")
        await configure(server, second, "2", mutating=True, reinvocationPolicy="IfNeeded")
        made = await server("POST", MAPS, a_map())
    assert (len(first.reviews), len(second.reviews)) == (2, 1)
    assert made.body["data"] == {"k": "v", "a": "a,b,k", "b": "a,k"}


@pytest.mark.parametrize("mutating", [True, False])
async def test_failures_refuse_the_request_or_let_it_pass(server: Server, mutating: bool) -> None:
    async with webhook(allow) as hook:
        config = hook.client_config
    gone = Webhook(allow)
    gone.port = hook.port
    await configure(server, gone, mutating=mutating, timeoutSeconds=3)
    refused = await server("POST", MAPS, a_map())
    assert (refused.status, refused.body["reason"]) == (500, "InternalError")
    assert refused.body["message"] == (
        f'Internal error occurred: failed calling webhook "{NAME}": failed to call webhook: Post "{config["url"]}?timeout=3s": '
        f"dial tcp 127.0.0.1:{hook.port}: connect: connection refused"
    )
    where = MUTATING if mutating else VALIDATING
    change = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    assert (await server("PATCH", f"{where}/test", change, Content_Type="application/json-patch+json")).status == 200
    assert (await server("POST", MAPS, a_map())).status == 201


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (web.Response(status=404), "failed to call webhook: the server could not find the requested resource"),
        (
            web.Response(status=503, text="later"),
            'failed to call webhook: an error on the server ("later") has prevented the request from succeeding',
        ),
        ({"uid": "x"}, 'received invalid webhook response: expected response.uid="'),
        (
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
            "received invalid webhook response: webhook response was absent",
        ),
        (
            {"allowed": True, "patch": "W10="},
            "received invalid webhook response: webhook returned response.patch but not response.patchType",
        ),
        ({"allowed": True, "patch": "W10=", "patchType": "Merge"}, 'unsupported patch type "Merge"'),
        (
            {"allowed": True, "patch": "e30hIQ", "patchType": "JSONPatch"},
            "received undecodable patch in webhook response: ",
        ),
    ],
)
async def test_answers_that_are_none_are_failures(server: Server, answer: Any, told: str) -> None:
    async with webhook(lambda _: answer) as hook:
        await configure(server, hook, mutating=True)
        refused = await server("POST", MAPS, a_map())
    assert refused.status == 500
    assert refused.body["message"].startswith(f'Internal error occurred: failed calling webhook "{NAME}": {told}'), (
        refused.body
    )


async def test_a_webhook_that_takes_too_long_has_failed(server: Server) -> None:
    async with webhook(lambda _: asyncio.sleep(5)) as hook:
        await configure(server, hook, timeoutSeconds=1)
        refused = await server("POST", MAPS, a_map())
    assert refused.body["message"].endswith("context deadline exceeded")


async def test_warnings_are_passed_on(server: Server) -> None:
    async with webhook(lambda _: {"allowed": True, "warnings": ["mind the gap"]}) as hook:
        await configure(server, hook)
        made = await server("POST", MAPS, a_map())
    assert made.warnings == ['299 - "mind the gap"']


async def asked(server: Server, hook: Webhook, *maps: dict[str, Any], path: str = MAPS) -> list[str]:
    for one in maps:
        assert (await server("POST", path, one)).status == 201
    return [request["name"] for request in hook.requests]


async def test_selectors_choose_objects(server: Server) -> None:
    async with webhook(allow) as hook:
        await configure(
            server,
            hook,
            objectSelector={"matchLabels": {"x": "y"}},
            namespaceSelector={
                "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["default"]}]
            },
        )
        assert await asked(server, hook, a_map("a"), a_map("b", labels={"x": "y"})) == ["b"]
        elsewhere = MAPS.replace("default", "kube-public")
        assert await asked(server, hook, a_map("c", labels={"x": "y"}), path=elsewhere) == ["b"]
        # An object that has had the label counts too.
        await server("PATCH", f"{MAPS}/b", {"metadata": {"labels": {"x": None}}})
        assert hook.requests[-1]["operation"] == "UPDATE"


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        ([rule("configmaps", "CREATE")], True),
        ([rule("configmaps", "UPDATE")], False),
        ([rule("*/*")], True),
        ([rule("*")], True),
        ([rule("configmaps/status")], False),
        ([rule("secrets")], False),
        ([rule(scope="Cluster")], False),
        ([rule(scope="Namespaced")], True),
        ([rule(apiGroups=["apps"])], False),
        ([rule(apiGroups=["*"], apiVersions=["*"])], True),
        ([rule("secrets"), rule()], True),
        ([], False),
    ],
)
async def test_rules_choose_requests(server: Server, given: Any, matches: bool) -> None:
    async with webhook(allow) as hook:
        await configure(server, hook, rules=given)
        assert bool(await asked(server, hook, a_map())) is matches


async def test_conditions_choose_requests(server: Server) -> None:
    conditions = [
        {"name": "not-b", "expression": "request.name != 'b'"},
        {"name": "has-data", "expression": "object.data.k == 'v' || object.data.missing == 'x'"},
    ]
    async with webhook(allow) as hook:
        await configure(server, hook, matchConditions=conditions)
        assert await asked(server, hook, a_map("a"), a_map("b")) == ["a"]
        failing = await server("POST", MAPS, {**a_map("c"), "data": {"k": "other"}})
        assert failing.status == 403
        assert "no such key: missing" in failing.body["message"]


@pytest.mark.parametrize(("policy", "seen"), [("Equivalent", ["v1beta1"]), ("Exact", [])])
async def test_a_rule_of_another_version_matches_if_that_is_as_good(
    server: Server, policy: str, seen: list[str]
) -> None:
    group = "/apis/pool.kubevirt.io"
    body = {
        "apiVersion": "pool.kubevirt.io/v1alpha1",
        "kind": "VirtualMachinePool",
        "metadata": {"name": "p"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "virtualMachineTemplate": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "runStrategy": "Halted",
                    "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
                },
            },
        },
    }
    wanted = rule("virtualmachinepools", "CREATE", apiGroups=["pool.kubevirt.io"], apiVersions=["v1beta1"])
    async with webhook(allow) as hook:
        await configure(server, hook, rules=[wanted], matchPolicy=policy)
        made = await server("POST", f"{group}/v1alpha1/namespaces/default/virtualmachinepools", body)
        assert made.status == 201, made.body
    assert [request["object"]["apiVersion"].partition("/")[2] for request in hook.requests] == seen
    assert [request["requestKind"]["version"] for request in hook.requests] == ["v1alpha1" for _ in seen]


async def test_controllers_writes_are_seen_too(server: Server) -> None:
    """A webhook on instances sees those that a machine makes."""
    wanted = rule("virtualmachineinstances", "CREATE", apiGroups=["kubevirt.io"])
    machine = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "vm"},
        "spec": {
            "runStrategy": "Always",
            "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
        },
    }
    added = {"op": "add", "path": "/metadata/annotations/seen", "value": "yes"}
    async with webhook(lambda _: json_patch(added)) as hook:
        await configure(server, hook, mutating=True, rules=[wanted])
        await server("POST", "/apis/kubevirt.io/v1/namespaces/default/virtualmachines", machine)
        await server.settle()
        instance = await server.get("/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm")
    assert instance["metadata"]["annotations"]["seen"] == "yes"
    assert hook.requests[0]["userInfo"]["username"].startswith("system:serviceaccount:")


async def test_subresources_are_seen_by_their_name(server: Server) -> None:
    async with webhook(allow) as hook:
        await configure(server, hook, rules=[rule("deployments/scale", apiGroups=["apps"])])
        template = {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
        }
        path = "/apis/apps/v1/namespaces/default/deployments"
        assert (await server("POST", path, deployment)).status == 201
        scaled = await server("PATCH", f"{path}/d/scale", {"spec": {"replicas": 3}})
        assert scaled.body["spec"] == {"replicas": 3}
    (request,) = hook.requests
    assert request["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert (request["resource"]["resource"], request["subResource"]) == ("deployments", "scale")
    assert (request["object"]["spec"], request["oldObject"]["spec"]) == ({"replicas": 3}, {"replicas": 1})


async def test_configurations_themselves_are_nobodys_business(server: Server) -> None:
    async with webhook(lambda _: {"allowed": False}) as hook:
        await configure(server, hook, rules=[rule("*", "DELETE", apiGroups=["*"], apiVersions=["*"])])
        assert (await server("DELETE", f"{VALIDATING}/test")).status == 200
        assert hook.reviews == []
    assert (await server("POST", MAPS, a_map())).status == 201


async def test_a_write_is_admitted_as_what_it_becomes(server: Server) -> None:
    """While the webhook thinks, somebody else writes the object: it is asked once more, about the patch of the newer one."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        if "slow" in request["object"]["data"]:
            asked.set()
            await go_on.wait()
        return {"allowed": True}

    async with webhook(answer) as hook:
        await server("POST", MAPS, a_map())
        await configure(server, hook)
        slow = asyncio.create_task(server("PATCH", f"{MAPS}/a", {"data": {"slow": "1"}}))
        await asked.wait()
        quick = await server("PATCH", f"{MAPS}/a", {"data": {"quick": "1"}})
        assert quick.status == 200
        go_on.set()
        assert (await slow).body["data"] == {"k": "v", "quick": "1", "slow": "1"}
        assert [sorted(request["object"]["data"]) for request in hook.requests] == [
            ["k", "slow"],
            ["k", "quick"],
            ["k", "quick", "slow"],
        ]


async def test_a_server_starts_while_a_webhook_that_refuses_everything_is_away(server: Server) -> None:
    async with webhook(allow) as hook:
        await configure(server, hook, rules=[rule("*/*", apiGroups=["*"], apiVersions=["*"])])
    await server.restart()
    assert (await server("POST", MAPS, a_map())).status == 500
    assert (await server("DELETE", f"{VALIDATING}/test")).status == 200
    assert (await server("POST", MAPS, a_map())).status == 201


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"name": "short.name"},
            'webhooks[0].name: Invalid value: "short.name": should be a domain with at least three segments separated by dots',
        ),
        (
            {"sideEffects": "Some"},
            'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        ),
        (
            {"timeoutSeconds": 31},
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        ),
        ({"clientConfig": {}}, "webhooks[0].clientConfig: Required value: exactly one of url or service is required"),
        (
            {"clientConfig": {"url": "http://x/y"}},
            (
                "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
                "desired format: https://host[/path]"
            ),
        ),
        (
            {"admissionReviewVersions": ["v7"]},
            'webhooks[0].admissionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
        ),
        (
            {"rules": [rule("a", "*", "CREATE")]},
            'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
        ),
        (
            {"matchConditions": [{"name": "x", "expression": "nope"}]},
            (
                'webhooks[0].matchConditions[0].expression: Invalid value: "nope": compilation failed: ERROR: <input>:1:1: '
                "undeclared reference to 'nope' (in container '')\n | nope\n | ^"
            ),
        ),
        (
            {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "webhooks[0].objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
    ],
)
async def test_what_is_wrong_with_a_configuration_is_told(server: Server, change: dict[str, Any], told: str) -> None:
    given = configuration(Webhook(allow))
    given["webhooks"][0].update(change)
    refused = await server("POST", VALIDATING, given)
    assert refused.status == 422
    assert refused.body["message"] == (
        f'ValidatingWebhookConfiguration.admissionregistration.k8s.io "test" is invalid: {told}'
    )


async def test_policies_are_kept_with_a_warning(server: Server) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {"validations": [{"expression": "false"}], "matchConstraints": {"resourceRules": [rule()]}},
    }
    made = await server("POST", f"{GROUP}/validatingadmissionpolicies", policy)
    assert (made.status, made.warnings) == (
        201,
        ['299 - "ValidatingAdmissionPolicy is kept, but admission policies are not evaluated"'],
    )
    assert (await server("POST", MAPS, a_map())).status == 201
