"""Ways into simulated guests: console, display, ports and agent, and how they follow from the guest's state."""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any

import pytest

from solovirt.runtime.fake import Scenario, ScenarioError, font, picture
from solovirt.runtime.fake.line import MOST_WAITING
from solovirt.runtime.fake.scenario import Script
from solovirt.runtime.protocol import (
    ByteStream,
    GuestError,
    GuestId,
    GuestState,
    SupportsAgent,
    SupportsConsole,
    SupportsDisplay,
    SupportsPorts,
)
from tests.runtime.contract import guest_spec
from tests.runtime.fake.conftest import FakeBench


async def started(bench: FakeBench, *, pass_time: float = 5, **options: Any) -> GuestId:
    annotations = {f"fake.solovirt.io/{key}": value for key, value in options.pop("annotations", {}).items()}
    spec = guest_spec("node01", metadata={"annotations": annotations}, **options)
    await bench.runtime.define(spec)
    await bench.runtime.boot(spec.id)
    await bench.pass_time(pass_time)
    return spec.id


async def said(stream: ByteStream) -> str:
    """Everything that there is to read now."""
    out = bytearray()
    while True:
        task = asyncio.ensure_future(stream.read())
        for _ in range(5):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return out.decode()
        if not (data := task.result()):
            return f"{out.decode()}<end>"
        out += data


async def typed(stream: ByteStream, text: str) -> str:
    await stream.write(text.encode())
    return await said(stream)


@pytest.fixture
async def guest(bench: FakeBench) -> GuestId:
    return await started(bench)


@pytest.fixture
async def shell(bench: FakeBench, guest: GuestId) -> ByteStream:
    console = await bench.runtime.open_console(guest)
    await typed(console, "root\rsecret\r")
    return console


def test_a_simulated_runtime_has_them_all(bench: FakeBench):
    for protocol in (SupportsConsole, SupportsDisplay, SupportsPorts, SupportsAgent):
        assert isinstance(bench.runtime, protocol)


@pytest.mark.parametrize("how", ["destroy", "remove"])
async def test_guests_that_do_not_run_have_no_doors(bench: FakeBench, guest: GuestId, how: str):
    runtime = bench.runtime
    await getattr(runtime, how)(guest)
    for attempt in (
        runtime.open_console(guest),
        runtime.open_display(guest),
        runtime.screenshot(guest),
        runtime.open_port(guest, 22),
        runtime.ask_agent(guest, "guest-ping"),
        runtime.ask_agent(guest, "guest-fsfreeze-freeze"),
    ):
        with pytest.raises(GuestError):
            await attempt


# -- the console


async def test_the_password_is_not_shown(bench: FakeBench, guest: GuestId):
    console = await bench.runtime.open_console(guest)
    assert (await said(console)).endswith("\r\nvm login: ")
    assert await typed(console, "root\r") == "root\r\nPassword: "
    assert "secret" not in await typed(console, "secret\r")


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("hostname", "vm"),
        ("whoami", "root"),
        ("uname -r", "6.12.0"),
        ("uname", "Linux"),
        ("cat /etc/hostname", "vm"),
        ("cat /nothing", "cat: can't open '/nothing': No such file or directory"),
        ("echo one  two", "one two"),
        ("frobnicate", "frobnicate: command not found"),
        ("/bin/pwd", "/root"),
        ("id", "uid=0(root) gid=0(root)"),
        ("true", None),
        ("", None),
    ],
)
async def test_commands(shell: ByteStream, command: str, output: str | None):
    lines = (await typed(shell, f"{command}\r")).split("\r\n")
    assert lines[0] == command
    assert lines[1:] == ([] if output is None else [output]) + ["root@vm:~# "]


