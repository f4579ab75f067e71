"""
Bringing a database to the schema that this version needs.

An empty database gets its tables at once from `tables`; one that is behind is migrated by alembic, which is imported only then: it takes a
third of a second to load. The scripts are in `migrations/` of a checkout and in `solovirt/_migrations` of an installed package.
"""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa

from solovirt.machinery.store import tables, views
from solovirt.machinery.store.dialect import Transaction, database_for

_VERSION_TABLE = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False, primary_key=True),
)
_SERVES = sa.select(tables.fact.c.value).where(tables.fact.c.scope == "schema", tables.fact.c.key == "serves since")
# Any number will do, as long as all versions of this program agree on it.
_ADVISORY_LOCK = 0x50101


logger = logging.getLogger(__name__)


class SchemaNotCurrent(RuntimeError):
    """The database's schema is not the one that this version works with."""


def scripts() -> Path:
    """The folder of alembic's scripts."""
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_migrations", package.parents[1] / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError(f"no migrations beside {package}: the installation is incomplete")


def current(connection: sa.Connection) -> str | None:
    """The database's schema revision; None if it has no schema of ours."""
    if not sa.inspect(connection).has_table(_VERSION_TABLE.name):
        return None
    version: str | None = connection.execute(sa.select(_VERSION_TABLE.c.version_num)).scalar_one_or_none()
    return version


def check(connection: sa.Connection) -> None:
    """
    Raise SchemaNotCurrent unless the schema is one that this version can serve.

    That is its own, or a later one whose migrations have taken nothing away yet that this version needs: replicas of both versions may run
    while one replaces the other.
    """
    found = current(connection)
    if found is not None and found > tables.SCHEMA:
        oldest = _serves_since(connection)
        if oldest is not None and oldest <= tables.SCHEMA:
            logger.warning("the database has schema %s, of a later version than this one, which still serves it", found)
            return
        raise SchemaNotCurrent(
            f"the database has schema {found}, which is later than this version's {tables.SCHEMA},"
            f" and serves schema {oldest or found} and later only: install a later version"
        )
    if found != tables.SCHEMA:
        state = "is empty" if found is None else f"has schema {found}"
        raise SchemaNotCurrent(
            f"the database {state}, this version works with schema {tables.SCHEMA} and has to migrate it first"
        )


def _serves_since(connection: sa.Connection) -> str | None:
    value = connection.execute(_SERVES).scalar_one_or_none()
    return None if value is None else bytes(value).decode()


def _note_serves_since(connection: sa.Connection) -> None:
    connection.execute(
        sa.delete(tables.fact).where(tables.fact.c.scope == "schema", tables.fact.c.key == "serves since")
    )
    row = {"scope": "schema", "key": "serves since", "value": tables.SERVES_SINCE.encode()}
    connection.execute(sa.insert(tables.fact), row)


def create(connection: sa.Connection) -> None:
    """Make the whole schema in an empty database."""
    tables.create(connection)
    _VERSION_TABLE.create(connection)
    connection.execute(sa.insert(_VERSION_TABLE).values(version_num=tables.SCHEMA))
    _note_serves_since(connection)


def bring_up(connection: sa.Connection) -> None:
    """Create or migrate inside the transaction of *connection*; nothing happens if the schema is current, or later and still served."""
    found = current(connection)
    if found == tables.SCHEMA:
        return
    if found is not None and found > tables.SCHEMA:
        check(connection)
        return
    if connection.dialect.name == "postgresql":
        # Several replicas may start at once: the first one does it, the others find it done.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        found = current(connection)
        if found == tables.SCHEMA:
            return
    if found is None:
        create(connection)
    else:
        views.drop(connection)
        run_alembic(connection, tables.SCHEMA)


def run_alembic(connection: sa.Connection, target: str) -> None:
    """Migrate to *target* with alembic. Raises SchemaNotCurrent if the database's schema is of a later version of this program."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(scripts()))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = current(connection)
    if found is not None and found not in known:
        raise SchemaNotCurrent(f"the database has schema {found}, which is later than this version's {tables.SCHEMA}")
    command.upgrade(config, target)
    _note_serves_since(connection)


async def upgrade(url: str) -> None:
    """
    Create or migrate the schema of the database at *url*; nothing happens if it is current.

    A database in memory has none before it is opened: `SqlStore.start` makes it. Raises DatabaseInUse, SchemaNotCurrent if the database
    belongs to a later version, and the errors of `Database`.
    """

    def work(transaction: Transaction) -> None:
        bring_up(transaction.core)

    database = database_for(url)
    if database.in_memory:
        return
    await database.open()
    try:
        await database.write(work)
    finally:
        await database.close()


async def is_current(url: str) -> bool:
    """Whether the schema of the database at *url* is the one that this version works with."""
    database = database_for(url)
    await database.open()
    try:
        return await database.read(lambda transaction: current(transaction.core)) == tables.SCHEMA
    finally:
        await database.close()
