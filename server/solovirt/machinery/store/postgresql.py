"""
The store on PostgreSQL, which several processes can share.

Who appends locks the row of `head` until the commit, so that revisions are committed in their order; lock and idle time-outs see to it
that a process that hangs doesn't hold up the others for long. Each append notifies the others, who listen on a connection of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from solovirt.machinery.store import statements
from solovirt.machinery.store.dialect import (
    CommitUnknown,
    DatabaseFailed,
    DatabaseUnavailable,
    Head,
    Session,
    Work,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

# All in seconds. A batch takes milliseconds: who holds the head for longer than this has hung.
_LOCK_TIMEOUT = 8.0
_IDLE_IN_TRANSACTION_TIMEOUT = 5.0
_CONNECT_TIMEOUT = 5
# Longer than the server waits for a lock. What takes longer is a server, or a network, that answers no more.
_COMMAND_TIMEOUT = 15.0
_RECONNECT_PAUSE = 0.5
# How often the line on which notifications come is tried. A network that swallows everything would leave it silent for ever.
_PROBE_SECONDS = 5.0

# lock_not_available; too_many_connections, out_of_memory; read_only_sql_transaction (a standby, or the old primary after a failover);
# deadlock_detected, serialization_failure; query_canceled. Trying again may help.
_PASSING = ("55P03", "53300", "53200", "25006", "40P01", "40001", "57014")
_SHUTTING_DOWN = ("57P01", "57P02", "57P03", "25P03", "57P05")


class _Transaction:
    """A `Transaction` on the synchronous face of an asynchronous connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self.core = connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        return self.core.exec_driver_sql(statement, tuple(parameters)).rowcount

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self.core.exec_driver_sql(statement, [tuple(row) for row in rows])


class PostgresDatabase:
    """A `SharedDatabase`."""

    in_memory = False
    in_process = False

    def __init__(self, url: sa.URL) -> None:
        # libpq's parameter, which the driver knows among the server's settings only.
        name = url.query.get("application_name", "solovirt")
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg").difference_update_query(["application_name"]),
            pool_size=4,
            max_overflow=8,
            pool_timeout=_CONNECT_TIMEOUT,
            connect_args={
                "timeout": _CONNECT_TIMEOUT,
                "command_timeout": _COMMAND_TIMEOUT,
                "server_settings": {
                    "application_name": name if isinstance(name, str) else name[0],
                    "lock_timeout": f"{_LOCK_TIMEOUT * 1000:.0f}ms",
                    "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_TIMEOUT * 1000:.0f}ms",
                    # A client whose machine or network is gone shall not hold the head for long either.
                    "tcp_keepalives_idle": "5",
                    "tcp_keepalives_interval": "2",
                    "tcp_keepalives_count": "3",
                    "tcp_user_timeout": f"{_IDLE_IN_TRANSACTION_TIMEOUT * 1000:.0f}ms",
                },
            },
        )
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._listener: asyncio.Task[None] | None = None
        self.statements = statements.prepare(self._engine.dialect)

    async def open(self) -> None:
        """Raises DatabaseUnavailable if the server can't be reached or doesn't let us in."""
        async with self._connected(self._engine):
            pass

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None
        await self._engine.dispose()

    async def read(self, work: Work[T]) -> T:
        async def attempt() -> T:
            async with self._connected(self._snapshots) as connection:
                return await _run(connection, work)

        return await _twice(attempt)

    async def write(self, work: Work[T]) -> T:
        async def attempt() -> T:
            async with self._connected(self._engine) as connection:
                result = await _run(connection, work)
                await _commit(connection)
                return result

        return await _twice(attempt)

    async def begin(self) -> Session:
        async def attempt() -> Session:
            connection = await _connect(self._engine)
            try:
                async with _translated():
                    row = (await connection.exec_driver_sql(self.statements.lock_head)).one()
            except BaseException:
                await _discard(connection)
                raise
            return _Session(connection, Head._make(row))

        return await _twice(attempt)

    async def listen(self, told: Callable[[int], None]) -> None:
        self._listener = asyncio.get_running_loop().create_task(self._listen(told), name="store listener")

    async def _listen(self, told: Callable[[int], None]) -> None:
        while True:
            try:
                await self._listen_once(told)
            except (
                DatabaseUnavailable,
                DatabaseFailed,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                OSError,
                TimeoutError,
            ) as error:
                logger.warning("no notifications from the database, polling it: %s", error)
            await asyncio.sleep(_RECONNECT_PAUSE)

    async def _listen_once(self, told: Callable[[int], None]) -> None:
        def hear(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            told(int(payload))

        async with self._connected(self._engine) as connection:
            raw = await connection.get_raw_connection()
            driver = cast("asyncpg.Connection", raw.driver_connection)
            ended = asyncio.Event()

            def end(_connection: Any) -> None:
                ended.set()

            driver.add_termination_listener(end)
            try:
                await driver.add_listener(statements.CHANNEL, hear)
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_PROBE_SECONDS):
                            await ended.wait()
                        return
                    await driver.fetchval("SELECT 1", timeout=_PROBE_SECONDS)
            finally:
                driver.remove_termination_listener(end)
                # It has listeners and perhaps no server: nobody else shall get it from the pool.
                await connection.invalidate()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        connection = await _connect(engine)
        try:
            yield connection
        finally:
            await _discard(connection)


