"""
The life of a simulated guest: what was done to it, and what follows.

A `Life` is facts only: what was asked and when, and the script the guest plays. What the guest is doing at some time is a function of these
and that time, so it needs no process, survives restarts, and looks the same from every replica:

    boot asked at 10:00:00, boot_seconds=2, crash_after=30
    10:00:01  defined      10:00:02  running      10:00:32  crashed (panicked)

A guest has a clock of its own, which stands still while it is paused and starts anew at a reset; what the script says of the guest's
doings is counted on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from solovirt.runtime.fake.hardware import Hardware
from solovirt.runtime.fake.scenario import Script
from solovirt.runtime.protocol import (
    AgentInfo,
    Guest,
    GuestError,
    GuestId,
    GuestInterface,
    GuestSize,
    GuestState,
    MemoryDump,
)

DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface that the node gave to the guest."""

    name: str
    mac: str
    addresses: tuple[str, ...] = ()
    link_up: bool = True


@dataclass(frozen=True, slots=True)
class Ending:
    """How a guest ended, or will."""

    state: GuestState
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """What a guest is doing at some time, since when, and when that will change by itself (None: never)."""

    state: GuestState
    reason: str
    since: datetime
    agent: bool
    until: datetime | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that is known of a guest. Each command is a method that gives the life after it."""

    id: GuestId
    namespace: str
    name: str
    node: str
    defined_at: datetime
    hostname: str
    architecture: str = "amd64"
    machine_type: str = ""
    nics: tuple[Nic, ...] = ()
    slot: int = 0
    """Its place on the node, from which its address comes."""
    script: Script = field(default_factory=Script)
    start_paused: bool = False
    booted_at: datetime | None = None
    resumed_at: datetime | None = None
    """Since when its clock runs; None while it stands."""
    paused_at: datetime | None = None
    ran: float = 0.0
    """What its clock showed when it was stopped last."""
    shutdown_at: datetime | None = None
    shutdown_deadline: datetime | None = None
    ending: Ending | None = None
    """How it was ended from outside."""
    hardware: Hardware = field(default_factory=Hardware)
    starts: int = 0
    """How often it began: by being booted, or reset."""
    has_serial: bool = True
    has_display: bool = True
    is_frozen: bool = False
    """Its file systems are, by its agent."""

    # -- what follows

    def at(self, now: datetime) -> Moment:
        """What the guest is doing at *now*."""
        if self.booted_at is None:
            return Moment(GuestState.DEFINED, "", self.defined_at, agent=False, until=None, started_at=None)
        start = self.booted_at + timedelta(seconds=self.script.boot_seconds)
        ending = self._ending(start)
        started = start if not self.script.fail_to_start and (ending is None or ending.at >= start) else None
        if ending is not None and now >= ending.at:
            return Moment(ending.state, ending.reason, ending.at, agent=False, until=None, started_at=started)
        if now < start:
            return Moment(GuestState.DEFINED, "", self.defined_at, agent=False, until=start, started_at=None)
        agent_at = self._when(self.script.agent_after)
        agent = agent_at is not None and now >= agent_at
        own = (ending and ending.at, agent_at, self.shutdown_at)
        changes = [change for change in (*own, *self.hardware.changes()) if change and change > now]
        state, since = GuestState.RUNNING, max(start, self.resumed_at or start)
        if self.paused_at is not None:
            state, since = GuestState.PAUSED, self.paused_at
        elif self.shutdown_at is not None and now >= self.shutdown_at and not self.script.ignores_acpi:
            state, since = GuestState.SHUTTING_DOWN, self.shutdown_at
        return Moment(state, "", since, agent=agent, until=min(changes, default=None), started_at=started)

    def _when(self, seconds: float | None) -> datetime | None:
        """When the guest's clock shows *seconds*: in the past if it did already, None if it never will."""
        if seconds is None:
            return None
        if self.resumed_at is None:
            return self.paused_at if self.paused_at is not None and self.ran >= seconds else None
        return self.resumed_at + timedelta(seconds=seconds - self.ran)

    def _ending(self, start: datetime) -> Ending | None:
        script = self.script
        endings = [] if self.ending is None else [self.ending]
        if script.fail_to_start:
            endings.append(Ending(GuestState.CRASHED, script.fail_to_start, start))
        if (off := self._when(script.shut_down_after)) is not None:
            endings.append(Ending(GuestState.SHUT_OFF, "shutdown", max(off, start)))
        if (crash := self._when(script.crash_after)) is not None:
            endings.append(Ending(GuestState.CRASHED, script.crash_reason, max(crash, start)))
        if self.shutdown_at is not None and self.shutdown_deadline is not None:
            # A guest that stands still doesn't hear the request until it goes on.
            if not script.ignores_acpi and self.resumed_at is not None:
                off = max(self.shutdown_at, self.resumed_at) + timedelta(seconds=script.shutdown_seconds)
                endings.append(Ending(GuestState.SHUT_OFF, "shutdown", off))
            endings.append(Ending(GuestState.CRASHED, DESTROYED, self.shutdown_deadline))
        # `min` takes the first of equals: an orderly end goes before being destroyed at the same instant.
        return min(endings, key=lambda ending: ending.at, default=None)

    def elapsed(self, now: datetime) -> float:
        """What the guest's own clock shows: seconds for which it has run since it was booted or reset."""
        return self.ran if self.resumed_at is None else self.ran + (now - self.resumed_at).total_seconds()

    def uptime(self, now: datetime) -> float:
        """What the guest's clock shows: seconds that it has run since it began, or was reset."""
        if self.resumed_at is None:
            return self.ran
        return self.ran + max((now - self.resumed_at).total_seconds(), 0.0)

    def about(self) -> AgentInfo:
        """What the guest says of itself."""
        return _agent(self)

    def is_over(self, now: datetime) -> bool:
        return self.at(now).state in (GuestState.SHUT_OFF, GuestState.CRASHED)

    # -- what is done to it

    def boot(self, now: datetime, script: Script) -> Life:
        """Started at *now*; a guest that had ended begins again."""
        start = now + timedelta(seconds=script.boot_seconds)
        return replace(
            self,
            script=script,
            booted_at=now,
            resumed_at=None if self.start_paused else start,
            paused_at=start if self.start_paused else None,
            ran=0.0,
            shutdown_at=None,
            shutdown_deadline=None,
            ending=None,
            starts=self.starts + 1,
            is_frozen=False,
        )

    def pause(self, now: datetime) -> Life:
        """Raises GuestError unless the guest runs or is paused already."""
        state = self._awake(now, "pause")
        if state is GuestState.PAUSED:
            return self
        if state is GuestState.SHUTTING_DOWN or self.resumed_at is None:
            raise GuestError(f"can't pause {self.name}: it is {state.value}")
        ran = self.ran + (now - self.resumed_at).total_seconds()
        return replace(self, ran=ran, resumed_at=None, paused_at=now)

    def resume(self, now: datetime) -> Life:
        """Raises GuestError unless the guest is paused or runs already."""
        if self._awake(now, "resume") is not GuestState.PAUSED:
            return self
        return replace(self, resumed_at=now, paused_at=None)

    def reset(self, now: datetime) -> Life:
        """Its clock starts anew; a paused guest stays paused. Raises GuestError unless it runs."""
        self._awake(now, "reset")
        resumed_at = None if self.resumed_at is None else now
        return replace(self, ran=0.0, resumed_at=resumed_at, starts=self.starts + 1, is_frozen=False)

    def shut_down(self, now: datetime, grace_seconds: float) -> Life:
        """Asked to power off; asking again can only shorten the grace."""
        moment = self.at(now)
        if moment.state is GuestState.DEFINED:
            return self.end(now, GuestState.CRASHED, DESTROYED)
        if self.is_over(now):
            return self
        deadline = now + timedelta(seconds=grace_seconds)
        if self.shutdown_at is None or self.shutdown_deadline is None:
            return replace(self, shutdown_at=now, shutdown_deadline=deadline)
        return replace(self, shutdown_deadline=min(deadline, self.shutdown_deadline))

    def resize(self, now: datetime, size: GuestSize) -> Life:
        """Raises GuestError unless the guest runs."""
        self._awake(now, "resize")
        return replace(
            self, hardware=self.hardware.resize(size, now, now + timedelta(seconds=self.script.plug_seconds))
        )

    def attach(self, now: datetime, disk: Mapping[str, Any]) -> Life:
        """Raises GuestError unless the guest runs."""
        self._awake(now, "plug a disk into")
        return replace(
            self, hardware=self.hardware.attach(disk, now, now + timedelta(seconds=self.script.plug_seconds))
        )

    def detach(self, now: datetime, volume: str) -> Life:
        """Raises GuestError unless the guest runs."""
        self._awake(now, "pull a disk out of")
        return replace(self, hardware=self.hardware.detach(volume, now + timedelta(seconds=self.script.plug_seconds)))

    def with_nics(self, now: datetime, nics: tuple[Nic, ...]) -> Life:
        """Raises GuestError unless the guest runs."""
        self._awake(now, "change the interfaces of")
        return replace(self, nics=nics)

    def dump_memory(self, now: datetime, file_name: str) -> Life:
        """Raises GuestError unless the guest runs."""
        self._awake(now, "dump the memory of")
        done_at = now + timedelta(seconds=self.script.dump_seconds)
        dump = MemoryDump(file_name, now, done_at, self.script.fail_to_dump)
        return replace(self, hardware=self.hardware.start_dump(dump))

    def end(self, now: datetime, state: GuestState, reason: str) -> Life:
        """Over at once, unless it is already."""
        if self.is_over(now):
            return self
        # A guest that was never asked to start is booted and ended in the same instant, so that its life has an end.
        return replace(self, booted_at=self.booted_at or now, ending=Ending(state, reason, now))

    def _awake(self, now: datetime, verb: str) -> GuestState:
        state = self.at(now).state
        if state not in (GuestState.RUNNING, GuestState.PAUSED, GuestState.SHUTTING_DOWN):
            raise GuestError(f"can't {verb} {self.name}: it is {state.value}")
        return state

    # -- as others see it

    def guest(self, now: datetime) -> Guest:
        moment = self.at(now)
        return Guest(
            id=self.id,
            namespace=self.namespace,
            name=self.name,
            node=self.node,
            state=moment.state,
            reason=moment.reason,
            since=moment.since,
            started_at=moment.started_at if moment.started_at is not None and moment.started_at <= now else None,
            interfaces=tuple(
                GuestInterface(nic.name, nic.mac, nic.addresses, f"eth{index}" if moment.agent else "", nic.link_up)
                for index, nic in enumerate(self.nics)
            ),
            agent=_agent(self) if moment.agent else None,
            machine_type=self.machine_type,
            disks=self.hardware.shown_disks(now),
            size=self.hardware.size(now),
            memory_dump=self.hardware.shown_dump(now),
        )

    # -- as it is stored

    def encode(self) -> bytes:
        # orjson writes dataclasses, tuples, enums and times as they are.
        return orjson.dumps(self)

    @classmethod
    def decode(cls, data: bytes) -> Life:
        """Raises ValueError (KeyError, TypeError) if *data* was not written by `encode`."""
        raw: dict[str, Any] = orjson.loads(data)
        for name in ("defined_at", "booted_at", "resumed_at", "paused_at", "shutdown_at", "shutdown_deadline"):
            raw[name] = None if raw[name] is None else datetime.fromisoformat(raw[name])
        raw["nics"] = tuple(
            Nic(nic["name"], nic["mac"], tuple(nic["addresses"]), nic.get("link_up", True)) for nic in raw["nics"]
        )
        # A script written by an older version lacks what was added since.
        known = {one.name for one in dataclasses.fields(Script)}
        script = {key: value for key, value in raw["script"].items() if key in known}
        for name in ("addresses", "ports"):
            if name in script:
                script[name] = tuple(script[name])
        raw["script"] = Script(**script)
        # A life written by an older version has no hardware.
        raw["hardware"] = Hardware.decode(raw["hardware"]) if "hardware" in raw else Hardware()
        if (ending := raw["ending"]) is not None:
            raw["ending"] = Ending(GuestState(ending["state"]), ending["reason"], datetime.fromisoformat(ending["at"]))
        return cls(**raw)


_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}


def _agent(life: Life) -> AgentInfo:
    """A small Linux that says what it is: simulated."""
    return AgentInfo(
        os_id="solovirt",
        os_name="Solovirt Simulated Linux",
        os_pretty_name="Solovirt Simulated Linux 1",
        os_version="1",
        os_version_id="1",
        kernel_release="6.12.0",
        kernel_version="#1 SMP PREEMPT_DYNAMIC",
        machine=_MACHINES.get(life.architecture, life.architecture),
        hostname=life.hostname,
        version="9.2.0",
    )
