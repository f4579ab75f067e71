"""
The log, the current objects, the head and the facts.

*before*: there is no earlier version that could be running.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    document = sa.Text().with_variant(postgresql.JSON(), "postgresql")
    op.create_table(
        "revision",
        sa.Column(
            "resource_version",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("api_group", sa.Text, nullable=False),
        sa.Column("plural", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("previous", sa.BigInteger),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("object", document, nullable=False),
    )
    op.create_table(
        "object",
        sa.Column("api_group", sa.Text, primary_key=True),
        sa.Column("plural", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("resource_version", sa.BigInteger, nullable=False),
        sa.Column("object", document, nullable=False),
    )
    head = op.create_table(
        "head",
        sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1", name="head_is_one_row"), primary_key=True),
        sa.Column("resource_version", sa.BigInteger, nullable=False),
        sa.Column("horizon", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "resource_version": 100, "horizon": 100, "epoch": 0}])
    op.create_table(
        "fact",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("fact", "head", "object", "revision"):
        op.drop_table(table)
