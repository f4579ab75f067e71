"""
The pytest plugin: a fresh control plane for each test that asks for one.

    def test_the_operator_starts_a_vm(solovirt):
        subprocess.run(["kubectl", "--kubeconfig", solovirt.kubeconfig, "apply", "-f", "vm.yaml"], check=True)

    def test_the_operator_waits_out_a_crash_loop(frozen_solovirt):
        ...
        frozen_solovirt.advance(300)

Importing this module imports nothing of the server; a test run that uses no fixture of it pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solovirt.testing.background import BackgroundControlPlane


@pytest.fixture
def solovirt() -> Iterator[BackgroundControlPlane]:
    """A control plane of the test's own on a free loopback port, in memory, on real time."""
    from solovirt.testing.background import BackgroundControlPlane

    with BackgroundControlPlane() as control_plane:
        yield control_plane


@pytest.fixture
def frozen_solovirt() -> Iterator[BackgroundControlPlane]:
    """The same with a clock that stands still until the test moves it with `advance`."""
    from solovirt.testing.background import BackgroundControlPlane

    with BackgroundControlPlane(frozen=True) as control_plane:
        yield control_plane
