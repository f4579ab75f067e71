"""A real server process for each test, and the kubectls to talk to it with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from solovirt.testing import ServerProcess
from tests.clients.kubectl import Kubectl, kubectl_binary


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as process:
        yield process


@pytest.fixture(params=["20", "37"])
def kubectl(request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path) -> Kubectl:
    minor: str = request.param
    return Kubectl(minor, kubectl_binary(minor), server.kubeconfig, tmp_path / "home")
