"""
Who runs the controllers: an election by a Lease, as client-go's leaderelection does it.

Whoever finds the Lease free, or unrenewed for its whole duration, writes its name into it, and with the same transaction begins a new epoch:
from then on the store refuses what the controllers of the one before still write, however late that comes. So the time-outs decide
how soon work goes on, never whether it is safe. They are real time: a simulated clock says nothing about which process is alive. Whether a
Lease is still renewed is judged by watching it change, so that clocks need not agree.

Reference: client-go tools/leaderelection (fields of the Lease; release on a clean end).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from solovirt.machinery import metadata
from solovirt.machinery.clock import micro_timestamp
from solovirt.machinery.errors import Expired, Fenced, StatusError
from solovirt.machinery.resource import Document, GroupResource, ObjectKey
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Change, Keep, Outcome, Put, Record, Store, View

logger = logging.getLogger("solovirt.election")

LEASES = GroupResource("coordination.k8s.io", "leases")
DEFAULT_SECONDS = 6.0
"""How long a Lease lasts that is not renewed: what it takes to notice that its holder was killed."""

_RELEASE_SECONDS = 2.0
# A term that failed at once (the hypervisor is away) is not begun again at once; others may have more luck meanwhile.
_PAUSE_SECONDS = 2.0

Lead = Callable[[int], Awaitable[None]]
"""What the leader does, with the epoch that its writes carry, until it is cancelled."""


def identity() -> str:
    """A name for this process that no other has, and that tells people where it runs."""
    return f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}"


class Lost(Exception):
    """Somebody else holds the Lease, or it could not be renewed in time."""


class Elector:
    """
    Stands for election to the Lease at *key* for as long as `run` runs. *name* is who we are, *seconds* the Lease's duration.

    It is renewed after a third of that, and given up for lost after two thirds without success. The namespace must exist.
    """

    def __init__(self, store: Store, key: ObjectKey, *, name: str, seconds: float = DEFAULT_SECONDS) -> None:
        self._store = store
        self._key = key
        self.name = name
        self._seconds = seconds
        self.epoch: int | None = None
        """While this process leads: the epoch of its term."""
        self.terms = 0
        """How often this process has been elected."""
        self._decided = asyncio.Event()
        # The version of the Lease that was seen last, and when it was first seen.
        self._seen: tuple[int, float] = (0, 0.0)

    @property
    def leader(self) -> str:
        """Who holds the Lease, as far as is known here; empty if nobody."""
        record = self._store.now.get(LEASES, self._key)
        return "" if record is None else str(_spec(record).get("holderIdentity") or "")

    async def decided(self) -> None:
        """Return once somebody is known to lead, perhaps this process."""
        await self._decided.wait()

    async def run(self, lead: Lead) -> None:
        """Stand for election, and run *lead* whenever elected, until cancelled."""
        while True:
            epoch = await self._stand()
            self.epoch = epoch
            self.terms += 1
            logger.info("%s leads, in epoch %d", self.name, epoch)
            try:
                await self._hold(epoch, lead)
            except Lost as error:
                logger.warning("%s leads no more: %s", self.name, error)
            except Exception:
                logger.exception("what %s does as the leader failed; somebody else may try", self.name)
                self.epoch = None
                await self._release(epoch)
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                self.epoch = None

    # --- becoming

    async def _stand(self) -> int:
        """Wait until elected; the epoch of the term."""
        cursor = self._store.watch(LEASES)
        try:
            while True:
                if (wait := self._wait()) <= 0:
                    try:
                        written = await self._store.write(LEASES, self._key, self._taking(), claim=True)
                    except StatusError as error:
                        logger.warning("%s can't stand for election: %s", self.name, error)
                        wait = self._seconds / 3
                    else:
                        if written.changed:
                            return written.epoch
                        # Somebody was quicker, or it was renewed and we had not heard of it.
                        continue
                self._decided.set()
                asked = time.monotonic()
                try:
                    events = await cursor.next(timeout=wait)
                except Expired:
                    cursor.close()
                    cursor = self._store.watch(LEASES)
                    continue
                if not events and time.monotonic() - asked < wait / 2:
                    # A store on its way down answers at once, with nothing; whoever stops it cancels us next.
                    await asyncio.sleep(wait)
        finally:
            cursor.close()

    def _wait(self) -> float:
        """Seconds until the Lease may be taken unless it changes; 0 for now."""
        record = self._store.now.get(LEASES, self._key)
        if record is None:
            return 0.0
        spec = _spec(record)
        holder = spec.get("holderIdentity")
        if not holder or holder == self.name:
            return 0.0
        now = time.monotonic()
        if self._seen[0] != record.revision:
            self._seen = (record.revision, now)
        lasts = max(float(spec.get("leaseDurationSeconds") or 0), self._seconds)
        return self._seen[1] + lasts - now

    def _taking(self) -> Change:
        """Takes the Lease if it is still as it was seen."""
        seen = self._store.now.get(LEASES, self._key)

        def take(current: Record | None, _: View) -> Outcome:
            if (None if current is None else current.revision) != (None if seen is None else seen.revision):
                return Keep()
            now = datetime.now(UTC)
            document: Document
            if current is None:
                document = {"metadata": {"namespace": self._key.namespace, "name": self._key.name}}
                metadata.stamp_new(document["metadata"], now=now, has_generation=False)
            else:
                document = current.document("", "")
            before = document.get("spec") or {}
            moved = bool(before) and before.get("holderIdentity") != self.name
            document["spec"] = {
                **before,
                "holderIdentity": self.name,
                "leaseDurationSeconds": self._duration,
                "acquireTime": micro_timestamp(now),
                "renewTime": micro_timestamp(now),
                "leaseTransitions": int(before.get("leaseTransitions") or 0) + moved,
            }
            return _put(document)

        return take

    @property
    def _duration(self) -> int:
        return max(1, math.ceil(self._seconds))

    # --- being

    async def _hold(self, epoch: int, lead: Lead) -> None:
        """Run *lead* and renew the Lease. Raises Lost, and what *lead* raises; released is the Lease only when cancelled."""
        term = asyncio.ensure_future(lead(epoch))
        try:
            await self._renew_until_done(epoch, term)
        except asyncio.CancelledError:
            # Still renewed while the work is brought to an end? No: whoever takes over fences us, and that may be soon.
            await _end(term)
            await self._release(epoch)
            raise
        finally:
            await _end(term)
        term.result()
        raise RuntimeError("the leader's work ended by itself")

    async def _renew_until_done(self, epoch: int, term: asyncio.Future[None]) -> None:
        renewed = time.monotonic()
        failure = "it took too long"
        pause = self._seconds / 3
        while True:
            await asyncio.wait({term}, timeout=pause)
            if term.done():
                return
            left = renewed + self._seconds * 2 / 3 - time.monotonic()
            if left <= 0:
                raise Lost(f"the Lease could not be renewed: {failure}")
            try:
                async with asyncio.timeout(left):
                    written = await self._store.write(LEASES, self._key, self._renewing(), epoch=epoch)
            except Fenced as error:
                raise Lost(str(error)) from error
            except TimeoutError:
                continue
            except StatusError as error:
                failure, pause = str(error), self._seconds / 12
                continue
            if not written.changed:
                raise Lost("somebody else was written into the Lease, or it was deleted")
            renewed, pause = time.monotonic(), self._seconds / 3

    def _renewing(self) -> Change:
        def renew(current: Record | None, _: View) -> Outcome:
            if current is None:
                return Keep()
            document = current.document("", "")
            if (document.get("spec") or {}).get("holderIdentity") != self.name:
                return Keep()
            document["spec"]["leaseDurationSeconds"] = self._duration
            document["spec"]["renewTime"] = micro_timestamp(datetime.now(UTC))
            return _put(document)

        return renew

    # --- ending

    async def _release(self, epoch: int) -> None:
        """Say that the Lease is free, so that nobody has to wait for its end."""

        def release(current: Record | None, _: View) -> Outcome:
            if current is None:
                return Keep()
            document = current.document("", "")
            spec = document.get("spec") or {}
            if spec.get("holderIdentity") != self.name:
                return Keep()
            now = micro_timestamp(datetime.now(UTC))
            # As client-go leaves it behind.
            document["spec"] = {
                **spec,
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "renewTime": now,
                "acquireTime": now,
            }
            return _put(document)

        with contextlib.suppress(StatusError, TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._store.write(LEASES, self._key, release, epoch=epoch)


async def _end(term: asyncio.Future[None]) -> None:
    term.cancel()
    await asyncio.wait({term})
    if not term.cancelled() and (error := term.exception()) is not None:
        logger.debug("the leader's work ended with an error", exc_info=error)


def _spec(record: Record) -> Document:
    spec: Document = record.document("", "").get("spec") or {}
    return spec


def _put(document: Document) -> Put:
    # Straight into the store: the claim must be in the transaction that writes the Lease, which no verb offers.
    return Put(encoding.encode(document), index_of(document, ()))
