"""
Prometheus' text format, written directly.

For metrics with a time series per object: prometheus_client would make an object of each, and names counters its own way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Inventory(Protocol):
    """Metrics about objects, computed when somebody scrapes."""

    def snapshot(self) -> Callable[[], Iterable[Family]]:
        """
        Take hold of the present state, at once, on the event loop.

        What is returned makes families of it, and is called in a thread: it touches nothing that anybody else changes.
        """
        ...


class Family:
    """A metric: its name, help and type, and the samples that are added to it."""

    __slots__ = ("_help", "_labels", "_lines", "name", "type")

    def __init__(self, name: str, help: str, labels: Sequence[str] = (), *, type: str = "gauge") -> None:
        self.name = name
        self.type = type
        self._help = help
        self._labels = tuple(labels)
        self._lines: list[str] = []

    def add(self, values: Sequence[str], value: float, **more: str) -> None:
        """A sample with these values of the labels, and *more* labels. Labels without a value are left out, as if they were not there."""
        self._line("", self._label_text(values, more.items()), value)

    def add_histogram(self, values: Sequence[str], histogram: Histogram) -> None:
        below = 0
        for bound, count in zip(histogram.bounds, histogram.counts, strict=True):
            below += count
            self._line("_bucket", self._label_text(values, [("le", bound)]), below)
        self._line("_sum", self._label_text(values, ()), histogram.total)
        self._line("_count", self._label_text(values, ()), below)

    def _label_text(self, values: Sequence[str], more: Iterable[tuple[str, str]]) -> str:
        # Labels without a value are the same to Prometheus as none; KubeVirt writes none.
        told = [
            f'{label}="{value.translate(_ESCAPED)}"'
            for label, value in (*zip(self._labels, values, strict=True), *more)
            if value
        ]
        return f"{{{','.join(told)}}}" if told else ""

    def _line(self, suffix: str, labels: str, value: float) -> None:
        self._lines.append(f"{self.name}{suffix}{labels} {value!r}")

    def lines(self) -> Iterator[str]:
        if self._lines:
            yield f"# HELP {self.name} {self._help}"
            yield f"# TYPE {self.name} {self.type}"
            yield from self._lines


class Histogram:
    """Durations counted by their size."""

    __slots__ = ("_limits", "bounds", "counts", "total")

    def __init__(self, limits: Sequence[float]) -> None:
        self._limits = limits
        self.bounds = (*(f"{limit:g}" for limit in limits), "+Inf")
        self.counts = [0] * len(self.bounds)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self._limits, seconds)] += 1
        self.total += seconds

    def copy(self) -> Histogram:
        other = Histogram(self._limits)
        other.counts = list(self.counts)
        other.total = self.total
        return other


def text(families: Iterable[Family]) -> bytes:
    """The families as they go over the wire."""
    return "".join(f"{line}\n" for family in families for line in family.lines()).encode()
