"""
The pytest plugin: a fresh control plane for each test that asks for one.

    def test_the_operator_starts_a_vm(solovirt):
        subprocess.run(["kubectl", "--kubeconfig", solovirt.kubeconfig, "apply", "-f", "vm.yaml"], check=True)

    @pytest.mark.solovirt(nodes=1)
    def test_the_operator_waits_out_a_crash_loop(frozen_solovirt):
        ...
        frozen_solovirt.advance(300)

Importing this module imports nothing of the server; a test run that uses no fixture of it pays nothing. Tests share no state, port or
directory, so they may run in any order and in parallel (pytest-xdist).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solovirt.testing.background import BackgroundControlPlane


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "solovirt(**settings): settings of the control plane that this test's fixture starts (docs/settings.md)",
    )


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's markers say; the nearest goes before those of its class and module."""
    settings: dict[str, Any] = {}
    for marker in request.node.iter_markers("solovirt"):
        if marker.args:
            raise pytest.UsageError("the marker solovirt takes settings by name: @pytest.mark.solovirt(nodes=1)")
        settings = {**marker.kwargs, **settings}
    return settings


@pytest.fixture
def solovirt(request: pytest.FixtureRequest) -> Iterator[BackgroundControlPlane]:
    """A control plane of the test's own on a free loopback port, in memory, on real time. Guests boot and imports finish at once."""
    from solovirt.testing.background import BackgroundControlPlane

    with BackgroundControlPlane(**{"instant": True, **_settings(request)}) as control_plane:
        yield control_plane


@pytest.fixture
def frozen_solovirt(request: pytest.FixtureRequest) -> Iterator[BackgroundControlPlane]:
    """One with a clock that stands still until the test moves it with `advance`. Guests and imports take their time."""
    from solovirt.testing.background import BackgroundControlPlane

    with BackgroundControlPlane(frozen=True, **_settings(request)) as control_plane:
        yield control_plane
