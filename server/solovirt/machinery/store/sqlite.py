"""
The store on SQLite.

One process owns the file: it holds a lock on a file beside it for as long as it runs. One connection writes, in a thread of its own;
another reads what memory no longer has. WAL with synchronous=FULL means that COMMIT returns after the write-ahead log has been synced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy as sa

from solovirt.machinery.store import statements
from solovirt.machinery.store.dialect import (
    CommitUnknown,
    DatabaseFailed,
    DatabaseInUse,
    DatabaseUnavailable,
    Head,
    Session,
    Work,
)

T = TypeVar("T")

# Somebody looking at the file with the sqlite3 shell may hold a lock for a moment.
_BUSY_SECONDS = 10
_CACHE_KIB = 8192
# How much write-ahead log is collected before it is copied into the database, in pages.
_CHECKPOINT_PAGES = 1000


class _Connection:
    """
    A connection with aiosqlite's thread; a `Transaction` while one runs.

    A transaction is handed to the thread whole, as one function: statement by statement, each with its way there and back, and through
    SQLAlchemy's asynchronous engine, a commit takes 1.8 ms of CPU instead of 0.3.
    """

    def __init__(self, url: sa.URL, begin: str) -> None:
        # Transactions are begun and ended here, neither by the driver nor by SQLAlchemy.
        self._driver = aiosqlite.connect(
            url.database or ":memory:", isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        self._begin = begin
        self.core: sa.Connection
        self._raw: sqlite3.Connection

    async def open(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        try:
            await self._driver
        except BaseException:
            # The driver has told its thread to end but doesn't wait, and the thread complains if the event loop ends before it does.
            self._driver._thread.join()  # noqa: SLF001 - there is no public way
            raise
        self._raw = self._driver._conn  # noqa: SLF001 - see `_in_thread`
        engine = sa.create_engine("sqlite+pysqlite://", creator=lambda: self._raw, poolclass=sa.StaticPool)

        def connect() -> None:
            self.core = engine.connect()
            prepare(self._raw)

        await self._in_thread(connect)

    async def close(self) -> None:
        await self._driver.close()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        # aiosqlite has no public way to run a function of ours in its thread; its own methods are all made of this one.
        result: T = await self._driver._execute(function)  # type: ignore[no-untyped-call]  # noqa: SLF001
        return result

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        return self._raw.execute(statement, parameters).rowcount

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._raw.executemany(statement, rows)

    async def run(self, work: Work[T]) -> T:
        return await self._in_thread(lambda: self._transact(work))

    def _transact(self, work: Work[T]) -> T:
        raw = self._raw
        try:
            raw.execute(self._begin)
            result = work(self)
        except sqlite3.OperationalError as error:
            self._roll_back()
            # Locked by somebody for longer than the busy time-out.
            busy = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            raise (DatabaseUnavailable if busy else DatabaseFailed)(str(error)) from error
        except (sqlite3.Error, sa.exc.DBAPIError) as error:
            self._roll_back()
            raise DatabaseFailed(str(error)) from error
        except BaseException:
            self._roll_back()
            raise
        try:
            raw.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise CommitUnknown(str(error)) from error
        finally:
            self._settle()
        return result

    def _roll_back(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")
        self._settle()

    def _settle(self) -> None:
        # SQLAlchemy keeps a transaction of its own in mind if `core` was used; the database's has ended.
        if self.core.in_transaction():
            self.core.rollback()


async def _connect(url: sa.URL, begin: str, prepare: Callable[[sqlite3.Connection], None]) -> _Connection:
    connection = _Connection(url, begin)
    try:
        await connection.open(prepare)
    except BaseException:
        await connection.close()
        raise
    return connection


class SqliteDatabase:
    """A `Database` in a file, or in memory for as long as it is open."""

    in_process = True

    def __init__(self, url: sa.URL, *, read_only: bool = False) -> None:
        name = url.database
        self._read_only = read_only
        self._path = None if name is None or name in ("", ":memory:") else Path(name)
        self.in_memory = self._path is None
        self._url = url
        self._writer: _Connection | None = None
        self._reader: _Connection | None = None
        self._lock: int | None = None
        self.statements = statements.prepare(sa.create_engine("sqlite+pysqlite://").dialect)

    async def open(self) -> None:
        """Raises DatabaseInUse if another process has the file, DatabaseFailed if it is no database or can't be made."""
        if self._read_only:
            await self._open_to_read()
            return
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = _lock(self._path)
                # Secrets are in it. SQLite gives the files that it makes beside it the same mode.
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                await self.close()
                raise DatabaseFailed(f"{self._path}: {error.strerror}") from error
        try:
            self._writer = await _connect(self._url, "BEGIN IMMEDIATE", _prepare_writer)
            if self._path is not None:
                self._reader = await _connect(self._url, "BEGIN", _prepare_reader)
        except (sqlite3.Error, sa.exc.DBAPIError) as error:
            await self.close()
            raise DatabaseFailed(f"{self._path}: {error}") from error
        except BaseException:
            await self.close()
            raise

    async def _open_to_read(self) -> None:
        if self._path is None or not self._path.exists():
            raise DatabaseFailed(f"{self._path or 'a database in memory'} is not there to be read")
        try:
            self._reader = await _connect(self._url, "BEGIN", _prepare_reader)
        except (sqlite3.Error, sa.exc.DBAPIError) as error:
            raise DatabaseFailed(f"{self._path}: {error}") from error

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        lock, self._lock = self._lock, None
        # All of it, even if closing one fails or is cancelled: a connection's thread would keep the process from ending.
        async with contextlib.AsyncExitStack() as closing:
            if lock is not None:
                closing.callback(os.close, lock)
            for connection in (writer, reader):
                if connection is not None:
                    closing.push_async_callback(connection.close)

    async def read(self, work: Work[T]) -> T:
        # A database in memory belongs to its connection.
        return await self._open(self._reader or self._writer).run(work)

    async def write(self, work: Work[T]) -> T:
        return await self._open(self._writer).run(work)

    async def begin(self) -> Session:
        return _Session(self._open(self._writer))

    @staticmethod
    def _open(connection: _Connection | None) -> _Connection:
        if connection is None:
            raise DatabaseUnavailable("the database is closed")
        return connection


class _Session:
    """An append by the only process there is: all of it happens in `commit`."""

    head: Head | None = None

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def read(self, work: Work[T]) -> T:
        return await self._connection.run(work)

    async def commit(self, work: Work[None]) -> None:
        await self._connection.run(work)

    async def abandon(self) -> None:
        """Nothing has begun."""


def _prepare_writer(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    raw.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    raw.execute("PRAGMA foreign_keys = ON")


def _prepare_reader(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA query_only = ON")


def _lock(path: Path) -> int:
    """Take the database at *path* for this process, until the returned descriptor is closed."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # flock, not a POSIX lock: those don't keep apart two stores of one process, and end when any descriptor is closed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        by = f" by process {holder}" if holder else ""
        raise DatabaseInUse(
            f"{path} is in use{by}: one process at a time can serve a SQLite database; several can share PostgreSQL"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
