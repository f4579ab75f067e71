"""Reaching into a guest that really runs, over HTTP and websockets (reference kubevirt-subresources.md 4)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import pytest
import websocket

from tests.libvirt.access import Access
from tests.libvirt.stage import READY, Stage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("libvirt"), pytest.mark.timeout(600)]

NAME = "linux"
USER_DATA = """#!/bin/sh
echo what-the-user-wanted >/tmp/wanted
mke2fs -q /dev/vdc >/dev/null && mkdir /data && mount -t ext4 /dev/vdc /data
"""


@dataclass
class Subject:
    """One guest for all tests of this module; each leaves it running."""

    stage: Stage
    access: Access
    process: int

    def until(self, type: str, status: str | None, *, reason: str = "") -> dict[str, Any]:
        """The instance whose condition *type* has *status*, None if it is to have none."""

        def has(vmi: dict[str, Any] | None) -> bool:
            found = condition(vmi or {}, type)
            return found.get("status") == status and (not reason or found.get("reason") == reason)

        found: dict[str, Any] = self.stage.wait("vmi", NAME, has)
        return found

    def reasons(self) -> set[str]:
        """Of the events so far."""
        listed = self.stage.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
        return set(listed.split())


def condition(instance: dict[str, Any], type: str) -> dict[str, Any]:
    listed = (instance.get("status") or {}).get("conditions") or ()
    return next((one for one in listed if one["type"] == type), {})


@pytest.fixture(scope="module")
def guest(shared_stage: Stage) -> Subject:
    stage = shared_stage
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "seed"},
        "stringData": {"userdata": USER_DATA},
    }
    machine = stage.machine(NAME, hostname="named")
    template = machine["spec"]["template"]["spec"]
    template["domain"]["devices"]["disks"].append({"name": "seed", "disk": {"bus": "virtio"}})
    template["domain"]["devices"]["disks"].append({"name": "data", "disk": {"bus": "virtio"}})
    template["volumes"] += [
        {"name": "seed", "cloudInitNoCloud": {"secretRef": {"name": "seed"}}},
        {"name": "data", "emptyDisk": {"capacity": "8Mi"}},
    ]
    template["readinessProbe"] = {"httpGet": {"port": 80, "path": "/index.html"}, "periodSeconds": 1}
    stage.apply(secret, machine)
    instance = stage.until_phase(NAME, "Running")
    stage.until_console(instance, READY)
    return Subject(stage, Access(stage, NAME), stage.qemu(instance))


def test_a_user_logs_in_on_the_console_and_finds_cloud_inits_data(guest: Subject):
    with guest.access.open("console") as console:
        console.log_in()
        assert "x86_64" in console.run("uname -m")
        assert "named" in console.run("hostname")
        assert "what-the-user-wanted" in console.run("cat /tmp/wanted")
        assert "local-hostname" in console.run("cat /mnt/meta-data")


def test_a_picture_of_the_display_is_not_black(guest: Subject):
    picture = guest.access.get("vnc/screenshot")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, pixels = _pixels(picture)
    assert (width >= 640, height >= 400) == (True, True)
    assert any(pixels)


def _pixels(picture: bytes) -> tuple[int, int, bytes]:
    """Width, height, and the lines without the byte before each that says how it is filtered: of a black picture all are zero."""
    at, packed, width, height, depth = 8, b"", 0, 0, 0
    while at < len(picture):
        length, kind = struct.unpack_from(">I4s", picture, at)
        data = picture[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colours = struct.unpack_from(">IIBB", data)
            assert (bits, colours) == (8, 2), "eight bits of red, green and blue"
            depth = 3
        elif kind == b"IDAT":
            packed += data
        at += length + 12
    lines = zlib.decompress(packed)
    step = 1 + width * depth
    return width, height, b"".join(lines[at + 1 : at + step] for at in range(0, len(lines), step))


def test_the_display_speaks_rfb(guest: Subject):
    with guest.access.open("vnc") as display:
        assert display.until("\n").startswith("RFB 003.008")


def test_a_port_of_the_guest_is_forwarded(guest: Subject):
    with guest.access.open("portforward/80") as port:
        port.send("GET /index.html HTTP/1.0\r\n\r\n")
        assert "200 OK" in port.until("a page from the guest")


def test_a_port_where_nobody_listens_is_an_answer_and_no_stream(guest: Subject):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        guest.access.open("portforward/81")
    assert caught.value.status_code == 500
    assert b"connection refused" in (caught.value.resp_body or b"")


def test_the_readiness_of_the_guest_is_that_of_the_server_in_it(guest: Subject):
    guest.until("Ready", "True")
    with guest.access.open("console") as console:
        console.log_in_again()
        console.run("mv /www/index.html /www/gone")
        guest.until("Ready", "False", reason="ContainersNotReady")
        console.run("mv /www/gone /www/index.html")
    guest.until("Ready", "True")
    assert "Unhealthy" in guest.reasons()


def test_a_guest_is_paused_and_goes_on(guest: Subject):
    guest.until("Ready", "True")
    with guest.access.open("console") as console:
        console.log_in_again()
        guest.access.put("pause")
        paused = guest.until("Paused", "True", reason="PausedByUser")
        assert condition(paused, "Ready")["status"] == "False"
        assert paused["status"]["phase"] == "Running"
        guest.stage.until_status(NAME, "Paused")
        assert guest.access.refusal("pause")[0] == 409
        # It holds still: what is typed waits.
        console.send("echo typed-while-pau''sed\n")
        with pytest.raises(AssertionError, match="no 'typed-while-paused'"):
            console.until("typed-while-paused", seconds=1)
        guest.access.put("unpause")
        console.until("typed-while-paused")
    guest.until("Paused", None)
    guest.until("Ready", "True")
    guest.stage.until_status(NAME, "Running")
    assert guest.access.refusal("unpause") == (
        409,
        f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{NAME}": VMI is not paused',
    )


def test_the_agent_tells_of_the_system_its_users_and_its_file_systems(guest: Subject):
    guest.until("AgentConnected", "True")
    with guest.access.open("console") as console:
        console.log_in_again()
        told = guest.access.tell("guestosinfo")
        assert told["hostname"] == "named"
        assert told["os"]["machine"] == "x86_64"
        assert {"name": "guest-fsfreeze-freeze", "enabled": True} in told["supportedCommands"]
        users = guest.access.tell("userlist")["items"]
        assert [user["userName"] for user in users] == ["root"]
        assert users[0]["loginTime"] > 0
        mounted = {system["mountPoint"]: system for system in guest.access.tell("filesystemlist")["items"]}
        assert {point: system["fileSystemType"] for point, system in mounted.items()} == {
            "/mnt": "iso9660",
            "/data": "ext4",
        }
        assert mounted["/data"]["totalBytes"] > mounted["/data"]["usedBytes"] > 0
        assert console.run("true")


def test_file_systems_are_frozen_and_thawed(guest: Subject):
    guest.until("AgentConnected", "True")
    guest.access.put("freeze", unfreezeTimeout="5m")
    assert guest.access.tell("guestosinfo")["fsFreezeStatus"] == "frozen"
    guest.stage.wait("vmi", NAME, lambda vmi: vmi is not None and vmi["status"].get("fsFreezeStatus") == "frozen")
    guest.access.put("unfreeze")
    assert guest.access.tell("guestosinfo")["fsFreezeStatus"] == "thawed"
    guest.stage.wait("vmi", NAME, lambda vmi: vmi is not None and not vmi["status"].get("fsFreezeStatus"))


def test_a_freeze_ends_by_itself(guest: Subject):
    guest.until("AgentConnected", "True")
    guest.access.put("freeze", unfreezeTimeout="1s")
    guest.stage.wait("vmi", NAME, lambda vmi: vmi is not None and not vmi["status"].get("fsFreezeStatus"))
    assert guest.access.tell("guestosinfo")["fsFreezeStatus"] == "thawed"


@pytest.mark.parametrize(("command", "reason"), [("softreboot", "SoftRebooted"), ("reset", "Reset")])
def test_a_guest_is_booted_anew_in_the_same_run(guest: Subject, command: str, reason: str):
    before = guest.until("AgentConnected", "True")
    with guest.access.open("console") as console:
        guest.access.put(command)
        console.until(READY)
        console.log_in()
    after = guest.stage.until_phase(NAME, "Running")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert guest.stage.qemu(after) == guest.process
    assert reason in guest.reasons()
    guest.until("AgentConnected", "True")