async def test_lines_can_be_edited(shell: ByteStream):
    assert "\r\none\r\n" in await typed(shell, "echo onx\x7fe\r")
    assert "\r\nroot\r\n" in await typed(shell, "nonsense\x15whoami\r")
    assert "^C\r\n" in await typed(shell, "sleep\x03")
    assert "\r\nroot\r\n" in await typed(shell, "\x1b[A\x1b[3~whoami\r")
    assert (await typed(shell, "\x04")).endswith("logout\r\n\r\nvm login: ")


async def test_other_users_have_another_prompt(bench: FakeBench, guest: GuestId):
    console = await bench.runtime.open_console(guest)
    assert (await typed(console, "jane\rx\r")).endswith("jane@vm:~$ ")
    assert (await typed(console, "exit\r")).endswith("vm login: ")


async def test_one_types_much_at_once(shell: ByteStream):
    assert len(await typed(shell, "x" * 10000)) == 4096


@pytest.mark.parametrize(
    ("command", "state", "reason"),
    [
        ("poweroff", GuestState.SHUT_OFF, "shutdown"),
        ("shutdown -h now", GuestState.SHUT_OFF, "shutdown"),
        ("echo c > /proc/sysrq-trigger", GuestState.CRASHED, "panicked"),
    ],
)
async def test_a_user_ends_the_guest(
    bench: FakeBench, guest: GuestId, shell: ByteStream, command: str, state: GuestState, reason: str
):
    assert (await typed(shell, f"{command}\r")).endswith("<end>")
    found = await bench.runtime.find_guest(guest)
    assert found is not None
    assert (found.state, found.reason) == (state, reason)
    with pytest.raises(ConnectionError):
        await shell.write(b"x")


@pytest.mark.parametrize("command", ["reboot", "shutdown -r now"])
async def test_a_user_reboots_the_guest(bench: FakeBench, guest: GuestId, shell: ByteStream, command: str):
    assert (await typed(shell, f"{command}\r")).endswith("ttyS0\r\n\r\nvm login: ")
    found = await bench.runtime.find_guest(guest)
    assert found is not None
    assert found.state is GuestState.RUNNING


async def test_a_paused_guest_hears_nothing_until_it_goes_on(bench: FakeBench, guest: GuestId, shell: ByteStream):
    await bench.runtime.pause(guest)
    writing = asyncio.ensure_future(shell.write(b"whoami\r"))
    assert await said(shell) == ""
    assert not writing.done()
    await bench.runtime.resume(guest)
    await writing
    assert "\r\nroot\r\n" in await said(shell)


async def test_what_is_not_read_is_bounded(shell: ByteStream):
    async def type_on() -> None:
        while True:
            await shell.write(b"help\r" * 100)

    writing = asyncio.ensure_future(type_on())
    await asyncio.sleep(0.05)
    assert not writing.done()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    # As much as what was written last led to comes on top.
    assert MOST_WAITING < len(await said(shell)) < 2 * MOST_WAITING


async def test_a_console_is_cut_off_by_another(bench: FakeBench, guest: GuestId, shell: ByteStream):
    other = await bench.runtime.open_console(guest)
    assert (await said(shell)).endswith("<end>")
    assert (await said(other)).endswith("login: ")


async def test_connections_end_with_the_runtime(bench: FakeBench, shell: ByteStream):
    await bench.restart()
    assert (await said(shell)).endswith("<end>")


# -- the display


def test_every_printable_character_looks_different():
    glyphs = {character: font.rows(character) for character in map(chr, range(0x20, 0x7F))}
    assert len(set(glyphs.values())) == len(glyphs) == 95
    assert all(len(rows) == 7 and all(len(row) == 5 for row in rows) for rows in glyphs.values())
    assert font.rows("é") == glyphs["?"]
    assert not any(any(row) for row in glyphs[" "])


