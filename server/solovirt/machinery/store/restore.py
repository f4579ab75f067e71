"""
After a database has been restored from a backup.

Its head lies behind what clients have seen. Revisions between the two were given out once, for other writes: they must not be used again, and
whoever watched from one of them has to list again. So the head jumps forward, further than can have been written, and history is forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa

from solovirt.machinery.store import log, migrate
from solovirt.machinery.store.dialect import Transaction, database_for
from solovirt.machinery.store.tables import head, object_, revision

LEAP = 1_000_000_000
"""Ten thousand writes a second for a day come to less."""

_FORGET = sa.delete(revision).where(revision.c.resource_version.not_in(sa.select(object_.c.resource_version)))
_MOVE = sa.update(head).values(resource_version=sa.bindparam("revision"), horizon=sa.bindparam("revision"))


async def leap(url: str, *, by: int = LEAP) -> int:
    """
    Move the head of the log at *url* forward by *by*; returns where it is now. No server may be running on the database.

    Raises SchemaNotCurrent (migrate first), DatabaseInUse, and the errors of `Database`.
    """

    def work(transaction: Transaction) -> int:
        migrate.check(transaction.core)
        target = log.locked_head(transaction).revision + by
        transaction.core.execute(_FORGET)
        transaction.core.execute(_MOVE, {"revision": target})
        return target

    database = database_for(url)
    await database.open()
    try:
        return await database.write(work)
    finally:
        await database.close()
