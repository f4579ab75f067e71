"""Facts."""

from __future__ import annotations

import asyncio

from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import VMS, document, key, putting


async def test_facts_are_bytes_by_scope_and_key(store: SqlStore) -> None:
    facts = store.facts
    assert await facts.get("s", "a") is None
    assert await facts.all("s") == {}
    await asyncio.gather(facts.put("s", "b", b"\x00\xff"), facts.put("s", "a", b""), facts.put("t", "a", b"other"))
    assert await facts.get("s", "b") == b"\x00\xff"
    assert list((await facts.all("s")).items()) == [("a", b""), ("b", b"\x00\xff")]
    await facts.put("s", "b", b"new")
    await facts.delete("s", "a")
    await facts.delete("s", "never there")
    assert await facts.all("s") == {"b": b"new"}
    assert await facts.get("t", "a") == b"other"


async def test_the_last_of_several_at_once_stays(store: SqlStore) -> None:
    await asyncio.gather(*(store.facts.put("s", "k", str(number).encode()) for number in range(20)))
    assert await store.facts.get("s", "k") == b"19"
    await asyncio.gather(store.facts.put("s", "k", b"x"), store.facts.delete("s", "k"))
    assert await store.facts.get("s", "k") is None


async def test_facts_take_no_revision(store: SqlStore) -> None:
    before = store.now.revision
    await asyncio.gather(store.facts.put("s", "k", b"v"), store.write(VMS, key("a"), putting(document(key("a")))))
    assert store.now.revision == before + 1


async def test_facts_outlive_the_process(durable: Stores) -> None:
    store = await durable.open()
    await store.facts.put("s", "k", b"v")
    store = await durable.restart(store)
    assert await store.facts.all("s") == {"k": b"v"}
