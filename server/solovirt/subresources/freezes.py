"""
File systems that are frozen and when they are to be thawed.

A freeze that nobody ends would stop the guest for good: it ends by itself after the time that was asked for, also if the server was restarted
in between. That is why deadlines are durable.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

import orjson

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import Clock, parse_timestamp, timestamp
from solovirt.machinery.control.protocol import Objects
from solovirt.machinery.errors import StatusError
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store.facts import Facts
from solovirt.runtime.protocol import GuestError, GuestId, Runtime, SupportsAgent

logger = logging.getLogger("solovirt.freezes")

SCOPE = "subresources.freezes"
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


class BadDuration(ValueError):
    """The text is no duration; the message is Go's."""


def duration(text: object) -> float:
    """Seconds of a Go duration such as `5m0s`. Raises BadDuration."""
    if text == "0":
        return 0.0
    if not isinstance(text, str) or _DURATION.fullmatch(text) is None:
        raise BadDuration(f'time: invalid duration "{text}"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return -seconds if text.startswith("-") else seconds


class Freezes:
    """
    Keeps deadlines of freezes, and ends them; `run` is to run in the background.

    *objects* writes into the instance's status that its file systems are frozen.
    """

    name: ClassVar[str] = "freezes"

    def __init__(self, runtime: Runtime, objects: Callable[[], Objects], facts: Facts, clock: Clock) -> None:
        self._runtime = runtime
        self._objects = objects
        self._facts = facts
        self._clock = clock
        self._deadlines: dict[GuestId, tuple[datetime, ObjectKey]] = {}
        self._changed = asyncio.Event()

    async def frozen(self, instance: Document, seconds: float) -> None:
        """The file systems of *instance* were frozen, to be thawed after *seconds*; 0: when somebody asks for it."""
        guest, key = GuestId(instance["metadata"]["uid"]), _key(instance)
        if seconds > 0:
            until = self._clock.now() + timedelta(seconds=seconds)
            fact = {"until": timestamp(until), "namespace": key.namespace, "name": key.name}
            await self._facts.put(SCOPE, guest, orjson.dumps(fact))
            self._deadlines[guest] = until, key
        else:
            await self._forget(guest)
        self._changed.set()
        await self._tell(guest, key, "frozen")

    async def thawed(self, instance: Document) -> None:
        """They were thawed."""
        guest = GuestId(instance["metadata"]["uid"])
        await self._forget(guest)
        await self._tell(guest, _key(instance), "")

    async def run(self) -> None:
        """End each freeze when its time has come."""
        for guest, data in (await self._facts.all(SCOPE)).items():
            fact = orjson.loads(data)
            until = parse_timestamp(fact["until"])
            self._deadlines.setdefault(GuestId(guest), (until, ObjectKey(fact["namespace"], fact["name"])))
        while True:
            self._changed.clear()
            now = self._clock.now()
            for guest, (until, key) in list(self._deadlines.items()):
                if until <= now:
                    await self._thaw(guest, key)
            await self._sleep()

    async def _sleep(self) -> None:
        waiting: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if self._deadlines:
            first = min(until for until, _ in self._deadlines.values())
            waiting.append(asyncio.ensure_future(self._clock.sleep_until(first)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _thaw(self, guest: GuestId, key: ObjectKey) -> None:
        try:
            if isinstance(self._runtime, SupportsAgent):
                await self._runtime.ask_agent(guest, "guest-fsfreeze-thaw")
        except GuestError as error:
            # It is off, or its agent is gone: a freeze does not outlive either, and nobody is there to be told.
            logger.warning("the file systems of %s could not be thawed: %s", key, error)
        await self._forget(guest)
        await self._tell(guest, key, "")

    async def _forget(self, guest: GuestId) -> None:
        if self._deadlines.pop(guest, None) is not None:
            await self._facts.delete(SCOPE, guest)

    async def _tell(self, guest: GuestId, key: ObjectKey, status: str) -> None:
        objects = self._objects()
        present = objects.get(names.VIRTUAL_MACHINE_INSTANCES, key)
        if present is None or present["metadata"]["uid"] != guest:
            return
        if (present.get("status") or {}).get("fsFreezeStatus", "") == status:
            return
        try:
            await objects.edit(names.VIRTUAL_MACHINE_INSTANCES, key, _writer(guest, status))
        except StatusError as error:
            # The instance went meanwhile, and its file systems with it.
            logger.info(
                "instance %s could not be told that its file systems are %s: %s", key, status or "thawed", error
            )


def _writer(guest: GuestId, status: str) -> Callable[[Document], None]:
    def write(document: Document) -> None:
        if document["metadata"]["uid"] != guest:
            return
        if status:
            document.setdefault("status", {})["fsFreezeStatus"] = status
        else:
            (document.get("status") or {}).pop("fsFreezeStatus", None)

    return write


def _key(instance: Document) -> ObjectKey:
    return ObjectKey(instance["metadata"]["namespace"], instance["metadata"]["name"])
