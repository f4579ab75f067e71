"""Replicas as processes of their own, on a PostgreSQL server of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from solovirt.testing import ServerProcess
from tests.postgresql import DURABLE, Cluster, running


class Replica:
    """One of several `solovirt up`."""

    def __init__(self, name: str, data_dir: Path, database_url: str, *arguments: str) -> None:
        self.name = name
        url = f"{database_url}?application_name={name}"
        self.server = ServerProcess(data_dir, ["--database-url", url, *arguments])
        self.up = False
        self.paused = False

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pid(self) -> int:
        return self.server.pid

    def start(self) -> None:
        self.server.start()
        self.up = True

    def kill(self) -> None:
        self.up = False
        self.server.kill()

    def stop(self) -> int:
        self.up = False
        return self.server.stop()

    def pause(self) -> None:
        self.paused = True
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False


@pytest.fixture
def database() -> Iterator[Cluster]:
    """A server that loses nothing when it is killed."""
    with running(DURABLE) as cluster:
        yield cluster


async def create(cluster: Cluster) -> str:
    return await asyncio.to_thread(cluster.create_now)
