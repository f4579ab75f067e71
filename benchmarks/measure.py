"""A load and its figures: CPU of the server per operation, operations a second, latencies; as a table's rows and as JSON."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.target import Target


@dataclass(frozen=True)
class Figure:
    """One measured number beside its budget and the peer's (DESIGN: kube-apiserver with etcd on a like machine)."""

    work: str
    value: float
    unit: str
    budget: float | None = None
    """What the value should not exceed."""
    peer: str = ""
    detail: str = ""

    def row(self) -> str:
        budget = "" if self.budget is None else f"{self.budget:g}"
        mark = "" if self.budget is None else ("ok" if self.value <= self.budget else "OVER")
        return f"{self.work:<44} {self.value:>10.3f} {self.unit:<8} {budget:>7} {mark:<5} {self.peer:<11} {self.detail}"


HEADING = f"{'work':<44} {'measured':>10} {'unit':<8} {'budget':>7} {'':<5} {'peer':<11} detail"


@dataclass
class Report:
    """What was measured so far; rows are printed as they come."""

    figures: list[Figure] = field(default_factory=list)

    def section(self, title: str) -> None:
        print(f"\n== {title}\n{HEADING}", flush=True)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.row(), flush=True)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps([asdict(figure) for figure in self.figures], indent=1) + "\n")


@dataclass(frozen=True)
class Load:
    """What one load cost."""

    operations: int
    seconds: float
    cpu_seconds: float
    latencies: list[float]

    @property
    def cpu_ms(self) -> float:
        """Server CPU per operation, in milliseconds."""
        return self.cpu_seconds / self.operations * 1000

    def detail(self) -> str:
        p50, p99, p999 = (percentile(self.latencies, share) * 1000 for share in (0.5, 0.99, 0.999))
        rate = self.operations / self.seconds
        return f"{rate:7.0f}/s  p50 {p50:.2f}  p99 {p99:.2f}  p999 {p999:.2f} ms"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that *share* of the values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


async def load(target: Target, operation: Callable[[int], Awaitable[None]], *, count: int, clients: int) -> Load:
    """Run *operation* for 0 … count-1, *clients* at a time, and measure."""
    numbers = iter(range(count))
    latencies: list[float] = []

    async def worker() -> None:
        for number in numbers:
            before = time.perf_counter()
            await operation(number)
            latencies.append(time.perf_counter() - before)

    cpu, started = target.cpu_seconds(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(worker())
    return Load(count, time.perf_counter() - started, target.cpu_seconds() - cpu, latencies)