async def run_alone(url: sa.URL, statement: str) -> Any:
    """Run one statement outside of any transaction, however long it takes; the first value of its answer. Raises the errors of `Database`."""
    plain = url.set(drivername="postgresql").difference_update_query(["application_name"])
    async with _translated():
        connection = await asyncpg.connect(plain.render_as_string(hide_password=False), timeout=_CONNECT_TIMEOUT)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


class _Session:
    """An append: the head is locked from the beginning."""

    def __init__(self, connection: AsyncConnection, head: Head) -> None:
        self._connection = connection
        self.head: Head | None = head

    async def read(self, work: Work[T]) -> T:
        return await _run(self._connection, work)

    async def commit(self, work: Work[None]) -> None:
        try:
            await self.read(work)
            await _commit(self._connection)
        finally:
            await _discard(self._connection)

    async def abandon(self) -> None:
        await _discard(self._connection)


class _Disconnected(DatabaseUnavailable):
    """The connection was lost, or none could be had."""


async def _twice(attempt: Callable[[], Awaitable[T]]) -> T:
    """
    Try again at once if the connection was lost.

    One from the pool may have died unnoticed. Finding that out makes SQLAlchemy empty the pool, so the second try is on a new one.
    """
    try:
        return await attempt()
    except _Disconnected:
        return await attempt()


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    connection = engine.connect()
    async with _translated():
        await connection.start()
    return connection


async def _run(connection: AsyncConnection, work: Work[T]) -> T:
    async with _translated():
        try:
            return await connection.run_sync(lambda core: work(_Transaction(core)))
        except (TimeoutError, asyncio.CancelledError):
            # Nobody knows what is still to come on this line. Giving it back politely would wait for it, too.
            await _drop(connection)
            raise


async def _commit(connection: AsyncConnection) -> None:
    try:
        await connection.commit()
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or state in _SHUTTING_DOWN:
            raise CommitUnknown(str(error.orig)) from error
        # The server has answered, and the answer is no.
        kind = DatabaseUnavailable if state in _PASSING else DatabaseFailed
        raise kind(str(error.orig)) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        await _drop(connection)
        raise CommitUnknown(repr(error)) from error


async def _drop(connection: AsyncConnection) -> None:
    """Let go of a connection without a word to the server."""
    try:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if driver is not None:
            driver.terminate()
        await connection.invalidate()
    except (sa.exc.SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        logger.debug("a connection broke while it was dropped: %s", error)


async def _discard(connection: AsyncConnection) -> None:
    """Give the connection back, rolling back what it was doing. One that is broken leaves the pool."""
    try:
        await connection.close()
    except (sa.exc.SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        logger.debug("a connection broke while it was given back: %s", error)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn the errors of driver and network into the store's."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or state in _SHUTTING_DOWN:
            raise _Disconnected(str(error.orig)) from error
        if state in _PASSING:
            raise DatabaseUnavailable(str(error.orig)) from error
        raise DatabaseFailed(str(error.orig)) from error
    except sa.exc.TimeoutError as error:
        raise DatabaseUnavailable(f"no free connection: {error}") from error
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
        raise _Disconnected(repr(error)) from error
    except asyncpg.PostgresError as error:
        state = getattr(error, "sqlstate", None) or ""
        if state in _PASSING:
            raise DatabaseUnavailable(str(error)) from error
        raise (_Disconnected if state in _SHUTTING_DOWN else DatabaseFailed)(str(error)) from error
