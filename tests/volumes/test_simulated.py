"""Simulated transfers: how far they are follows from the clock and the annotations alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.volumes.protocol import Operation, Progress, TransferId, TransferRequest, TransferState
from solovirt.volumes.simulated import SimulatedTransfers


async def look(after: float, options: dict[str, str], *, seconds: float = 10, operation=Operation.IMPORT) -> Progress:
    clock = ManualClock()
    started = clock.now()
    await clock.advance(after)
    request = TransferRequest(
        id=TransferId("u"),
        operation=operation,
        namespace="ns",
        claim="disk",
        source={"http": {}},
        size_bytes=1,
        started=started,
        options=options,
    )
    return await SimulatedTransfers(clock, seconds=seconds).ask(request)


@pytest.mark.parametrize(
    ("after", "state", "percent", "look_again"),
    [
        (0, TransferState.SCHEDULED, None, 1),
        (1, TransferState.RUNNING, 10, 2),
        (4.5, TransferState.RUNNING, 45, 2),
        (9, TransferState.RUNNING, 90, 1),
        (10, TransferState.SUCCEEDED, 100, None),
    ],
)
async def test_a_transfer_takes_its_time(after, state, percent, look_again):
    found = await look(after, {})
    assert (found.state, found.percent) == (state, percent)
    assert found.look_again == (None if look_again is None else timedelta(seconds=look_again))


async def test_without_timings_it_is_done_at_once():
    assert (await look(0, {}, seconds=0)).state is TransferState.SUCCEEDED


async def test_the_annotation_says_how_long():
    assert (await look(10, {"fake.solovirt.io/import-seconds": "20"})).percent == 50


@pytest.mark.parametrize(
    ("after", "state", "restarts"),
    [
        (4, TransferState.RUNNING, 0),
        (5, TransferState.RETRYING, 1),
        (14.9, TransferState.RETRYING, 1),
        (15, TransferState.RUNNING, 1),
        (20, TransferState.RETRYING, 2),
        (39.9, TransferState.RETRYING, 2),
        (40, TransferState.RUNNING, 2),
    ],
)
async def test_failures_back_off_as_the_kubelet_does(after, state, restarts):
    """An attempt takes 5 seconds here; then 10, then 20 seconds pass."""
    found = await look(after, {"fake.solovirt.io/import-error": "no"})
    assert (found.state, found.restarts) == (state, restarts)


async def test_only_so_many_attempts_fail():
    options = {"fake.solovirt.io/import-error": "no", "fake.solovirt.io/import-error-count": "1"}
    assert (await look(24, options)).state is TransferState.RUNNING
    assert (await look(25, options)) == Progress(TransferState.SUCCEEDED, percent=100.0, restarts=1)


async def test_a_fatal_failure_ends_it():
    options = {"fake.solovirt.io/import-error": "checksum mismatch", "fake.solovirt.io/import-fatal": "true"}
    found = await look(5, options)
    assert (found.state, found.reason, found.look_again) == (TransferState.FAILED, "ChecksumError", None)


async def test_an_upload_is_ready_and_waits():
    found = await look(100, {}, operation=Operation.UPLOAD)
    assert (found.state, found.look_again) == (TransferState.RUNNING, None)
