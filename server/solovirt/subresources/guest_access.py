"""
The handlers that reach into guests, and what runs behind them.

Every replica has them: a client's stream is where its request arrived, whoever runs the controllers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from solovirt.kinds.kubevirt import configuration
from solovirt.kinds.kubevirt.cluster import Cluster
from solovirt.machinery.auth.identity import User
from solovirt.machinery.clock import Clock
from solovirt.machinery.control.protocol import Objects, Tools
from solovirt.machinery.registry import Registry
from solovirt.machinery.resource import Document
from solovirt.machinery.store.facts import Facts
from solovirt.machinery.store.protocol import Store
from solovirt.runtime.protocol import Runtime
from solovirt.subresources import (
    attestation,
    backups,
    evacuation,
    guest_agent,
    guest_commands,
    guest_connections,
    installation,
    object_graph,
)
from solovirt.subresources.freezes import Freezes
from solovirt.subresources.instances import Instances
from solovirt.subresources.streams import Streams
from solovirt.subresources.virtual_machine_lifecycle import VIRT_API

logger = logging.getLogger("solovirt.subresources")

_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kubevirt", "system:authenticated")
_HANDLER = User("system:serviceaccount:kubevirt:kubevirt-handler", _GROUPS)
# An agent of a node may write only with a token that names the node; the controller writes what the agents see.
_CONTROLLER = User("system:serviceaccount:kubevirt:kubevirt-controller", _GROUPS)
_RETRY_SECONDS = 1.0


class Toolbox(Protocol):
    """Gives what somebody of a name works with: the manager's, which may be another one from one call to the next."""

    def __call__(self, name: str, *, user: User) -> Tools: ...


class GuestAccess:
    """Made once for a control plane: `install`, then `start`; `stop` before connections are closed."""

    def __init__(self, runtime: Runtime, store: Store, facts: Facts, clock: Clock, toolbox: Toolbox) -> None:
        self._runtime = runtime
        self._store = store
        self._toolbox = toolbox
        self._streams = Streams(runtime)
        self._freezes = Freezes(runtime, lambda: toolbox("virt-controller", user=_CONTROLLER).objects, facts, clock)
        self._tasks: list[asyncio.Task[None]] = []

    def install(self, registry: Registry, *, kubernetes_version: Document) -> None:
        """Register all handlers. *kubernetes_version* is the body of /version."""
        instances = Instances(registry, self._store)

        def objects() -> Objects:
            return self._toolbox("virt-api", user=VIRT_API).objects

        def cluster() -> Cluster:
            return configuration.in_force(objects())

        guest_commands.install(registry, instances, self._runtime, lambda: self._handler().recorder)
        guest_agent.install(registry, instances, self._runtime, self._freezes)
        guest_connections.install(registry, instances, self._runtime, self._streams)
        attestation.install(registry, instances, objects, cluster)
        backups.install(registry, instances)
        evacuation.install(registry, instances, objects, cluster)
        object_graph.install(registry, instances, objects, cluster)
        installation.install(registry, objects, cluster, kubernetes_version)

    def start(self) -> None:
        """Run what has to go on between requests."""
        loop = asyncio.get_running_loop()
        for one in (self._streams, self._freezes):
            self._tasks.append(loop.create_task(_keep(one), name=one.name))

    async def stop(self, _: object = None) -> None:
        """End all streams; returns when their clients have been told. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        await self._streams.stop()

    def _handler(self) -> Tools:
        return self._toolbox("virt-handler", user=_HANDLER)


async def _keep(background: Streams | Freezes) -> None:
    """Run *background* again whenever it fails; a failure is a bug, and logged as one."""
    while True:
        try:
            await background.run()
            return
        except Exception:
            logger.exception("%s failed", background.name)
            await asyncio.sleep(_RETRY_SECONDS)
