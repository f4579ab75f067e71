"""console, vnc, portforward, usbredir and vsock over real websockets (reference kubevirt-subresources.md 5)."""

from __future__ import annotations

import asyncio
import struct
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from solovirt.control_plane import ControlPlane
from solovirt.settings import given
from solovirt.subresources import streams
from tests.subresources.guests.conftest import PATIENCE, Instance, read_to_end, read_until

INNER = "Internal error occurred: "


async def log_in(socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
    await read_until(socket, b"login: ")
    await socket.send_bytes(b"root\r")
    await read_until(socket, b"Password: ")
    await socket.send_bytes(b"secret\r")
    await read_until(socket, f"root@{name}:~# ".encode())


# -- console


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
async def test_a_user_logs_in_on_the_console_and_runs_a_command(instance: Instance, version: str):
    async with await instance.connect("console", version=version) as socket:
        assert socket.protocol == "plain.kubevirt.io"
        await log_in(socket, instance.name)
        await socket.send_bytes(b"uname -n\r")
        said = await read_until(socket, b"# ")
    assert said.decode().splitlines()[:2] == ["uname -n", instance.name]


async def test_a_client_may_offer_no_protocol(instance: Instance):
    async with instance.session.ws_connect(instance.path("console")) as socket:
        assert socket.protocol is None
        await read_until(socket, b"login: ")


async def test_text_frames_are_ignored(instance: Instance):
    async with await instance.connect("console") as socket:
        await read_until(socket, b"login: ")
        await socket.send_str("jane\r")
        await socket.send_bytes(b"root\r")
        assert b"jane" not in await read_until(socket, b"Password: ")


async def test_a_second_console_takes_the_line(instance: Instance):
    """Reference 5: the older session is dropped and the new one wins."""
    first = await instance.connect("console")
    await read_until(first, b"login: ")
    async with await instance.connect("console") as second:
        await read_to_end(first)
        assert first.close_code == 1000
        await read_until(second, b"login: ")
        await second.send_bytes(b"root\r")
        await read_until(second, b"Password: ")


async def test_many_consoles_one_after_another_leave_nothing_behind(instance: Instance):
    for _ in range(10):
        async with await instance.connect("console") as socket:
            await read_until(socket, b"login: ")
    open_ones = instance.plane.control_plane._guests._streams
    async with asyncio.timeout(PATIENCE):
        while len(open_ones):
            await asyncio.sleep(0.01)
    assert not open_ones._single


async def test_a_console_ends_with_its_guest(instance: Instance):
    async with await instance.connect("console") as socket:
        await log_in(socket, instance.name)
        await socket.send_bytes(b"poweroff\r")
        await read_to_end(socket)
        assert socket.close_code == 1000
    await asyncio.to_thread(instance.plane.settle)
    assert instance.status["phase"] == "Succeeded"


async def test_a_reboot_shows_on_the_console(instance: Instance):
    async with await instance.connect("console") as socket:
        await log_in(socket, instance.name)
        await asyncio.to_thread(instance.plane.advance, 3)
        await socket.send_bytes(b"reboot\r")
        await read_until(socket, f"{instance.name} login: ".encode())
    assert instance.status["phase"] == "Running"


async def test_a_paused_guest_answers_when_it_goes_on(instance: Instance):
    async with await instance.connect("console") as socket:
        await read_until(socket, b"login: ")
        await instance.put("pause")
        await socket.send_bytes(b"root\r")
        with pytest.raises(TimeoutError):
            await socket.receive(0.2)
        await asyncio.to_thread(instance.plane.settle)
    async with await instance.connect("console") as socket:
        await instance.put("unpause")
        await socket.send_bytes(b"root\r")
        await read_until(socket, b"Password: ")


async def test_consoles_that_there_are_none_of(start: Any):
    bare = await start(devices={"autoattachSerialConsole": False})
    assert await bare.refusal("console") == (400, "No serial consoles are present.")
    # 400 is what virtctl takes as: try again.
    waiting = await start(annotations={"boot-seconds": "1000"})
    assert await waiting.refusal("console") == (400, "VMI is not running")
    failed = await start(annotations={"fail-to-start": "for no reason"})
    assert failed.status["phase"] == "Failed"
    text = (
        f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{failed.name}": VMI is in failed status'
    )
    assert await failed.refusal("console") == (409, text)
    failed.name = "nothing"
    assert await failed.refusal("console") == (404, 'virtualmachineinstance.kubevirt.io "nothing" not found')


async def test_who_speaks_no_websocket_is_told(instance: Instance):
    code, kind, body = await instance.get("console")
    assert (code, kind) == (400, "application/json")
    assert b"websocket" in body


# -- display


async def shake_hands(socket: aiohttp.ClientWebSocketResponse) -> tuple[int, int]:
    """Read the version, choose no security, share; gives the size of the screen."""
    said = await read_until(socket, b"\n")
    assert said == b"RFB 003.008\n"
    await socket.send_bytes(said)
    assert await read_exactly(socket, 2) == b"\x01\x01"
    await socket.send_bytes(b"\x01")
    assert await read_exactly(socket, 4) == bytes(4)
    await socket.send_bytes(b"\x01")
    said = await read_exactly(socket, 24)
    width, height = struct.unpack(">HH", said[:4])
    (length,) = struct.unpack(">I", said[20:24])
    assert (await read_exactly(socket, length)).startswith(b"QEMU (")
    return width, height


_left: dict[int, bytearray] = {}


async def read_exactly(socket: aiohttp.ClientWebSocketResponse, count: int) -> bytes:
    left = _left.setdefault(id(socket), bytearray())
    async with asyncio.timeout(PATIENCE):
        while len(left) < count:
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.BINARY, message
            left += message.data
    part = bytes(left[:count])
    del left[:count]
    return part


async def read_screen(socket: aiohttp.ClientWebSocketResponse, width: int, height: int) -> bytes:
    """Ask for the whole screen: its pixels, red, green and blue."""
    await socket.send_bytes(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
    kind, count = struct.unpack(">BxH", await read_exactly(socket, 4))
    assert kind == 0
    screen = bytearray(width * height * 3)
    for _ in range(count):
        left, top, across, down, encoding = struct.unpack(">HHHHi", await read_exactly(socket, 12))
        assert (left, across, encoding) == (0, width, 0)
        pixels = await read_exactly(socket, across * down * 4)
        start, end = top * width * 3, (top + down) * width * 3
        for channel in range(3):
            # Little-endian, red in the third byte.
            screen[start + channel : end : 3] = pixels[2 - channel :: 4]
    return bytes(screen)


def decode_png(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels of a PNG with a palette and no filters, by the specification's chunks."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + content)
        chunks[name] = content
        at += 12 + length
    width, height, depth, colours, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colours) == (8, 3)
    rows, palette = zlib.decompress(chunks[b"IDAT"]), chunks[b"PLTE"]
    out = bytearray()
    for row in range(height):
        line = rows[row * (width + 1) : (row + 1) * (width + 1)]
        assert line[0] == 0
        for index in line[1:]:
            out += palette[index * 3 : index * 3 + 3]
    return width, height, bytes(out)


async def test_the_display_shows_what_the_screenshot_shows(instance: Instance):
    async with await instance.connect("vnc") as socket:
        width, height = await shake_hands(socket)
        screen = await read_screen(socket, width, height)
    code, kind, picture = await instance.get("vnc/screenshot?moveCursor=true")
    assert (code, kind) == (200, "image/png")
    assert decode_png(picture) == (width, height, screen)
    assert any(screen)
    assert screen.count(0) > len(screen) / 2


async def test_the_picture_follows_the_guest(instance: Instance):
    _, _, running = await instance.get("vnc/screenshot")
    async with await instance.connect("vnc") as socket:
        width, height = await shake_hands(socket)
        await read_screen(socket, width, height)
        # A client that asks for changes waits until there is one.
        await socket.send_bytes(struct.pack(">BBHHHH", 3, 1, 0, 0, width, height))
        with pytest.raises(TimeoutError):
            await socket.receive(0.2)
    await instance.put("pause")
    assert (await instance.get("vnc/screenshot"))[2] != running


async def test_a_change_is_sent_to_who_waits_for_it(instance: Instance):
    async with await instance.connect("vnc") as socket:
        width, height = await shake_hands(socket)
        await read_screen(socket, width, height)
        await socket.send_bytes(struct.pack(">BBHHHH", 3, 1, 0, 0, width, height))
        await instance.put("pause")
        kind, count = struct.unpack(">BxH", await read_exactly(socket, 4))
        assert kind == 0
        # Part of the screen only: most of it is as it was.
        assert 0 < count < height // 32


async def test_a_second_display_takes_it_unless_the_first_is_to_be_kept(instance: Instance):
    first = await instance.connect("vnc")
    await read_until(first, b"\n")
    text = (
        f"{INNER}unexpected return code 503 (503 Service Unavailable), message: Active VNC connection. Request denied."
    )
    assert await instance.refusal("vnc?preserveSession=true") == (500, text)
    async with await instance.connect("vnc?preserveSession=false") as second:
        await read_until(second, b"\n")
        await read_to_end(first)


async def test_displays_that_there_are_none_of(start: Any):
    bare = await start(devices={"autoattachGraphicsDevice": False})
    assert await bare.refusal("vnc") == (400, "No graphics devices are present.")
    assert await bare.get("vnc/screenshot") == (500, "text/plain", b"No graphics devices are present.")
    waiting = await start(annotations={"boot-seconds": "1000"})
    assert await waiting.refusal("vnc") == (400, "VMI is not running")
    assert await waiting.get("vnc/screenshot") == (500, "text/plain", b"VMI is not running")


# -- ports


async def test_a_port_is_forwarded(start: Any):
    web = await start(annotations={"ports": "80=http,7=echo,7/udp=echo"})
    async with await web.connect("portforward/80") as socket:
        await socket.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
        assert (await read_to_end(socket)).endswith(f"\r\n\r\n{web.name}\n".encode())
    for path in ("portforward/7", "portforward/7/tcp"):
        async with await web.connect(path) as socket:
            await socket.send_bytes(b"hello")
            assert await read_until(socket, b"hello") == b"hello"


async def test_datagrams_stay_apart(start: Any):
    """Reference 5: for udp each datagram is what one read returned."""
    web = await start(annotations={"ports": "7/udp=echo"})
    async with await web.connect("portforward/7/udp") as socket:
        for datagram in (b"one", b"two", b"x" * 60000):
            await socket.send_bytes(datagram)
        got = [(await socket.receive(PATIENCE)).data for _ in range(3)]
    assert got == [b"one", b"two", b"x" * 60000]


async def test_who_forwards_a_port_is_asked_whether_it_is_there(start: Any, monkeypatch: pytest.MonkeyPatch):
    """Reference 5: portforward only, every second, with this payload; gone after a minute without an answer."""
    assert (streams._PING_SECONDS, streams._SILENCE_SECONDS) == (1, 60)
    monkeypatch.setattr(streams, "_PING_SECONDS", 0.05)
    monkeypatch.setattr(streams, "_SILENCE_SECONDS", 0.2)
    web = await start(annotations={"ports": "7=echo"})
    async with web.session.ws_connect(web.path("portforward/7"), autoping=False) as socket:
        for _ in range(6):
            ping = await socket.receive(PATIENCE)
            assert (ping.type, ping.data) == (aiohttp.WSMsgType.PING, b"keep alive")
            await socket.pong(ping.data)
        async with asyncio.timeout(PATIENCE):
            while (await socket.receive()).type is aiohttp.WSMsgType.PING:
                pass
    async with await web.connect("console") as socket:
        await read_until(socket, b"login: ")
        with pytest.raises(TimeoutError):
            await socket.receive(0.2)


async def test_ports_that_there_are_none_of(start: Any, instance: Instance):
    address = instance.status["interfaces"][0]["ipAddress"]
    refused = f"{INNER}dialing VM: dial tcp {address}:81: connect: connection refused"
    assert await instance.refusal("portforward/81") == (500, refused)
    assert await instance.refusal("portforward") == (400, "port must not be empty")
    assert (await instance.refusal("portforward/99999"))[0] == 500
    assert (await instance.refusal("portforward/22/sctp"))[0] == 500
    await instance.put("pause")
    await asyncio.to_thread(instance.plane.settle)
    paused = f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{instance.name}": VMI is paused'
    assert await instance.refusal("portforward/22") == (409, paused)
    waiting = await start(annotations={"boot-seconds": "1000"})
    assert await waiting.refusal("portforward/22") == (400, "no network interfaces are present")


async def test_a_machines_ports_are_those_of_its_instance(instance: Instance):
    path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
    template = {"spec": {"domain": {"memory": {"guest": "64Mi"}, "devices": {}}}}
    name = f"vm-{instance.name}"
    for strategy, machine in (("Halted", f"{name}-off"), ("Always", name)):
        document = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": machine},
            "spec": {"runStrategy": strategy, "template": template},
        }
        async with instance.session.post(path, json=document) as answer:
            assert answer.status == 201
    await asyncio.to_thread(instance.plane.settle)
    instance.name = name
    async with await instance.connect("portforward/22", plural="virtualmachines") as socket:
        await read_until(socket, b"SSH-2.0-")
    instance.name = f"{name}-off"
    text = f'Operation cannot be fulfilled on virtualmachine.kubevirt.io "{name}-off": VMI is not started'
    assert await instance.refusal("portforward/22", plural="virtualmachines") == (409, text)
    instance.name = "nothing"
    missing = 'virtualmachine.kubevirt.io "nothing" not found'
    assert await instance.refusal("portforward/22", plural="virtualmachines") == (404, missing)


# -- what no runtime has


async def test_devices_that_nobody_asked_for(start: Any, instance: Instance):
    text = f'Operation cannot be fulfilled on virtualmachineinstance.kubevirt.io "{instance.name}": '
    assert await instance.refusal("usbredir") == (409, f"{text}Not configured with USB Redirection")
    assert await instance.refusal("vsock?port=22") == (400, "VSOCK is not attached.")
    usb = await start(devices={"clientPassthrough": {}})
    assert (await usb.refusal("usbredir"))[0] == 500


# -- slow clients, and the end


async def test_a_client_that_reads_nothing_holds_little_memory(start: Any):
    web = await start(annotations={"ports": "7=echo"})
    async with web.session.ws_connect(web.path("portforward/7"), max_msg_size=0) as socket:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await socket.send_bytes(bytes(64 << 10))
                sent += 64 << 10

        task = asyncio.ensure_future(flood())
        # It stops by itself: what it sends comes back and is not read, so in the end nobody takes anything.
        seen = -1
        async with asyncio.timeout(60):
            while sent != seen:
                seen = sent
                await asyncio.sleep(0.3)
        session = next(iter(web.plane.control_plane._guests._streams._sessions))
        assert session._stream._size <= (64 << 10) * 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Once it reads again, everything is there.
        got = 0
        while got < sent:
            message = await socket.receive(PATIENCE)
            if message.type is aiohttp.WSMsgType.BINARY:
                got += len(message.data)


async def test_a_guest_that_stops_ends_the_stream_of_a_client_that_reads_nothing(start: Any):
    web = await start(annotations={"ports": "7=echo"})
    socket = await web.session.ws_connect(web.path("portforward/7"), max_msg_size=0)

    async def flood() -> None:
        while True:
            await socket.send_bytes(bytes(64 << 10))

    task = asyncio.ensure_future(flood())
    await asyncio.sleep(0.3)
    open_ones = web.plane.control_plane._guests._streams
    assert len(open_ones) == 1
    web.plane.call(web.runtime.power_off(web.guest))
    async with asyncio.timeout(PATIENCE):
        while len(open_ones):
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await socket.close()


async def test_streams_end_when_the_server_stops(tmp_path: Path):
    settings = given(data_dir=tmp_path, database_url="sqlite+aiosqlite://", listen="127.0.0.1:0", insecure_http=True)
    plane = ControlPlane(settings.model_copy(update={"instant": True}))
    await plane.start()
    document = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "vm"},
        "spec": {"domain": {"memory": {"guest": "64Mi"}, "devices": {}}},
    }
    root = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm"
    async with aiohttp.ClientSession(plane.url) as session:
        async with session.post(
            "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances", json=document
        ) as answer:
            assert answer.status == 201
        await plane.manager.settle()
        socket = await session.ws_connect(f"{root}/console")
        await read_until(socket, b"login: ")
        before = asyncio.get_running_loop().time()
        stopping = asyncio.ensure_future(plane.stop())
        await read_to_end(socket)
        assert socket.close_code == 1001
        await stopping
        assert asyncio.get_running_loop().time() - before < 5


# -- who may


async def test_only_who_may_gets_a_stream(instance: Instance):
    headers = {"Impersonate-User": "jane"}
    for path in ("console", "vnc", "portforward/22", "vnc/screenshot", "guestosinfo"):
        async with instance.session.get(instance.path(path), headers=headers) as answer:
            assert answer.status == 403
            first = path.partition("/")[0]
            assert f'cannot get resource "virtualmachineinstances/{first}"' in (await answer.json())["message"]
    async with instance.session.put(instance.path("pause"), headers=headers) as answer:
        assert answer.status == 403
        assert 'cannot update resource "virtualmachineinstances/pause"' in (await answer.json())["message"]
