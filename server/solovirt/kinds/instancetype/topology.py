"""
How an instance type's number of virtual CPUs becomes sockets, cores and threads (reference kubevirt-flavor.md 6.3).

The instance type says how many, the preference says what of: `spread` divides them over two or all three.
"""

from __future__ import annotations

from typing import NamedTuple

from solovirt.machinery.resource import Document

DEPRECATED = {
    "preferSockets": "sockets",
    "preferCores": "cores",
    "preferThreads": "threads",
    "preferSpread": "spread",
    "preferAny": "any",
}
"""Old spellings and what they mean; still accepted, with a warning."""
TOPOLOGIES = ("sockets", "cores", "threads", "spread", "any")
SPREADS = ("SocketsCores", "CoresThreads", "SocketsCoresThreads")

_DEFAULT_RATIO = 2
_THREADS_PER_CORE = 2


class Spread(NamedTuple):
    """What vCPUs are spread over, and in which ratio."""

    across: str
    ratio: int


def preferred(preference: Document | None) -> str:
    """The topology that a preference's spec asks for, in today's spelling; sockets if it does not say."""
    asked = str(((preference or {}).get("cpu") or {}).get("preferredCPUTopology") or "sockets")
    return DEPRECATED.get(asked, asked)


def spread_of(preference: Document | None) -> Spread:
    """How a preference's spec wants vCPUs spread."""
    preference = preference or {}
    options = (preference.get("cpu") or {}).get("spreadOptions") or {}
    ratio = options.get("ratio")
    if ratio is None:
        ratio = preference.get("preferSpreadSocketToCoreRatio") or _DEFAULT_RATIO
    return Spread(str(options.get("across") or SPREADS[0]), int(ratio))


def split(guest: int, preference: Document | None) -> dict[str, int]:
    """
    Sockets, cores and threads of *guest* vCPUs.

    >>> split(8, {"cpu": {"preferredCPUTopology": "spread", "spreadOptions": {"across": "SocketsCoresThreads"}}})
    {'sockets': 2, 'cores': 2, 'threads': 2}
    """
    found = {"sockets": 1, "cores": 1, "threads": 1}
    if guest == 1:
        return found
    topology = preferred(preference)
    if topology == "spread":
        return found | _spread(guest, spread_of(preference))
    if topology in ("cores", "threads"):
        return found | {topology: guest}
    if topology in ("sockets", "any"):
        return found | {"sockets": guest}
    return found


def _spread(guest: int, spread: Spread) -> dict[str, int]:
    across, ratio = spread.across, max(spread.ratio, 1)
    if across == "SocketsCores":
        return {"sockets": guest // ratio, "cores": ratio}
    if across == "CoresThreads":
        return {"cores": guest // ratio, "threads": ratio}
    if across == "SocketsCoresThreads":
        return {"sockets": guest // _THREADS_PER_CORE // ratio, "cores": ratio, "threads": _THREADS_PER_CORE}
    return {}


def indivisible(guest: int, preference: Document | None) -> str | None:
    """Why *guest* vCPUs cannot be spread as the preference asks, None if they can (reference kubevirt-validation.md, rule 50)."""
    if preferred(preference) != "spread":
        return None
    across, ratio = spread_of(preference)
    start = f"{guest} vCPUs provided by the instance type are not divisible by the "
    of_ratio = f"Spec.PreferSpreadSocketToCoreRatio or Spec.CPU.PreferSpreadOptions.Ratio of {ratio}"
    ratio = max(ratio, 1)
    if across == "SocketsCores" and guest % ratio:
        return f"{start}{of_ratio} provided by the preference"
    if across == "CoresThreads" and guest % ratio:
        return f"{start}number of threads per core {ratio}"
    if across == "SocketsCoresThreads" and (guest % _THREADS_PER_CORE or guest // _THREADS_PER_CORE % ratio):
        return f"{start}number of threads per core {_THREADS_PER_CORE} and {of_ratio}"
    return None
