"""A PostgreSQL server of our own, that can be stopped, killed and started again."""

from __future__ import annotations

import asyncio
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

_RELAXED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")
# As it would run in earnest: what is committed has been synced.
DURABLE = ("shared_buffers=32MB",)


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
    """A PostgreSQL server that nobody else uses."""

    binaries: Path
    home: Path
    port: int
    settings: tuple[str, ...]
    user: str | None
    databases: int = 0
    server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Without the database; `/name` follows."""
        return f"postgresql://solovirt@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.server is not None
        return self.server.pid

    def store_url(self, database: str) -> str:
        """As Solovirt wants it."""
        return f"{self.url.replace('postgresql', 'postgresql+asyncpg')}/{database}"

    async def execute(self, statement: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(f"{self.url}/{database}")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def fetch(self, query: str, database: str = "postgres") -> list[asyncpg.Record]:
        connection = await asyncpg.connect(f"{self.url}/{database}")
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def create(self, template: str = "template1") -> str:
        """The name of a new database, empty or like *template*."""
        self.databases += 1
        name = f"solovirt_{self.databases}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name

    def create_now(self, template: str = "template1") -> str:
        """`create`, for those who have no event loop."""
        return asyncio.run(self.create(template))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.home / "log"
        command: list[str | Path] = [self.binaries / "postgres", "-D", self.home / "data", "-k", self.home]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        command += [part for setting in self.settings for part in ("-c", setting)]
        with log.open("wb") as output:
            self.server = subprocess.Popen(command, user=self.user, cwd=self.home, stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.server.poll() is None:
            if b"ready to accept connections" in log.read_bytes():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            time.sleep(0.05)
        pytest.fail(f"PostgreSQL doesn't start:\n{log.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown, which cuts connections. SIGQUIT: an immediate one, which a start recovers from."""
        if self.server is not None:
            self.server.send_signal(number)
            self.server.wait(60)
            self.server = None

    def backends(self) -> list[int]:
        """The processes that serve connections to databases of ours."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    title = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                    if int(parent) == self.pid and b": solovirt solovirt_" in title:
                        found.append(int(entry.name))
        return found


@contextlib.contextmanager
def running(settings: tuple[str, ...] = _RELAXED) -> Iterator[Cluster]:
    """A new server, while the block lasts."""
    binaries = _binaries()
    if binaries is None:
        missing("PostgreSQL (initdb)")
        raise AssertionError
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="solovirt-pg-") as folder:
        home = Path(folder)
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(home, entry.pw_uid, entry.pw_gid)
        initdb: list[str | Path] = [binaries / "initdb", "-D", home / "data", "-U", "solovirt"]
        initdb += ["-A", "trust", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(
            initdb, user=user, cwd=home, env={"LC_ALL": "C"}, capture_output=True, check=False, text=True
        )
        assert made.returncode == 0, made.stderr
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        cluster = Cluster(binaries, home, port, settings, user)
        cluster.start()
        try:
            yield cluster
        finally:
            # Connections that a failed test left open don't hold a fast shutdown up.
            cluster.stop()
