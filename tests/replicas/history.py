"""What clients did and saw, and whether the database's log can have told them that."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import asyncpg

MAPS = "/api/v1/namespaces/default/configmaps"
OPERATION = "operation"
"""The key of a ConfigMap's data that names the operation which wrote it."""
CONTROLLED = ("virtualmachineinstances", "pods", "events")
"""What nobody but controllers writes in these tests."""


@dataclass
class Operation:
    """One write, from its request to its answer."""

    id: str
    name: str
    kind: str
    base: int | None = None
    """The version that the write insists on."""
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    outcome: str = "unknown"
    """`done`, `refused` (for certain nothing was written) or `unknown`."""
    version: int = 0


@dataclass(frozen=True)
class Sight:
    """A version as it was shown to somebody."""

    name: str
    version: int
    operation: str
    began: float = 0.0
    """When it was asked for; 0 if it came by itself."""


@dataclass(frozen=True)
class Row:
    """An entry of the log."""

    version: int
    plural: str
    name: str
    operation: str
    previous: int | None
    document: dict[str, Any]
    writer: str
    """The name of the replica whose connection wrote it."""


@dataclass
class History:
    """Everything that was done and seen."""

    operations: dict[str, Operation] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    watched: list[list[Sight]] = field(default_factory=list)
    """What each watcher saw, in its order, over all its connections."""
    began_at: list[int] = field(default_factory=list)
    """The version that each watcher started from."""
    incarnations: dict[int, str] = field(default_factory=dict)
    """The replica's name by process id."""

    def begin(self, name: str, kind: str, base: int | None = None) -> Operation:
        operation = Operation(f"op-{len(self.operations)}", name, kind, base)
        self.operations[operation.id] = operation
        return operation

    def count(self, outcome: str) -> int:
        return sum(1 for one in self.operations.values() if one.outcome == outcome)


AUDIT = """
CREATE TABLE audit (resource_version bigint PRIMARY KEY, writer text NOT NULL);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit VALUES (NEW.resource_version, current_setting('application_name'));
  RETURN NEW;
END $$;
CREATE TRIGGER audit AFTER INSERT ON revision FOR EACH ROW EXECUTE FUNCTION audit();
"""
"""Has the database note whose connection wrote each version."""


async def read_log(url: str) -> list[Row]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT resource_version, plural, name, operation, previous, object::text AS object, coalesce(writer, '') AS writer"
            " FROM revision LEFT JOIN audit USING (resource_version) ORDER BY resource_version"
        )
        (head,) = await connection.fetch("SELECT resource_version FROM head")
    finally:
        await connection.close()
    log = [
        Row(
            row[0],
            row["plural"],
            row["name"],
            row["operation"],
            row["previous"],
            json.loads(row["object"]),
            row["writer"],
        )
        for row in rows
    ]
    assert log[-1].version == head[0]
    return log


def check(history: History, log: list[Row]) -> None:
    """Hold what clients know against the log. Every violation is an AssertionError that says what happened."""
    _check_log(log)
    by_version = {row.version: row for row in log}
    _check_writes(history, log)
    _check_sights(history, by_version)
    _check_freshness(history)
    _check_watches(history, log)
    _check_leaders(history, log)


def _check_log(log: list[Row]) -> None:
    """Versions count up one by one, and each names its predecessor."""
    newest: dict[tuple[str, str, str], int | None] = {}
    for before, row in zip([None, *log], log, strict=False):
        assert before is None or row.version == before.version + 1, f"a gap before {row.version}"
        assert row.document["metadata"]["resourceVersion"] == str(row.version)
        key = (row.plural, row.document["metadata"].get("namespace", ""), row.name)
        if key in newest:
            assert row.previous == newest[key], f"{row.version} does not follow {newest[key]}"
        newest[key] = None if row.operation == "remove" else row.version


def _operation(row: Row) -> str:
    return str((row.document.get("data") or {}).get(OPERATION, ""))


def _check_writes(history: History, log: list[Row]) -> None:
    """What was acknowledged is there, what was refused is not, and nothing is there twice; versions asked for were held to."""
    written: dict[str, list[Row]] = defaultdict(list)
    for row in log:
        # A removal shows the last content again; it is found by its version.
        if row.plural == "configmaps" and row.operation == "put" and (writer := _operation(row)):
            written[writer].append(row)
    removals = {(row.name, row.previous) for row in log if row.operation == "remove"}
    for operation in history.operations.values():
        if operation.kind == "delete":
            removed = (operation.name, operation.base) in removals
            assert removed or operation.outcome != "done", f"{operation} was acknowledged and is not there"
            continue
        rows = written[operation.id]
        assert len(rows) <= 1, f"{operation} was carried out {len(rows)} times"
        if operation.outcome == "done":
            assert rows, f"{operation} was acknowledged and is not there"
            assert rows[0].version == operation.version, f"{operation} is at {rows[0].version}"
        if operation.outcome == "refused":
            assert not rows, f"{operation} was refused and is there all the same, at {rows[0].version}"
        if rows and operation.base is not None:
            assert rows[0].previous == operation.base, f"{operation} replaced {rows[0].previous}"
        if rows and operation.kind == "create":
            assert rows[0].previous is None, f"{operation} replaced {rows[0].previous}"


def _check_sights(history: History, by_version: dict[int, Row]) -> None:
    """Nobody was shown a version that is not, or with contents that it has not."""
    for sight in [*history.sights, *(sight for watch in history.watched for sight in watch)]:
        row = by_version.get(sight.version)
        assert row is not None, f"{sight} was never committed"
        assert row.name == sight.name, f"{sight} is of {row.name}"
        assert _operation(row) == sight.operation, f"{sight} shows other contents than {_operation(row)!r}"


def _check_freshness(history: History) -> None:
    """A read shows every write of the object that was acknowledged before the read began."""
    acknowledged: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for operation in history.operations.values():
        if operation.outcome == "done":
            acknowledged[operation.name].append((operation.ended, operation.version))
    for sight in history.sights:
        if sight.began:
            newest = max((version for ended, version in acknowledged[sight.name] if ended < sight.began), default=0)
            assert sight.version >= newest, f"{sight} is older than {newest}, which had been acknowledged before"


def _check_watches(history: History, log: list[Row]) -> None:
    """Every watcher saw each version after its first one once, in order, whatever happened to its connections."""
    events = [row for row in log if row.plural == "configmaps" and row.document["metadata"]["namespace"] == "default"]
    for start, watch in zip(history.began_at, history.watched, strict=True):
        assert watch, "a watcher saw nothing"
        last = watch[-1].version
        expected = [row.version for row in events if start < row.version <= last]
        assert [sight.version for sight in watch] == expected


def _check_leaders(history: History, log: list[Row]) -> None:
    """Controllers wrote while they held the Lease, and nobody else did."""
    holder = ""
    terms = 0
    for row in log:
        if row.plural == "leases" and row.name == "virt-controller":
            named = (row.document.get("spec") or {}).get("holderIdentity") or ""
            taken = history.incarnations[int(named.split("_")[-2])] if named else ""
            terms += bool(taken) and taken != holder
            holder = taken
        elif row.plural in CONTROLLED and row.writer:
            assert row.writer == holder, f"{row.plural} {row.name} at {row.version} by {row.writer}; {holder} leads"
    assert terms >= 1
