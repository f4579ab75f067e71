"""
Facts: small things to remember beside the objects, such as the state of the fake runtime's guests.

A fact is bytes under a scope and a key. Writing one goes through the store's writer and is committed with whatever else is queued,
so it is durable when `put` returns and costs no sync of its own under load. Facts have no history and nobody watches them.
"""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import Database, Transaction
from solovirt.machinery.store.tables import fact
from solovirt.machinery.store.writer import Writer

_GET = sa.select(fact.c.value).where(fact.c.scope == sa.bindparam("its_scope"), fact.c.key == sa.bindparam("its_key"))
_ALL = sa.select(fact.c.key, fact.c.value).where(fact.c.scope == sa.bindparam("its_scope")).order_by(fact.c.key)


class Facts(Protocol):
    """Remembers bytes."""

    async def get(self, scope: str, key: str) -> bytes | None: ...

    async def put(self, scope: str, key: str, value: bytes) -> None:
        """Remember *value*; durable on return."""
        ...

    async def put_new(self, scope: str, key: str, value: bytes) -> bytes:
        """Remember *value* unless there is one already; what is remembered in the end."""
        ...

    async def delete(self, scope: str, key: str) -> None:
        """Forget; nothing happens if there is nothing."""
        ...

    async def all(self, scope: str) -> dict[str, bytes]:
        """Everything in *scope*, by key, in order."""
        ...


class SqlFacts:
    """Facts in the store's database, seen by every process that shares it."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def get(self, scope: str, key: str) -> bytes | None:
        def work(transaction: Transaction) -> bytes | None:
            value = transaction.core.execute(_GET, {"its_scope": scope, "its_key": key}).scalar_one_or_none()
            return None if value is None else bytes(value)

        return await self._database.read(work)

    async def put(self, scope: str, key: str, value: bytes) -> None:
        await self._writer.remember(scope, key, value)

    async def put_new(self, scope: str, key: str, value: bytes) -> bytes:
        """Remember *value* unless there is one already; what is remembered in the end, by whichever process was first."""

        def work(transaction: Transaction) -> bytes:
            # Under the head's lock, as every write of facts.
            log.locked_head(transaction)
            where = {"its_scope": scope, "its_key": key}
            known = transaction.core.execute(_GET, where).scalar_one_or_none()
            if known is not None:
                return bytes(known)
            transaction.core.execute(sa.insert(fact), {"scope": scope, "key": key, "value": value})
            return value

        async with self._writer.busy:
            return await self._database.write(work)

    async def delete(self, scope: str, key: str) -> None:
        await self._writer.remember(scope, key, None)

    async def all(self, scope: str) -> dict[str, bytes]:
        def work(transaction: Transaction) -> dict[str, bytes]:
            return {key: bytes(value) for key, value in transaction.core.execute(_ALL, {"its_scope": scope})}

        return await self._database.read(work)
