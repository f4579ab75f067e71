"""Commits that fail, and commits of which nobody knows whether they did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from solovirt.machinery.errors import InternalError, ServiceUnavailable, Timeout
from solovirt.machinery.store import migrate, writer
from solovirt.machinery.store.dialect import CommitUnknown, DatabaseFailed, DatabaseUnavailable, Session
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import VMS, adding, creating, document, key, putting, selectable, told, value_of
from tests.postgresql import Cluster


class _Troubled:
    """A session whose commit goes wrong in a given way."""

    def __init__(self, session: Session, trouble: Callable[[Session, Any], Any]) -> None:
        self._session = session
        self._trouble = trouble
        self.head = session.head

    async def read(self, work: Any) -> Any:
        return await self._session.read(work)

    async def commit(self, work: Any) -> None:
        await self._trouble(self._session, work)

    async def abandon(self) -> None:
        await self._session.abandon()


def trouble(store: SqlStore, monkeypatch: pytest.MonkeyPatch, kind: Callable[[Session, Any], Any]) -> None:
    """Let the commits of *store* from now on go wrong."""
    begin = store._database.begin

    async def begin_troubled() -> Any:
        return _Troubled(await begin(), kind)

    monkeypatch.setattr(store._database, "begin", begin_troubled)


async def refuse(session: Session, _work: Any) -> None:
    await session.abandon()
    raise DatabaseFailed("disk full")


async def go_away(session: Session, _work: Any) -> None:
    await session.abandon()
    raise DatabaseUnavailable("connection refused")


async def answer_nothing_after_committing(session: Session, work: Any) -> None:
    await session.commit(work)
    raise CommitUnknown("connection lost")


async def answer_nothing_instead_of_committing(session: Session, _work: Any) -> None:
    await session.abandon()
    raise CommitUnknown("connection lost")


@pytest.mark.parametrize(("kind", "error"), [(refuse, InternalError), (go_away, ServiceUnavailable)])
async def test_a_commit_that_fails_fails_everybody_in_it_and_leaves_memory_alone(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, kind: Any, error: type[Exception]
) -> None:
    store = await stores.open()
    await store.write(VMS, key("a"), putting(document(key("a"), 1)))
    revision = store.now.revision
    cursor = store.watch(VMS)
    with monkeypatch.context() as patch:
        trouble(store, patch, kind)
        results = await asyncio.gather(
            store.write(VMS, key("a"), adding()),
            store.write(VMS, key("b"), creating(VMS, document(key("b")))),
            # Its refusal rests on a write that never happened.
            store.write(VMS, key("b"), creating(VMS, document(key("b")))),
            store.facts.put("s", "k", b"v"),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [error] * 4
    assert value_of(store.now.get(VMS, key("a"))) == 1
    assert store.now.get(VMS, key("b")) is None
    assert store.now.revision == revision
    assert cursor.pending() == ()
    assert await store.facts.get("s", "k") is None
    written = await store.write(VMS, key("b"), creating(VMS, document(key("b"))))
    assert written.after is not None
    assert written.after.revision == revision + 1


async def test_a_commit_that_happened_unheard_is_found_by_its_batch(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await stores.open()
    cursor = store.watch(VMS)
    with monkeypatch.context() as patch:
        trouble(store, patch, answer_nothing_after_committing)
        first, second = await asyncio.gather(
            store.write(VMS, key("a"), putting(document(key("a"), 1))), store.write(VMS, key("a"), adding())
        )
    assert first.changed
    assert second.changed
    assert told(list(cursor.pending())) == [("put", "a", None, 1), ("put", "a", 1, 2)]
    assert (await store.write(VMS, key("a"), adding())).changed
    if stores.durable:
        store = await stores.restart(store)
        assert value_of(store.now.get(VMS, key("a"))) == 3


async def test_a_commit_that_did_not_happen_is_found_out_too(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await stores.open()
    revision = store.now.revision
    with monkeypatch.context() as patch:
        trouble(store, patch, answer_nothing_instead_of_committing)
        # Trying again may help if it was the line; if it was the disk, it won't.
        with pytest.raises(ServiceUnavailable if stores.shared else InternalError, match="the commit failed"):
            await store.write(VMS, key("a"), putting(document(key("a"))))
    assert store.now.get(VMS, key("a")) is None
    written = await store.write(VMS, key("b"), putting(document(key("b"))))
    assert written.after is not None
    assert written.after.revision == revision + 1


async def test_an_outcome_that_can_not_be_found_out_is_said_to_be_unknown(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await stores.open()

    async def unreachable(_work: Any) -> Any:
        raise DatabaseUnavailable("no route to host")

    with monkeypatch.context() as patch:
        trouble(store, patch, answer_nothing_instead_of_committing)
        patch.setattr(store._database, "write", unreachable)
        patch.setattr(writer, "_RESOLVE_SECONDS", 0.01)
        with pytest.raises(Timeout, match="may have happened or not"):
            await store.write(VMS, key("a"), putting(document(key("a"))))
    assert (await store.write(VMS, key("b"), putting(document(key("b"))))).changed


async def test_a_disk_that_is_full_refuses_the_write_and_nothing_else(sqlite: Stores) -> None:
    store = await sqlite.open()
    await store.write(VMS, key("a"), putting(document(key("a"))))

    def limit(pages: int) -> Callable[[Any], None]:
        return lambda transaction: transaction.core.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()

    await store._database.write(limit(1))  # SQLite takes it for the present size
    with pytest.raises(InternalError, match="full"):
        await store.write(VMS, key("big"), putting(document(key("big"), "x" * 100_000)))
    assert store.now.get(VMS, key("big")) is None
    await store._database.write(limit(1_000_000))
    assert (await store.write(VMS, key("big"), putting(document(key("big"), "x" * 100_000)))).changed
    store = await sqlite.restart(store)
    assert store.now.count(VMS) == 2


async def test_somebody_else_in_the_file_is_noticed(sqlite: Stores) -> None:
    """Nothing keeps an administrator with the sqlite3 shell from writing; then our memory is no longer the log's fold."""
    import sqlite3

    store = await sqlite.open()
    connection = sqlite3.connect(sqlite.url.split("///")[1])
    try:
        with connection:
            connection.execute("UPDATE head SET resource_version = resource_version + 1")
    finally:
        connection.close()
    with pytest.raises(InternalError, match="somebody else has appended to the log"):
        await store.write(VMS, key("a"), putting(document(key("a"))))


