"""Servers for the clients: a process for each test, or a control plane that a module's tests share; and the kubectls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from solovirt.testing import BackgroundControlPlane, ServerProcess
from tests.clients.kubectl import Kubectl, kubectl_binary


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as process:
        yield process


@pytest.fixture(params=["20", "37"])
def kubectl(request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path) -> Kubectl:
    minor: str = request.param
    return Kubectl(minor, kubectl_binary(minor), server.kubeconfig, tmp_path / "home")


@pytest.fixture(scope="module")
def cluster() -> Iterator[BackgroundControlPlane]:
    """For clients in Python. Its tests share it and keep to objects of their own."""
    with BackgroundControlPlane(instant=True) as control_plane:
        yield control_plane
