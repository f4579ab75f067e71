"""
Connections to ports of guests that are on the user-mode network.

Nothing reaches such a guest from outside unless QEMU forwards a port to it. So for each connection QEMU is told to forward a free port of the
loopback address, it is connected to, and the forwarding is taken back at once: what is connected stays, and nobody else gets in.
"""

from __future__ import annotations

import asyncio
import re
import socket

from solovirt.runtime.libvirt import domains, streams
from solovirt.runtime.libvirt.host import Host
from solovirt.runtime.libvirt.streams import SocketStream
from solovirt.runtime.protocol import GuestError

_ADDRESS = "127.0.0.1"
_ATTEMPTS = 5


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
                return await streams.open_port(_ADDRESS, outside)
            finally:
                await host.call(domains.monitor, uuid, f"hostfwd_remove {rule}")

    async def _network(self, host: Host, uuid: str) -> str:
        """What QEMU calls the guest's first user-mode network. Raises GuestError if it has none."""
        said = await host.call(domains.monitor, uuid, "info usernet")
        for line in said.splitlines():
            # `Hub -1 (hostnet0):` heads the connections of each.
            if (match := re.search(r"\(([\w.-]+)\):\s*$", line)) is not None:
                return match[1]
        raise GuestError("the guest has no interface on the pod network")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])