class _Proxy:
    """Stands between store and server, and cuts the line around a COMMIT."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.cut: str | None = None
        """Where to cut, once: `before` the next COMMIT reaches the server or `after`, so that only the answer is lost."""
        self.port = 0
        self._handlers: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            await asyncio.gather(*self._handlers)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        swallow = asyncio.Event()

        async def up() -> None:
            while data := await from_client.read(65536):
                if b"COMMIT;" in data and self.cut is not None:
                    cut, self.cut = self.cut, None
                    if cut == "before":
                        break
                    swallow.set()
                to_server.write(data)
            close()

        async def down() -> None:
            while (data := await from_server.read(65536)) and not swallow.is_set():
                to_client.write(data)
            close()

        def close() -> None:
            to_server.close()
            to_client.close()

        await asyncio.gather(up(), down(), return_exceptions=True)
        await asyncio.gather(to_server.wait_closed(), to_client.wait_closed(), return_exceptions=True)


@pytest.mark.xdist_group("postgresql")
@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_line_that_is_cut_during_the_commit(cluster: Cluster, postgresql: Stores, cut: str) -> None:
    port = int(cluster.url.rsplit(":", 1)[1])
    proxy = _Proxy(port)
    await migrate.upgrade(postgresql.url)
    async with proxy.running():
        store = SqlStore(
            postgresql.url.replace(f":{port}/", f":{proxy.port}/"), clock=postgresql.clock, selectable=selectable
        )
        await store.start()
        try:
            await store.write(VMS, key("a"), putting(document(key("a"), 1)))
            cursor = store.watch(VMS)
            proxy.cut = cut
            if cut == "after":
                assert (await store.write(VMS, key("a"), adding())).changed
                assert told(list(cursor.pending())) == [("put", "a", 1, 2)]
            else:
                with pytest.raises(ServiceUnavailable, match="the commit failed") as refused:
                    await store.write(VMS, key("a"), adding())
                assert refused.value.retry_after == 1
                assert cursor.pending() == ()
            assert proxy.cut is None
            expected = 2 if cut == "after" else 1
            assert value_of(store.now.get(VMS, key("a"))) == expected
            await store.write(VMS, key("a"), adding(10))
        finally:
            await store.close()
    other = await postgresql.open()
    assert value_of(other.now.get(VMS, key("a"))) == expected + 10


@pytest.mark.xdist_group("postgresql")
async def test_a_head_that_somebody_holds_locked_fails_the_write_in_time(
    cluster: Cluster, postgresql: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solovirt.machinery.store import postgresql as module

    monkeypatch.setattr(module, "_LOCK_TIMEOUT", 0.2)
    store = await postgresql.open()
    connection = await asyncpg.connect(f"{cluster.url}/{postgresql.url.rsplit('/', 1)[1]}")
    try:
        async with connection.transaction():
            await connection.execute("SELECT * FROM head FOR UPDATE")
            with pytest.raises(ServiceUnavailable, match="lock timeout") as refused:
                await store.write(VMS, key("a"), putting(document(key("a"))))
            assert refused.value.retry_after == 1
            assert (await store.fresh()).count(VMS) == 0
    finally:
        await connection.close()
    assert (await store.write(VMS, key("a"), putting(document(key("a"))))).changed


@pytest.mark.xdist_group("postgresql")
async def test_a_replica_that_hangs_in_its_transaction_is_thrown_out(
    postgresql: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solovirt.machinery.store import postgresql as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "_IDLE_IN_TRANSACTION_TIMEOUT", 0.2)
        hung = await postgresql.open()
    other = await postgresql.open()
    session = await hung._database.begin()
    assert (await other.write(VMS, key("a"), putting(document(key("a"))))).changed
    with pytest.raises(DatabaseUnavailable):
        await session.commit(lambda transaction: transaction.core.exec_driver_sql("SELECT 1").close())
    assert (await hung.write(VMS, key("a"), adding())).changed
