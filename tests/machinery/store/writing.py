"""
A process that writes through a store until it is killed, and says on its standard output what it does.

    python -m tests.machinery.store.writing URL WRITERS SINCE [WRITES]

Lines are JSON, each written at once: `start` with the revision it found, `try` before a write, `ack` after its answer, `seen` for each
event of a watch that starts at SINCE (0: now). With WRITES it ends by itself after as many from each writer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import orjson

from solovirt.machinery.clock import SystemClock
from solovirt.machinery.store import migrate
from solovirt.machinery.store.sql import SqlStore
from tests.machinery.store.objects import VMS, adding, creating, document, key, putting, removing, selectable

COUNTER = key("counter")


def say(**line: Any) -> None:
    os.write(1, orjson.dumps(line) + b"\n")


async def write(store: SqlStore, writer: int, writes: int) -> None:
    """Create, change and remove objects of our own, one after the other, and count on an object that all share."""
    for step in range(writes):
        name = f"w{writer}-{step % 7}"
        token = f"token-{os.getpid()}-{writer}-{step}-{'x' * 50}"
        where = key(name)
        if step % 3 == 2:
            say(line="try", name=COUNTER.name)
            written = await store.write(VMS, COUNTER, adding())
            say(line="ack", name=COUNTER.name, revision=written.after.revision if written.after else 0)
        elif step % 11 == 10 and store.now.get(VMS, where) is not None:
            say(line="try", name=name, token=None)
            written = await store.write(VMS, where, removing)
            say(line="ack", name=name, token=None, revision=written.removed.revision if written.removed else 0)
        else:
            say(line="try", name=name, token=token)
            written = await store.write(VMS, where, putting(document(where, token)))
            say(line="ack", name=name, token=token, revision=written.after.revision if written.after else 0)


async def watch(store: SqlStore, since: int) -> None:
    cursor = store.watch(VMS, since or None)
    while True:
        for event in await cursor.next():
            say(line="seen", revision=event.record.revision)


async def main(url: str, writers: int, since: int, writes: int) -> None:
    await migrate.upgrade(url)
    store = SqlStore(url, clock=SystemClock(), selectable=selectable)
    await store.start()
    say(line="start", revision=store.now.revision)
    watching = asyncio.create_task(watch(store, since))
    if store.now.get(VMS, COUNTER) is None:
        await store.write(VMS, COUNTER, creating(VMS, document(COUNTER, 0)))
    await asyncio.gather(*(write(store, writer, writes) for writer in range(writers)))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 10**9))
