"""pause, unpause, reset and softreboot (reference kubevirt-subresources.md 4)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from solovirt.runtime.protocol import GuestError, GuestId
from tests.subresources.guests.conftest import Instance

MISSING = 'virtualmachineinstance.kubevirt.io "nothing" not found'


def conflict(instance: Instance, why: str) -> tuple[int, str]:
    return 409, f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{instance.name}": {why}'


async def told(instance: Instance, verb: str, body: Any = None) -> tuple[int, str]:
    code, answer = await instance.put(verb, body)
    return code, answer["message"] if isinstance(answer, dict) else answer


async def settled(instance: Instance) -> None:
    await asyncio.to_thread(instance.plane.settle)


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_an_instance_is_paused_and_goes_on(instance: Instance, version: str):
    assert await instance.put("pause", version=version) == (200, "")
    await settled(instance)
    paused = instance.condition("Paused")
    assert paused is not None
    assert (paused["reason"], paused["message"]) == ("PausedByUser", "VMI was paused by user")
    assert await told(instance, "pause") == conflict(instance, "VMI is already paused")
    assert await told(instance, "softreboot") == conflict(instance, "VMI is paused")
    assert await instance.put("unpause", version=version) == (200, "")
    await settled(instance)
    assert instance.condition("Paused") is None
    assert await told(instance, "unpause") == conflict(instance, "VMI is not paused")


@pytest.mark.parametrize("verb", ["pause", "unpause", "reset", "softreboot", "freeze", "unfreeze"])
async def test_instances_that_are_not_there(instance: Instance, verb: str):
    instance.name = "nothing"
    code, status = await instance.put(verb)
    assert code == 404
    assert status["message"] == MISSING
    assert status["details"] == {"name": "nothing", "group": "kubevirt.io", "kind": "virtualmachineinstance"}


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        ("pause", "VM is not running"),
        ("unpause", "VMI is not running"),
        ("softreboot", "VM is not running"),
        ("freeze", "VM is not running"),
        ("unfreeze", "VMI is not running"),
        ("backup", "VM is not running"),
        ("redefine-checkpoint", "VM is not running"),
    ],
)
async def test_instances_that_do_not_run(start: Any, verb: str, why: str):
    waiting = await start(annotations={"boot-seconds": "1000"})
    assert waiting.status["phase"] == "Scheduled"
    assert await told(waiting, verb) == conflict(waiting, why)


async def test_a_dry_run_changes_nothing(instance: Instance):
    assert await instance.put("pause", {"dryRun": ["All"]}) == (200, "")
    await settled(instance)
    assert instance.condition("Paused") is None


async def test_a_body_that_is_none_is_refused(instance: Instance):
    async with instance.session.put(instance.path("pause"), data=b"[") as answer:
        assert answer.status == 400
        assert (await answer.json())["message"].startswith("Can not unmarshal Request body to struct, error: ")


async def test_an_instance_that_is_probed_is_not_paused(start: Any):
    probed = await start(livenessProbe={"httpGet": {"port": 80}}, annotations={"answers-after": "0"})
    why = "Pausing VMIs with a non-GuestAgentPing LivenessProbe is not supported"
    text = f'virtualmachineinstance.kubevirt.io "{probed.name}" is forbidden: {why}'
    assert await told(probed, "pause") == (403, text)
    pinged = await start(livenessProbe={"guestAgentPing": {}})
    assert await told(pinged, "pause") == (200, "")


@pytest.mark.parametrize("verb", ["reset", "softreboot"])
async def test_a_guest_begins_anew(instance: Instance, verb: str):
    await asyncio.to_thread(instance.plane.advance, 5)
    assert await instance.put(verb) == (200, "")
    life = instance.runtime._lives[instance.guest]
    assert life.uptime(instance.plane.clock.now()) == 0
    assert instance.status["phase"] == "Running"


async def test_an_instance_that_is_not_placed_is_not_reset(start: Any):
    waiting = await start(nodeSelector={"no": "where"})
    phase = waiting.status["phase"]
    why = f"Unable to connect to VirtualMachineInstance because phase is {phase} instead of Running or Scheduled"
    assert await told(waiting, "reset") == (400, f"Failed to reset non-running VMI with phase {phase}: {why}")


async def test_a_guest_that_hears_nobody_is_not_rebooted(start: Any):
    deaf = await start(annotations={"agent-after": "never"}, domain={"features": {"acpi": {"enabled": False}}})
    why = "VMI neither have the agent connected nor the ACPI feature enabled"
    assert await told(deaf, "softreboot") == conflict(deaf, why)


async def test_the_nodes_agent_tells_what_it_did(instance: Instance):
    """Reference kubevirt-vm.md 10."""
    for verb in ("pause", "unpause", "reset", "softreboot"):
        assert (await instance.put(verb))[0] == 200
        await settled(instance)
    path = f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={instance.name}"
    async with instance.session.get(path) as answer:
        events = (await answer.json())["items"]
    seen = {event["reason"]: (event["source"]["component"], event["type"], event["message"]) for event in events}
    for reason, done in (("Paused", "paused"), ("Unpaused", "unpaused"), ("Reset", "reset")):
        assert seen[reason] == ("virt-handler", "Normal", f"VirtualMachineInstance {done}")
    assert seen["SoftRebooted"] == ("virt-handler", "Normal", "VirtualMachineInstance soft rebooted")


@pytest.mark.parametrize(("verb", "command"), [("pause", "pause"), ("reset", "reset"), ("softreboot", "soft_reboot")])
async def test_what_the_runtime_refuses_is_told(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, verb: str, command: str
):
    """Reference 4: "node agent answered >= 300"."""

    async def refuse(guest: GuestId) -> None:
        raise GuestError("no")

    monkeypatch.setattr(instance.runtime, command, refuse)
    text = "Internal error occurred: unexpected return code 500 (500 Internal Server Error), message: no"
    assert await told(instance, verb) == (500, text)


async def test_backups_need_blocks_that_are_tracked(instance: Instance):
    for verb in ("backup", "redefine-checkpoint"):
        assert await told(instance, verb, {}) == conflict(instance, "ChangedBlockTracking is not enabled")
