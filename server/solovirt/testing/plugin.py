"""
The pytest plugin: a fresh control plane for each test that asks for one.

    def test_the_operator_starts_a_vm(solovirt):
        run("kubectl", "--kubeconfig", solovirt.kubeconfig, "apply", "-f", "vm.yaml")
        solovirt.advance(seconds=30)

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
    """A control plane of the test's own on a free loopback port, in memory, with a clock that stands still until it is moved."""
    from solovirt.testing.background import BackgroundControlPlane

    with BackgroundControlPlane() as control_plane:
        yield control_plane
