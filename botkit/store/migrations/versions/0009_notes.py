"""What bots keep in mind, and who wants no messages they did not ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner", "name", name="pk_notes"),
        comment="What bots keep in mind about people (`person`), conversations (`chat`) and for everybody (`team`).",
    )
    op.create_index("ix_notes_updated_at", "notes", ["updated_at"])
    op.create_index(
        "ix_notes_expires_at",
        "notes",
        ["expires_at"],
        sqlite_where=sa.text("expires_at > 0"),
        postgresql_where=sa.text("expires_at > 0"),
    )
    op.create_table(
        "opt_outs",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("bot", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("via", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("person_id", "bot", name="pk_opt_outs"),
        comment="People who want no messages they did not ask for. An empty bot: of none.",
    )
