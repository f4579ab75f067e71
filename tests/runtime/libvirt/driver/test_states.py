"""What becomes of a record when its domain is looked at (states as in reference libvirt-here.md 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import libvirt
import pytest

from solovirt.runtime.libvirt import states
from solovirt.runtime.libvirt.record import Nic, Record
from solovirt.runtime.protocol import GuestId, GuestState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
DEFINED = Record(GuestId("uid"), "default", "vm", "node", "uuid", since=NOW)
RUNNING = DEFINED.booted(states.read(libvirt.VIR_DOMAIN_RUNNING, 1), NOW)
OFF = libvirt.VIR_DOMAIN_SHUTOFF


def told(record: Record) -> tuple[str, str]:
    return record.state.value, record.reason


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (1, 1, ("running", "")),  # booted
        (1, 5, ("running", "")),  # unpaused
        (1, 9, ("running", "")),  # crashed and restarted
        (3, 1, ("paused", "")),  # by the user
        (4, 0, ("shutting-down", "")),
        (5, 1, ("shut-off", "shutdown")),  # the guest powered off
        (5, 2, ("crashed", "destroyed")),
        (5, 3, ("crashed", "failed")),  # QEMU killed
        (5, 6, ("crashed", "failed")),
        (6, 1, ("crashed", "panicked")),  # preserved after a panic
        (7, 1, ("running", "")),  # suspended by the guest's own power management
    ],
)
def test_a_running_guest_is_what_its_domain_is(state: int, reason: int, expected: tuple[str, str]):
    assert told(RUNNING.observed(states.read(state, reason), LATER)) == expected


def test_a_guest_that_never_ran_has_not_ended():
    assert DEFINED.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN), LATER) is DEFINED
    assert DEFINED.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_FAILED), LATER) is DEFINED


def test_how_a_guest_ended_is_not_forgotten_with_libvirtd():
    ended = RUNNING.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN), LATER)
    assert ended.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN), LATER + timedelta(days=1)) is ended


def test_an_end_that_libvirtd_cannot_explain_is_a_failure_unless_it_was_asked_for():
    unknown = states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN)
    assert told(RUNNING.observed(unknown, LATER)) == ("crashed", "failed")
    asked = RUNNING.asked_to_go(LATER, NOW)
    assert told(asked) == ("shutting-down", "")
    assert told(asked.observed(unknown, LATER)) == ("shut-off", "shutdown")


def test_a_guest_that_is_shutting_down_stays_so_until_it_is_off():
    asked = RUNNING.asked_to_go(LATER, NOW)
    assert asked.observed(states.read(libvirt.VIR_DOMAIN_RUNNING, 1), NOW) == asked
    off = asked.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN), LATER)
    assert (told(off), off.since, off.deadline) == (("shut-off", "shutdown"), LATER, None)


def test_a_panic_that_was_seen_is_not_taken_for_less_when_the_process_ends():
    panicked = RUNNING.observed(states.read(libvirt.VIR_DOMAIN_CRASHED, 1), LATER)
    assert told(panicked.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED), LATER)) == (
        "crashed",
        "panicked",
    )


def test_looking_twice_is_looking_once():
    assert RUNNING.observed(states.read(libvirt.VIR_DOMAIN_RUNNING, 1), LATER) is RUNNING


def test_a_guest_that_somebody_else_starts_runs():
    ended = RUNNING.observed(states.read(OFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED), NOW)
    again = ended.observed(states.read(libvirt.VIR_DOMAIN_RUNNING, 1), LATER)
    assert (told(again), again.started_at) == (("running", ""), LATER)


def test_a_guest_under_way_is_not_paused_yet():
    starting = states.read(libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
    assert DEFINED.observed(starting, LATER) is DEFINED
    paused = replace(DEFINED, start_paused=True).observed(starting, LATER)
    assert told(paused) == ("paused", "")


def test_a_guest_on_a_node_that_is_away_is_unknown_unless_it_has_ended():
    away = RUNNING.guest(unreachable_since=LATER)
    assert (away.state, away.since) == (GuestState.UNKNOWN, LATER)
    ended = RUNNING.destroyed(NOW)
    assert ended.guest(unreachable_since=LATER).state is GuestState.CRASHED


def test_a_record_is_read_as_it_was_written():
    record = replace(RUNNING.asked_to_go(LATER, NOW), nics=(Nic("default", "02:00:00:00:00:01"),), cpus=(1, 3))
    assert Record.decode(record.encode()) == record
