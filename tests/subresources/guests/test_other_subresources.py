"""What else KubeVirt has below instances, and what the installation says of itself (reference kubevirt-subresources.md 1, 3.9, 4, 6)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.subresources.guests.conftest import Instance

ROOT = "/apis/subresources.kubevirt.io"


async def put(instance: Instance, what: str, body: Any = None, **options: str) -> tuple[int, str]:
    code, answer = await instance.put(what, body, **options)
    return code, answer["message"] if isinstance(answer, dict) else answer


def conflict(instance: Instance, why: str) -> tuple[int, str]:
    return 409, f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{instance.name}": {why}'


# -- evacuate/cancel


async def test_an_evacuation_is_cancelled(instance: Instance):
    assert await put(instance, "evacuate/cancel") == (200, "")
    node = instance.status["nodeName"]
    instance.edit(lambda document: document["status"].update(evacuationNodeName=node))
    assert await put(instance, "evacuate/cancel") == (400, "No body")
    assert (await put(instance, "evacuate/cancel", {"evacuationNodeName": "other"}))[0] == 500
    dry_run = {"evacuationNodeName": node, "dryRun": ["All"]}
    assert await put(instance, "evacuate/cancel", dry_run) == (200, "")
    assert instance.status["evacuationNodeName"] == node
    assert await put(instance, "evacuate/cancel", {"evacuationNodeName": node}) == (200, "")
    assert "evacuationNodeName" not in instance.status


async def test_a_node_that_is_drained_in_the_old_way_is_left(instance: Instance):
    node = instance.status["nodeName"]
    taint = {"key": "kubevirt.io/drain", "effect": "NoSchedule"}
    path = f"/api/v1/nodes/{node}"
    headers = {"Content-Type": "application/merge-patch+json"}

    async def patch(taints: list[dict[str, str]] | None) -> None:
        body = json.dumps({"spec": {"taints": taints}})
        async with instance.session.patch(path, data=body, headers=headers) as answer:
            assert answer.status == 200

    await patch([taint])
    try:
        text = f'Node "{node}" has NodeDrainTaintKey "kubevirt.io/drain:NoSchedule"'
        assert await put(instance, "evacuate/cancel", {"evacuationNodeName": node}) == (400, text)
    finally:
        await patch(None)


async def test_evacuations_of_machines_that_are_not_there(instance: Instance):
    instance.name = "nothing"
    found = await put(instance, "evacuate/cancel", plural="virtualmachines")
    assert found == (404, 'virtualmachine.kubevirt.io "nothing" not found')


# -- sev


async def test_attestation_is_for_guests_that_asked_for_it(instance: Instance):
    body = {"session": "s", "dhCert": "c"}
    assert await put(instance, "sev/setupsession", body) == conflict(instance, "VMI is not in Scheduled phase")
    assert await put(instance, "sev/setupsession") == (
        400,
        "Request with no body: SEV session parameters are required",
    )
    assert await put(instance, "sev/setupsession", {"dhCert": "c"}) == (400, "Session blob is required")
    assert await put(instance, "sev/setupsession", {"session": "s"}) == (400, "DH cert is required")
    not_asked = conflict(instance, "Attestation not requested for VMI")
    assert await put(instance, "sev/injectlaunchsecret", {"header": "h"}) == not_asked
    for what in ("sev/fetchcertchain", "sev/querylaunchmeasurement"):
        assert await instance.get(what) == (500, "text/plain", not_asked[1].encode())


async def test_a_session_is_written_into_the_instance_once(start: Any):
    attested = await start(
        annotations={"boot-seconds": "1000"},
        domain={
            "launchSecurity": {"sev": {"attestation": {}}},
            "firmware": {"bootloader": {"efi": {"secureBoot": False}}},
        },
        startStrategy="Paused",
    )
    body = {"session": "s", "dhCert": "c"}
    assert await put(attested, "sev/setupsession", body) == (202, "")
    assert attested.document["spec"]["domain"]["launchSecurity"]["sev"] == {"attestation": {}, **body}
    assert await put(attested, "sev/setupsession", body) == conflict(attested, "Session already defined")


# -- the installation


async def ask(instance: Instance, path: str) -> Any:
    async with instance.session.get(path) as answer:
        assert answer.status == 200
        return await answer.json()


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_the_installation_tells_of_itself(instance: Instance, version: str):
    told = await ask(instance, f"{ROOT}/{version}/version")
    assert told.keys() == {
        *("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"),
    }
    assert told["gitVersion"] == "v1.9.0"
    guestfs = await ask(instance, f"{ROOT}/{version}/guestfs")
    assert guestfs == {
        "registry": "quay.io/kubevirt",
        "tag": "v1.9.0",
        "digest": "",
        "imagePrefix": "",
        "gsImage": "",
    }
    health = await ask(instance, f"{ROOT}/{version}/healthz")
    assert health["apiserver"]["connectivity"] == "ok"
    assert health["apiserver"]["version"]["gitVersion"].startswith("v1.36")
    assert int(health["config-resource-version"]) > 0


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_discovery_lists_what_kubevirt_lists(instance: Instance, version: str):
    """Reference 1: these entries, each with its name alone; others work and are not listed."""
    resources = (await ask(instance, f"{ROOT}/{version}"))["resources"]
    assert all((one["namespaced"], one["kind"], one["verbs"]) == (True, "", []) for one in resources)
    listed = {one["name"] for one in resources}
    instances = (
        *("vnc", "vnc/screenshot", "console", "portforward", "backup", "redefine-checkpoint", "pause", "unpause"),
        *("freeze", "unfreeze", "reset", "softreboot", "guestosinfo", "userlist", "filesystemlist"),
        *("sev/fetchcertchain", "sev/querylaunchmeasurement", "sev/setupsession", "sev/injectlaunchsecret"),
        *("addvolume", "removevolume", "objectgraph", "evacuate/cancel"),
    )
    assert {f"virtualmachineinstances/{name}" for name in instances} <= listed
    assert {
        f"virtualmachines/{name}"
        for name in ("start", "stop", "restart", "expand-spec", "objectgraph", "evacuate/cancel")
    } <= listed
    hidden = ("virtualmachines/portforward", "virtualmachineinstances/usbredir", "virtualmachineinstances/vsock")
    assert not listed & {*hidden, "version", "guestfs", "healthz", "virtualmachineinstances", "virtualmachines"}


async def test_everybody_who_is_known_may_ask_for_the_version(instance: Instance):
    headers = {"Impersonate-User": "jane", "Impersonate-Group": "system:authenticated"}
    for what, code in (("version", 200), ("guestfs", 200), ("healthz", 403)):
        async with instance.session.get(f"{ROOT}/v1/{what}", headers=headers) as answer:
            assert answer.status == code


async def test_only_paths_of_their_own_lead_there(instance: Instance):
    for path in (f"{ROOT}/v1/version/x", f"{ROOT}/v1/namespaces/default/version"):
        async with instance.session.get(path) as answer:
            assert answer.status in (404, 405)
    async with instance.session.post(f"{ROOT}/v1/version") as answer:
        assert answer.status == 405
    await asyncio.to_thread(instance.plane.settle)
