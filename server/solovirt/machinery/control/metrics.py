"""
Work queues in Prometheus' terms, under the names that client-go gives them.

Dashboards and alerts written for Kubernetes' controllers read these. Counted in plain numbers, and turned into Prometheus' form when somebody
scrapes: until then nothing of prometheus_client is loaded.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# client-go: ten nanoseconds to a thousand seconds, by tens.
_BUCKETS = tuple(10.0**exponent for exponent in range(-8, 4))
_BOUNDS = (*map(str, _BUCKETS), "+Inf")


class WorkQueueMetrics:
    """The metrics of all queues of one manager, and the collector that shows them."""

    def __init__(self) -> None:
        self._queues: dict[str, _OneQueue] = {}

    def of(self, queue: str) -> _OneQueue:
        """The metrics of the queue called *queue*."""
        return self._queues.setdefault(queue, _OneQueue())

    def collect(self) -> Iterator[Any]:
        """prometheus_client's collector protocol."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        label = ("name",)
        depth = GaugeMetricFamily("workqueue_depth", "Keys waiting in the work queue.", labels=label)
        adds = CounterMetricFamily("workqueue_adds", "Keys added to the work queue.", labels=label)
        retries = CounterMetricFamily("workqueue_retries", "Keys that come again because they failed.", labels=label)
        waited = HistogramMetricFamily(
            "workqueue_queue_duration_seconds",
            "How long keys wait in the work queue before they are worked on.",
            labels=label,
        )
        worked = HistogramMetricFamily(
            "workqueue_work_duration_seconds", "How long keys of the work queue are worked on.", labels=label
        )
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds",
            "How long all that is being worked on has been, together.",
            labels=label,
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds",
            "How long the oldest of what is being worked on has been.",
            labels=label,
        )
        now = time.perf_counter()
        for name, queue in self._queues.items():
            unfinished.add_metric((name,), sum(now - begun for begun in queue.running))
            longest.add_metric((name,), max((now - begun for begun in queue.running), default=0.0))
            depth.add_metric((name,), queue.depth)
            adds.add_metric((name,), queue.adds)
            retries.add_metric((name,), queue.retries)
            waited.add_metric((name,), queue.waits.cumulative(), queue.waits.total)
            worked.add_metric((name,), queue.works.cumulative(), queue.works.total)
        yield from (depth, adds, retries, waited, worked, unfinished, longest)


class _Durations:
    """A histogram."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Upper bounds and how many were not above them."""
        out, below = [], 0
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            below += count
            out.append((bound, float(below)))
        return out


@dataclass(slots=True)
class _OneQueue:
    depth: int = 0
    adds: int = 0
    retries: int = 0
    waits: _Durations = field(default_factory=_Durations)
    works: _Durations = field(default_factory=_Durations)
    running: list[float] = field(default_factory=list)
    """When what is being worked on was begun, by time.perf_counter."""

    def added(self, depth: int) -> None:
        self.adds += 1
        self.depth = depth

    def taken(self, depth: int, waited: float) -> None:
        self.depth = depth
        self.waits.observe(waited)
        self.running.append(time.perf_counter())

    def finished(self, worked: float) -> None:
        self.works.observe(worked)
        if self.running:
            # Which of the few it was is told by when it must have begun.
            begun = time.perf_counter() - worked
            self.running.remove(min(self.running, key=lambda one: abs(one - begun)))

    def retried(self) -> None:
        self.retries += 1


class ElectionMetrics:
    """Shows who leads, under the name that client-go gives it. *leading* says whether this process does."""

    def __init__(self, name: str, leading: Callable[[], bool]) -> None:
        self._name = name
        self._leading = leading

    def collect(self) -> Iterator[Any]:
        """prometheus_client's collector protocol."""
        from prometheus_client.core import GaugeMetricFamily

        status = GaugeMetricFamily(
            "leader_election_master_status", "Whether this process holds the Lease of this name.", labels=("name",)
        )
        status.add_metric((self._name,), 1 if self._leading() else 0)
        yield status
