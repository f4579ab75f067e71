"""
What libvirt's numbers for the state of a domain mean for a guest.

`virDomainGetState` tells a state and why it is so. A persistent domain keeps both when it stops, so that how a guest ended can be read afterwards;
only libvirtd's own restart forgets it (reason `unknown`).
"""

from __future__ import annotations

from dataclasses import dataclass

import libvirt

from solovirt.runtime.protocol import GuestState

PANICKED = "panicked"
DESTROYED = "destroyed"
FAILED = "failed"
"""QEMU is gone without a word: killed, or crashed itself. A panic that nobody saw while it lasted looks the same."""
SHUT_DOWN = "shutdown"

_ENDINGS: dict[int, tuple[GuestState, str]] = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: (GuestState.SHUT_OFF, SHUT_DOWN),
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: (GuestState.CRASHED, DESTROYED),
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: (GuestState.CRASHED, FAILED),
    libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED: (GuestState.SHUT_OFF, "migrated"),
    libvirt.VIR_DOMAIN_SHUTOFF_SAVED: (GuestState.SHUT_OFF, "saved"),
    libvirt.VIR_DOMAIN_SHUTOFF_FAILED: (GuestState.CRASHED, FAILED),
    libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT: (GuestState.SHUT_OFF, "reverted"),
    libvirt.VIR_DOMAIN_SHUTOFF_DAEMON: (GuestState.CRASHED, FAILED),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a domain does, as far as libvirt can tell."""

    active: bool
    """There is a QEMU process."""
    state: GuestState | None = None
    """None: it is off, and libvirt can't say how that came (or it was never on)."""
    reason: str = ""


def read(state: int, reason: int) -> Seen:
    """The meaning of what `virDomainGetState` returned."""
    match state:
        case libvirt.VIR_DOMAIN_PAUSED if reason == libvirt.VIR_DOMAIN_PAUSED_CRASHED:
            return Seen(True, GuestState.CRASHED, PANICKED)
        case libvirt.VIR_DOMAIN_PAUSED if reason == libvirt.VIR_DOMAIN_PAUSED_SHUTTING_DOWN:
            return Seen(True, GuestState.SHUTTING_DOWN)
        case libvirt.VIR_DOMAIN_PAUSED if reason == libvirt.VIR_DOMAIN_PAUSED_STARTING_UP:
            # QEMU is there, the guest is not: it is being started, or was to start paused; its owner knows which.
            return Seen(True, GuestState.PAUSED, "starting")
        case libvirt.VIR_DOMAIN_PAUSED:
            return Seen(True, GuestState.PAUSED, _PAUSES.get(reason, ""))
        case libvirt.VIR_DOMAIN_CRASHED:
            return Seen(True, GuestState.CRASHED, PANICKED)
        case libvirt.VIR_DOMAIN_SHUTDOWN:
            return Seen(True, GuestState.SHUTTING_DOWN)
        case libvirt.VIR_DOMAIN_SHUTOFF:
            ending = _ENDINGS.get(reason)
            return Seen(False) if ending is None else Seen(False, *ending)
        case _:
            # Running, blocked on a resource, and suspended by the guest's own power management: all of them live.
            return Seen(True, GuestState.RUNNING)


_PAUSES = {
    libvirt.VIR_DOMAIN_PAUSED_IOERROR: "I/O error",
    libvirt.VIR_DOMAIN_PAUSED_WATCHDOG: "watchdog",
}
