"""guestosinfo, userlist, filesystemlist, freeze and unfreeze (reference kubevirt-subresources.md 4)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from solovirt.subresources.freezes import BadDuration, duration
from tests.subresources.guests.conftest import Instance

TELLING = ("guestosinfo", "userlist", "filesystemlist")
INNER = "Internal error occurred: unexpected return code 500 (500 Internal Server Error), message: "


async def told(instance: Instance, what: str) -> Any:
    code, kind, body = await instance.get(what)
    assert (code, kind) == (200, "application/json")
    return json.loads(body)


async def test_the_agent_tells_of_the_system(instance: Instance):
    info = await told(instance, "guestosinfo")
    assert info["hostname"] == instance.name
    assert info["timezone"] == "UTC, 0"
    assert info["fsFreezeStatus"] == "thawed"
    # The names are the reference's, and the same as in status.guestOSInfo.
    assert info["os"] == instance.status["guestOSInfo"]
    assert {"name": "guest-ping", "enabled": True} in info["supportedCommands"]
    assert info["guestAgentVersion"]
    assert info["userList"] == (await told(instance, "userlist"))["items"]
    assert info["fsInfo"]["disks"] == (await told(instance, "filesystemlist"))["items"]


async def test_users_and_file_systems_are_lists(instance: Instance):
    (user,) = (await told(instance, "userlist"))["items"]
    assert user["userName"] == "root"
    assert isinstance(user["loginTime"], float)
    (system,) = (await told(instance, "filesystemlist"))["items"]
    assert system.keys() == {"diskName", "mountPoint", "fileSystemType", "usedBytes", "totalBytes", "disk"}
    assert (system["mountPoint"], system["disk"]) == ("/", [{"busType": "virtio"}])


@pytest.mark.parametrize("what", TELLING)
async def test_every_refusal_is_plain_text_with_500(start: Any, what: str):
    """Reference 2, plain-text exception: even an instance that is not there."""

    def because(instance: Instance, why: str) -> tuple[int, str, bytes]:
        text = f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{instance.name}": {why}'
        return 500, "text/plain", text.encode()

    mute = await start(annotations={"agent-after": "never"})
    assert await mute.get(what) == because(mute, "VMI does not have guest agent connected")
    waiting = await start(annotations={"boot-seconds": "1000"})
    assert await waiting.get(what) == because(waiting, "VMI is not running")
    waiting.name = "nothing"
    missing = b'virtualmachineinstance.kubevirt.io "nothing" not found'
    assert await waiting.get(what) == (500, "text/plain", missing)


async def test_file_systems_are_frozen_and_thawed(instance: Instance):
    assert await instance.put("freeze", {"unfreezeTimeout": "0s"}) == (200, "")
    assert instance.status["fsFreezeStatus"] == "frozen"
    assert (await told(instance, "guestosinfo"))["fsFreezeStatus"] == "frozen"
    assert await instance.put("unfreeze") == (200, "")
    assert "fsFreezeStatus" not in instance.status
    assert (await told(instance, "guestosinfo"))["fsFreezeStatus"] == "thawed"


async def test_a_freeze_ends_by_itself(instance: Instance):
    assert await instance.put("freeze", {"unfreezeTimeout": "1m30s"}) == (200, "")
    await asyncio.to_thread(instance.plane.advance, 89)
    assert (await told(instance, "guestosinfo"))["fsFreezeStatus"] == "frozen"
    await asyncio.to_thread(instance.plane.advance, 1)
    async with asyncio.timeout(10):
        while "fsFreezeStatus" in instance.status:
            await asyncio.sleep(0.01)
    assert (await told(instance, "guestosinfo"))["fsFreezeStatus"] == "thawed"


async def test_a_freeze_without_an_end_is_refused(instance: Instance):
    """Reference 4: "missing timeout => 500 wrapping the handler's 400"."""
    bodies: tuple[Any, ...] = (None, {})
    for body in bodies:
        code, status = await instance.put("freeze", body)
        assert (code, status["reason"]) == (500, "InternalError")
    code, status = await instance.put("freeze", {"unfreezeTimeout": "soon"})
    assert (code, status["message"]) == (500, f'{INNER}time: invalid duration "soon"')
    assert "fsFreezeStatus" not in instance.status


@pytest.mark.parametrize("verb", ["freeze", "unfreeze"])
async def test_guests_without_an_agent_are_not_frozen(start: Any, verb: str):
    mute = await start(annotations={"agent-after": "never"})
    code, status = await mute.put(verb, {"unfreezeTimeout": "5m0s"})
    assert code == 500
    assert status["message"].startswith(INNER)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m0s", 300), ("0s", 0), ("0", 0), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("-1s", -1), (".5s", 0.5)],
)
def test_durations_are_gos(text: str, seconds: float):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1 s", "--1s", 5, None])
def test_what_is_no_duration(text: object):
    with pytest.raises(BadDuration):
        duration(text)
