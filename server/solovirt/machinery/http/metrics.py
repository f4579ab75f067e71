"""
Counts and latencies of requests, under the names that kube-apiserver gives them.

Counted in plain dictionaries, which costs a request a microsecond, and turned into Prometheus' form when somebody scrapes.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from solovirt.machinery.exposition import text

if TYPE_CHECKING:
    from solovirt.machinery.exposition import Family, Inventory
    from solovirt.machinery.http.exchange import Exchange

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_METHODS = {"get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH"} | {
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
    "head": "GET",
}


class Collector(Protocol):
    """prometheus_client's protocol: gives metric families when somebody scrapes."""

    def collect(self) -> Iterable[Any]: ...


class _Collected:
    """What collectors gave, for one scrape."""

    def __init__(self, families: Iterable[Any]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Any]:
        return self._families


class _Labels(NamedTuple):
    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str


class Metrics:
    """What /metrics shows: requests, this process, what *collectors* give, and what is counted of objects (*inventories*)."""

    def __init__(self, collectors: Iterable[Collector] = (), inventories: Iterable[Inventory] = ()) -> None:
        self.watches = 0
        self._collectors = tuple(collectors)
        self._inventories = tuple(inventories)
        self._requests: dict[tuple[_Labels, int], int] = {}
        self._latencies: dict[_Labels, list[float]] = {}

    def observe(self, request: Exchange, code: int, seconds: float) -> None:
        """Count a request that has been answered."""
        path = request.resource
        verb = _METHODS.get(request.verb, "other")
        if path is None or not request.known:
            # What clients make up must not become labels: every new value is a new time series.
            labels = _Labels(verb, "", "", "", "", "")
        else:
            scope = "resource" if path.name else "namespace" if path.namespace else "cluster"
            labels = _Labels(verb, path.group, path.version, path.plural, request.subresource, scope)
        key = (labels, code)
        self._requests[key] = self._requests.get(key, 0) + 1
        if verb == "WATCH":
            return
        latencies = self._latencies.get(labels)
        if latencies is None:
            latencies = self._latencies[labels] = [0.0] * (len(_BUCKETS) + 2)
        latencies[bisect_left(_BUCKETS, seconds)] += 1
        latencies[-1] += seconds

    def collect(self) -> Iterator[Any]:
        """prometheus_client's collector protocol."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        total = CounterMetricFamily("apiserver_request_total", "Requests answered.", labels=[*_Labels._fields, "code"])
        for (labels, code), requests in self._requests.items():
            total.add_metric([*labels, str(code)], requests)
        yield total
        duration = HistogramMetricFamily(
            "apiserver_request_duration_seconds",
            "How long requests took, watches left out.",
            labels=list(_Labels._fields),
        )
        for labels, counts in self._latencies.items():
            buckets, below = [], 0.0
            for bound, count in zip([*map(str, _BUCKETS), "+Inf"], counts[:-1], strict=True):
                below += count
                buckets.append((bound, below))
            duration.add_metric(list(labels), buckets, counts[-1])
        yield duration
        yield GaugeMetricFamily("apiserver_current_watches", "Watches that are running.", value=self.watches)

    async def scrape(self) -> tuple[bytes, int, str]:
        """Body, status and content type of /metrics. Ten thousand machines are a second's work, which a thread does."""
        collected = _Collected([family for collector in (self, *self._collectors) for family in collector.collect()])
        taken = [inventory.snapshot() for inventory in self._inventories]
        return await asyncio.to_thread(self._render, collected, taken)

    @staticmethod
    def _render(collected: _Collected, taken: Sequence[Callable[[], Iterable[Family]]]) -> tuple[bytes, int, str]:
        # A registry for each scrape: it costs nothing, and a server that nobody scrapes never loads prometheus_client.
        from prometheus_client import CollectorRegistry, ProcessCollector, exposition

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(collected)
        body = [exposition.generate_latest(registry), *(text(make()) for make in taken)]
        return b"".join(body), 200, exposition.CONTENT_TYPE_LATEST
