"""
The fake hypervisor.

A command changes a guest's `Life` and writes it to the facts; it is accepted once that is durable. One task on the clock waits for the next
moment at which some guest changes by itself, and announces it. Nothing else moves: a thousand idle guests cost nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from solovirt.runtime.announcements import Announcements
from solovirt.runtime.fake import health, nodes
from solovirt.runtime.fake.agent import FILE_SYSTEMS, FREEZE, THAW
from solovirt.runtime.fake.doors import Doors
from solovirt.runtime.fake.hardware import Hardware
from solovirt.runtime.fake.life import DESTROYED, Life
from solovirt.runtime.fake.scenario import TIMELESS, Scenario, ScenarioError
from solovirt.runtime.fake.shell import Wish
from solovirt.runtime.protocol import (
    ByteStream,
    DiskImage,
    Guest,
    GuestError,
    GuestEvent,
    GuestId,
    GuestSize,
    GuestSpec,
    GuestState,
    NodeInfo,
)

if TYPE_CHECKING:
    from solovirt.runtime.registry import RuntimeContext

SCOPE = "fake.guests"
_LOOK_AGAIN = timedelta(seconds=1)
"""How often the facts are read for what other processes did to guests."""


class FakeRuntime:
    """
    `Runtime`, with pause, reset, hotplug, live update and memory dumps, for simulated guests.

    *scenario* says how guests behave and may be changed at any time. `crash`, `power_off` and `lose` make trouble for one that runs.
    """

    def __init__(self, context: RuntimeContext, scenario: Scenario | None = None) -> None:
        self.scenario = scenario or Scenario()
        self._clock = context.clock
        self._facts = context.facts
        self._shared = context.shared
        self._guests_per_node = int(context.options.get("node_guests", nodes.MAX_GUESTS))
        self._nodes = nodes.simulated(context.nodes, guests=self._guests_per_node)
        self._numbers = {node.name: number for number, node in enumerate(self._nodes, start=1)}
        self._lives: dict[GuestId, Life] = {}
        # What the facts were when they were last read as a whole; of a runtime that shares them.
        self._read: dict[str, bytes] = {}
        self._slots: dict[str, set[int]] = {}
        self._locks: WeakValueDictionary[GuestId, asyncio.Lock] = WeakValueDictionary()
        self._announcements = Announcements()
        self._doors = Doors(context.clock, self._find, self._grant)
        self._timeline: list[tuple[datetime, GuestId]] = []
        self._sooner = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None

    # -- the runtime itself

    async def start(self) -> None:
        await self._load()
        self._timer = asyncio.get_running_loop().create_task(self._run_timer(), name="fake guests")

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timer
            self._timer = None
        self._announcements.close()
        self._doors.close()

    async def nodes(self) -> Sequence[NodeInfo]:
        return self._nodes

    def events(self) -> AsyncIterator[GuestEvent]:
        return self._announcements.subscribe()

    # -- looking

    async def list_guests(self) -> Sequence[Guest]:
        if self._shared:
            await self._load()
        now = self._clock.now()
        return [life.guest(now) for life in self._lives.values()]

    async def find_guest(self, guest: GuestId) -> Guest | None:
        life = await self._find(guest)
        return None if life is None else life.guest(self._clock.now())

    async def _find(self, guest: GuestId) -> Life | None:
        if self._shared:
            data = await self._facts.get(SCOPE, guest)
            self._learn(guest, None if data is None else Life.decode(data))
        return self._lives.get(guest)

    # -- commands

    async def define(self, spec: GuestSpec) -> None:
        async with self._lock(spec.id):
            if await self._find(spec.id) is not None:
                return
            number = self._numbers.get(spec.node)
            if number is None:
                raise GuestError(f"there is no node {spec.node}")
            instance = spec.instance
            metadata, wanted = instance.get("metadata") or {}, instance.get("spec") or {}
            try:
                script = self.scenario.script(
                    spec.namespace, spec.name, metadata.get("labels") or {}, metadata.get("annotations") or {}
                )
            except ScenarioError as error:
                raise GuestError(str(error)) from error
            taken = self._slots.setdefault(spec.node, set())
            slot = next(slot for slot in range(1, len(taken) + 2) if slot not in taken)
            life = Life(
                id=spec.id,
                namespace=spec.namespace,
                name=spec.name,
                node=spec.node,
                defined_at=self._clock.now(),
                hostname=wanted.get("hostname") or spec.name,
                architecture=wanted.get("architecture") or "amd64",
                machine_type=nodes.machine_type(wanted),
                nics=nodes.nics(spec.id, wanted, script, self._address(number, slot)),
                slot=slot,
                script=script,
                start_paused=spec.start_paused,
                hardware=Hardware.of(wanted, self._clock.now()),
                has_serial=nodes.has_serial(wanted),
                has_display=nodes.has_display(wanted),
            )
            # Taken before it is durable: another guest is placed meanwhile.
            taken.add(slot)
            await self._keep(life)

    async def boot(self, guest: GuestId) -> None:
        def boot(life: Life, now: datetime) -> Life:
            if life.script.refuse_to_start:
                raise GuestError(life.script.refuse_to_start)
            under_way = life.booted_at is not None and not life.is_over(now)
            return life if under_way else life.boot(now, life.script)

        await self._change(guest, boot)

    async def shut_down(self, guest: GuestId, *, grace_seconds: float) -> None:
        await self._change(guest, lambda life, now: life.shut_down(now, grace_seconds), missing_ok=True)

    async def destroy(self, guest: GuestId) -> None:
        await self._change(guest, lambda life, now: life.end(now, GuestState.CRASHED, DESTROYED), missing_ok=True)

    async def remove(self, guest: GuestId) -> None:
        async with self._lock(guest):
            life = await self._find(guest)
            if life is None:
                return
            await self._facts.delete(SCOPE, guest)
            self._learn(guest, None)
        self._announce(life)
        self._doors.gone(guest)

    async def pause(self, guest: GuestId) -> None:
        await self._change(guest, lambda life, now: life.pause(now))

    async def resume(self, guest: GuestId) -> None:
        await self._change(guest, lambda life, now: life.resume(now))

    async def reset(self, guest: GuestId) -> None:
        await self._change(guest, lambda life, now: life.reset(now))

    async def soft_reboot(self, guest: GuestId) -> None:
        await self._change(guest, lambda life, now: life.reset(now))

    async def attach(self, guest: GuestId, disk: Mapping[str, Any], image: DiskImage) -> None:
        def attach(life: Life, now: datetime) -> Life:
            if life.script.refuse_to_plug:
                raise GuestError(life.script.refuse_to_plug)
            return life.attach(now, disk)

        await self._change(guest, attach)

    async def detach(self, guest: GuestId, volume: str) -> None:
        await self._change(guest, lambda life, now: life.detach(now, volume))

    async def set_interfaces(self, guest: GuestId, instance: Mapping[str, Any]) -> None:
        def change(life: Life, now: datetime) -> Life:
            if life.script.refuse_to_plug:
                raise GuestError(life.script.refuse_to_plug)
            address = self._address(self._numbers[life.node], life.slot)
            return life.with_nics(now, nodes.nics(life.id, instance.get("spec") or {}, life.script, address))

        await self._change(guest, change)

    async def resize(self, guest: GuestId, size: GuestSize) -> None:
        def resize(life: Life, now: datetime) -> Life:
            if life.script.refuse_to_resize:
                raise GuestError(life.script.refuse_to_resize)
            return life.resize(now, size)

        await self._change(guest, resize)

    async def dump_memory(self, guest: GuestId, image: DiskImage, file_name: str) -> None:
        await self._change(guest, lambda life, now: life.dump_memory(now, file_name))

    async def probe(self, guest: GuestId, check: Mapping[str, Any], *, timeout_seconds: float) -> str | None:
        life = await self._find(guest)
        if life is None:
            raise GuestError(f"there is no guest {guest}")
        return health.problem(life, self._clock.now(), check)

    # -- from inside

    async def open_console(self, guest: GuestId) -> ByteStream:
        return await self._doors.console(guest)

    async def open_display(self, guest: GuestId) -> ByteStream:
        return await self._doors.display(guest)

    async def screenshot(self, guest: GuestId) -> bytes:
        return await self._doors.screenshot(guest)

    async def open_port(self, guest: GuestId, port: int, protocol: str = "tcp") -> ByteStream:
        return await self._doors.port(guest, port, protocol)

    async def ask_agent(
        self, guest: GuestId, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_seconds: float = 5.0
    ) -> Any:
        if command in (FREEZE, THAW):

            def freeze(life: Life, now: datetime) -> Life:
                self._doors.require_agent(life, now)
                return replace(life, is_frozen=command == FREEZE)

            await self._change(guest, freeze)
            return len(FILE_SYSTEMS)
        life = await self._find(guest)
        if life is None:
            raise GuestError(f"there is no guest {guest}")
        return await self._doors.ask(life, command, arguments or {})

    async def _grant(self, guest: GuestId, wish: Wish) -> None:
        """Do what somebody in the guest wants of the machine."""
        if wish is Wish.REBOOT:
            await self.reset(guest)
        elif wish is Wish.POWER_OFF:
            await self.power_off(guest)
        else:
            await self.crash(guest)

    # -- trouble

    async def crash(self, guest: GuestId, reason: str = "panicked") -> None:
        """Let a guest crash now. Raises GuestError if there is none."""
        await self._change(guest, lambda life, now: life.end(now, GuestState.CRASHED, reason))

    async def power_off(self, guest: GuestId) -> None:
        """Let a guest power itself off now. Raises GuestError if there is none."""
        await self._change(guest, lambda life, now: life.end(now, GuestState.SHUT_OFF, "shutdown"))

    async def lose(self, guest: GuestId) -> None:
        """Let a guest vanish without a trace, as if the node had been reinstalled."""
        await self.remove(guest)

    # -- inside

    def _address(self, number: int, slot: int) -> str:
        return nodes.address(number, slot, guests=self._guests_per_node)

    def _lock(self, guest: GuestId) -> asyncio.Lock:
        return self._locks.setdefault(guest, asyncio.Lock())

    async def _change(
        self, guest: GuestId, change: Callable[[Life, datetime], Life], *, missing_ok: bool = False
    ) -> None:
        async with self._lock(guest):
            life = await self._find(guest)
            if life is None:
                if missing_ok:
                    return
                raise GuestError(f"there is no guest {guest}")
            after = change(life, self._clock.now())
            if after != life:
                await self._keep(after)

    async def _keep(self, life: Life) -> None:
        await self._facts.put(SCOPE, life.id, life.encode())
        self._learn(life.id, life)
        self._announce(life)

    async def _load(self) -> None:
        found = await self._facts.all(SCOPE)
        # Decoding is what costs, and most have not changed since the last look.
        stored = {
            GuestId(key): life
            if self._read.get(key) == data and (life := self._lives.get(GuestId(key))) is not None
            else Life.decode(data)
            for key, data in found.items()
        }
        if self._shared:
            self._read = found
        for guest in [*stored, *(self._lives.keys() - stored.keys())]:
            before, after = self._lives.get(guest), stored.get(guest)
            if before != after:
                self._learn(guest, after)
                if told := after or before:
                    self._announce(told)

    def _learn(self, guest: GuestId, life: Life | None) -> None:
        before = self._lives.get(guest)
        if life is None:
            if before is not None:
                del self._lives[guest]
                self._slots[before.node].discard(before.slot)
            return
        if life == before:
            return
        self._lives[guest] = life
        self._slots.setdefault(life.node, set()).add(life.slot)
        self._schedule(life)

    def _schedule(self, life: Life) -> None:
        until = life.at(self._clock.now()).until
        if until is None:
            return
        if not self._timeline or until < self._timeline[0][0]:
            self._sooner.set()
        heapq.heappush(self._timeline, (until, life.id))

    def _announce(self, life: Life) -> None:
        self._announcements.announce(GuestEvent(life.id, life.namespace, life.name))
        self._doors.changed(self._lives.get(life.id, life))

    async def _run_timer(self) -> None:
        while True:
            self._sooner.clear()
            await self._sleep()
            now = self._clock.now()
            if self._shared:
                await self._load()
            due = []
            while self._timeline and self._timeline[0][0] <= now:
                due.append(heapq.heappop(self._timeline)[1])
            for guest in dict.fromkeys(due):
                # Entries of lives that have changed since are announced for nothing, which harms nobody.
                if (life := self._lives.get(guest)) is not None:
                    self._schedule(life)
                    self._announce(life)

    async def _sleep(self) -> None:
        """Until the first entry of the timeline is due, or one comes in before it."""
        deadlines = [self._timeline[0][0]] if self._timeline else []
        if self._shared:
            deadlines.append(self._clock.now() + _LOOK_AGAIN)
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._sooner.wait())]
        if deadlines:
            waiting.append(asyncio.ensure_future(self._clock.sleep_until(min(deadlines))))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def create_runtime(context: RuntimeContext) -> FakeRuntime:
    """The entry point: a fake runtime with the default scenario or a timeless one, which can be changed on `scenario`."""
    return FakeRuntime(context, Scenario(TIMELESS if context.instant else None))
