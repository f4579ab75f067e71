"""
Work queues in Prometheus' terms, under the names that client-go gives them.

Dashboards and alerts written for Kubernetes' controllers read these. A control plane that serves no metrics never imports this module.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# client-go: ten nanoseconds to a thousand seconds, by tens.
_BUCKETS = tuple(10.0**exponent for exponent in range(-8, 4))


class WorkQueueMetrics:
    """Makes the metrics of each queue, all in one Prometheus registry; create it once per registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        label = ("name",)
        self._depth = Gauge("workqueue_depth", "Keys waiting in the work queue.", label, registry=registry)
        self._adds = Counter("workqueue_adds", "Keys added to the work queue.", label, registry=registry)
        self._waited = Histogram(
            "workqueue_queue_duration_seconds",
            "How long keys wait in the work queue before they are worked on.",
            label,
            registry=registry,
            buckets=_BUCKETS,
        )
        self._worked = Histogram(
            "workqueue_work_duration_seconds",
            "How long keys of the work queue are worked on.",
            label,
            registry=registry,
            buckets=_BUCKETS,
        )
        self._retries = Counter(
            "workqueue_retries", "Keys that come again because they failed.", label, registry=registry
        )

    def of(self, queue: str) -> _OneQueue:
        """The metrics of the queue called *queue*."""
        return _OneQueue(
            self._depth.labels(queue),
            self._adds.labels(queue),
            self._waited.labels(queue),
            self._worked.labels(queue),
            self._retries.labels(queue),
        )


class _OneQueue:
    def __init__(self, depth: Gauge, adds: Counter, waited: Histogram, worked: Histogram, retries: Counter) -> None:
        self._depth = depth
        self._adds = adds
        self._waited = waited
        self._worked = worked
        self._retries = retries

    def added(self, depth: int) -> None:
        self._adds.inc()
        self._depth.set(depth)

    def taken(self, depth: int, waited: float) -> None:
        self._depth.set(depth)
        self._waited.observe(waited)

    def finished(self, worked: float) -> None:
        self._worked.observe(worked)

    def retried(self) -> None:
        self._retries.inc()
