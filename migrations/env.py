"""
Alembic's environment.

The store hands in the connection to migrate on (`solovirt.machinery.store.migrate`); nothing here opens a database. To write a new revision:

    .venv/bin/alembic -c migrations/alembic.ini revision -m "what changes"

then set `SCHEMA` in `solovirt/machinery/store/tables.py` to its number.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from solovirt.machinery.store import tables


def migrate(connection: Connection) -> None:
    """Run the scripts inside the transaction of *connection*, which the caller commits."""
    if not connection.in_transaction():
        # Without this alembic would commit after each script.
        connection.begin()
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        # SQLite can't alter most of a table: alembic copies it instead.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    context.run_migrations()


if (given := context.config.attributes.get("connection")) is None:
    raise SystemExit("run `solovirt migrate`: migrations need the connection that it hands in")
migrate(given)
