"""
The tables.

`revision` is the log, `object` the current state (for SQL users, and to start from), `head` says how far the log goes, `fact` is what the
runtime and others remember beside objects. Times are milliseconds since the epoch. A document lacks apiVersion and kind, which
depend on the version it is served in: everything else is as clients see it, resourceVersion included.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

SCHEMA = "0001"
"""The alembic revision that `metadata` corresponds to."""

FIRST_REVISION = 100
"""What an empty log's head says: a list of nothing has a resourceVersion too, and 0 and 1 mean something to some clients."""

SERVES_SINCE = "0001"
"""The schema of the oldest version of this program that can serve a database with ours: migrations expand first, and take away a release later."""

OWN_SCOPES = ("views", "schema")
"""Scopes of facts about the database itself, which do not go with what it holds."""

metadata = sa.MetaData()

# PostgreSQL's json keeps the text as it was written (jsonb would not) and still takes `object->'spec'`.
_Document = sa.Text().with_variant(postgresql.JSON(), "postgresql")
# SQLite's row id, which costs no index, is a column of type INTEGER and no other.
_Revision = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = sa.Table(
    "revision",
    metadata,
    sa.Column("resource_version", _Revision, primary_key=True, autoincrement=False),
    sa.Column("api_group", sa.Text, nullable=False),
    sa.Column("plural", sa.Text, nullable=False),
    sa.Column("namespace", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # put or remove.
    sa.Column("operation", sa.Text, nullable=False),
    # The resource_version of the object's version before; null if this one created it. It makes compaction and the state at an earlier
    # revision a matter of primary keys.
    sa.Column("previous", sa.BigInteger),
    # Which commit wrote it: tells whether a commit of unknown outcome happened.
    sa.Column("batch", sa.BigInteger, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("object", _Document, nullable=False),
)

object_ = sa.Table(
    "object",
    metadata,
    sa.Column("api_group", sa.Text, primary_key=True),
    sa.Column("plural", sa.Text, primary_key=True),
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("resource_version", sa.BigInteger, nullable=False),
    sa.Column("object", _Document, nullable=False),
)

head = sa.Table(
    "head",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1", name="head_is_one_row"), primary_key=True),
    sa.Column("resource_version", sa.BigInteger, nullable=False),
    # Up to here the log holds each object's newest version only.
    sa.Column("horizon", sa.BigInteger, nullable=False),
    # Counts the holders of the controllers' lease; writes of an earlier holder are refused.
    sa.Column("epoch", sa.BigInteger, nullable=False),
)

fact = sa.Table(
    "fact",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)


def create(connection: sa.Connection) -> None:
    """Make the tables, empty. The same as running all migrations (a test compares), but without loading alembic."""
    metadata.create_all(connection, checkfirst=False)
    seed(connection)


def seed(connection: sa.Connection) -> None:
    """Write the one row of `head`."""
    connection.execute(sa.insert(head).values(id=1, resource_version=FIRST_REVISION, horizon=FIRST_REVISION, epoch=0))
