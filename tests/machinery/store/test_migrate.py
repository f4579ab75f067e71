"""The schema: made at once or migrated, it is the same, and alembic is loaded only to migrate."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from solovirt.machinery.store import migrate, tables
from solovirt.machinery.store.dialect import DatabaseInUse, Transaction, database_for
from tests.machinery.store.conftest import Stores
from tests.machinery.store.objects import VMS, document, key, putting


def _shape(connection: sa.Connection) -> object:
    """Everything the database says about its tables."""
    inspector = sa.inspect(connection)
    shape: dict[str, object] = {}
    for table in sorted(inspector.get_table_names()):
        shape[table] = {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": inspector.get_indexes(table),
            "checks": [check["sqltext"] for check in inspector.get_check_constraints(table)],
            "rows": connection.execute(sa.select(sa.text("*")).select_from(sa.table(table))).fetchall(),
        }
    return shape


async def _with(url: str, *works: Callable[[sa.Connection], object]) -> list[object]:
    """Run *works*, each in a transaction of its own."""

    async def run(work: Callable[[sa.Connection], object]) -> object:
        return await database.write(lambda transaction: work(transaction.core))

    database = database_for(url)
    await database.open()
    try:
        return [await run(work) for work in works]
    finally:
        await database.close()


async def test_migrating_makes_what_creating_makes(durable: Stores, make_stores) -> None:
    other = await make_stores(durable.kind) if durable.shared else Stores(durable.url + ".2", durable.kind)
    (_, created) = await _with(durable.url, migrate.create, _shape)
    (_, migrated, differences) = await _with(
        other.url,
        lambda connection: migrate.run_alembic(connection, "head"),
        _shape,
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata
        ),
    )
    assert migrated == created
    assert differences == []


async def test_migrations_go_down_again(durable: Stores) -> None:
    def down(connection: sa.Connection) -> None:
        from alembic import command

        config = Config()
        config.set_main_option("script_location", str(migrate.scripts()))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    shapes = await _with(durable.url, lambda connection: migrate.run_alembic(connection, "head"), down, _shape)
    (last,) = shapes[2:]
    assert isinstance(last, dict)
    assert set(last) == {"alembic_version"}


def test_the_schema_is_the_only_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    assert ScriptDirectory.from_config(config).get_heads() == [tables.SCHEMA]


async def test_upgrading_twice_changes_nothing(durable: Stores) -> None:
    assert not await migrate.is_current(durable.url)
    await migrate.upgrade(durable.url)
    assert await migrate.is_current(durable.url)
    store = await durable.open()
    await store.write(VMS, key("a"), putting(document(key("a"))))
    await durable.close(store)
    await migrate.upgrade(durable.url)
    store = await durable.open()
    assert store.now.count(VMS) == 1


async def test_a_schema_of_a_later_version_is_left_alone(durable: Stores) -> None:
    await migrate.upgrade(durable.url)
    await _with(
        durable.url,
        lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")),
        lambda connection: connection.execute(sa.delete(tables.fact).where(tables.fact.c.scope == "schema")),
    )
    with pytest.raises(migrate.SchemaNotCurrent, match="schema 9999, which is later than this version's"):
        await migrate.upgrade(durable.url)


async def test_a_failed_migration_leaves_nothing_half_done(durable: Stores) -> None:
    def fail(connection: sa.Connection) -> None:
        migrate.create(connection)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await _with(durable.url, fail)
    (shape,) = await _with(durable.url, _shape)
    assert shape == {}


async def test_a_file_in_use_is_not_migrated(sqlite: Stores) -> None:
    await sqlite.open()
    with pytest.raises(DatabaseInUse):
        await migrate.upgrade(sqlite.url)


@pytest.mark.xdist_group("postgresql")
async def test_replicas_that_start_at_once_migrate_once(make_stores, cluster) -> None:
    import asyncio

    stores = await make_stores("postgresql")
    await asyncio.gather(*(migrate.upgrade(stores.url) for _ in range(4)))
    assert await migrate.is_current(stores.url)


async def test_nothing_waits_for_a_transaction_that_reads(durable: Stores) -> None:
    await migrate.upgrade(durable.url)
    database = database_for(durable.url)
    await database.open()
    try:

        def count(transaction: Transaction) -> int:
            found: int = transaction.core.execute(sa.select(sa.func.count()).select_from(tables.object_)).scalar_one()
            return found

        assert await database.read(count) == 0
    finally:
        await database.close()


def test_alembic_is_not_loaded_to_create_or_to_find_the_schema_current(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from solovirt.machinery.store import migrate\n"
        f"asyncio.run(migrate.upgrade('sqlite:///{tmp_path}/x.db'))\n"
        f"asyncio.run(migrate.upgrade('sqlite:///{tmp_path}/x.db'))\n"
        "print([name for name in sys.modules if name.startswith(('alembic', 'asyncpg'))])\n"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
