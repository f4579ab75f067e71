"""The driver on libvirt's mock: everything but QEMU."""

from __future__ import annotations

import pytest

from solovirt.runtime.protocol import GuestError
from tests.runtime.contract import RuntimeContract, guest_spec


class TestTheMockDriverKeepsTheContract(RuntimeContract):
    @pytest.fixture
    def bench(self, mock_bench):
        return mock_bench

    async def test_a_guest_can_start_paused(self, bench):
        """The mock starts nothing paused (reference libvirt-here.md 2), and says so."""
        spec = guest_spec((await bench.runtime.nodes())[0].name, start_paused=True)
        await bench.runtime.define(spec)
        with pytest.raises(GuestError, match="unsupported flags"):
            await bench.runtime.boot(spec.id)
