"""
The database that the API's tests run on: `SOLOVIRT_TEST_DATABASE=memory`, `file` or `postgresql`.

SQLite in memory unless something else is said, because it is the quickest; CI runs them on all three.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from solovirt.machinery.store import migrate
from tests.postgresql import Cluster, running

T = TypeVar("T")

MEMORY = "sqlite+aiosqlite://"
_closing = contextlib.ExitStack()
_numbers = itertools.count(1)
_made: list[str] = []
# Databases of PostgreSQL that are left standing at a time: each takes some megabytes.
_KEPT = 8


def kind() -> str:
    """Which one was asked for."""
    chosen = os.environ.get("SOLOVIRT_TEST_DATABASE") or "memory"
    if chosen not in ("memory", "file", "postgresql"):
        raise ValueError(f"SOLOVIRT_TEST_DATABASE is memory, file or postgresql, not {chosen}")
    return chosen


def url() -> str:
    """The URL of a new database with the tables that a store needs, gone when the tests are over."""
    match kind():
        case "file":
            path = _folder() / f"{next(_numbers)}.db"
            shutil.copyfile(_empty_file(), path)
            return f"sqlite+aiosqlite:///{path}"
        case "postgresql":
            return _cluster().store_url(_elsewhere(_new_database))
    return MEMORY


@functools.cache
def _folder() -> Path:
    atexit.register(_closing.close)
    return Path(_closing.enter_context(tempfile.TemporaryDirectory(prefix="solovirt-databases-")))


@functools.cache
def _empty_file() -> Path:
    path = _folder() / "empty.db"
    _elsewhere(lambda: migrate.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@functools.cache
def _cluster() -> Cluster:
    atexit.register(_closing.close)
    return _closing.enter_context(running())


@functools.cache
def _template() -> str:
    name = _elsewhere(_cluster().create)
    _elsewhere(lambda: migrate.upgrade(_cluster().store_url(name)))
    return name


async def _new_database() -> str:
    cluster = _cluster()
    connection = await asyncpg.connect(f"{cluster.url}/postgres")
    try:
        for old in _made[:-_KEPT]:
            # One that is still open is for later.
            with contextlib.suppress(asyncpg.ObjectInUseError):
                await connection.execute(f"DROP DATABASE {old}")
                _made.remove(old)
    finally:
        await connection.close()
    name = await cluster.create(_template())
    _made.append(name)
    return name


def _elsewhere(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it in a loop of its own, whether or not one runs here."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(make()))
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
