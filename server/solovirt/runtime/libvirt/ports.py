"""
Connections to ports of guests that are on the user-mode network.

Nothing reaches such a guest from outside unless QEMU forwards a port to it. So for each connection QEMU is told to forward a free port of the
loopback address, it is connected to, and the forwarding is taken back at once: what is connected stays, and nobody else gets in.

QEMU takes such a connection before it asks the guest, so whether somebody listens there is looked up in its list of connections.
"""

from __future__ import annotations

import asyncio
import re
import socket

from solovirt.runtime.libvirt import domains, streams
from solovirt.runtime.libvirt.host import Host
from solovirt.runtime.libvirt.streams import SocketStream
from solovirt.runtime.protocol import GuestError

DEFAULT_ADDRESS = "10.0.2.15"
"""What QEMU gives a guest that asks for an address."""
_ADDRESS = "127.0.0.1"
_ATTEMPTS = 5
_CONNECT_SECONDS = 10.0
"""How long the guest may take to answer, as virt-handler lets it."""
_FIRST_LOOK, _LONGEST_LOOK = 0.01, 0.25
_CONNECTION = re.compile(r"^\s*TCP\[(\w+)\]\s+\S+\s+(\S+)\s+(\d+)\s")
"""State, and this end, of a connection in `info usernet`."""


class Forwards:
    """Opens connections, one at a time for each guest."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    async def open(self, host: Host, uuid: str, port: int, protocol: str) -> SocketStream:
        """Connect to *port* of the domain. Raises GuestError, ConnectionError."""
        if protocol != "tcp":
            raise GuestError("ports are forwarded for tcp only")
        if not 0 < port < 65536:
            raise GuestError(f"{port} is no port")
        async with self._locks.setdefault(uuid, asyncio.Lock()):
            network = await self._network(host, uuid)
            for attempt in range(1, _ATTEMPTS + 1):
                outside = _free_port()
                rule = f"{network} tcp:{_ADDRESS}:{outside}"
                said = await host.call(domains.monitor, uuid, f"hostfwd_add {rule}-:{port}")
                if not said.strip():
                    break
                # Somebody else took the port in between; anything else will not get better.
                if attempt == _ATTEMPTS:
                    raise GuestError(f"port {port} can't be forwarded: {said.strip()}")
            try:
                stream = await streams.open_port(_ADDRESS, outside)
            finally:
                await host.call(domains.monitor, uuid, f"hostfwd_remove {rule}")
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._established(host, uuid, outside)
        except TimeoutError:
            await stream.close()
            raise ConnectionError("i/o timeout") from None
        except BaseException:
            await stream.close()
            raise
        return stream

    async def _established(self, host: Host, uuid: str, outside: int) -> None:
        """Return when the guest has answered the connection from *outside*. Raises ConnectionError if it refuses it."""
        wait = _FIRST_LOOK
        was_there = False
        while True:
            said = await host.call(domains.monitor, uuid, "info usernet")
            state = _state(said, outside)
            if state is None and was_there:
                raise ConnectionRefusedError("connection refused")
            if state is not None and state != "SYN_SENT":
                return
            # One that is not there yet has not been taken; one that was refused before the first look never shows.
            was_there = was_there or state is not None or wait >= _LONGEST_LOOK
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_LOOK)

    async def _network(self, host: Host, uuid: str) -> str:
        """What QEMU calls the guest's first user-mode network. Raises GuestError if it has none."""
        said = await host.call(domains.monitor, uuid, "info usernet")
        for line in said.splitlines():
            # `Hub -1 (hostnet0):` heads the connections of each.
            if (match := re.search(r"\(([\w.-]+)\):\s*$", line)) is not None:
                return match[1]
        raise GuestError("the guest has no interface on the pod network")


def _state(said: str, outside: int) -> str | None:
    """How the connection to our port *outside* fares, None if there is none."""
    for line in said.splitlines():
        found = _CONNECTION.match(line)
        if found is not None and found[1] != "HOST_FORWARD" and (found[2], int(found[3])) == (_ADDRESS, outside):
            return found[1]
    return None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])
