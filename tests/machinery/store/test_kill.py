"""kill -9 in the middle of concurrent writes: what was acknowledged is there, nothing is there by half, and watches go on."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import VMS, key, value_of
from tests.machinery.store.writing import COUNTER

ROOT = Path(__file__).parents[3]


@dataclass
class Ledger:
    """What the killed processes said, over all of them."""

    acknowledged: dict[str, str | None] = field(default_factory=dict)
    tried: dict[str, str | None] = field(default_factory=dict)
    counted: int = 0
    counted_at_most: int = 0
    newest: int = 0
    seen: list[int] = field(default_factory=list)

    def enter(self, line: dict[str, Any]) -> None:
        match line:
            case {"line": "start", "revision": revision}:
                assert revision >= self.newest
                self.first = revision
            case {"line": "try", "name": "counter"}:
                self.counted_at_most += 1
            case {"line": "ack", "name": "counter", "revision": revision}:
                self.counted += 1
                self._reach(revision)
            case {"line": "try", "name": name, "token": token}:
                self.tried[name] = token
            case {"line": "ack", "name": name, "token": token, "revision": revision}:
                self.acknowledged[name] = token
                self._reach(revision)
            case {"line": "seen", "revision": revision}:
                self.seen.append(revision)

    def _reach(self, revision: int) -> None:
        assert revision > self.first, "a resourceVersion was used again"
        self.newest = max(self.newest, revision)

    def settle(self, found: dict[str, Any]) -> None:
        """Compare with what is *found* after a kill; what was under way may have happened or not."""
        counter = found.pop(COUNTER.name, 0)
        assert self.counted <= counter <= self.counted_at_most
        self.counted = self.counted_at_most = counter
        for name in self.tried | self.acknowledged:
            assert found.get(name) in (self.acknowledged.get(name), self.tried[name])
        assert set(found) <= set(self.tried)
        self.acknowledged = dict(found)
        self.tried = {name: found.get(name) for name in self.tried}


def run_and_kill(url: str, ledger: Ledger, lines: int) -> None:
    """Let a process write until it has said *lines* lines, and kill it there."""
    since = ledger.seen[-1] if ledger.seen else 0
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.machinery.store.writing", url, "24", str(since)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "server"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        for _ in range(lines):
            text = process.stdout.readline()
            assert text, f"ended by itself: {process.wait(10)}"
            ledger.enter(orjson.loads(text))
    finally:
        process.send_signal(signal.SIGKILL)
    for text in process.stdout:
        if text.endswith(b"\n"):
            ledger.enter(orjson.loads(text))
    process.stdout.close()
    assert process.wait(30) == -signal.SIGKILL


def check_that_the_objects_are_the_fold_of_the_log(path: str) -> None:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        folded: dict[str, str] = {}
        revisions = []
        for revision, name, operation, text in connection.execute(
            "SELECT resource_version, name, operation, object FROM revision ORDER BY resource_version"
        ):
            revisions.append(revision)
            assert orjson.loads(text)["metadata"]["resourceVersion"] == str(revision)
            if operation == "put":
                folded[name] = text
            else:
                del folded[name]
        assert dict(connection.execute("SELECT name, object FROM object").fetchall()) == folded
        (head,) = connection.execute("SELECT resource_version FROM head").fetchall()
        assert head == (revisions[-1],)
        assert revisions == list(range(revisions[0], revisions[-1] + 1))
    finally:
        connection.close()


async def kill_repeatedly(stores: Stores, kills: int, lines: tuple[int, int]) -> None:
    chance = random.Random(0)
    ledger = Ledger()
    path = stores.url.split("///")[1]
    for _ in range(kills):
        run_and_kill(stores.url, ledger, chance.randint(*lines))
        store = await stores.open(window_bytes=64 << 20)
        found = {record.key.name: value_of(record) for record in store.now.list(VMS)}
        assert store.now.revision >= ledger.newest
        ledger.newest = store.now.revision
        ledger.settle(found)
        if ledger.seen:
            # Whoever watched goes on after the last event it saw, to the newest there is.
            missed = [event.record.revision for event in store.watch(VMS, ledger.seen[-1]).pending()]
            assert missed == list(range(ledger.seen[-1] + 1, store.now.revision + 1))
        await stores.close(store)
        check_that_the_objects_are_the_fold_of_the_log(path)
    assert ledger.seen == list(range(ledger.seen[0], ledger.seen[-1] + 1))
    assert store.now.get(VMS, key("counter")) is not None


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(sqlite: Stores) -> None:
    await kill_repeatedly(sqlite, kills=4, lines=(200, 1500))


@pytest.mark.soak
async def test_nothing_acknowledged_is_lost_in_many_kills(sqlite: Stores) -> None:
    await kill_repeatedly(sqlite, kills=60, lines=(1, 6000))
