"""
Follows the domains: what guests do by themselves, and what is done to them behind our back.

An event of libvirt makes one look at its domain; a connection that is there (again) makes one at all domains of the host; and a slow poll compares
the states of all, in case an event was lost. What is seen is written into the guests' records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from solovirt.machinery.clock import Clock
from solovirt.runtime.libvirt import domains, record
from solovirt.runtime.libvirt.domains import Found
from solovirt.runtime.libvirt.guests import Entry, Guests
from solovirt.runtime.libvirt.host import Host, HostUnavailable
from solovirt.runtime.libvirt.hosts import Hosts
from solovirt.runtime.libvirt.places import Places
from solovirt.runtime.libvirt.states import FAILED, PANICKED
from solovirt.runtime.protocol import GuestError, GuestId

logger = logging.getLogger("solovirt.libvirt")

_POLL_SECONDS = 10.0

Spawn = Callable[[str, Coroutine[Any, Any, None]], None]
"""Starts work in the background, under a name."""


class Watch:
    """
    The `Listener` of all hosts.

    *owner* is who this control plane is; *agent_came* is called with a guest whose agent has connected, or may have.
    """

    def __init__(
        self,
        guests: Guests,
        hosts: Hosts,
        places: Places,
        *,
        clock: Clock,
        spawn: Spawn,
        agent_came: Callable[[Entry], None],
    ) -> None:
        self._guests = guests
        self._hosts = hosts
        self._places = places
        self._clock = clock
        self._spawn = spawn
        self._agent_came = agent_came
        self._looking: set[GuestId] = set()
        self.owner = ""

    # -- what hosts tell

    async def connected(self, host: Host) -> None:
        try:
            await self.take_stock(host)
        except GuestError as error:
            # Gone again: the next connection comes here, too.
            logger.warning("%s was not looked through: %s", host.uri, error)
            return
        await self._hosts.returned(host)
        self._guests.announce_all(host.name)

    def disconnected(self, host: Host) -> None:
        self._hosts.left(host)
        self._guests.announce_all(host.name)

    def domain_changed(self, host: Host, uuid: str, *, panicked: bool = False) -> None:
        entry = self._guests.of_domain(host.name, uuid)
        if entry is not None:
            entry.panicked = entry.panicked or panicked
            self._look_soon(entry)

    def agent_changed(self, host: Host, uuid: str, *, connected: bool) -> None:
        entry = self._guests.of_domain(host.name, uuid)
        if entry is None:
            return
        entry.agent_connected = connected
        if connected:
            self._agent_came(entry)
        else:
            entry.told = None
            self._guests.announce(entry.record)

    # -- everything on a host

    async def take_stock(self, host: Host) -> None:
        """Compare all domains of a host with what is known of them. Raises GuestError."""
        found = await host.call_patiently(domains.find_all)
        ours = {one.identity.id: one for one in found if one.identity is not None and one.identity.owner == self.owner}
        others = sum(one.identity is not None and one.identity.owner != self.owner for one in found)
        if others:
            logger.info("%s has %d guests of other control planes, which are left alone", host.uri, others)
        for guest, one in ours.items():
            async with self._guests.lock(guest):
                await self._meet(host, one)
        for entry in self._guests.on(host.name):
            guest = entry.record.id
            if guest not in ours:
                async with self._guests.lock(guest):
                    # It may have been defined since the domains were listed.
                    await self.look(entry)

    async def _meet(self, host: Host, found: Found) -> None:
        """A domain of ours is there."""
        assert found.identity is not None
        now = self._clock.now()
        entry = self._guests.get(found.identity.id)
        if entry is None:
            logger.warning("adopting the domain %s, of which nothing was known", found.name)
            xml = await host.call(domains.describe, found.uuid)
            adopted = replace(record.adopt(found.identity, found.uuid, xml, now), node=host.name)
            entry = await self._guests.keep(adopted.observed(found.seen, now))
        elif entry.record.doomed:
            try:
                await self.bury(entry)
            except GuestError as error:
                # The poll tries again; the others have to be met.
                logger.warning("the domain %s could not be removed: %s", found.name, error)
            return
        else:
            await self._guests.keep(entry.record.observed(found.seen, now))
        if entry.record.is_live:
            self._agent_came(entry)

    async def poll(self) -> None:
        """The safety net."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            await self._guests.refresh()
            for host in self._hosts.connected():
                with contextlib.suppress(GuestError):
                    await self._compare(host)

    async def _compare(self, host: Host) -> None:
        before = {entry.record.uuid for entry in self._guests.on(host.name)}
        states = await host.call(domains.states_of_all)
        now = self._clock.now()
        for entry in self._guests.on(host.name):
            known = entry.record
            if known.uuid not in before:
                continue
            seen = states.get(known.uuid)
            if seen is None or known.doomed or known.observed(seen, now) != known:
                self._look_soon(entry)

    # -- one guest

    def _look_soon(self, entry: Entry) -> None:
        """Look at the guest's domain; events that come in before that is begun are seen by the same look."""
        guest = entry.record.id
        if guest not in self._looking:
            self._looking.add(guest)
            self._spawn(f"look at {guest}", self._look_in_turn(guest))

    async def _look_in_turn(self, guest: GuestId) -> None:
        async with self._guests.lock(guest):
            self._looking.discard(guest)
            entry = self._guests.get(guest)
            if entry is None:
                return
            # What can't be looked at now is looked at when its host is back, or by the next poll.
            try:
                await self.look(entry)
            except GuestError as error:
                logger.debug("the domain of guest %s was not looked at: %s", guest, error)

    async def look(self, entry: Entry) -> None:
        """See what the guest does now; its lock is the caller's. Raises GuestError."""
        await self._guests.refresh(entry.record.id)
        present = self._guests.get(entry.record.id)
        if present is None:
            return
        known = present.record
        if known.doomed:
            await self.bury(present)
            return
        seen = await self._hosts.require(known.node).call(domains.look, known.uuid)
        if seen is not None:
            if present.panicked and seen.reason == FAILED:
                seen = replace(seen, reason=PANICKED)
            await self._guests.keep(known.observed(seen, self._clock.now()))
            return
        logger.warning("the domain of %s/%s is gone", known.namespace, known.name)
        await asyncio.to_thread(self._places.remove, known.id)
        await self._guests.forget(known)

    async def bury(self, entry: Entry) -> None:
        """Let go of everything of a guest that is to be gone; its lock is the caller's. Raises GuestError, and is then tried again."""
        known = entry.record
        host = self._hosts.of(known.node)
        if host is not None:
            try:
                await host.call(domains.remove, known.uuid)
            except HostUnavailable:
                return
        await asyncio.to_thread(self._places.remove, known.id)
        await self._guests.forget(known)
