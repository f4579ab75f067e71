"""Stores to test, on each database that they run on, and a PostgreSQL server of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.store import migrate
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.objects import selectable
from tests.postgresql import Cluster, running

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


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
    return cluster.store_url(await cluster.create())


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
