"""
Readiness and liveness of guests: what a kubelet does for the launcher pod of an instance that has probes.

An instance's probes begin when its guest runs. What they found lives in memory, as a kubelet's does: after a restart an instance that was
ready stays so until a probe says otherwise, and the counting begins anew. A changed verdict wakes the instance's reconciler, which asks for it
with `Probes.of`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from solovirt.machinery.clock import Clock
from solovirt.machinery.control.protocol import Recorder
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.runtime.protocol import Guest, GuestError, GuestId, GuestState, Runtime, SupportsProbes

logger = logging.getLogger("solovirt.instances")

HANDLERS = ("httpGet", "tcpSocket", "exec", "guestAgentPing")
"""How a guest can be asked; a probe has one of them (rule: must have exactly one probe type set)."""
_AWAKE = (GuestState.RUNNING, GuestState.PAUSED, GuestState.SHUTTING_DOWN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the probes of a guest say of it. Without a probe all is well."""

    ready: bool = True
    alive: bool = True


WELL = Verdict()


@dataclass(slots=True)
class _Probed:
    """A guest whose probes run."""

    guest: GuestId
    key: ObjectKey
    pod: Document | None
    ready: bool
    alive: bool = True
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Probes:
    """
    The probes of all guests, and the background task that they belong to.

    *wake* is called with an instance's key when its verdict has changed, *kubelet* tells of probes that failed.
    """

    name = "probes"

    def __init__(self, runtime: Runtime, clock: Clock, *, kubelet: Recorder) -> None:
        self.wake: Callable[[ObjectKey], None] = _nobody
        self._runtime = runtime
        self._clock = clock
        self._kubelet = kubelet
        self._probed: dict[GuestId, _Probed] = {}
        self._asking = 0

    @property
    def busy(self) -> bool:
        """Whether a guest is being asked."""
        return self._asking > 0

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for guest in list(self._probed):
                self.forget(guest)

    def of(self, instance: Document, guest: Guest, pod: Document | None) -> Verdict:
        """What is known of a guest that is up. Its probes begin with the first call."""
        spec = instance["spec"]
        if (spec.get("readinessProbe") is None and spec.get("livenessProbe") is None) or guest.state not in _AWAKE:
            return WELL
        probed = self._probed.get(guest.id)
        if probed is None:
            probed = self._begin(instance, guest, pod)
        probed.pod = pod
        return Verdict(probed.ready, probed.alive)

    def condemn(self, guest: GuestId) -> None:
        """A guest that failed its liveness probe goes, as its container would: tell so, and ask it no more."""
        probed = self._probed.get(guest)
        if probed is not None and probed.pod is not None:
            self._kubelet.event(probed.pod, "Normal", "Killing", "Container compute failed liveness probe")
        self.forget(guest)

    def forget(self, guest: GuestId) -> None:
        """Ask this guest no more. Nothing if it is not asked."""
        probed = self._probed.pop(guest, None)
        for task in probed.tasks if probed is not None else ():
            task.cancel()

    def _begin(self, instance: Document, guest: Guest, pod: Document | None) -> _Probed:
        spec, metadata = instance["spec"], instance["metadata"]
        readiness, liveness = spec.get("readinessProbe"), spec.get("livenessProbe")
        probed = _Probed(
            guest.id,
            ObjectKey(metadata["namespace"], metadata["name"]),
            pod,
            # One that was ready before the server restarted stays so; a new one has to show it first.
            ready=readiness is None or _was_ready(instance),
        )
        begun = guest.started_at or self._clock.now()
        for probe, kind in ((readiness, "Readiness"), (liveness, "Liveness")):
            if probe is not None:
                task = asyncio.get_running_loop().create_task(
                    self._keep_asking(probed, probe, kind, begun), name=f"{kind.lower()} of {probed.key}"
                )
                probed.tasks.append(task)
        self._probed[guest.id] = probed
        return probed

    async def _keep_asking(self, probed: _Probed, probe: Mapping[str, Any], kind: str, begun: datetime) -> None:
        """Ask again and again. A verdict takes as many equal answers in a row as its threshold says."""
        is_readiness = kind == "Readiness"
        period = timedelta(seconds=probe.get("periodSeconds") or 10)
        thresholds = {True: probe.get("successThreshold") or 1, False: probe.get("failureThreshold") or 3}
        when = begun + timedelta(seconds=probe.get("initialDelaySeconds") or 0)
        last, in_row = None, 0
        while True:
            await self._clock.sleep_until(when)
            problem = await self._ask(probed.guest, probe)
            if problem is not None and probed.pod is not None:
                self._kubelet.event(probed.pod, "Warning", "Unhealthy", f"{kind} probe failed: {problem}")
            answer = problem is None
            in_row = in_row + 1 if answer is last else 1
            last = answer
            if in_row >= thresholds[answer]:
                before = probed.ready if is_readiness else probed.alive
                if is_readiness:
                    probed.ready = answer
                else:
                    probed.alive = answer
                if before is not answer:
                    self.wake(probed.key)
            # What a process that was held up has missed is not made up for.
            when = max(when + period, self._clock.now())

    async def _ask(self, guest: GuestId, probe: Mapping[str, Any]) -> str | None:
        """Why the probe fails, None if it doesn't. What a runtime can't find out is taken to be well."""
        check = {handler: probe[handler] for handler in HANDLERS if probe.get(handler) is not None}
        self._asking += 1
        try:
            if isinstance(self._runtime, SupportsProbes):
                return await self._runtime.probe(guest, check, timeout_seconds=float(probe.get("timeoutSeconds") or 1))
            if "guestAgentPing" not in check:
                return None
            found = await self._runtime.find_guest(guest)
            return None if found is not None and found.agent is not None else "the guest agent is not connected"
        except GuestError as error:
            return str(error)
        finally:
            self._asking -= 1


def _nobody(_key: ObjectKey) -> None:
    """Whom to wake before anybody has said so."""


def _was_ready(instance: Document) -> bool:
    listed = (instance.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in listed)