async def test_the_picture_shows_the_name_and_the_state(bench: FakeBench, guest: GuestId):
    def shown() -> bytes:
        return picture.of(bench.runtime._lives[guest], bench.clock.now()).pixels

    running = shown()
    assert len(running) == picture.WIDTH * picture.HEIGHT
    await bench.runtime.pause(guest)
    paused = shown()
    assert paused != running
    await bench.runtime.resume(guest)
    assert shown() == running
    other = await started(bench, id="uid-2", name="other")
    assert picture.of(bench.runtime._lives[other], bench.clock.now()).pixels != running


async def test_long_names_do_not_leave_the_screen(bench: FakeBench):
    guest = await started(bench, name="n" * 250)
    assert len(picture.of(bench.runtime._lives[guest], bench.clock.now()).pixels) == picture.WIDTH * picture.HEIGHT


async def test_the_login_prompt_waits_for_no_serial_port(bench: FakeBench):
    domain = {
        "memory": {"guest": "64Mi"},
        "devices": {"autoattachSerialConsole": False, "autoattachGraphicsDevice": False},
    }
    guest = await started(bench, domain=domain)
    with pytest.raises(GuestError, match="no serial port"):
        await bench.runtime.open_console(guest)
    for attempt in (bench.runtime.open_display(guest), bench.runtime.screenshot(guest)):
        with pytest.raises(GuestError, match="no screens"):
            await attempt


