from __future__ import annotations

from pathlib import Path

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.runtime.fake import FakeRuntime, Scenario
from solovirt.runtime.registry import RuntimeContext
from tests.runtime.memory_facts import MemoryFacts


class FakeBench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.facts = MemoryFacts()
        self.scenario = Scenario()
        self.runtime = self.new_runtime()

    def new_runtime(self, *, shared: bool = False) -> FakeRuntime:
        context = RuntimeContext(self.clock, self.facts, Path("unused"), nodes=2, shared=shared)
        return FakeRuntime(context, self.scenario)

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def restart(self) -> FakeRuntime:
        await self.runtime.close()
        self.runtime = self.new_runtime()
        await self.runtime.start()
        return self.runtime


@pytest.fixture
async def bench():
    bench = FakeBench()
    await bench.runtime.start()
    yield bench
    await bench.runtime.close()
