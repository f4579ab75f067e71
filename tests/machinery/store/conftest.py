"""Stores to test, on each database that they run on, and a PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.store import migrate
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.objects import selectable

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))


def missing(what: str) -> None:
    """A tool isn't there: an error where everything has to be tested, a skipped test elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def _binaries() -> Path | None:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))  # noqa: PTH207 - an absolute pattern
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


@dataclass
class Cluster:
    """A running PostgreSQL server that nobody else uses."""

    url: str
    pid: int
    databases: int = 0

    async def execute(self, statement: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(f"{self.url}/{database}")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self) -> str:
        """The name of a new, empty database."""
        self.databases += 1
        name = f"solovirt_{self.databases}"
        await self.execute(f"CREATE DATABASE {name}")
        return name


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    binaries = _binaries()
    if binaries is None:
        missing("PostgreSQL (initdb)")
        raise AssertionError
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="solovirt-pg-") as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(home, entry.pw_uid, entry.pw_gid)
        data = home / "data"
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "solovirt",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        made = subprocess.run(
            initdb, user=user, cwd=home, env={"LC_ALL": "C"}, capture_output=True, check=False, text=True
        )
        assert made.returncode == 0, made.stderr
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"]
        output = stack.enter_context((home / "log").open("wb"))
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", home, "-h", "127.0.0.1", "-p", str(port)]
        command += [part for setting in settings for part in ("-c", setting)]
        server = subprocess.Popen(command, user=user, cwd=home, stdout=output, stderr=output)
        try:
            _wait_until_it_answers(server, port, home / "log")
            yield Cluster(f"postgresql://solovirt@127.0.0.1:{port}", server.pid)
        finally:
            # A fast shutdown: connections that a failed test left open don't hold it up.
            server.send_signal(signal.SIGINT)
            server.wait(30)


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if b"ready to accept connections" in log.read_bytes():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
        time.sleep(0.05)
    pytest.fail(f"PostgreSQL doesn't start:\n{log.read_text()}")


@dataclass
class Stores:
    """Opens stores on one database, and closes what a test leaves open."""

    url: str
    kind: str
    clock: ManualClock = field(default_factory=ManualClock)
    opened: list[SqlStore] = field(default_factory=list)

    @property
    def shared(self) -> bool:
        return self.kind == "postgresql"

    @property
    def durable(self) -> bool:
        return self.kind != "memory"

    async def open(self, *, window_bytes: int = 8 << 20) -> SqlStore:
        await migrate.upgrade(self.url)
        store = SqlStore(self.url, clock=self.clock, selectable=selectable, window_bytes=window_bytes)
        await store.start()
        self.opened.append(store)
        return store

    async def restart(self, store: SqlStore, *, window_bytes: int = 8 << 20) -> SqlStore:
        await self.close(store)
        return await self.open(window_bytes=window_bytes)

    async def close(self, store: SqlStore) -> None:
        self.opened.remove(store)
        await store.close()


async def _url_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "memory":
        return "sqlite+aiosqlite://"
    if kind == "file":
        return f"sqlite+aiosqlite:///{tmp_path}/solovirt.db"
    cluster: Cluster = request.getfixturevalue("cluster")
    return f"{cluster.url.replace('postgresql', 'postgresql+asyncpg')}/{await cluster.create()}"


MakeStores = Callable[[str], Awaitable[Stores]]


@pytest.fixture
async def make_stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeStores]:
    made: list[Stores] = []
    if request.node.get_closest_marker("xdist_group"):
        # In a thread's stead: the fixture is synchronous and must be set up before the loop needs it.
        request.getfixturevalue("cluster")

    async def make(kind: str) -> Stores:
        made.append(Stores(await _url_of(kind, request, tmp_path), kind))
        return made[-1]

    yield make
    for stores in made:
        for store in stores.opened:
            await store.close()


@pytest.fixture(params=["file", "memory", POSTGRESQL])
async def stores(request: pytest.FixtureRequest, make_stores: MakeStores) -> Stores:
    """Each database."""
    return await make_stores(request.param)


@pytest.fixture(params=["file", POSTGRESQL])
async def durable(request: pytest.FixtureRequest, make_stores: MakeStores) -> Stores:
    """Each database that outlives its process."""
    return await make_stores(request.param)


@pytest.fixture
async def sqlite(make_stores: MakeStores) -> Stores:
    return await make_stores("file")


@pytest.fixture
async def postgresql(cluster: Cluster, make_stores: MakeStores) -> Stores:
    """One database, for several stores at once. Tests that use it belong to the xdist group `postgresql`."""
    return await make_stores("postgresql")


@pytest.fixture
async def store(stores: Stores) -> SqlStore:
    return await stores.open()