class Viewer:
    """A client of the RFB protocol (RFC 6143), with what the tests ask for."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._left = bytearray()

    async def read(self, count: int) -> bytes:
        while len(self._left) < count:
            data = await asyncio.wait_for(self.stream.read(), 5)
            if not data:
                raise EOFError
            self._left += data
        part = bytes(self._left[:count])
        del self._left[:count]
        return part

    async def ended(self) -> bool:
        try:
            while True:
                await self.read(1)
        except EOFError:
            return True

    async def begin(self, version: bytes = b"RFB 003.008\n") -> None:
        assert await self.read(12) == b"RFB 003.008\n"
        await self.stream.write(version)
        if version == b"RFB 003.003\n":
            assert await self.read(4) == struct.pack(">I", 1)
        else:
            assert await self.read(2) == b"\x01\x01"
            await self.stream.write(b"\x01")
            if version == b"RFB 003.008\n":
                assert await self.read(4) == bytes(4)
        await self.stream.write(b"\x01")
        await self.read(20)
        (length,) = struct.unpack(">I", await self.read(4))
        assert await self.read(length) == b"QEMU (vm)"

    async def ask(self, *, incremental: bool = False, area: tuple[int, int, int, int] = (0, 0, 640, 400)) -> None:
        await self.stream.write(struct.pack(">BBHHHH", 3, incremental, *area))

    async def update(self, size: int = 4) -> list[tuple[tuple[int, int, int, int], bytes]]:
        kind, count = struct.unpack(">BxH", await self.read(4))
        assert kind == 0
        rectangles = []
        for _ in range(count):
            left, top, width, height, encoding = struct.unpack(">HHHHi", await self.read(12))
            assert encoding == 0
            rectangles.append(((left, top, width, height), await self.read(width * height * size)))
        return rectangles


@pytest.fixture
async def viewer(bench: FakeBench, guest: GuestId) -> Viewer:
    return Viewer(await bench.runtime.open_display(guest))


@pytest.mark.parametrize("version", [b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.008\n"])
async def test_viewers_of_all_versions_are_served(viewer: Viewer, version: bytes):
    await viewer.begin(version)
    await viewer.ask()
    assert sum(len(pixels) for _, pixels in await viewer.update()) == 640 * 400 * 4


@pytest.mark.parametrize(
    ("bits", "big", "maxima", "shifts", "white", "grey"),
    [
        (32, False, (255, 255, 255), (16, 8, 0), b"\xff\xff\xff\x00", b"\xaa\xaa\xaa\x00"),
        (32, True, (255, 255, 255), (16, 8, 0), b"\x00\xff\xff\xff", b"\x00\xaa\xaa\xaa"),
        (16, False, (31, 63, 31), (11, 5, 0), b"\xff\xff", struct.pack("<H", 21 << 11 | 42 << 5 | 21)),
        (8, False, (7, 7, 3), (0, 3, 6), b"\xff", bytes([5 | 5 << 3 | 2 << 6])),
    ],
)
async def test_pixels_are_as_the_viewer_wants_them(
    viewer: Viewer,
    bits: int,
    big: bool,
    maxima: tuple[int, int, int],
    shifts: tuple[int, int, int],
    white: bytes,
    grey: bytes,
):
    await viewer.begin()
    await viewer.stream.write(struct.pack(">B3xBBBBHHHBBB3x", 0, bits, 24, big, True, *maxima, *shifts))
    await viewer.stream.write(struct.pack(">BxHii", 2, 2, 7, 0))
    await viewer.ask()
    pixels = b"".join(part for _, part in await viewer.update(bits // 8))
    size = bits // 8
    seen = {pixels[at : at + size] for at in range(0, len(pixels), size)}
    assert {white, grey, bytes(size)} <= seen


async def test_part_of_the_screen_is_part_of_it(viewer: Viewer):
    await viewer.begin()
    await viewer.ask(area=(10, 20, 30, 40))
    areas = [area for area, _ in await viewer.update()]
    assert areas == [(10, 20, 30, 32), (10, 52, 30, 8)]
    await viewer.ask(area=(630, 390, 100, 100))
    assert [area for area, _ in await viewer.update()] == [(630, 390, 10, 10)]


async def test_keys_pointers_and_clipboards_are_taken_in(viewer: Viewer):
    await viewer.begin()
    await viewer.stream.write(struct.pack(">BBxxI", 4, 1, 65) + struct.pack(">BBHH", 5, 0, 1, 1))
    await viewer.stream.write(struct.pack(">B3xI", 6, 5) + b"hello" + struct.pack(">B3xI", 6, 0))
    await viewer.ask()
    assert await viewer.update()


async def test_messages_may_arrive_byte_by_byte(viewer: Viewer):
    await viewer.begin()
    for byte in struct.pack(">BBHHHH", 3, 0, 0, 0, 8, 8):
        await viewer.stream.write(bytes([byte]))
    assert [area for area, _ in await viewer.update()] == [(0, 0, 8, 8)]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\x00",
        struct.pack(">B3xi", 6, 1 << 30),
        struct.pack(">B3xBBBBHHHBBB3x", 0, 8, 8, 0, False, 0, 0, 0, 0, 0, 0),
        struct.pack(">B3xBBBBHHHBBB3x", 0, 24, 24, 0, True, 255, 255, 255, 0, 8, 16),
    ],
)
async def test_nonsense_ends_the_connection(viewer: Viewer, nonsense: bytes):
    await viewer.begin()
    await viewer.stream.write(nonsense)
    assert await viewer.ended()


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1", b"RFB 003.0xx\n"])
async def test_who_speaks_no_rfb_is_let_go(viewer: Viewer, hello: bytes):
    await viewer.stream.write(hello)
    assert await viewer.ended()


# -- ports


async def test_what_listens_is_said_by_the_script(bench: FakeBench):
    guest = await started(bench, annotations={"ports": "80=http, 7=echo, 9=discard, 53/udp=echo"})
    runtime = bench.runtime
    echo = await runtime.open_port(guest, 7)
    assert await typed(echo, "hello") == "hello"
    web = await runtime.open_port(guest, 80)
    assert await typed(web, "GET / HTTP/1.1\r\n\r\n") == (
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nvm\n<end>"
    )
    assert await typed(await runtime.open_port(guest, 9), "hello") == ""
    names = await runtime.open_port(guest, 53, "udp")
    await names.write(b"one")
    await names.write(b"two")
    assert [await names.read(), await names.read()] == [b"one", b"two"]
    # Nobody refuses a datagram.
    assert await typed(await runtime.open_port(guest, 54, "udp"), "x") == ""
    for port, protocol in ((22, "tcp"), (53, "tcp")):
        with pytest.raises(
            ConnectionRefusedError, match=rf"dial tcp 10\.244\.1\.1:{port}: connect: connection refused"
        ):
            await runtime.open_port(guest, port, protocol)


async def test_a_guest_says_that_it_has_ssh_unless_told_otherwise(bench: FakeBench, guest: GuestId):
    ssh = await bench.runtime.open_port(guest, 22)
    assert await said(ssh) == "SSH-2.0-Solovirt_Simulated\r\n"
    assert await typed(ssh, "SSH-2.0-OpenSSH_9.2\r\n") == ""
    assert (await typed(ssh, "\x00\x00")).endswith("<end>")


async def test_a_guest_off_the_pod_network_has_no_ports(bench: FakeBench):
    guest = await started(bench, networks=[{"name": "default", "multus": {"networkName": "lan"}}])
    with pytest.raises(GuestError, match="pod network"):
        await bench.runtime.open_port(guest, 22)


@pytest.mark.parametrize("ports", ["x=echo", "0=echo", "70000=echo", "80", "80=gopher", "80/sctp=echo"])
def test_ports_that_make_no_sense_are_told(ports: str):
    with pytest.raises(ScenarioError, match="ports"):
        Scenario().script("default", "vm", {}, {"fake.solovirt.io/ports": ports})


def test_ports_may_be_none():
    assert Scenario().script("default", "vm", {}, {"fake.solovirt.io/ports": ""}).ports == ()
    assert Script().ports == ("22=ssh",)


# -- the agent


async def test_the_agent_runs_commands(bench: FakeBench, guest: GuestId):
    ask = bench.runtime.ask_agent
    for command, code, output in (("/bin/hostname", 0, b"vm\n"), ("nothing", 127, b"nothing: command not found\n")):
        started = await ask(guest, "guest-exec", {"path": command, "capture-output": True})
        done = await ask(guest, "guest-exec-status", started)
        assert (done["exited"], done["exitcode"], base64.b64decode(done["out-data"])) == (True, code, output)
    with pytest.raises(GuestError, match="PID 7 does not exist"):
        await ask(guest, "guest-exec-status", {"pid": 7})


async def test_the_agent_says_what_it_can_and_does_it(bench: FakeBench, guest: GuestId):
    ask = bench.runtime.ask_agent
    info = await ask(guest, "guest-info")
    for command in info["supported_commands"]:
        if command["name"] != "guest-exec-status":
            await ask(guest, command["name"], {})
    with pytest.raises(GuestError, match="guest-nothing"):
        await ask(guest, "guest-nothing")


async def test_file_systems_stay_frozen_over_a_restart_and_thaw_at_a_reset(bench: FakeBench, guest: GuestId):
    assert await bench.runtime.ask_agent(guest, "guest-fsfreeze-freeze") == 1
    runtime = await bench.restart()
    assert await runtime.ask_agent(guest, "guest-fsfreeze-status") == "frozen"
    await runtime.reset(guest)
    await bench.pass_time(2)
    assert await runtime.ask_agent(guest, "guest-fsfreeze-status") == "thawed"


@pytest.mark.parametrize("annotations", [{"agent-after": "never"}, {"agent-after": "100"}, {"hangs-after": "1"}])
async def test_an_agent_that_is_not_there_does_not_answer(bench: FakeBench, annotations: dict[str, str]):
    guest = await started(bench, annotations=annotations)
    with pytest.raises(GuestError, match="not responding"):
        await bench.runtime.ask_agent(guest, "guest-ping")


async def test_a_paused_guests_agent_does_not_answer(bench: FakeBench, guest: GuestId):
    await bench.runtime.pause(guest)
    for command in ("guest-ping", "guest-fsfreeze-thaw"):
        with pytest.raises(GuestError, match="not responding"):
            await bench.runtime.ask_agent(guest, command)
