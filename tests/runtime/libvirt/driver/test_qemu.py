"""The driver on QEMU, under software emulation."""

from __future__ import annotations

import pytest

from tests.runtime.contract import RuntimeContract

pytestmark = pytest.mark.slow


class TestQemuKeepsTheContract(RuntimeContract):
    @pytest.fixture
    def bench(self, qemu_bench):
        return qemu_bench
