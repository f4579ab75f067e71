"""
How long instances take from phase to phase: histograms, counted as it happens.

Names, labels, buckets and help are KubeVirt's. It observes one step for each change of an object; here each phase that an
instance passes in one write is a step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solovirt.kinds.kubevirt import names
from solovirt.machinery.clock import parse_timestamp
from solovirt.machinery.exposition import Family, Histogram
from solovirt.machinery.resource import Document

_MINUTE, _HOUR = 60.0, 3600.0
_BUCKETS = (
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, _MINUTE, 90.0,
    2 * _MINUTE, 3 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 30 * _MINUTE, _HOUR,
)  # fmt: skip
_PREFIX = "kubevirt_vmi_phase_transition_time"


class PhaseTransitions:
    """The histograms of one process: what its controllers moved."""

    def __init__(self) -> None:
        self._between: dict[tuple[str, ...], Histogram] = {}
        self._from_creation: dict[tuple[str, ...], Histogram] = {}
        self._from_deletion: dict[tuple[str, ...], Histogram] = {}

    def passed(self, instance: Document, before: str, phases: Sequence[str]) -> None:
        """*instance* went from the phase *before* through *phases*."""
        metadata = instance["metadata"]
        times = {
            one["phase"]: one["phaseTransitionTimestamp"]
            for one in instance["status"].get("phaseTransitionTimestamps") or ()
        }
        for phase in phases:
            when = times.get(phase)
            since = times.get(before) if before else metadata.get("creationTimestamp")
            _observe(self._between, (phase, before), since, when)
            _observe(self._from_creation, (phase,), metadata.get("creationTimestamp"), when)
            if phase in names.FINAL_PHASES:
                _observe(self._from_deletion, (phase,), metadata.get("deletionTimestamp"), when)
            before = phase

    def families(self) -> list[Family]:
        """The families as they are now."""
        between = Family(
            f"{_PREFIX}_seconds",
            "Histogram of VM phase transitions duration between different phases in seconds.",
            ("phase", "last_phase"),
            type="histogram",
        )
        from_creation = Family(
            f"{_PREFIX}_from_creation_seconds",
            "Histogram of VM phase transitions duration from creation time in seconds.",
            ("phase",),
            type="histogram",
        )
        from_deletion = Family(
            f"{_PREFIX}_from_deletion_seconds",
            "Histogram of VM phase transitions duration from deletion time in seconds.",
            ("phase",),
            type="histogram",
        )
        out = ((between, self._between), (from_creation, self._from_creation), (from_deletion, self._from_deletion))
        for family, histograms in out:
            for labels, histogram in histograms.items():
                family.add_histogram(labels, histogram)
        return [family for family, _ in out]


def _observe(histograms: dict[tuple[str, ...], Histogram], labels: tuple[str, ...], since: Any, when: Any) -> None:
    if since and when:
        histogram = histograms.setdefault(labels, Histogram(_BUCKETS))
        histogram.observe((parse_timestamp(when) - parse_timestamp(since)).total_seconds())
