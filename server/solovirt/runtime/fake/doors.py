"""Ways into simulated guests: console, display, ports and agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from solovirt.runtime.fake import agent, picture, services
from solovirt.runtime.fake.display import Display
from solovirt.runtime.fake.shell import Console, Wish
from solovirt.runtime.protocol import ByteStream, GuestError, GuestId, GuestState

if TYPE_CHECKING:
    from datetime import datetime

    from solovirt.machinery.clock import Clock
    from solovirt.runtime.fake.life import Life
    from solovirt.runtime.fake.line import Line

_AWAKE = (GuestState.RUNNING, GuestState.PAUSED, GuestState.SHUTTING_DOWN)


class Doors:
    """
    Opens connections, and tells them when their guest changes.

    *find* looks a guest up, *grant* does to it what somebody inside wishes.
    """

    def __init__(
        self,
        clock: Clock,
        find: Callable[[GuestId], Awaitable[Life | None]],
        grant: Callable[[GuestId, Wish], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._find = find
        self._grant = grant
        self._lines: dict[GuestId, WeakSet[Line]] = {}
        self._consoles: dict[GuestId, Console] = {}

    async def console(self, guest: GuestId) -> ByteStream:
        """Whoever was connected is cut off. Raises GuestError."""
        life = await self._awake(guest, "console")
        if not life.has_serial:
            raise GuestError(f"{life.name} has no serial port")
        if (before := self._consoles.get(guest)) is not None:
            before.end()

        async def grant(wish: Wish) -> None:
            await self._grant(guest, wish)

        console = self._consoles[guest] = Console(life, self._clock.now, grant)
        return self._opened(life, console)

    async def display(self, guest: GuestId) -> ByteStream:
        """Raises GuestError."""
        life = await self._with_display(guest)
        return self._opened(life, Display(life, self._clock.now), holds=False)

    async def screenshot(self, guest: GuestId) -> bytes:
        """Raises GuestError."""
        life = await self._with_display(guest)
        return picture.of(life, self._clock.now()).png()

    async def port(self, guest: GuestId, port: int, protocol: str) -> ByteStream:
        """Raises GuestError and ConnectionError."""
        life = await self._awake(guest, f"port {port}")
        addresses = [address for nic in life.nics for address in nic.addresses]
        if not addresses:
            raise GuestError(f"{life.name} has no interface on the pod network")
        line = services.connect(life, port, protocol)
        if line is None:
            raise ConnectionRefusedError(f"dial {protocol} {addresses[0]}:{port}: connect: connection refused")
        return self._opened(life, line)

    async def ask(self, life: Life, command: str, arguments: Mapping[str, Any]) -> Any:
        """Ask the agent what changes nothing. Raises GuestError."""
        now = self._clock.now()
        self.require_agent(life, now)
        return agent.answer(life, now, command, arguments)

    def require_agent(self, life: Life, now: datetime) -> None:
        """Raise GuestError unless the agent of the guest answers now."""
        moment = life.at(now)
        hangs = life.script.hangs_after is not None and life.uptime(now) >= life.script.hangs_after
        if moment.state is not GuestState.RUNNING or not moment.agent or hangs:
            raise GuestError("Guest agent is not responding: QEMU guest agent is not connected")

    def changed(self, life: Life) -> None:
        """Tell the connections of a guest that it changed, perhaps."""
        lines = self._lines.get(life.id)
        if not lines:
            return
        now = self._clock.now()
        state = life.at(now).state
        for line in list(lines):
            if state not in _AWAKE:
                line.end()
                continue
            line.changed(life, now)
            if not isinstance(line, Display):
                line.hold(held=state is GuestState.PAUSED)
        if state not in _AWAKE:
            self._lines.pop(life.id, None)
            self._consoles.pop(life.id, None)

    def gone(self, guest: GuestId) -> None:
        """The guest is no more."""
        for line in self._lines.pop(guest, ()):
            line.end()
        self._consoles.pop(guest, None)

    def close(self) -> None:
        """End all connections."""
        for guest in list(self._lines):
            self.gone(guest)

    def _opened(self, life: Life, line: Line, *, holds: bool = True) -> Line:
        self._lines.setdefault(life.id, WeakSet()).add(line)
        if holds and life.at(self._clock.now()).state is GuestState.PAUSED:
            line.hold(held=True)
        return line

    async def _awake(self, guest: GuestId, what: str) -> Life:
        life = await self._find(guest)
        if life is None:
            raise GuestError(f"there is no guest {guest}")
        state = life.at(self._clock.now()).state
        if state not in _AWAKE:
            raise GuestError(f"can't connect to the {what} of {life.name}: it is {state.value}")
        return life

    async def _with_display(self, guest: GuestId) -> Life:
        life = await self._awake(guest, "display")
        if not life.has_display:
            raise GuestError("Requested operation is not valid: no screens to take screenshot from")
        return life
