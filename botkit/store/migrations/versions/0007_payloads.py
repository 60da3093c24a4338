"""What calls carried, sealed, for the auditors of workspaces that record it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_payloads",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("principal_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("principal", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("key_id", sa.Text(), server_default="", nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_call_payloads"),
        comment="Arguments and results of calls, sealed: of workspaces with record_payloads alone.",
    )
    op.create_index("ix_call_payloads_at", "call_payloads", ["at"])
    op.create_index("ix_call_payloads_principal", "call_payloads", ["principal"])
    op.create_index(
        "ix_call_payloads_run_id",
        "call_payloads",
        ["run_id"],
        sqlite_where=sa.text("run_id <> ''"),
        postgresql_where=sa.text("run_id <> ''"),
    )
