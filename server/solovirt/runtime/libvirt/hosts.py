"""The libvirt hosts of a control plane, and the nodes that they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Any

from solovirt.machinery.clock import Clock
from solovirt.machinery.store.facts import Facts
from solovirt.runtime.libvirt import nodes
from solovirt.runtime.libvirt.host import Host, HostUnavailable, Listener
from solovirt.runtime.protocol import NodeInfo
from solovirt.runtime.registry import RuntimeUnavailable

logger = logging.getLogger("solovirt.libvirt")

SCOPE = "libvirt.nodes"
"""Facts: nodes as they were last seen, by URI."""


class Hosts:
    """
    Those that *texts* name: URIs, each of which may be preceded by the node's name and an equals sign.

    A host that was there once is a node for good, ready or not; one that never was is most likely a wrong URI.
    """

    def __init__(self, texts: Sequence[str], *, domain_type: str, facts: Facts, clock: Clock) -> None:
        self._targets = [_target(text) for text in texts]
        self._domain_type = domain_type
        self._facts = facts
        self._clock = clock
        self._hosts: list[Host] = []
        self._away: dict[Host, tuple[NodeInfo, datetime]] = {}
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts)

    async def open(self, listener: Listener) -> None:
        """Connect to all. Raises RuntimeUnavailable for one that was never there, and for two of the same name."""
        known = {uri: nodes.decode(data) for uri, data in (await self._facts.all(SCOPE)).items()}
        self._hosts = [
            Host(uri, name=name, domain_type=self._domain_type, listener=listener) for name, uri in self._targets
        ]
        await asyncio.gather(*(self._open(host, known.get(host.uri)) for host in self._hosts))
        names = [host.name for host in self._hosts]
        if len(set(names)) != len(names):
            raise RuntimeUnavailable(
                f"two libvirt hosts would be the same node ({', '.join(sorted(names))}); give them names: NAME=URI"
            )

    async def _open(self, host: Host, known: NodeInfo | None) -> None:
        try:
            await host.open()
        except HostUnavailable as error:
            if known is None:
                raise RuntimeUnavailable(str(error)) from error
            logger.warning("%s; its guests are out of sight until it is back", error)
            host.name, host.node = known.name, known
            self._away[host] = (known, self._clock.now())
        else:
            await self._remember(host)

    async def _remember(self, host: Host) -> None:
        assert host.node is not None
        await self._facts.put(SCOPE, host.uri, nodes.encode(host.node))

    def work(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What has to run to keep the connections, with names."""
        return ((f"libvirt {host.uri}", host.run()) for host in self._hosts)

    async def close(self) -> None:
        await asyncio.gather(*(host.close() for host in self._hosts))

    def of(self, node: str) -> Host | None:
        return next((host for host in self._hosts if host.name == node), None)

    def require(self, node: str) -> Host:
        """Raises HostUnavailable if *node* is no host of ours any more."""
        host = self.of(node)
        if host is None:
            raise HostUnavailable(f"the node {node} is none of this control plane's any more")
        return host

    def connected(self) -> list[Host]:
        """Those that can be talked to, and whose guests have been looked through."""
        return [host for host in self._hosts if host.is_connected and host not in self._away]

    def nodes(self) -> list[NodeInfo]:
        out = []
        for host in self._hosts:
            if host in self._away:
                out.append(nodes.away(self._away[host][0], f"libvirt can't be reached: {host.trouble}"))
            elif host.node is not None:
                out.append(host.node)
        return out

    def away_since(self, node: str) -> datetime | None:
        """Since when nothing is known of *node*; None if it is there."""
        return next((since for host, (_, since) in self._away.items() if host.name == node), None)

    async def returned(self, host: Host) -> None:
        """Its guests have been looked through, so that what is said of them is true again."""
        self._away.pop(host, None)
        self._changed.set()
        await self._remember(host)

    def left(self, host: Host) -> None:
        if host.node is not None:
            self._away[host] = (host.node, self._clock.now())
            self._changed.set()

    async def wait_for_nodes(self) -> None:
        await self._changed.wait()
        self._changed.clear()


def _target(text: str) -> tuple[str, str]:
    """The name of the node, if one is given, and the URI."""
    name, equals, uri = text.partition("=")
    return (name, uri) if equals and "/" not in name and ":" not in name else ("", text)
