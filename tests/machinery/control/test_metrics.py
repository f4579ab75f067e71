"""Queues report under client-go's names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.metrics import WorkQueueMetrics
from solovirt.machinery.control.queue import WorkQueue


async def test_a_queue_counts_and_times_its_keys():
    registry = CollectorRegistry()
    metrics = WorkQueueMetrics()
    registry.register(metrics)
    queue: WorkQueue[str] = WorkQueue(clock=ManualClock(), metrics=metrics.of("vm"))

    def value(name):
        return registry.get_sample_value(name, {"name": "vm"})

    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert value("workqueue_adds_total") == 2
    assert value("workqueue_depth") == 2
    key = await queue.get()
    queue.retry(key)
    queue.done(key)
    assert value("workqueue_depth") == 1
    assert value("workqueue_retries_total") == 1
    assert value("workqueue_queue_duration_seconds_count") == 1
    assert value("workqueue_work_duration_seconds_count") == 1
    await queue.close()
