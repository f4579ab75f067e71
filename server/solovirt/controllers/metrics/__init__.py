"""
KubeVirt's metrics about machines and instances, under its names, so that its dashboards and alerts work.

What is there is counted when somebody scrapes (`machines`, `instances`, `migrations`), what happens when it happens (`transitions`). The
figures that KubeVirt's recording rules derive from these are given as well, since nobody here runs Prometheus with those rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from solovirt.controllers.metrics import instances, machines, migrations
from solovirt.controllers.metrics.lookup import Snapshot
from solovirt.controllers.metrics.transitions import PhaseTransitions

if TYPE_CHECKING:
    from solovirt.machinery.exposition import Family
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.store.protocol import Store

__all__ = ["KubeVirtMetrics", "PhaseTransitions"]


class KubeVirtMetrics:
    """All of them (an `Inventory`)."""

    def __init__(self, registry: Registry, store: Store, transitions: PhaseTransitions) -> None:
        self._registry = registry
        self._store = store
        self._transitions = transitions

    def snapshot(self) -> Callable[[], Iterable[Family]]:
        snapshot = Snapshot(self._registry, self._store)
        histograms = self._transitions.families()

        def families() -> Iterator[Family]:
            yield from machines.families(snapshot)
            yield from instances.families(snapshot)
            yield from migrations.families(snapshot)
            yield from histograms

        return families
