"""
What must be known of a guest beside its domain, kept in the facts.

libvirt keeps the domain and what it does now; when a guest was first seen running, since when it is in its state, and that it is to be gone by some
time is known here alone. A domain of ours without a record (its server was killed in between) gets one from its XML.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from solovirt.runtime.libvirt.identity import Identity
from solovirt.runtime.libvirt.states import DESTROYED, FAILED, SHUT_DOWN, Seen
from solovirt.runtime.protocol import Guest, GuestId, GuestInterface, GuestState

_LIVE = (GuestState.RUNNING, GuestState.PAUSED, GuestState.SHUTTING_DOWN)
_ENDED = (GuestState.SHUT_OFF, GuestState.CRASHED)
_TIMES = ("since", "started_at", "deadline")
_ALIAS = "ua-"
"""What libvirt wants the names of devices to begin with that others than itself have named."""


@dataclass(frozen=True, slots=True)
class Nic:
    """An interface of the domain."""

    name: str
    mac: str


@dataclass(frozen=True, slots=True)
class Record:
    """A guest. Each thing that happens to it is a method that gives the record after it."""

    id: GuestId
    namespace: str
    name: str
    node: str
    uuid: str
    """The domain's."""
    since: datetime
    state: GuestState = GuestState.DEFINED
    reason: str = ""
    started_at: datetime | None = None
    deadline: datetime | None = None
    """When a guest that was asked to shut down is destroyed."""
    machine_type: str = ""
    nics: tuple[Nic, ...] = ()
    start_paused: bool = False
    cpus: tuple[int, ...] = ()
    """Processors of the host that are this guest's alone."""
    doomed: bool = False
    """Removed, as far as others can see; the domain goes as soon as its node is there."""

    @property
    def is_live(self) -> bool:
        return self.state in _LIVE

    @property
    def has_ended(self) -> bool:
        return self.state in _ENDED

    def put(self, state: GuestState, now: datetime, reason: str = "") -> Record:
        """In *state* from now on, unless it is so already."""
        if (state, reason) == (self.state, self.reason):
            return self
        deadline = self.deadline if state in _LIVE else None
        return replace(self, state=state, reason=reason, since=now, deadline=deadline)

    def booted(self, seen: Seen, now: datetime) -> Record:
        """Started, a first time or again; how it is now may be past running already."""
        fresh = replace(self, state=GuestState.DEFINED, reason="", started_at=now, deadline=None)
        return fresh.observed(seen, now)

    def observed(self, seen: Seen, now: datetime) -> Record:
        """Its domain was looked at."""
        if seen.active:
            state, reason = seen.state or GuestState.RUNNING, seen.reason if seen.state is GuestState.CRASHED else ""
            if state is GuestState.PAUSED and seen.reason == "starting" and not self.start_paused:
                return self
            if state is GuestState.RUNNING and self.deadline is not None:
                state = GuestState.SHUTTING_DOWN
            # Whoever else has started it has started it all the same.
            begun = self if self.started_at is not None and not self.has_ended else replace(self, started_at=now)
            return begun.put(state, now, reason)
        if self.started_at is None or self.has_ended:
            # It has not run, or it is known how it ended: what libvirt says now can only be less.
            return self
        if seen.state is not None:
            return self.put(seen.state, now, seen.reason)
        # It ended while nobody looked. One that was asked to go most likely did.
        if self.deadline is not None or self.state is GuestState.SHUTTING_DOWN:
            return self.put(GuestState.SHUT_OFF, now, SHUT_DOWN)
        return self.put(GuestState.CRASHED, now, FAILED)

    def asked_to_go(self, deadline: datetime, now: datetime) -> Record:
        """To shut down by *deadline*. One that is paused stays so, and can't."""
        asked = replace(self, deadline=deadline)
        return asked.put(GuestState.SHUTTING_DOWN, now) if self.state is GuestState.RUNNING else asked

    def destroyed(self, now: datetime) -> Record:
        return self if self.has_ended else self.put(GuestState.CRASHED, now, DESTROYED)

    def guest(
        self,
        *,
        unreachable_since: datetime | None = None,
        interfaces: tuple[GuestInterface, ...] | None = None,
        **known: Any,
    ) -> Guest:
        """The guest as others see it; what a live one does on a node that is away is anybody's guess."""
        state, reason, since = self.state, self.reason, self.since
        if unreachable_since is not None and not self.has_ended:
            state, reason, since = GuestState.UNKNOWN, "the node can't be reached", unreachable_since
        return Guest(
            id=self.id,
            namespace=self.namespace,
            name=self.name,
            node=self.node,
            state=state,
            reason=reason,
            since=since,
            started_at=self.started_at,
            interfaces=interfaces
            if interfaces is not None
            else tuple(GuestInterface(nic.name, nic.mac) for nic in self.nics),
            machine_type=self.machine_type,
            **known,
        )

    def encode(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def decode(cls, data: bytes) -> Record:
        """Raises ValueError (KeyError, TypeError) for what `encode` has not written."""
        raw: dict[str, Any] = orjson.loads(data)
        for name in _TIMES:
            raw[name] = None if raw[name] is None else datetime.fromisoformat(raw[name])
        raw["state"] = GuestState(raw["state"])
        raw["nics"] = tuple(Nic(**nic) for nic in raw["nics"])
        raw["cpus"] = tuple(raw["cpus"])
        return cls(**raw)


def adopt(identity: Identity, uuid: str, xml: str, now: datetime) -> Record:
    """The record of a domain, from its identity and its XML."""
    root = ET.fromstring(xml)  # noqa: S314 - from libvirtd, which speaks with this process's own authority
    machine = root.find("os/type")
    return Record(
        id=identity.id,
        namespace=identity.namespace,
        name=identity.name,
        node=identity.node,
        uuid=uuid,
        since=now,
        machine_type=(machine.get("machine") if machine is not None else None) or "",
        nics=tuple(_nics(root)),
        cpus=tuple(_dedicated(root)),
    )


def _nics(root: ET.Element) -> list[Nic]:
    out = []
    for interface in root.iterfind("devices/interface"):
        alias, mac = interface.find("alias"), interface.find("mac")
        name = alias.get("name", "") if alias is not None else ""
        address = mac.get("address", "") if mac is not None else ""
        out.append(Nic(name.removeprefix(_ALIAS), address.lower()))
    return out


def _dedicated(root: ET.Element) -> list[int]:
    """Each of a guest's dedicated processors is pinned to one of the host's."""
    pins = [*root.iterfind("cputune/vcpupin"), *root.iterfind("cputune/emulatorpin")]
    return sorted({int(cpu) for pin in pins if (cpu := pin.get("cpuset", "")).isdigit()})
