"""How real guests are probed; texts are those of Kubernetes' prober (pkg/probe/{http,tcp,exec})."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from solovirt.runtime.libvirt import probes
from solovirt.runtime.libvirt.streams import SocketStream
from solovirt.runtime.protocol import GuestError


class Inside:
    """A guest whose ports are those of a loopback server, and whose agent runs commands that end as *ends* says."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        self.asked = b""
        self.port = 0
        self.ends: Mapping[str, Any] = {"exitcode": 0}
        self.looks = 0
        self.commands: list[Any] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        writer.close()

    async def open_port(self, port: int) -> SocketStream:
        if port != 80:
            raise ConnectionRefusedError("connection refused")
        return SocketStream(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask_agent(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        self.commands.append((command, arguments))
        if command == "guest-exec":
            return {"pid": 7}
        if command == "guest-exec-status":
            self.looks += 1
            return {"exited": False} if self.looks < 3 else {"exited": True, **self.ends}
        return {}

    async def probe(self, check: Mapping[str, Any], seconds: float = 5) -> str | None:
        return await probes.ask(check, seconds, address="10.0.2.15", open_port=self.open_port, ask_agent=self.ask_agent)


@pytest.fixture
async def inside() -> AsyncIterator[Inside]:
    made = Inside()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n", None),
        (b"HTTP/1.1 503 No\r\n\r\n", "HTTP probe failed with statuscode: 503"),
        (b"SSH-2.0-x\r\n", 'Get "http://10.0.2.15:80/ready": malformed HTTP response'),
        (b"", 'Get "http://10.0.2.15:80/ready": EOF'),
    ],
)
async def test_an_http_probe_wants_a_status_from_200_to_399(inside: Inside, answer: bytes, told: str | None):
    inside.answer = answer
    headers = [{"name": "x-one", "value": "1"}, {"name": "Host", "value": "named"}]
    assert await inside.probe({"httpGet": {"port": 80, "path": "ready", "httpHeaders": headers}}) == told
    assert inside.asked.startswith(b"GET /ready HTTP/1.1\r\nHost: named\r\n")
    assert b"X-One: 1\r\n" in inside.asked


async def test_a_port_where_nobody_listens_fails(inside: Inside):
    refused = "dial tcp 10.0.2.15:81: connect: connection refused"
    assert await inside.probe({"tcpSocket": {"port": 80}}) is None
    assert await inside.probe({"tcpSocket": {"port": "81"}}) == refused
    assert await inside.probe({"httpGet": {"port": 81}}) == f'Get "http://10.0.2.15:81/": {refused}'


async def test_probes_ask_the_guest_alone(inside: Inside):
    for check in ({"tcpSocket": {"port": 80, "host": "127.0.0.1"}}, {"httpGet": {"port": 80, "host": "db.internal"}}):
        with pytest.raises(GuestError, match="the guest alone"):
            await inside.probe(check)
    with pytest.raises(GuestError, match="one line each"):
        await inside.probe({"httpGet": {"port": 80, "httpHeaders": [{"name": "a", "value": "b\r\nHost: c"}]}})


async def test_a_command_is_run_by_the_agent_until_it_ends(inside: Inside):
    check = {"exec": {"command": ["/bin/check", "-v", "$HOME"]}}
    assert await inside.probe(check) is None
    asked = {"path": "/bin/check", "arg": ["-v", "$HOME"], "capture-output": True}
    assert inside.commands[0] == ("guest-exec", asked)
    inside.ends = {"exitcode": 3, "err-data": base64.b64encode(b"not yet\n").decode()}
    assert await inside.probe(check) == "command '/bin/check -v $HOME' exited with 3: not yet"
    inside.ends = {"signal": 9}
    assert await inside.probe(check) == "command '/bin/check -v $HOME' was ended by signal 9"


async def test_what_does_not_answer_in_time_is_not_well(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    async def hang(*_arguments: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(inside, "open_port", hang)
    monkeypatch.setattr(inside, "ask_agent", hang)
    assert await inside.probe({"tcpSocket": {"port": 80}}, 0.01) == "dial tcp 10.0.2.15:80: i/o timeout"
    assert await inside.probe({"httpGet": {"port": 80}}, 0.01) == (
        'Get "http://10.0.2.15:80/": context deadline exceeded'
    )
    assert await inside.probe({"exec": {"command": ["x"]}}, 0.01) == "command timed out after 0.01s"
    assert await inside.probe({"guestAgentPing": {}}, 0.01) == "the guest agent does not answer"
