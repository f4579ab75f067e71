"""
The libvirt runtime: `Runtime` for real guests.

What guests there are and how they fare is held in memory and in the facts, and follows the domains: an event makes one look at its domain, a
connection that comes back at all of a host's, and a slow poll at the states of all in case an event was lost. Looks and commands of one guest take
turns. Guests belong to libvirt, not to this process: when it ends they go on, and the next one takes them up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from solovirt.runtime.announcements import Announcements
from solovirt.runtime.libvirt import agent, domains, making, nodes, picture, record, streams
from solovirt.runtime.libvirt.agent import Told
from solovirt.runtime.libvirt.capabilities import HostCapabilities
from solovirt.runtime.libvirt.domain import domain_xml
from solovirt.runtime.libvirt.domains import Found, Taken
from solovirt.runtime.libvirt.host import Host, HostUnavailable
from solovirt.runtime.libvirt.identity import Identity, domain_uuid, stamp
from solovirt.runtime.libvirt.places import GuestPlaces, Places, PlacesError
from solovirt.runtime.libvirt.ports import Forwards
from solovirt.runtime.libvirt.record import Record
from solovirt.runtime.libvirt.states import Seen
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

GUESTS, NODES, SELF = "libvirt.guests", "libvirt.nodes", "libvirt"
"""Scopes of facts: records by guest, nodes by URI, and who this control plane is."""
DEFAULT_URI = "qemu:///system"
DEFAULT_DOMAIN_TYPE = "kvm"
_OWNER = "owner"
_POLL_SECONDS = 10.0
_AGENT_SECONDS = 15.0
"""How often a connected agent is asked again."""
_AGENT_PATIENCE = 5
_PRESS_AGAIN = timedelta(seconds=5)
"""A guest that is still booting does not hear the power button: it is pressed until the grace is over."""


class Build(Protocol):
    """Makes the domain of an instance: `solovirt.runtime.libvirt.domain.domain_xml`."""

    def __call__(
        self, spec: GuestSpec, host: HostCapabilities, places: GuestPlaces, *, domain_type: str, cpus: Sequence[int]
    ) -> str: ...


class _Entry:
    """A guest as it is held in memory."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.told: Told | None = None
        """What its agent said; None while there is none."""
        self.agent_connected = False
        self.console: ByteStream | None = None


