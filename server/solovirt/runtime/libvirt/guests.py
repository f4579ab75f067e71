"""
The guests that are known: their records, in memory and in the facts, and whoever wants to hear of changes.

What is done to a guest and what is seen of it take turns: whoever does either holds the guest's lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from solovirt.machinery.store.facts import Facts
from solovirt.runtime.announcements import Announcements
from solovirt.runtime.libvirt import agent
from solovirt.runtime.libvirt.record import Record
from solovirt.runtime.protocol import ByteStream, Guest, GuestError, GuestEvent, GuestId

if TYPE_CHECKING:
    from solovirt.runtime.libvirt.agent import Told
    from solovirt.runtime.libvirt.hosts import Hosts

SCOPE = "libvirt.guests"
"""Facts: records by guest."""


class Entry:
    """A guest as it is held in memory."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.told: Told | None = None
        """What its agent said; None while there is none."""
        self.agent_connected = False
        self.panicked = False
        """Its system has, since it was last booted."""
        self.console: ByteStream | None = None
        """Who is at the serial line."""

    async def hang_up(self) -> None:
        console, self.console = self.console, None
        if console is not None:
            await console.close()


class Guests:
    """All of them. With *shared* other processes may change the facts, and they are read anew before they count."""

    def __init__(self, facts: Facts, hosts: Hosts, *, shared: bool = False) -> None:
        self._facts = facts
        self._hosts = hosts
        self._shared = shared
        self._entries: dict[GuestId, Entry] = {}
        self._locks: WeakValueDictionary[GuestId, asyncio.Lock] = WeakValueDictionary()
        self.announcements = Announcements()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    async def load(self) -> None:
        """Read the facts."""
        stored = await self._facts.all(SCOPE)
        for guest, data in stored.items():
            self._learn(GuestId(guest), data)
        for guest in self._entries.keys() - stored.keys():
            self._learn(guest, None)

    async def refresh(self, guest: GuestId | None = None) -> None:
        """Learn what other processes have done to *guest*, or to all; nothing where there are no others."""
        if not self._shared:
            return
        if guest is None:
            await self.load()
        else:
            self._learn(guest, await self._facts.get(SCOPE, guest))

    def _learn(self, guest: GuestId, data: bytes | None) -> None:
        entry = self._entries.get(guest)
        if data is None:
            if entry is not None:
                del self._entries[guest]
                self.announce(entry.record)
            return
        record = Record.decode(data)
        if entry is None:
            self._entries[guest] = entry = Entry(record)
        elif entry.record == record:
            return
        entry.record = record
        self.announce(record)

    def lock(self, guest: GuestId) -> asyncio.Lock:
        return self._locks.setdefault(guest, asyncio.Lock())

    def get(self, guest: GuestId) -> Entry | None:
        """Also one that is being removed."""
        return self._entries.get(guest)

    def find(self, guest: GuestId) -> Entry | None:
        entry = self._entries.get(guest)
        return None if entry is None or entry.record.doomed else entry

    def require(self, guest: GuestId) -> Entry:
        entry = self.find(guest)
        if entry is None:
            raise GuestError(f"there is no guest {guest}")
        return entry

    def require_live(self, guest: GuestId, what: str) -> Entry:
        """Raises GuestError for a guest that does not run, and so has no *what*."""
        entry = self.require(guest)
        if not entry.record.is_live:
            raise GuestError(f"{entry.record.name} has no {what}: it is {entry.record.state.value}")
        return entry

    def of_domain(self, node: str, uuid: str) -> Entry | None:
        """The guest that a domain on *node* embodies."""
        return next(
            (one for one in self._entries.values() if one.record.uuid == uuid and one.record.node == node), None
        )

    def on(self, node: str) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.record.node == node]

    async def keep(self, record: Record) -> Entry:
        """Remember what is now known of a guest, and tell everybody if that is news."""
        entry = self._entries.get(record.id)
        if entry is not None and entry.record == record:
            return entry
        await self._facts.put(SCOPE, record.id, record.encode())
        if entry is None:
            self._entries[record.id] = entry = Entry(record)
        entry.record = record
        if not record.is_live:
            entry.told, entry.agent_connected = None, False
        self.announce(record)
        return entry

    async def forget(self, record: Record) -> None:
        await self._facts.delete(SCOPE, record.id)
        self._entries.pop(record.id, None)
        self.announce(record)

    def announce(self, record: Record) -> None:
        self.announcements.announce(GuestEvent(record.id, record.namespace, record.name))

    def announce_all(self, node: str) -> None:
        for entry in self.on(node):
            self.announce(entry.record)

    def show(self, entry: Entry) -> Guest:
        """The guest as others see it."""
        record = entry.record
        told = entry.told if record.is_live else None
        return record.guest(
            unreachable_since=self._hosts.away_since(record.node),
            interfaces=agent.interfaces(record.nics, told.interfaces) if told is not None else None,
            agent=told.info if told is not None else None,
        )
