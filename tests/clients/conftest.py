"""Control planes for the clients, one for each test or one that a module's tests share; and the kubectls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from solovirt.testing import BackgroundControlPlane
from tests import databases
from tests.clients.kubectl import Kubectl, kubectl_binary


@pytest.fixture
def server() -> Iterator[BackgroundControlPlane]:
    """In this process: starting it takes a tenth of what a process of its own would."""
    with BackgroundControlPlane(database_url=databases.url()) as control_plane:
        yield control_plane


@pytest.fixture(params=[pytest.param("20", marks=pytest.mark.slow), "37"])
def kubectl(request: pytest.FixtureRequest, server: BackgroundControlPlane, tmp_path: Path) -> Kubectl:
    minor: str = request.param
    return Kubectl(minor, kubectl_binary(minor), Path(server.kubeconfig), tmp_path / "home")


@pytest.fixture(scope="module")
def cluster() -> Iterator[BackgroundControlPlane]:
    """For clients in Python. Its tests share it and keep to objects of their own."""
    with BackgroundControlPlane(database_url=databases.url(), instant=True) as control_plane:
        yield control_plane
