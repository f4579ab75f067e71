"""
Tidying up a database: space that deleted rows took is given back, and the planner's statistics are renewed.

Neither is needed for it to work. SQLite uses freed pages for what comes next, and PostgreSQL's autovacuum sees to its tables: a database stays at the
size of its busiest day. This is for the day after.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from solovirt.machinery.store.dialect import DatabaseFailed, database_for
from solovirt.machinery.store.tables import metadata


async def vacuum(url: str) -> tuple[int, int]:
    """
    Tidy up the database at *url*; its size before and after, in bytes.

    On SQLite nobody else may have it open (DatabaseInUse); replicas on PostgreSQL may go on. Raises the errors of `Database`.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        # Opened as the server opens it, so that none is running; SQLite's own connection does the work.
        database = database_for(url)
        if database.in_memory or not await asyncio.to_thread(Path(parsed.database or "").exists):
            raise DatabaseFailed(f"{parsed.database or 'a database in memory'} is not there to be tidied up")
        await database.open()
        await database.close()
        return await asyncio.to_thread(_vacuum_file, Path(parsed.database or ""))
    from solovirt.machinery.store.postgresql import run_alone

    size = "SELECT pg_database_size(current_database())"
    before = await run_alone(parsed, size)
    for table in metadata.sorted_tables:
        await run_alone(parsed, f'VACUUM (ANALYZE) "{table.name}"')
    return before, await run_alone(parsed, size)


def _vacuum_file(path: Path) -> tuple[int, int]:
    before = path.stat().st_size
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA optimize")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise DatabaseFailed(f"{path}: {error}") from error
    return before, path.stat().st_size
