"""
The libvirt runtime: `Runtime` for real guests.

Commands are here. What guests there are is in `guests`, on which hosts in `hosts`, and `watch` follows what becomes of them. Guests belong
to libvirt, not to this process: when it ends they go on, and the next one takes them up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from solovirt.runtime.libvirt import agent, domains, making, picture, probes, record, streams
from solovirt.runtime.libvirt.agent import Told
from solovirt.runtime.libvirt.capabilities import HostCapabilities
from solovirt.runtime.libvirt.domain import domain_xml
from solovirt.runtime.libvirt.domains import Taken
from solovirt.runtime.libvirt.grace import Grace
from solovirt.runtime.libvirt.guests import Entry, Guests
from solovirt.runtime.libvirt.host import Host
from solovirt.runtime.libvirt.hosts import Hosts
from solovirt.runtime.libvirt.identity import Identity, domain_uuid, stamp
from solovirt.runtime.libvirt.places import GuestPlaces, Places, PlacesError
from solovirt.runtime.libvirt.ports import DEFAULT_ADDRESS, Forwards
from solovirt.runtime.libvirt.record import Record
from solovirt.runtime.libvirt.streams import SocketStream
from solovirt.runtime.libvirt.watch import Watch
from solovirt.runtime.protocol import (
    ByteStream,
    Guest,
    GuestError,
    GuestEvent,
    GuestId,
    GuestSpec,
    GuestState,
    NodeInfo,
)
from solovirt.runtime.registry import RuntimeUnavailable

if TYPE_CHECKING:
    from solovirt.runtime.registry import RuntimeContext

logger = logging.getLogger("solovirt.libvirt")

DEFAULT_URI = "qemu:///system"
DEFAULT_DOMAIN_TYPE = "kvm"
_SELF, _OWNER = "libvirt", "owner"
"""Facts: who this control plane is."""
_AGENT_SECONDS = 15.0
"""How often a connected agent is asked again."""
_AGENT_PATIENCE = 5.0


class Build(Protocol):
    """Makes the domain of an instance: `solovirt.runtime.libvirt.domain.domain_xml`."""

    def __call__(
        self, spec: GuestSpec, host: HostCapabilities, places: GuestPlaces, *, domain_type: str, cpus: Sequence[int]
    ) -> str: ...


class LibvirtRuntime:
    """`Runtime`, with pause, reset, console, display, ports, probes and agent, on *hosts* (see `Hosts`); *build* makes domains."""

    shows_volumes = True

    def __init__(
        self,
        context: RuntimeContext,
        hosts: Sequence[str] = (DEFAULT_URI,),
        *,
        domain_type: str = DEFAULT_DOMAIN_TYPE,
        build: Build = domain_xml,
    ) -> None:
        self._clock = context.clock
        self._facts = context.facts
        self._domain_type = domain_type
        self._build = build
        self._places = Places(context.data_dir)
        self._hosts = Hosts(hosts, domain_type=domain_type, facts=context.facts, clock=context.clock)
        self._guests = Guests(context.facts, self._hosts, shared=context.shared)
        self._watch = Watch(
            self._guests,
            self._hosts,
            self._places,
            clock=context.clock,
            spawn=self._spawn,
            agent_came=lambda entry: self._spawn(f"agent of {entry.record.name}", self._ask_agent_of(entry)),
        )
        self._grace = Grace(self._guests, self._hosts, context.clock, self.destroy)
        self._forwards = Forwards()
        self._choosing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- the runtime itself

    async def start(self) -> None:
        """Raises RuntimeUnavailable if there is nothing to start on: a host that was never there, or no place for files."""
        try:
            self._places.prepare()
        except PlacesError as error:
            raise RuntimeUnavailable(str(error)) from error
        self._watch.owner = await self._identify()
        await self._guests.load()
        try:
            await self._hosts.open(self._watch)
            for host in self._hosts.connected():
                if host.capabilities is not None and host.capabilities.qemu_user is not None:
                    self._places.let_through(host.capabilities.qemu_user)
                await self._watch.take_stock(host)
        except GuestError as error:
            await self._hosts.close()
            hint = "is libvirtd running there? --libvirt-uri says where, --libvirt-domain-type how guests run (docs/libvirt.md)"
            raise RuntimeUnavailable(f"{error}\n{hint}") from error
        except BaseException:
            await self._hosts.close()
            raise
        for entry in self._guests:
            if entry.record.deadline is not None:
                self._grace.watch(entry.record.id)
        for name, work in self._hosts.work():
            self._spawn(name, work)
        self._spawn("libvirt states", self._watch.poll())
        self._spawn("libvirt agents", self._ask_agents())

    async def _identify(self) -> str:
        """Who this control plane is, among others that use the same hosts."""
        known = await self._facts.get(_SELF, _OWNER)
        if known is None:
            known = str(uuid.uuid4()).encode()
            await self._facts.put(_SELF, _OWNER, known)
        return known.decode()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._grace.close()
        for entry in self._guests:
            await entry.hang_up()
        await self._hosts.close()
        self._guests.announcements.close()

    async def nodes(self) -> Sequence[NodeInfo]:
        return self._hosts.nodes()

    async def wait_for_nodes(self) -> None:
        await self._hosts.wait_for_nodes()

    def events(self) -> AsyncIterator[GuestEvent]:
        return self._guests.announcements.subscribe()

    async def list_guests(self) -> Sequence[Guest]:
        await self._guests.refresh()
        return [self._guests.show(entry) for entry in self._guests if not entry.record.doomed]

    async def find_guest(self, guest: GuestId) -> Guest | None:
        await self._guests.refresh(guest)
        entry = self._guests.find(guest)
        return None if entry is None else self._guests.show(entry)

    # -- commands

    async def define(self, spec: GuestSpec) -> None:
        async with self._guests.lock(spec.id):
            await self._guests.refresh(spec.id)
            if (entry := self._guests.get(spec.id)) is not None:
                if entry.record.doomed:
                    raise GuestError(f"the guest {spec.id} is still being removed")
                return
            host = self._hosts.of(spec.node)
            if host is None:
                raise GuestError(f"there is no node {spec.node}")
            if host.capabilities is None:
                raise GuestError(f"the node {spec.node} can't be reached")
            places = await asyncio.to_thread(self._places.make, spec.id)
            try:
                await making.make(spec, places)
                for image in spec.disks:
                    await asyncio.to_thread(self._places.let_through_to, Path(image.path))
                # What one guest takes of the host's processors has to be written down before the next one chooses.
                async with self._choosing if _has_own_processors(spec) else contextlib.nullcontext():
                    await self._guests.keep(await self._define(spec, host, host.capabilities, places))
            except BaseException:
                await asyncio.to_thread(self._places.remove, spec.id)
                raise

    async def _define(self, spec: GuestSpec, host: Host, capabilities: HostCapabilities, places: GuestPlaces) -> Record:
        free = self._free_processors(host.name, capabilities)
        xml = await asyncio.to_thread(
            lambda: self._build(spec, capabilities, places, domain_type=self._domain_type, cpus=free)
        )
        identity = Identity(self._watch.owner, spec.id, spec.namespace, spec.name, spec.node)
        uuid_ = domain_uuid(spec)
        try:
            completed = await host.call(domains.define, stamp(xml, identity), uuid_, identity)
        except Taken as error:
            raise GuestError(str(error)) from error
        made = record.adopt(identity, uuid_, completed, self._clock.now())
        return replace(made, start_paused=spec.start_paused)

    def _free_processors(self, node: str, capabilities: HostCapabilities) -> list[int]:
        """Those that are no guest's own; the first is left to everybody else."""
        taken = {cpu for entry in self._guests.on(node) for cpu in entry.record.cpus}
        every = [cpu for cell in capabilities.numa for cpu in cell.cpus]
        return [cpu for cpu in every[1:] if cpu not in taken]

    async def boot(self, guest: GuestId) -> None:
        async with self._guests.lock(guest):
            await self._guests.refresh(guest)
            entry = self._guests.require(guest)
            known = entry.record
            if known.is_live:
                return
            entry.panicked = False
            seen = await self._hosts.require(known.node).call(
                lambda connection: domains.boot(connection, known.uuid, paused=known.start_paused)
            )
            await self._guests.keep(known.booted(seen, self._clock.now()))

    async def shut_down(self, guest: GuestId, *, grace_seconds: float) -> None:
        async with self._guests.lock(guest):
            await self._guests.refresh(guest)
            entry = self._guests.find(guest)
            if entry is None or entry.record.has_ended:
                return
            now, known = self._clock.now(), entry.record
            if not known.is_live:
                await self._guests.keep(known.destroyed(now))
            elif grace_seconds <= 0:
                await self._destroy(entry)
            else:
                deadline = now + timedelta(seconds=grace_seconds)
                if known.deadline is None or deadline < known.deadline:
                    await self._guests.keep(known.asked_to_go(deadline, now))
                    self._grace.watch(guest)
                elif not self._grace.is_watched(guest):
                    # It was asked to by another process, which may be gone.
                    self._grace.watch(guest)

    async def destroy(self, guest: GuestId) -> None:
        async with self._guests.lock(guest):
            await self._guests.refresh(guest)
            entry = self._guests.find(guest)
            if entry is not None and not entry.record.has_ended:
                await self._destroy(entry)

    async def _destroy(self, entry: Entry) -> None:
        await self._hosts.require(entry.record.node).call(domains.destroy, entry.record.uuid)
        await self._guests.keep(entry.record.destroyed(self._clock.now()))

    async def remove(self, guest: GuestId) -> None:
        async with self._guests.lock(guest):
            await self._guests.refresh(guest)
            entry = self._guests.get(guest)
            if entry is None:
                return
            # From here on nobody sees it any more, whatever happens to this process or to its node.
            entry = await self._guests.keep(replace(entry.record, doomed=True))
            await entry.hang_up()
            await self._watch.bury(entry)

    # -- what not every runtime can

    async def pause(self, guest: GuestId) -> None:
        await self._act(guest, "pause", domains.pause)

    async def resume(self, guest: GuestId) -> None:
        await self._act(guest, "resume", domains.resume)

    async def reset(self, guest: GuestId) -> None:
        await self._act(guest, "reset", domains.reset)

    async def soft_reboot(self, guest: GuestId) -> None:
        entry = self._guests.find(guest)
        through_agent = entry is not None and entry.agent_connected
        await self._act(
            guest, "reboot", lambda connection, uuid_: domains.reboot(connection, uuid_, agent=through_agent)
        )

    async def _act(self, guest: GuestId, verb: str, act: Callable[[Any, str], object]) -> None:
        async with self._guests.lock(guest):
            await self._guests.refresh(guest)
            entry = self._guests.require(guest)
            if not entry.record.is_live:
                raise GuestError(f"can't {verb} {entry.record.name}: it is {entry.record.state.value}")
            await self._hosts.require(entry.record.node).call(act, entry.record.uuid)
            await self._watch.look(entry)

    async def open_console(self, guest: GuestId) -> ByteStream:
        entry = self._guests.require_live(guest, "console")
        # QEMU serves one at a time: the next one would wait for ever.
        await entry.hang_up()
        stream = await streams.open_socket(self._places.of(guest).serial_socket, "the serial console")
        entry.console = stream
        return stream

    async def open_display(self, guest: GuestId) -> ByteStream:
        self._guests.require_live(guest, "display")
        return await streams.open_socket(self._places.of(guest).display_socket, "the display")

    async def screenshot(self, guest: GuestId) -> bytes:
        known = self._guests.require_live(guest, "display").record
        _, taken = await self._hosts.require(known.node).call_patiently(domains.screenshot, known.uuid)
        try:
            return await asyncio.to_thread(picture.png, taken)
        except ValueError as error:
            raise GuestError(str(error)) from error

    async def open_port(self, guest: GuestId, port: int, protocol: str = "tcp") -> ByteStream:
        known = self._guests.require_live(guest, "port").record
        return await self._forwards.open(self._hosts.require(known.node), known.uuid, port, protocol)

    async def ask_agent(
        self,
        guest: GuestId,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = _AGENT_PATIENCE,
    ) -> Any:
        known = self._guests.require_live(guest, "agent").record
        text, seconds = agent.command(command, arguments), max(1, round(timeout_seconds))
        host = self._hosts.require(known.node)
        return agent.result(await host.call_patiently(domains.agent, known.uuid, text, seconds))

    async def probe(self, guest: GuestId, check: Mapping[str, Any], *, timeout_seconds: float) -> str | None:
        entry = self._guests.require_live(guest, "probe")
        addresses = [address for one in self._guests.show(entry).interfaces for address in one.addresses]

        async def open_port(port: int) -> SocketStream:
            host = self._hosts.require(entry.record.node)
            return await self._forwards.open(host, entry.record.uuid, port, "tcp")

        async def ask_agent(command: str, arguments: Mapping[str, Any] | None = None) -> Any:
            return await self.ask_agent(guest, command, arguments, timeout_seconds=timeout_seconds)

        address = addresses[0] if addresses else DEFAULT_ADDRESS
        return await probes.ask(check, timeout_seconds, address=address, open_port=open_port, ask_agent=ask_agent)

    # -- agents

    async def _ask_agents(self) -> None:
        while True:
            await asyncio.sleep(_AGENT_SECONDS)
            for entry in self._guests:
                if entry.agent_connected and entry.record.state is GuestState.RUNNING:
                    await self._ask_agent_of(entry)

    async def _ask_agent_of(self, entry: Entry) -> None:
        """Ask the agent, if one is there, who it is and what it sees."""
        guest = entry.record.id
        answers: dict[str, Any] = {}
        try:
            system = await self.ask_agent(guest, "guest-get-osinfo")
        except GuestError:
            return
        for command in ("guest-info", "guest-get-host-name", "guest-network-get-interfaces"):
            with contextlib.suppress(GuestError):
                answers[command] = await self.ask_agent(guest, command)
        if self._guests.get(guest) is not entry or not entry.record.is_live:
            return
        entry.agent_connected = True
        told = Told(
            agent.read_info(system, answers.get("guest-info"), answers.get("guest-get-host-name")),
            agent.read_interfaces(answers.get("guest-network-get-interfaces")),
        )
        if told != entry.told:
            entry.told = told
            self._guests.announce(entry.record)

    # -- inside

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)


def _has_own_processors(spec: GuestSpec) -> bool:
    return bool((spec.instance["spec"]["domain"].get("cpu") or {}).get("dedicatedCpuPlacement"))


def create_runtime(context: RuntimeContext) -> LibvirtRuntime:
    """The entry point: a runtime on the hosts that the settings name."""
    hosts = context.options.get("libvirt_uri") or (DEFAULT_URI,)
    domain_type = context.options.get("libvirt_domain_type") or DEFAULT_DOMAIN_TYPE
    return LibvirtRuntime(context, tuple(hosts), domain_type=str(domain_type))
