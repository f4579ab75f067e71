"""
What the store needs of a database, and which one a URL means.

All work is written once, as plain functions of a `Transaction`. SQLite runs such a function as a whole in a thread of its own, so that a
commit costs one hop between threads instead of one for each statement (measured: 0.3 ms of CPU against 1.8 ms through an asynchronous
driver, half of a create's budget against four times it); PostgreSQL runs it on its asynchronous connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import sqlalchemy as sa

from solovirt.machinery.store.statements import Statements

T = TypeVar("T")


class DatabaseInUse(RuntimeError):
    """Another process has the SQLite database open."""


class DatabaseUnavailable(Exception):
    """The database can't be reached, or didn't get to it in time: nothing was changed, and trying again may help."""


class DatabaseFailed(Exception):
    """The database refused: disk full, I/O error, a violated invariant. Nothing was changed."""


class CommitUnknown(Exception):
    """The commit was sent and no answer came: it may have happened or not."""


class Head(NamedTuple):
    """The row of `head`."""

    revision: int
    horizon: int
    epoch: int


class Transaction(Protocol):
    """A transaction under way."""

    @property
    def core(self) -> sa.Connection:
        """For statements that are not on the hot path."""
        ...

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run prepared text; the number of rows it changed."""
        ...

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None: ...


Work = Callable[[Transaction], T]


class Session(Protocol):
    """An append to the log, from the look at its head to the commit. Ends with `commit` or `abandon`."""

    @property
    def head(self) -> Head | None:
        """The locked head. None if nobody but this process can have moved it."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Run *work* under the lock."""
        ...

    async def commit(self, work: Work[None]) -> None:
        """
        Run *work* and commit.

        Raises DatabaseUnavailable or DatabaseFailed if for certain nothing was committed, CommitUnknown otherwise.
        """
        ...

    async def abandon(self) -> None:
        """End without having changed anything."""
        ...


class Database(Protocol):
    """A place to keep the log in. Errors of the driver come out as DatabaseUnavailable and DatabaseFailed."""

    statements: Statements
    in_memory: bool
    """It begins empty with each `open` and is gone with `close`."""
    in_process: bool
    """No network and no server is between us and the disk."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, work: Work[T]) -> T:
        """Run *work*, which changes nothing, on one consistent state."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run *work* in a transaction of its own. May be run again if it is known not to have been committed."""
        ...

    async def begin(self) -> Session:
        """Start an append."""
        ...


@runtime_checkable
class SharedDatabase(Database, Protocol):
    """A database whose log other processes may append to."""

    async def listen(self, told: Callable[[int], None]) -> None:
        """Call *told* with the log's new head whenever somebody has appended, as far as notifications get through."""
        ...


def database_for(url: str, *, read_only: bool = False) -> Database:
    """
    The database that *url* means; not opened yet. One that is *read_only* can be opened beside the server that has it.

    `sqlite:///path`, `sqlite://` (in memory) and `postgresql://…`, with or without `+driver`. Raises ValueError for others, and if
    the driver is not installed; the text is for whoever gave the URL, and shows no password.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ValueError(
            "the database URL can't be read; one is postgresql+asyncpg://user:password@host/name"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        from solovirt.machinery.store.sqlite import SqliteDatabase

        return SqliteDatabase(parsed, read_only=read_only)
    if backend == "postgresql":
        try:
            from solovirt.machinery.store.postgresql import PostgresDatabase
        except ModuleNotFoundError as error:
            raise ValueError("PostgreSQL needs the package asyncpg: pip install 'solovirt[postgresql]'") from error
        return PostgresDatabase(parsed)
    raise ValueError(f"the store runs on sqlite and postgresql, not on {backend}: {parsed.render_as_string()}")