class LibvirtRuntime:
    """
    `Runtime`, with pause, reset, console, display, ports and agent.

    *hosts* are URIs of libvirt, each of which may be preceded by the node's name and an equals sign; *build* makes domains.
    """

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
        self._places = Places(context.data_dir)
        self._targets = [_target(text) for text in hosts]
        self._domain_type = domain_type
        self._build = build
        self._hosts: list[Host] = []
        self._away: dict[Host, tuple[NodeInfo, datetime]] = {}
        """Hosts without a connection: the node as it was, and since when."""
        self._entries: dict[GuestId, _Entry] = {}
        self._locks: dict[GuestId, asyncio.Lock] = {}
        self._announcements = Announcements()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[GuestId] = set()
        self._deadlines: dict[GuestId, asyncio.Task[None]] = {}
        self._owner = ""
        self._forwards = Forwards()
        self._nodes_changed = asyncio.Event()

    # -- the runtime itself

    async def start(self) -> None:
        """Raises RuntimeUnavailable if nothing can be started on: a host that was never there, or no place for files."""
        try:
            self._places.prepare()
        except PlacesError as error:
            raise RuntimeUnavailable(str(error)) from error
        self._owner = await self._identify()
        await self._load()
        known = {uri: nodes.decode(data) for uri, data in (await self._facts.all(NODES)).items()}
        self._hosts = [
            Host(uri, name=name, domain_type=self._domain_type, listener=self) for name, uri in self._targets
        ]
        try:
            await asyncio.gather(*(self._open(host, known.get(host.uri)) for host in self._hosts))
            self._check_names()
            for host in self._hosts:
                if host.is_connected:
                    await self._take_stock(host)
        except BaseException:
            await self._close_hosts()
            raise
        for entry in self._entries.values():
            self._watch_deadline(entry.record)
        for host in self._hosts:
            self._spawn(host.run(), f"libvirt {host.uri}")
        self._spawn(self._poll(), "libvirt states")
        self._spawn(self._ask_agents(), "libvirt agents")

    async def _identify(self) -> str:
        """Who this control plane is, among others that use the same host."""
        known = await self._facts.get(SELF, _OWNER)
        if known is None:
            known = str(uuid.uuid4()).encode()
            await self._facts.put(SELF, _OWNER, known)
        return known.decode()

    async def _load(self) -> None:
        for guest, data in (await self._facts.all(GUESTS)).items():
            self._entries[GuestId(guest)] = _Entry(Record.decode(data))

    async def _open(self, host: Host, known: NodeInfo | None) -> None:
        try:
            await host.open()
        except HostUnavailable as error:
            if known is None:
                # Nobody knows what to call it, so nothing can be shown of it: most likely the URI is wrong.
                raise RuntimeUnavailable(str(error)) from error
            logger.warning("%s; its guests are out of sight until it is back", error)
            host.name, host.node = known.name, known
            self._away[host] = (known, self._clock.now())
        else:
            await self._remember_node(host)

    async def _remember_node(self, host: Host) -> None:
        assert host.node is not None
        await self._facts.put(NODES, host.uri, nodes.encode(host.node))

    def _check_names(self) -> None:
        names = [host.name for host in self._hosts]
        if len(set(names)) != len(names):
            raise RuntimeUnavailable(
                f"two libvirt hosts would be the same node ({', '.join(sorted(names))}); give them names: NAME=URI"
            )

    async def close(self) -> None:
        tasks = [*self._tasks, *self._deadlines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._deadlines.clear()
        for entry in self._entries.values():
            if entry.console is not None:
                await entry.console.close()
        await self._close_hosts()
        self._announcements.close()

    async def _close_hosts(self) -> None:
        await asyncio.gather(*(host.close() for host in self._hosts))

    async def nodes(self) -> Sequence[NodeInfo]:
        out = []
        for host in self._hosts:
            if host in self._away:
                out.append(nodes.away(self._away[host][0], f"libvirt can't be reached: {host.trouble}"))
            elif host.node is not None:
                out.append(host.node)
        return out

    async def wait_for_nodes(self) -> None:
        await self._nodes_changed.wait()
        self._nodes_changed.clear()

    def events(self) -> AsyncIterator[GuestEvent]:
        return self._announcements.subscribe()

    # -- looking

    async def list_guests(self) -> Sequence[Guest]:
        return [self._guest(entry) for entry in self._entries.values() if not entry.record.doomed]

    async def find_guest(self, guest: GuestId) -> Guest | None:
        entry = self._find(guest)
        return None if entry is None else self._guest(entry)

    def _find(self, guest: GuestId) -> _Entry | None:
        entry = self._entries.get(guest)
        return None if entry is None or entry.record.doomed else entry

    def _guest(self, entry: _Entry) -> Guest:
        known = entry.record
        away = next((since for host, (_, since) in self._away.items() if host.name == known.node), None)
        told = entry.told if known.is_live else None
        return known.guest(
            unreachable_since=away,
            interfaces=agent.interfaces(known.nics, told.interfaces) if told is not None else None,
            agent=told.info if told is not None else None,
        )

    # -- commands

    async def define(self, spec: GuestSpec) -> None:
        async with self._lock(spec.id):
            if (entry := self._entries.get(spec.id)) is not None:
                if entry.record.doomed:
                    raise GuestError(f"the guest {spec.id} is still being removed")
                return
            host = self._host(spec.node)
            if host is None or host.capabilities is None:
                trouble = f"there is no node {spec.node}" if host is None else f"the node {spec.node} can't be reached"
                raise GuestError(trouble)
            places = await asyncio.to_thread(self._places.make, spec.id)
            try:
                await making.make(spec, places)
                defined = await self._define(spec, host, host.capabilities, places)
            except BaseException:
                await asyncio.to_thread(self._places.remove, spec.id)
                raise
            await self._keep(defined)

    async def _define(self, spec: GuestSpec, host: Host, capabilities: HostCapabilities, places: GuestPlaces) -> Record:
        free = self._free_processors(host.name, capabilities)
        xml = await asyncio.to_thread(
            lambda: self._build(spec, capabilities, places, domain_type=self._domain_type, cpus=free)
        )
        owner = Identity(self._owner, spec.id, spec.namespace, spec.name, spec.node)
        uuid_ = domain_uuid(spec)
        try:
            completed = await host.call(domains.define, stamp(xml, owner), uuid_, owner)
        except Taken as error:
            raise GuestError(str(error)) from error
        made = record.adopt(owner, uuid_, completed, self._clock.now())
        return replace(made, start_paused=spec.start_paused)

    def _free_processors(self, node: str, capabilities: HostCapabilities) -> list[int]:
        """Those that are no guest's own; the first is left to everybody else."""
        taken = {cpu for entry in self._entries.values() if entry.record.node == node for cpu in entry.record.cpus}
        every = [cpu for cell in capabilities.numa for cpu in cell.cpus]
        return [cpu for cpu in every[1:] if cpu not in taken]

    async def boot(self, guest: GuestId) -> None:
        async with self._lock(guest):
            entry = self._require(guest)
            if entry.record.is_live:
                return
            host = self._host_of(entry)
            fresh = replace(entry.record, started_at=None, state=GuestState.DEFINED, reason="")
            seen = await host.call(lambda connection: domains.boot(connection, fresh.uuid, paused=fresh.start_paused))
            await self._keep(fresh.booted(seen, self._clock.now()))

    async def shut_down(self, guest: GuestId, *, grace_seconds: float) -> None:
        async with self._lock(guest):
            entry = self._find(guest)
            if entry is None or entry.record.has_ended:
                return
            now, known = self._clock.now(), entry.record
            if not known.is_live:
                await self._keep(known.destroyed(now))
                return
            if grace_seconds <= 0:
                await self._destroy(entry)
                return
            deadline = now + timedelta(seconds=grace_seconds)
            if known.deadline is not None and known.deadline <= deadline:
                return
            asked = replace(known, deadline=deadline)
            if known.state is GuestState.RUNNING:
                asked = asked.put(GuestState.SHUTTING_DOWN, now)
            await self._keep(asked)
            self._watch_deadline(asked)

    async def destroy(self, guest: GuestId) -> None:
        async with self._lock(guest):
            entry = self._find(guest)
            if entry is not None and not entry.record.has_ended:
                await self._destroy(entry)

    async def _destroy(self, entry: _Entry) -> None:
        await self._host_of(entry).call(domains.destroy, entry.record.uuid)
        await self._keep(entry.record.destroyed(self._clock.now()))

    async def remove(self, guest: GuestId) -> None:
        async with self._lock(guest):
            entry = self._entries.get(guest)
            if entry is None:
                return
            if not entry.record.doomed:
                # From here on nobody sees it any more, whatever happens to this process or its node.
                await self._keep(replace(entry.record, doomed=True))
            host = self._host(entry.record.node)
            if host is None or host.is_connected:
                with contextlib.suppress(HostUnavailable):
                    await self._bury(entry, host)

    async def _bury(self, entry: _Entry, host: Host | None) -> None:
        """Let go of everything of a guest that is to be gone."""
        known = entry.record
        if host is not None:
            await host.call(domains.remove, known.uuid)
        await asyncio.to_thread(self._places.remove, known.id)
        await self._forget(known)

    async def _forget(self, known: Record) -> None:
        await self._facts.delete(GUESTS, known.id)
        self._entries.pop(known.id, None)
        self._watch_deadline(known, ended=True)
        self._announce(known)

    # -- what not every runtime can

    async def pause(self, guest: GuestId) -> None:
        await self._act(guest, "pause", domains.pause)

    async def resume(self, guest: GuestId) -> None:
        await self._act(guest, "resume", domains.resume)

    async def reset(self, guest: GuestId) -> None:
        await self._act(guest, "reset", domains.reset)

    async def soft_reboot(self, guest: GuestId) -> None:
        entry = self._find(guest)
        through_agent = entry is not None and entry.agent_connected
        await self._act(
            guest, "reboot", lambda connection, uuid_: domains.reboot(connection, uuid_, agent=through_agent)
        )

    async def _act(self, guest: GuestId, verb: str, act: Callable[[Any, str], object]) -> None:
        async with self._lock(guest):
            entry = self._require(guest)
            if not entry.record.is_live:
                raise GuestError(f"can't {verb} {entry.record.name}: it is {entry.record.state.value}")
            await self._host_of(entry).call(act, entry.record.uuid)
            await self._look(entry)

    async def open_console(self, guest: GuestId) -> ByteStream:
        entry = self._require_live(guest, "console")
        before, entry.console = entry.console, None
        if before is not None:
            # QEMU serves one at a time: the next one would wait for ever.
            await before.close()
        stream = await streams.open_socket(self._places.of(guest).serial_socket, "the serial console")
        entry.console = stream
        return stream

    async def open_display(self, guest: GuestId) -> ByteStream:
        self._require_live(guest, "display")
        return await streams.open_socket(self._places.of(guest).display_socket, "the display")

    async def screenshot(self, guest: GuestId) -> bytes:
        entry = self._require_live(guest, "display")
        _, taken = await self._host_of(entry).call_patiently(domains.screenshot, entry.record.uuid)
        try:
            return await asyncio.to_thread(picture.png, taken)
        except ValueError as error:
            raise GuestError(str(error)) from error

    async def open_port(self, guest: GuestId, port: int, protocol: str = "tcp") -> ByteStream:
        entry = self._require_live(guest, "port")
        host = self._host_of(entry)
        return await self._forwards.open(host, entry.record.uuid, port, protocol)

    async def ask_agent(
        self, guest: GuestId, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_seconds: float = 5.0
    ) -> Any:
        entry = self._require_live(guest, "agent")
        text = agent.command(command, arguments)
        seconds = max(1, round(timeout_seconds))
        return agent.result(await self._host_of(entry).call_patiently(domains.agent, entry.record.uuid, text, seconds))

    def _require(self, guest: GuestId) -> _Entry:
        entry = self._find(guest)
        if entry is None:
            raise GuestError(f"there is no guest {guest}")
        return entry

    def _require_live(self, guest: GuestId, what: str) -> _Entry:
        entry = self._require(guest)
        if not entry.record.is_live:
            raise GuestError(f"{entry.record.name} has no {what}: it is {entry.record.state.value}")
        return entry

    # -- hosts come and go

    async def connected(self, host: Host) -> None:
        try:
            await self._take_stock(host)
            await self._remember_node(host)
        except GuestError as error:
            # Gone again: the next connection comes here, too.
            logger.warning("%s was not looked through: %s", host.uri, error)
            return
        self._away.pop(host, None)
        self._nodes_changed.set()
        self._announce_all(host)

    def disconnected(self, host: Host) -> None:
        if host.node is not None:
            self._away[host] = (host.node, self._clock.now())
        self._nodes_changed.set()
        self._announce_all(host)

    def domain_changed(self, host: Host, uuid: str) -> None:
        for entry in self._entries.values():
            if entry.record.uuid == uuid and entry.record.node == host.name:
                self._look_soon(entry)

    def agent_changed(self, host: Host, uuid: str, *, connected: bool) -> None:
        for entry in self._entries.values():
            if entry.record.uuid == uuid and entry.record.node == host.name:
                entry.agent_connected = connected
                if connected:
                    self._spawn(self._ask_agent_of(entry), f"agent of {entry.record.name}")
                else:
                    entry.told = None
                    self._announce(entry.record)

    async def _take_stock(self, host: Host) -> None:
        """Compare all domains of a host with what is known of them. Raises GuestError."""
        found = await host.call_patiently(domains.find_all)
        ours = {one.identity.id: one for one in found if one.identity is not None and one.identity.owner == self._owner}
        foreign = sum(one.identity is not None and one.identity.owner != self._owner for one in found)
        if foreign:
            logger.info("%s has %d guests of other control planes, which are left alone", host.uri, foreign)
        for guest, one in ours.items():
            async with self._lock(guest):
                await self._meet(host, one)
        for entry in list(self._entries.values()):
            if entry.record.node == host.name and entry.record.id not in ours:
                async with self._lock(entry.record.id):
                    await self._miss(entry)

    async def _meet(self, host: Host, found: Found) -> None:
        """A domain of ours is there."""
        assert found.identity is not None
        guest = found.identity.id
        entry = self._entries.get(guest)
        if entry is None:
            logger.warning("adopting the domain %s, of which nothing was known", found.name)
            xml = await host.call(domains.describe, found.uuid)
            adopted = record.adopt(found.identity, found.uuid, xml, self._clock.now())
            await self._keep(replace(adopted, node=host.name).observed(found.seen, self._clock.now()))
            entry = self._entries[guest]
        elif entry.record.doomed:
            await self._bury(entry, host)
            return
        else:
            await self._keep(entry.record.observed(found.seen, self._clock.now()))
        if entry.record.is_live:
            self._spawn(self._ask_agent_of(entry), f"agent of {entry.record.name}")

    async def _miss(self, entry: _Entry) -> None:
        """The domain of a guest is gone, which nobody here has asked for (or was about to say)."""
        if entry.record.id not in self._entries:
            return
        if not entry.record.doomed:
            logger.warning("the domain of %s/%s is gone", entry.record.namespace, entry.record.name)
        await asyncio.to_thread(self._places.remove, entry.record.id)
        await self._forget(entry.record)

    async def _poll(self) -> None:
        """The safety net: whatever no event told."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            for host in self._hosts:
                if host.is_connected and host not in self._away:
                    with contextlib.suppress(GuestError):
                        await self._compare(host)

    async def _compare(self, host: Host) -> None:
        before = {entry.record.uuid for entry in self._entries.values() if entry.record.node == host.name}
        states = await host.call(domains.states_of_all)
        for entry in list(self._entries.values()):
            known = entry.record
            if known.node != host.name or known.uuid not in before:
                continue
            seen = states.get(known.uuid)
            if seen is None or known.doomed or known.observed(seen, self._clock.now()) != known:
                self._look_soon(entry)

    # -- guests

    def _look_soon(self, entry: _Entry) -> None:
        """Look at the guest's domain; events that come in before that is begun are seen by the same look."""
        guest = entry.record.id
        if guest not in self._looking:
            self._looking.add(guest)
            self._spawn(self._look_at(guest), f"look at {guest}")

    async def _look_at(self, guest: GuestId) -> None:
        async with self._lock(guest):
            self._looking.discard(guest)
            entry = self._entries.get(guest)
            if entry is None:
                return
            with contextlib.suppress(HostUnavailable):
                if entry.record.doomed:
                    await self._bury(entry, self._host_of(entry))
                else:
                    await self._look(entry)

    async def _look(self, entry: _Entry) -> None:
        host = self._host_of(entry)
        seen: Seen | None = await host.call(domains.look, entry.record.uuid)
        if seen is None:
            await self._miss(entry)
        else:
            await self._keep(entry.record.observed(seen, self._clock.now()))

    async def _keep(self, known: Record) -> None:
        """Remember what is now known of a guest, and tell everybody if that is news."""
        entry = self._entries.get(known.id)
        if entry is not None and entry.record == known:
            return
        await self._facts.put(GUESTS, known.id, known.encode())
        if entry is None:
            self._entries[known.id] = _Entry(known)
        else:
            entry.record = known
            if not known.is_live:
                entry.told, entry.agent_connected = None, False
        if not known.is_live:
            self._watch_deadline(known, ended=True)
        self._announce(known)

    def _announce(self, known: Record) -> None:
        self._announcements.announce(GuestEvent(known.id, known.namespace, known.name))

    def _announce_all(self, host: Host) -> None:
        for entry in self._entries.values():
            if entry.record.node == host.name:
                self._announce(entry.record)

    # -- grace

    def _watch_deadline(self, known: Record, *, ended: bool = False) -> None:
        """See to it that a guest that was asked to shut down does, or is destroyed in time."""
        task = self._deadlines.pop(known.id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        if known.deadline is not None and not ended:
            self._deadlines[known.id] = asyncio.get_running_loop().create_task(
                self._enforce(known.id), name=f"shutdown of {known.name}"
            )

    async def _enforce(self, guest: GuestId) -> None:
        while True:
            entry = self._find(guest)
            if entry is None or not entry.record.is_live or entry.record.deadline is None:
                return
            now, deadline = self._clock.now(), entry.record.deadline
            try:
                if now >= deadline:
                    await self.destroy(guest)
                    return
                await self._host_of(entry).call(domains.shut_down, entry.record.uuid)
            except GuestError as error:
                # On a paused guest, say, or a node that is away: the deadline stands.
                logger.debug("%s was not asked to shut down: %s", entry.record.name, error)
            again = now + _PRESS_AGAIN
            await self._clock.sleep_until(again if now >= deadline else min(deadline, again))

    # -- agents

    async def _ask_agents(self) -> None:
        while True:
            await asyncio.sleep(_AGENT_SECONDS)
            for entry in list(self._entries.values()):
                if entry.agent_connected and entry.record.state is GuestState.RUNNING:
                    await self._ask_agent_of(entry)

    async def _ask_agent_of(self, entry: _Entry) -> None:
        """Ask the agent, if one is there, who it is and what it sees."""
        guest = entry.record.id
        try:
            system = await self.ask_agent(guest, "guest-get-osinfo", timeout_seconds=_AGENT_PATIENCE)
        except GuestError:
            return
        answers: dict[str, Any] = {}
        for command in ("guest-info", "guest-get-host-name", "guest-network-get-interfaces"):
            with contextlib.suppress(GuestError):
                answers[command] = await self.ask_agent(guest, command, timeout_seconds=_AGENT_PATIENCE)
        if self._entries.get(guest) is not entry or not entry.record.is_live:
            return
        entry.agent_connected = True
        told = Told(
            agent.read_info(system, answers.get("guest-info"), answers.get("guest-get-host-name")),
            agent.read_interfaces(answers.get("guest-network-get-interfaces")),
        )
        if told != entry.told:
            entry.told = told
            self._announce(entry.record)

    # -- inside

    def _host(self, node: str) -> Host | None:
        return next((host for host in self._hosts if host.name == node), None)

    def _host_of(self, entry: _Entry) -> Host:
        host = self._host(entry.record.node)
        if host is None:
            raise HostUnavailable(f"the node {entry.record.node} is none of this control plane's any more")
        return host

    def _lock(self, guest: GuestId) -> asyncio.Lock:
        return self._locks.setdefault(guest, asyncio.Lock())

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)


def _target(text: str) -> tuple[str, str]:
    """The name of the node, if one is given, and the URI."""
    name, equals, uri = text.partition("=")
    return (name, uri) if equals and "/" not in name and ":" not in name else ("", text)


def create_runtime(context: RuntimeContext) -> LibvirtRuntime:
    """The entry point: a runtime on the hosts that the settings name."""
    hosts = context.options.get("libvirt_uri") or (DEFAULT_URI,)
    domain_type = context.options.get("libvirt_domain_type") or DEFAULT_DOMAIN_TYPE
    return LibvirtRuntime(context, tuple(hosts), domain_type=str(domain_type))
