"""The election of who runs the controllers. Leases are about real time, so these tests take some of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from solovirt.machinery.clock import ManualClock
from solovirt.machinery.control.election import LEASES, Elector
from solovirt.machinery.errors import Fenced, ServiceUnavailable
from solovirt.machinery.resource import Document, ObjectKey
from solovirt.machinery.store import encoding
from solovirt.machinery.store.index import index_of
from solovirt.machinery.store.protocol import Outcome, Put, Record, View
from solovirt.machinery.store.sql import SqlStore

KEY = ObjectKey("kubevirt", "virt-controller")
OTHER = ObjectKey("kubevirt", "something")


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore("sqlite+aiosqlite://", clock=ManualClock(), selectable=lambda _: ())
    await store.start()
    yield store
    await store.close()


class Candidate:
    """An elector at work, and what it leads."""

    def __init__(self, store: SqlStore, name: str, *, seconds: float = 1.0) -> None:
        self.elector = Elector(store, KEY, name=name, seconds=seconds)
        self.leading = False
        self.failure: Exception | None = None
        self.task = asyncio.create_task(self.elector.run(self._lead))

    async def _lead(self, epoch: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.leading = True
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.leading = False

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def until(holds: Callable[[], Any], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def lease(store: SqlStore) -> Document:
    record = store.now.get(LEASES, KEY)
    assert record is not None
    return record.document("coordination.k8s.io/v1", "Lease")


def put(_current: Record | None, _view: View) -> Outcome:
    document: Document = {"metadata": {"name": OTHER.name, "namespace": OTHER.namespace}}
    return Put(encoding.encode(document), index_of(document, ()))


def naming(holder: str) -> Callable[[Record | None, View], Outcome]:
    def write(current: Record | None, _view: View) -> Outcome:
        assert current is not None
        document = current.document("", "")
        document["spec"]["holderIdentity"] = holder
        return Put(encoding.encode(document), index_of(document, ()))

    return write


async def test_the_first_one_leads_and_says_so_in_the_lease(store: SqlStore) -> None:
    first, second = Candidate(store, "first"), Candidate(store, "second")
    await until(lambda: first.leading)
    await second.elector.decided()
    assert second.elector.leader == "first"
    assert not second.leading
    # coordination.k8s.io/v1 LeaseSpec: times are MicroTime (reference kubernetes-api.md 3.2), the duration whole seconds.
    spec = lease(store)["spec"]
    assert spec["holderIdentity"] == "first"
    assert spec["leaseDurationSeconds"] == 1
    assert spec["leaseTransitions"] == 0
    assert len(spec["renewTime"]) == len("2006-01-02T15:04:05.000000Z")
    await first.stop()
    await second.stop()


async def test_who_ends_hands_over_at_once(store: SqlStore) -> None:
    first = Candidate(store, "first", seconds=60)
    await until(lambda: first.leading)
    second = Candidate(store, "second", seconds=60)
    await second.elector.decided()
    await first.stop()
    assert not first.leading
    await until(lambda: second.leading, 2)
    assert lease(store)["spec"]["leaseTransitions"] == 1
    await second.stop()
    # As client-go leaves it.
    assert lease(store)["spec"]["holderIdentity"] == ""


async def test_the_lease_is_renewed_for_as_long_as_its_holder_lives(store: SqlStore) -> None:
    first = Candidate(store, "first", seconds=0.3)
    await until(lambda: first.leading)
    before = lease(store)["spec"]
    await until(lambda: lease(store)["spec"]["renewTime"] != before["renewTime"])
    assert lease(store)["spec"]["acquireTime"] == before["acquireTime"]
    assert first.elector.terms == 1
    await first.stop()


async def test_whoever_stops_renewing_is_followed_and_fenced(store: SqlStore) -> None:
    """As if the process had been halted: it neither renews nor knows that it is not leading any more."""
    dead = await store.write(LEASES, KEY, Elector(store, KEY, name="dead", seconds=0.2)._taking(), claim=True)
    second = Candidate(store, "second", seconds=0.2)
    await second.elector.decided()
    assert not second.leading, "the holder may be alive"
    await until(lambda: second.leading, 8)
    with pytest.raises(Fenced, match=f"written in epoch {dead.epoch} of the controllers, now it is {dead.epoch + 1}"):
        await store.write(LEASES, OTHER, put, epoch=dead.epoch)
    assert (await store.write(LEASES, OTHER, put, epoch=second.elector.epoch)).changed
    await second.stop()


async def test_who_can_not_renew_stops_before_the_lease_ends(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Candidate(store, "first", seconds=0.6)
    await until(lambda: first.leading)
    loop = asyncio.get_running_loop()

    async def away(*_args: Any, **_named: Any) -> Any:
        raise ServiceUnavailable("the database is not available", retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", away)
        began = loop.time()
        await until(lambda: not first.leading)
        assert loop.time() - began < 0.6
    await until(lambda: first.leading)
    assert first.elector.terms == 2
    await first.stop()


async def test_a_database_that_answers_nothing_is_no_renewal(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Candidate(store, "first", seconds=0.6)
    await until(lambda: first.leading)

    async def hang(*_args: Any, **_named: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", hang)
        await until(lambda: not first.leading, 2)
    await first.stop()


async def test_writing_somebody_else_into_the_lease_ends_a_term(store: SqlStore) -> None:
    first = Candidate(store, "first", seconds=0.3)
    await until(lambda: first.leading)
    await store.write(LEASES, KEY, naming("kubectl"))
    await until(lambda: not first.leading)
    assert first.elector.leader == "kubectl"
    await first.stop()
    assert lease(store)["spec"]["holderIdentity"] == "kubectl"


async def test_a_term_that_fails_leaves_the_lease_to_others(store: SqlStore) -> None:
    first = Candidate(store, "first", seconds=60)
    first.failure = RuntimeError("no hypervisor")
    second = Candidate(store, "second", seconds=60)
    await until(lambda: second.leading, 3)
    assert first.elector.terms == 1
    await first.stop()
    await second.stop()


async def test_a_lease_that_names_oneself_already_is_taken_at_once(store: SqlStore) -> None:
    """The answer to its claim may have been lost with the line."""
    await store.write(LEASES, KEY, Elector(store, KEY, name="first", seconds=60)._taking(), claim=True)
    first = Candidate(store, "first", seconds=60)
    await until(lambda: first.leading, 2)
    assert first.elector.epoch == 2
    assert lease(store)["spec"]["leaseTransitions"] == 0
    await first.stop()
