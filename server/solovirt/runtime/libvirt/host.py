"""
One libvirtd: connected to, and connected to again whenever it goes away.

Every call of libvirt blocks, so calls run in threads of the host's own: a few for commands and one for what may take its time (agents,
pictures), because libvirtd answers five requests of a connection at once. A connection that libvirt reports as closed, or on which a call
fails and `isAlive` says no, is given up, and another is tried after a wait that doubles up to half a minute. Time-outs and waits here are real
time: they are about sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import libvirt

from solovirt.runtime.libvirt import event_thread, nodes
from solovirt.runtime.libvirt.capabilities import (
    CapabilitiesError,
    HostCapabilities,
    machines_to_ask_about,
    parse,
)
from solovirt.runtime.protocol import GuestError, NodeInfo

logger = logging.getLogger("solovirt.libvirt")

T = TypeVar("T")
_THREADS, _PATIENT_THREADS = 3, 2
_KEEP_ALIVE_SECONDS, _KEEP_ALIVE_COUNT = 5, 3
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_OPEN_SECONDS = 60.0
"""The first connection after a change of QEMU waits until libvirtd has probed all binaries."""


class HostUnavailable(GuestError):
    """The libvirtd can't be connected to, or can't be used; the text says why."""


class Listener(Protocol):
    """Whom a host tells what happens. All methods are called on the event loop."""

    async def connected(self, host: Host) -> None:
        """The connection is there (again): everything may have changed."""
        ...

    def disconnected(self, host: Host) -> None: ...

    def domain_changed(self, host: Host, uuid: str, *, panicked: bool = False) -> None:
        """Look at this domain again. That its system has *panicked* is said here alone: its state may not show it any more."""
        ...

    def agent_changed(self, host: Host, uuid: str, *, connected: bool) -> None: ...


class Host:
    """
    A libvirt host, called *name* or, if that is empty, what it calls itself.

    `open` once, then `run` for as long as it is to be kept. *domain_type* is that of all its guests.
    """

    def __init__(self, uri: str, *, name: str, domain_type: str, listener: Listener) -> None:
        self.uri = uri
        self.name = name
        self.domain_type = domain_type
        self.capabilities: HostCapabilities | None = None
        self.node: NodeInfo | None = None
        self.trouble = ""
        """Why there is no connection."""
        self._given_name = name
        self._listener = listener
        self._connection: Any = None
        self._lost = asyncio.Event()
        self._callbacks: list[int] = []
        self._commands = ThreadPoolExecutor(_THREADS, thread_name_prefix="libvirt")
        self._patient = ThreadPoolExecutor(_PATIENT_THREADS, thread_name_prefix="libvirt-patient")

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    # -- connecting

    async def open(self) -> None:
        """Connect, once. Raises HostUnavailable."""
        event_thread.ensure()
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._lost.clear()
        opening = loop.run_in_executor(self._patient, self._open)
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                connection, capabilities = await asyncio.shield(opening)
        except TimeoutError:
            opening.add_done_callback(_close_late)
            self.trouble = f"{self.uri} doesn't answer"
            raise HostUnavailable(self.trouble) from None
        except libvirt.libvirtError as error:
            self.trouble = _text(error)
            raise HostUnavailable(f"{self.uri} can't be connected to: {self.trouble}") from error
        except CapabilitiesError as error:
            self.trouble = str(error)
            raise HostUnavailable(f"{self.uri} can't be used: {error}") from error
        if capabilities.domain_types and self.domain_type not in capabilities.domain_types:
            await loop.run_in_executor(self._patient, _close, connection, [])
            offered = ", ".join(sorted(capabilities.domain_types))
            self.trouble = f"it has no guests of type {self.domain_type}, only {offered}"
            raise HostUnavailable(f"{self.uri} can't be used: {self.trouble}")
        self._callbacks = await loop.run_in_executor(self._commands, self._register, connection)
        self.capabilities = capabilities
        self.name = self._given_name or nodes.node_name(capabilities.hostname)
        self.node = nodes.describe(self.name, capabilities, self.uri)
        self.trouble = ""
        self._connection = connection

    def _open(self) -> tuple[Any, HostCapabilities]:
        connection = libvirt.open(self.uri)
        try:
            return connection, self._learn(connection)
        except BaseException:
            connection.close()
            raise

    def _learn(self, connection: Any) -> HostCapabilities:
        _model, mebibytes, cpus, *_ = connection.getInfo()
        text = connection.getCapabilities()
        bare = parse(text)
        guests = []
        for machine in machines_to_ask_about(bare.architecture):
            if bare.machines and machine not in bare.machines:
                continue
            try:
                guests.append(
                    connection.getDomainCapabilities(
                        bare.emulator or None, bare.architecture, machine, self.domain_type, 0
                    )
                )
            except libvirt.libvirtError as error:
                # The mock driver has none of these, and a host may have a domain type for some machines only.
                logger.debug("%s tells nothing of machine %s: %s", self.uri, machine, error)
        return parse(
            text,
            guests,
            domain_type=self.domain_type,
            memory_bytes=mebibytes << 20,
            cpus=cpus,
            libvirt_version=connection.getLibVersion(),
            hypervisor_version=connection.getVersion(),
            hostname=connection.getHostname(),
        )

    def _register(self, connection: Any) -> list[int]:
        # The mock driver has neither; a real connection without them would not notice that it is dead.
        with contextlib.suppress(libvirt.libvirtError):
            connection.setKeepAlive(_KEEP_ALIVE_SECONDS, _KEEP_ALIVE_COUNT)
        with contextlib.suppress(libvirt.libvirtError):
            connection.registerCloseCallback(self._on_close, None)
        wanted: list[tuple[int, Callable[..., None]]] = [
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, self._on_change),
            (libvirt.VIR_DOMAIN_EVENT_ID_WATCHDOG, self._on_change),
            (libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, self._on_agent),
        ]
        return [connection.domainEventRegisterAny(None, event, callback, None) for event, callback in wanted]

    async def run(self) -> None:
        """Keep the connection, for ever. Started once it is open, or could not be opened."""
        while True:
            if self._connection is None:
                await self._reconnect()
                await self._listener.connected(self)
            await self._lost.wait()
            connection, self._connection = self._connection, None
            callbacks, self._callbacks = self._callbacks, []
            self.trouble = self.trouble or "the connection was lost"
            logger.warning("%s is away: %s", self.uri, self.trouble)
            self._listener.disconnected(self)
            await self._in_thread(self._patient, _close, connection, callbacks)

    async def _reconnect(self) -> None:
        wait = _FIRST_WAIT
        while True:
            await asyncio.sleep(wait)
            try:
                await self.open()
            except HostUnavailable as error:
                wait = min(wait * 2, _LONGEST_WAIT)
                logger.info("%s; next attempt in %.1f s", error, wait)
            else:
                logger.info("%s is connected again", self.uri)
                return

    async def close(self) -> None:
        """Let go of the connection; calls under way end with errors that nobody hears."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._in_thread(self._patient, _close, connection, self._callbacks)
        self._commands.shutdown(wait=False, cancel_futures=True)
        self._patient.shutdown(wait=False, cancel_futures=True)

    # -- calling

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What *function* returns, called with the connection and *arguments* in a thread. Raises GuestError, HostUnavailable."""
        return await self._call(self._commands, function, *arguments)

    async def call_patiently(self, function: Callable[..., T], *arguments: Any) -> T:
        """As `call`, for what may take its time."""
        return await self._call(self._patient, function, *arguments)

    async def _call(self, executor: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any) -> T:
        connection = self._connection
        if connection is None:
            raise HostUnavailable(f"the node {self.name} can't be reached: {self.trouble}")
        try:
            return await self._in_thread(executor, function, connection, *arguments)
        except libvirt.libvirtError as error:
            text = _text(error)
            if not await self._in_thread(self._patient, _is_alive, connection):
                if connection is self._connection:
                    self.trouble = text
                    self._lost.set()
                raise HostUnavailable(f"the node {self.name} can't be reached: {text}") from error
            raise GuestError(text) from error

    def _in_thread(self, executor: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(executor, lambda: function(*arguments))

    # -- events, called in libvirt's thread

    def _tell(self, function: Callable[..., None], *arguments: Any, **options: Any) -> None:
        # The loop may have been closed while libvirt was calling.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: function(*arguments, **options))

    def _on_close(self, connection: Any, reason: int, _opaque: Any) -> None:
        self._tell(self._lose, connection, _CLOSE_REASONS.get(reason, "the connection was closed"))

    def _lose(self, connection: Any, text: str) -> None:
        if self._connection is not None and connection is self._connection:
            self.trouble = text
            self._lost.set()

    def _on_lifecycle(self, _connection: Any, domain: Any, event: int, detail: int, _opaque: Any) -> None:
        panicked = event == libvirt.VIR_DOMAIN_EVENT_CRASHED or (event, detail) == _STOPPED_BY_PANIC
        self._tell(self._listener.domain_changed, self, domain.UUIDString(), panicked=panicked)

    def _on_change(self, _connection: Any, domain: Any, *_details: Any) -> None:
        self._tell(self._listener.domain_changed, self, domain.UUIDString())

    def _on_agent(self, _connection: Any, domain: Any, state: int, _reason: int, _opaque: Any) -> None:
        connected = state == libvirt.VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
        self._tell(self._listener.agent_changed, self, domain.UUIDString(), connected=connected)


_STOPPED_BY_PANIC = (libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED)
_CLOSE_REASONS = {
    libvirt.VIR_CONNECT_CLOSE_REASON_ERROR: "libvirtd is gone",
    libvirt.VIR_CONNECT_CLOSE_REASON_EOF: "libvirtd ended the connection",
    libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE: "libvirtd doesn't answer",
    libvirt.VIR_CONNECT_CLOSE_REASON_CLIENT: "the connection was closed here",
}


def _text(error: libvirt.libvirtError) -> str:
    return str(error.get_error_message() or error)


def _is_alive(connection: Any) -> bool:
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        return False


def _close(connection: Any, callbacks: list[int]) -> None:
    """Whatever is registered holds the connection open, so it goes first; on a dead one none of this works, and nothing is lost."""
    for callback in callbacks:
        with contextlib.suppress(libvirt.libvirtError):
            connection.domainEventDeregisterAny(callback)
    with contextlib.suppress(libvirt.libvirtError):
        connection.unregisterCloseCallback()
    with contextlib.suppress(libvirt.libvirtError):
        connection.close()


def _close_late(opening: asyncio.Future[tuple[Any, HostCapabilities]]) -> None:
    """An attempt that was given up has succeeded after all."""
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result()[0], [])
