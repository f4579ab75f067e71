"""What listens on the ports of simulated guests, as the script says: `22=ssh,80=http,7=echo,53/udp=echo`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from solovirt.runtime.fake.line import Line

if TYPE_CHECKING:
    from solovirt.runtime.fake.life import Life

_MOST_PORT = 65535
_LARGEST_REQUEST = 64 << 10


class _Service(Line):
    """What serves one connection to a port of the guest *life*."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life


class _Echo(_Service):
    """Says what it hears."""

    async def received(self, data: bytes) -> None:
        self.say(data)


class _Discard(_Service):
    """Hears everything, says nothing."""


class _Ssh(_Service):
    """Says that it is an SSH server, and ends when it is to prove it."""

    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self._heard = 0
        self.say(b"SSH-2.0-Solovirt_Simulated\r\n")

    async def received(self, data: bytes) -> None:
        self._heard += data.count(b"\n")
        if not self._heard or not data.rstrip().startswith(b"SSH-"):
            self.end()


class _Http(_Service):
    """Answers each request with the guest's name, and closes."""

    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self._request = bytearray()

    async def received(self, data: bytes) -> None:
        self._request += data
        if b"\r\n\r\n" in self._request:
            body = f"{self._life.hostname}\n".encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.say(head.encode() + body)
            self.end()
        elif len(self._request) > _LARGEST_REQUEST:
            self.end()


_SERVICES: dict[str, Callable[[Life], Line]] = {
    "echo": _Echo,
    "discard": _Discard,
    "ssh": _Ssh,
    "http": _Http,
}


def read(text: str) -> tuple[str, ...]:
    """The ports of a script. Raises ValueError."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for one in found:
        port, _, service = one.partition("=")
        number, slash, protocol = port.partition("/")
        if not number.isdecimal() or not 0 < int(number) <= _MOST_PORT:
            raise ValueError(f"{one!r} names no port")
        if slash and protocol not in ("tcp", "udp"):
            raise ValueError(f"{one!r} is neither tcp nor udp")
        if service not in _SERVICES:
            raise ValueError(f"no service is called {service!r}; there are: {', '.join(sorted(_SERVICES))}")
    return found


def connect(life: Life, port: int, protocol: str) -> Line | None:
    """A connection to what listens there; None if nothing does."""
    for one in life.script.ports:
        listening, _, service = one.partition("=")
        number, _, its_protocol = listening.partition("/")
        if int(number) == port and (its_protocol or "tcp") == protocol:
            return _SERVICES[service](life)
    # Nobody refuses a datagram.
    return _Discard(life) if protocol == "udp" else None
