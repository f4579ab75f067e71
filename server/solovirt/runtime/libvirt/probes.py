"""
How a guest is asked whether it is well: what kubelet and virt-probe do for KubeVirt.

HTTP and TCP go to a port of the guest on the pod network, commands and pings to its agent. Answers come from inside the guest, so as little as is
needed of them is read. Texts are a kubelet's where it has some.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from solovirt.runtime.libvirt.streams import SocketStream
from solovirt.runtime.protocol import GuestError

_USER_AGENT = "kube-probe/1.33"
_LONGEST_LINE, _LONGEST_OUTPUT = 4096, 1024
_FIRST_LOOK, _LONGEST_LOOK = 0.05, 1.0
"""Seconds between looks at whether a command has ended, doubling."""

OpenPort = Callable[[int], Awaitable[SocketStream]]
"""Connects to a TCP port of the guest. Raises GuestError, ConnectionError."""


class AskAgent(Protocol):
    async def __call__(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Raises GuestError."""
        ...


async def ask(
    check: Mapping[str, Any], timeout_seconds: float, *, address: str, open_port: OpenPort, ask_agent: AskAgent
) -> str | None:
    """Why the guest at *address* fails *check* (see `SupportsProbes`); None if it passes."""
    try:
        async with asyncio.timeout(timeout_seconds):
            if "httpGet" in check:
                return await _http(check["httpGet"] or {}, address, open_port)
            if "tcpSocket" in check:
                return await _tcp(check["tcpSocket"] or {}, address, open_port)
            if "exec" in check:
                return await _command(check["exec"] or {}, ask_agent)
            await ask_agent("guest-ping")
            return None
    except TimeoutError:
        return _late(check, address, timeout_seconds)


def _late(check: Mapping[str, Any], address: str, seconds: float) -> str:
    if "httpGet" in check:
        return f'Get "{_url(check["httpGet"] or {}, address)}": context deadline exceeded'
    if "tcpSocket" in check:
        return f"dial tcp {address}:{(check['tcpSocket'] or {}).get('port')}: i/o timeout"
    return f"command timed out after {seconds:g}s" if "exec" in check else "the guest agent does not answer"


# -- ports


def _port(wanted: Mapping[str, Any], address: str) -> int:
    """The port to ask. Raises GuestError for one that is not the guest's, or no number."""
    host = wanted.get("host") or address
    if host != address:
        # A kubelet would ask any host, from its own network: a way for guests' owners to look around in ours.
        raise GuestError(f"probes ask the guest alone, not {host}")
    port = wanted.get("port")
    try:
        return int(str(port))
    except ValueError:
        raise GuestError(f"the guest has no port called {port!r}") from None


async def _tcp(wanted: Mapping[str, Any], address: str, open_port: OpenPort) -> str | None:
    port = _port(wanted, address)
    try:
        stream = await open_port(port)
    except ConnectionError as error:
        return f"dial tcp {address}:{port}: connect: {error}"
    await stream.close()
    return None


async def _http(wanted: Mapping[str, Any], address: str, open_port: OpenPort) -> str | None:
    port, url = _port(wanted, address), _url(wanted, address)
    try:
        stream = await open_port(port)
    except ConnectionError as error:
        return f'Get "{url}": dial tcp {address}:{port}: connect: {error}'
    try:
        if str(wanted.get("scheme") or "HTTP").upper() == "HTTPS":
            # As a kubelet: whoever answers is the guest, whatever its certificate says.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            await stream.start_tls(context)
        await stream.write(_request(wanted, f"{address}:{port}"))
        got = b""
        while b"\n" not in got and len(got) < _LONGEST_LINE and (piece := await stream.read()):
            got += piece
    except (ConnectionError, ssl.SSLError) as error:
        return f'Get "{url}": {error}'
    finally:
        await stream.close()
    status = _status(got)
    if status is None:
        return f'Get "{url}": EOF' if not got else f'Get "{url}": malformed HTTP response'
    return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def _url(wanted: Mapping[str, Any], address: str) -> str:
    return f"{str(wanted.get('scheme') or 'HTTP').lower()}://{address}:{wanted.get('port')}{_path(wanted)}"


def _path(wanted: Mapping[str, Any]) -> str:
    return "/" + str(wanted.get("path") or "").lstrip("/")


def _request(wanted: Mapping[str, Any], host: str) -> bytes:
    headers = {"Host": host, "User-Agent": _USER_AGENT, "Accept": "*/*"}
    for header in wanted.get("httpHeaders") or ():
        headers[str(header.get("name") or "").title()] = str(header.get("value") or "")
    lines = [f"GET {_path(wanted)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise GuestError("a probe's path and headers are of one line each")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def _status(got: bytes) -> int | None:
    parts = got.split(b"\n", 1)[0].split()
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        return None
    return int(parts[1])


# -- the agent


async def _command(wanted: Mapping[str, Any], ask_agent: AskAgent) -> str | None:
    path, *arguments = [str(one) for one in wanted.get("command") or ()] or [""]
    started = await ask_agent("guest-exec", {"path": path, "arg": arguments, "capture-output": True})
    wait = _FIRST_LOOK
    while True:
        found = await ask_agent("guest-exec-status", {"pid": _member(started, "pid")})
        if _member(found, "exited"):
            break
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_LOOK)
    code = found.get("exitcode")
    if code == 0:
        return None
    ended = f"exited with {code}" if code is not None else f"was ended by signal {found.get('signal')}"
    said = "".join(_output(found.get(name)) for name in ("out-data", "err-data")).strip()
    return f"command {' '.join([path, *arguments])!r} {ended}" + (f": {said}" if said else "")


def _member(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise GuestError("the guest agent's answer can't be understood")
    return answer[name]


def _output(encoded: Any) -> str:
    try:
        return base64.b64decode(str(encoded or ""))[:_LONGEST_OUTPUT].decode(errors="replace")
    except binascii.Error:
        return ""
