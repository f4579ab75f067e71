"""From a number of vCPUs to sockets, cores and threads (reference kubevirt-flavor.md 6.3)."""

from __future__ import annotations

from typing import Any

import pytest

from solovirt.kinds.instancetype import topology


def preferring(name: str | None, **spread: Any) -> dict[str, Any] | None:
    if name is None:
        return None
    cpu: dict[str, Any] = {"preferredCPUTopology": name}
    if spread:
        cpu["spreadOptions"] = spread
    return {"cpu": cpu}


@pytest.mark.parametrize(
    ("guest", "preference", "sockets", "cores", "threads"),
    [
        (1, None, 1, 1, 1),
        (1, preferring("cores"), 1, 1, 1),
        (1, preferring("spread"), 1, 1, 1),
        (6, None, 6, 1, 1),
        (6, {}, 6, 1, 1),
        (6, preferring("sockets"), 6, 1, 1),
        (6, preferring("any"), 6, 1, 1),
        (6, preferring("cores"), 1, 6, 1),
        (6, preferring("threads"), 1, 1, 6),
        (6, preferring("preferSockets"), 6, 1, 1),
        (6, preferring("preferCores"), 1, 6, 1),
        (6, preferring("preferThreads"), 1, 1, 6),
        (6, preferring("preferAny"), 6, 1, 1),
        (6, preferring("spread"), 3, 2, 1),
        (6, preferring("preferSpread"), 3, 2, 1),
        (6, preferring("spread", ratio=3), 2, 3, 1),
        (6, preferring("spread", across="SocketsCores"), 3, 2, 1),
        (6, preferring("spread", across="CoresThreads"), 1, 3, 2),
        (8, preferring("spread", across="SocketsCoresThreads"), 2, 2, 2),
        (24, preferring("spread", across="SocketsCoresThreads", ratio=4), 3, 4, 2),
        (8, {**(preferring("spread") or {}), "preferSpreadSocketToCoreRatio": 4}, 2, 4, 1),
        (8, {**(preferring("spread", ratio=2) or {}), "preferSpreadSocketToCoreRatio": 4}, 4, 2, 1),
    ],
)
def test_vcpus_are_split_as_preferred(guest, preference, sockets, cores, threads):
    assert topology.split(guest, preference) == {"sockets": sockets, "cores": cores, "threads": threads}


RATIO = "Spec.PreferSpreadSocketToCoreRatio or Spec.CPU.PreferSpreadOptions.Ratio of"


@pytest.mark.parametrize(
    ("guest", "preference", "why"),
    [
        (3, preferring("cores"), None),
        (4, preferring("spread"), None),
        (3, preferring("spread"), f"{RATIO} 2 provided by the preference"),
        (4, preferring("preferSpread", ratio=3), f"{RATIO} 3 provided by the preference"),
        (3, preferring("spread", across="CoresThreads"), "number of threads per core 2"),
        (4, preferring("spread", across="CoresThreads"), None),
        (5, preferring("spread", across="SocketsCoresThreads"), f"number of threads per core 2 and {RATIO} 2"),
        (6, preferring("spread", across="SocketsCoresThreads"), f"number of threads per core 2 and {RATIO} 2"),
        (8, preferring("spread", across="SocketsCoresThreads"), None),
    ],
)
def test_vcpus_that_cannot_be_spread_are_told(guest, preference, why):
    """rule 50, in the words of KubeVirt 1.9"""
    start = f"{guest} vCPUs provided by the instance type are not divisible by the "
    assert topology.indivisible(guest, preference) == (None if why is None else start + why)
