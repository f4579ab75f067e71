"""
The statements of the hot path, compiled once.

They are SQLAlchemy Core expressions, but are sent as constant text with positional parameters: rendering and type processing cost more
than SQLite needs to run them. `prepare` checks the order of the parameters, which the callers rely on.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from solovirt.machinery.store.tables import fact, head, object_, revision

REVISION_COLUMNS = (
    "resource_version",
    "api_group",
    "plural",
    "namespace",
    "name",
    "operation",
    "previous",
    "batch",
    "time",
    "object",
)
OBJECT_COLUMNS = ("api_group", "plural", "namespace", "name", "uid", "resource_version", "object")
FACT_COLUMNS = ("scope", "key", "value")


CHANNEL = "solovirt_head"
"""On PostgreSQL, appends are announced here with the new head."""


@dataclass(frozen=True, slots=True)
class Statements:
    """SQL text for one kind of database; parameters in the order of the comment."""

    append: str
    """REVISION_COLUMNS"""
    put_object: str
    """OBJECT_COLUMNS"""
    remove_object: str
    """api_group, plural, namespace, name"""
    move_head: str
    """new, old. Changes one row if the head was at old."""
    lock_head: str
    """Nothing. Selects resource_version, horizon, epoch."""
    put_fact: str
    """FACT_COLUMNS"""
    remove_fact: str
    """scope, key"""


def prepare(dialect: sa.Dialect) -> Statements:
    """Compile for *dialect*."""
    # Both databases know ON CONFLICT, SQLAlchemy has it per dialect.
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert

    def text(statement: sa.ClauseElement, *parameters: str) -> str:
        compiled = statement.compile(dialect=dialect)
        order = tuple(compiled.positiontup or ())  # type: ignore[attr-defined]  # SQLCompiler has it, Compiled hides it
        if order != parameters:
            raise AssertionError(f"parameters in the order {order}, not {parameters}: {compiled}")
        return str(compiled)

    put_object = insert(object_).values({name: sa.bindparam(name) for name in OBJECT_COLUMNS})
    put_object = put_object.on_conflict_do_update(
        index_elements=list(object_.primary_key),
        set_={name: put_object.excluded[name] for name in ("uid", "resource_version", "object")},
    )
    put_fact = insert(fact).values({name: sa.bindparam(name) for name in FACT_COLUMNS})
    put_fact = put_fact.on_conflict_do_update(
        index_elements=list(fact.primary_key), set_={"value": put_fact.excluded["value"]}
    )
    moving = (
        sa.update(head)
        .values(resource_version=sa.bindparam("new"))
        .where(head.c.resource_version == sa.bindparam("old"))
    )
    move_head: sa.ClauseElement = moving
    if dialect.name == "postgresql":
        # The announcement rides along: it goes out with the commit, and costs no round trip of its own.
        moved = moving.returning(head.c.resource_version).cte("moved")
        move_head = sa.select(
            sa.func.pg_notify(sa.literal_column(f"'{CHANNEL}'"), sa.cast(moved.c.resource_version, sa.Text))
        )
    key = ("api_group", "plural", "namespace", "name")
    return Statements(
        append=text(
            sa.insert(revision).values({name: sa.bindparam(name) for name in REVISION_COLUMNS}), *REVISION_COLUMNS
        ),
        put_object=text(put_object, *OBJECT_COLUMNS),
        remove_object=text(
            sa.delete(object_).where(*(object_.c[name] == sa.bindparam(f"its_{name}") for name in key)),
            *(f"its_{name}" for name in key),
        ),
        move_head=text(move_head, "new", "old"),
        lock_head=text(sa.select(head.c.resource_version, head.c.horizon, head.c.epoch).with_for_update()),
        put_fact=text(put_fact, *FACT_COLUMNS),
        remove_fact=text(
            sa.delete(fact).where(fact.c.scope == sa.bindparam("its_scope"), fact.c.key == sa.bindparam("its_key")),
            "its_scope",
            "its_key",
        ),
    )
