"""
Transfers that only take time.

How far one is follows from when it started, the clock and the DataVolume's annotations, so there is nothing to keep: any restart and any
replica sees the same transfer. Annotations steer it, each read anew whenever somebody looks:

* `fake.solovirt.io/import-seconds: "30"`: how long it takes once it runs;
* `fake.solovirt.io/import-error: "<text>"`: every attempt fails with this text; take the annotation away and the next one succeeds;
* `fake.solovirt.io/import-error-count: "2"`: only so many attempts fail;
* `fake.solovirt.io/import-error-reason: "ImagePullFailed"`: the reason of the failure, `Error` unless set;
* `fake.solovirt.io/import-fatal: "true"`: the failure is final, as a checksum mismatch is.

On a DataImportCron `fake.solovirt.io/image-version: "2"` is a new image behind its URL, which the next poll finds.

A failed attempt is followed by the next after the kubelet's back-off: 10 seconds, doubled each time, at most five minutes.
An upload is ready to receive and stays so, because nobody sends anything to a simulation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from solovirt.machinery.clock import Clock
from solovirt.volumes.protocol import Changed, Operation, Progress, TransferId, TransferRequest, TransferState

SECONDS = "fake.solovirt.io/import-seconds"
ERROR = "fake.solovirt.io/import-error"
ERROR_COUNT = "fake.solovirt.io/import-error-count"
ERROR_REASON = "fake.solovirt.io/import-error-reason"
FATAL = "fake.solovirt.io/import-fatal"
VERSION = "fake.solovirt.io/image-version"

DEFAULT_SECONDS = 3.0
_SCHEDULING_PART = 0.1
"""Which part of the time passes before bytes move."""
_POLL = timedelta(seconds=2)
"""How often CDI asks for progress (reference cdi.md 3.3)."""
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = timedelta(seconds=10), timedelta(seconds=300)
# Attempts are counted by adding up their times; a transfer left failing for months must not count for ever.
_MOST_ATTEMPTS = 10_000


class SimulatedTransfers:
    """`Transfers` by the clock. *seconds* is how long a transfer takes that does not say so itself; 0 is done at once."""

    def __init__(self, clock: Clock, *, seconds: float = DEFAULT_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds

    async def ask(self, request: TransferRequest) -> Progress:
        elapsed = self._clock.now() - request.started
        duration = timedelta(seconds=_seconds(request.options, self._seconds))
        scheduling = duration * _SCHEDULING_PART
        if elapsed < scheduling:
            return Progress(TransferState.SCHEDULED, look_again=scheduling - elapsed)
        if request.operation is Operation.UPLOAD:
            return Progress(TransferState.RUNNING)
        if ERROR in request.options:
            return _failing(request.options, elapsed, duration)
        return _moving(request, elapsed, duration)

    async def forget(self, transfer: TransferId) -> None:
        """Nothing is kept of a simulated transfer."""

    async def digest(self, namespace: str, registry: Mapping[str, Any], options: Mapping[str, str]) -> str:
        """Of a simulated image: another one for each URL and value of the annotation."""
        named = f"{registry.get('url')}\n{options.get(VERSION, '')}"
        return f"sha256:{hashlib.sha256(named.encode()).hexdigest()}"

    def on_change(self, changed: Changed) -> None:
        """Nothing changes but by the time, of which `look_again` tells."""

    async def start(self, *, owner: str, volumes: Collection[str]) -> None:
        """Nothing is there to begin with."""

    async def remove(self, volume: str) -> None:
        """A simulated volume has no bytes."""

    async def close(self) -> None:
        """Nothing runs."""


def _seconds(options: Mapping[str, str], default: float) -> float:
    try:
        return max(0.0, float(options.get(SECONDS, default)))
    except ValueError:
        return default


def _moving(request: TransferRequest, elapsed: timedelta, duration: timedelta) -> Progress:
    if elapsed >= duration:
        return Progress(TransferState.SUCCEEDED, percent=100.0)
    # A blank disk has no bytes to count (reference cdi.md 3.3).
    percent = None if "blank" in request.source else 100 * (elapsed / duration)
    return Progress(TransferState.RUNNING, percent=percent, look_again=min(_POLL, duration - elapsed))


def _failing(options: Mapping[str, str], elapsed: timedelta, duration: timedelta) -> Progress:
    """An attempt takes half the time that a success would, then the back-off passes and the next begins."""
    attempt = duration / 2
    reason = options.get(ERROR_REASON) or "Error"
    failures, left, back_off = 0, elapsed, _FIRST_BACK_OFF
    allowed = int(options[ERROR_COUNT]) if options.get(ERROR_COUNT, "").isdigit() else _MOST_ATTEMPTS
    while failures < allowed:
        if left < attempt:
            return Progress(TransferState.RUNNING, restarts=failures, look_again=attempt - left)
        if options.get(FATAL) == "true":
            final = options.get(ERROR_REASON) or "ChecksumError"
            return Progress(TransferState.FAILED, restarts=failures, reason=final, message=options[ERROR])
        failures, left = failures + 1, left - attempt
        if left < back_off:
            return Progress(
                TransferState.RETRYING,
                restarts=failures,
                reason=reason,
                message=options[ERROR],
                look_again=back_off - left,
            )
        left, back_off = left - back_off, min(back_off * 2, _LONGEST_BACK_OFF)
    if left >= duration:
        return Progress(TransferState.SUCCEEDED, percent=100.0, restarts=failures)
    return Progress(
        TransferState.RUNNING,
        percent=100 * (left / duration),
        restarts=failures,
        look_again=min(_POLL, duration - left),
    )
