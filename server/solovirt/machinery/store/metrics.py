"""
The store in Prometheus' terms.

Names are Kubernetes' where the meaning is the same: how many objects there are. What a commit of the log is, etcd's clients have no
word for (`etcd_request_duration_seconds` counts single requests), so the rest has names of its own. Nothing of prometheus_client is loaded until
somebody scrapes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solovirt.machinery.registry import Registry
    from solovirt.machinery.store.sql import SqlStore

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BOUNDS = (*map(str, _BUCKETS), "+Inf")


class CommitStatistics:
    """What the writer counts."""

    __slots__ = ("commits", "counts", "failures", "seconds", "unknown", "writes")

    def __init__(self) -> None:
        self.commits = 0
        self.writes = 0
        """Versions and facts written."""
        self.failures = 0
        self.unknown = 0
        """Commits whose outcome had to be asked for."""
        self.seconds = 0.0
        self.counts = [0] * len(_BOUNDS)

    def committed(self, writes: int, seconds: float) -> None:
        self.commits += 1
        self.writes += writes
        self.seconds += seconds
        self.counts[bisect_left(_BUCKETS, seconds)] += 1

    def cumulative(self) -> list[tuple[str, float]]:
        """Upper bounds in seconds, and how many commits were not above them."""
        out, below = [], 0
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            below += count
            out.append((bound, float(below)))
        return out


class StoreMetrics:
    """Shows a store's numbers on /metrics; *registry* says which resources there are."""

    def __init__(self, store: SqlStore, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def collect(self) -> Iterator[Any]:
        """prometheus_client's collector protocol."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        store, commits = self._store, self._store.commits
        stored = GaugeMetricFamily("apiserver_storage_objects", "Stored objects by resource.", labels=("resource",))
        objects = GaugeMetricFamily(
            "apiserver_resource_objects", "Stored objects by group and resource.", labels=("group", "resource")
        )
        for one in self._registry:
            if one.verbs and not one.virtual and one.view is None:
                count = store.now.count(one.group_resource)
                stored.add_metric((str(one.group_resource),), count)
                objects.add_metric((one.group, one.plural), count)
        yield from (stored, objects)
        took = HistogramMetricFamily(
            "solovirt_store_commit_duration_seconds",
            "How long commits took, from the look at the log's head to the sync.",
        )
        took.add_metric((), commits.cumulative(), commits.seconds)
        yield took
        yield CounterMetricFamily(
            "solovirt_store_writes", "Versions and facts that were committed.", value=commits.writes
        )
        yield CounterMetricFamily("solovirt_store_commit_failures", "Commits that failed.", value=commits.failures)
        yield CounterMetricFamily(
            "solovirt_store_commit_unknown", "Commits whose outcome had to be asked for.", value=commits.unknown
        )
        yield GaugeMetricFamily("solovirt_store_queue_length", "Writes that wait for a commit.", value=store.waiting)
        yield GaugeMetricFamily("solovirt_store_revision", "The newest version known here.", value=store.now.revision)
        yield GaugeMetricFamily("solovirt_store_horizon", "Up to here history is forgotten.", value=store.horizon)
        available = 0 if store.trouble() else 1
        yield GaugeMetricFamily("solovirt_store_available", "Whether the database answers.", value=available)
