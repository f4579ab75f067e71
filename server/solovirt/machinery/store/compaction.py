"""
Compaction: forgetting history.

The horizon moves up in small steps. At or below it the log keeps each object's newest version and nothing else, so every
state from the horizon on can still be told exactly. Which rows are superseded is written in the log itself: an entry names its
predecessor, so a step touches nothing but primary keys.
"""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from solovirt.machinery.store import log
from solovirt.machinery.store.dialect import Database, Transaction
from solovirt.machinery.store.protocol import EventType
from solovirt.machinery.store.tables import head, revision

# Revisions that one transaction moves the horizon by.
_STEP = 500

_YOUNGEST_OLD = (
    sa.select(revision.c.resource_version)
    .where(
        revision.c.resource_version > sa.bindparam("horizon"),
        revision.c.resource_version <= sa.bindparam("limit"),
        revision.c.time <= sa.bindparam("before"),
    )
    .order_by(revision.c.resource_version.desc())
    .limit(1)
)
_OF_STEP = sa.select(revision.c.resource_version, revision.c.operation, revision.c.previous).where(
    revision.c.resource_version > sa.bindparam("horizon"), revision.c.resource_version <= sa.bindparam("target")
)
_FORGET = sa.delete(revision).where(revision.c.resource_version.in_(sa.bindparam("versions", expanding=True)))
_MOVE = sa.update(head).values(horizon=sa.bindparam("target"))


async def compact(database: Database, *, keep_revisions: int, before: int) -> tuple[int, int]:
    """
    Forget what is both older than the newest *keep_revisions* and from *before* (ms since the epoch) or earlier.

    Returns how many revisions went, and the horizon.
    """

    def find_target(transaction: Transaction) -> tuple[int, int]:
        now = log.head(transaction)
        limit = now.revision - max(keep_revisions, 0)
        target = transaction.core.execute(
            _YOUNGEST_OLD, {"horizon": now.horizon, "limit": limit, "before": before}
        ).scalar_one_or_none()
        return now.horizon, now.horizon if target is None else target

    def step(transaction: Transaction) -> tuple[int, int]:
        # Under the lock: two replicas may compact at once.
        horizon = log.locked_head(transaction).horizon
        until = min(horizon + _STEP, target)
        if until <= horizon:
            return 0, horizon
        superseded: list[int] = []
        for version, operation, previous in transaction.core.execute(_OF_STEP, {"horizon": horizon, "target": until}):
            if previous is not None:
                superseded.append(previous)
            if operation == EventType.REMOVE.value:
                superseded.append(version)
        if superseded:
            transaction.core.execute(_FORGET, {"versions": superseded})
        transaction.core.execute(_MOVE, {"target": until})
        return len(superseded), until

    horizon, target = await database.read(find_target)
    gone = 0
    while horizon < target:
        went, horizon = await database.write(step)
        gone += went
        # Writers waiting for the lock or the connection go first.
        await asyncio.sleep(0)
    return gone, horizon
