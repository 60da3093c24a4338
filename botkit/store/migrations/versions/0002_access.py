"""Members of workspaces, their tokens and invitations; counted limits; approvals of single calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("principal_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("principal", sa.Text(), server_default="", nullable=False),
        sa.Column("token_id", sa.Text(), server_default="", nullable=False),
        sa.Column("server", sa.Text(), server_default="", nullable=False),
        sa.Column("tool", sa.Text(), server_default="", nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("approvers", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_via", sa.Text(), server_default="", nullable=False),
        sa.Column("used_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_approvals"),
        comment="Calls of MCP clients that a person must allow. `told` 1: the client knows how it ended.",
    )
    op.create_index(
        "ix_call_approvals_current",
        "call_approvals",
        ["digest", "principal", "workspace"],
        unique=True,
        sqlite_where=sa.text("told = 0"),
        postgresql_where=sa.text("told = 0"),
    )
    op.create_index(
        "ix_call_approvals_open",
        "call_approvals",
        ["created_at"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "counters",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", "period", name="pk_counters"),
        comment="Calls counted against monthly quotas.",
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("member_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("digest", name="uq_invitations_digest"),
    )
    op.create_index("ix_invitations_member_id", "invitations", ["member_id"])
    op.create_table(
        "limit_hits",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", "slot", name="pk_limit_hits"),
        comment="A ring of as many slots as the rule allows calls: the next one is free once its time has passed.",
    )
    op.create_table(
        "limit_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("taken", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_limit_keys"),
        comment="How many calls each rule has let through; the row is the lock of its `limit_hits`.",
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("person_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("joined_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_active_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
    )
    op.create_index(
        "ix_members_name",
        "members",
        ["workspace", "name"],
        unique=True,
        sqlite_where=sa.text("state <> 'removed'"),
        postgresql_where=sa.text("state <> 'removed'"),
    )
    op.create_index(
        "ix_members_person_id",
        "members",
        ["person_id"],
        sqlite_where=sa.text("person_id <> ''"),
        postgresql_where=sa.text("person_id <> ''"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("member_id", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("hint", sa.Text(), server_default="", nullable=False),
        sa.Column("allow", sa.Text(), nullable=True),
        sa.Column("deny", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("per_month", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("origin", sa.Text(), server_default="", nullable=False),
        sa.Column("client", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revoked_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        comment="`digest` is the SHA-256 of the token, which is stored nowhere.",
    )
    op.create_index("ix_tokens_member_id", "tokens", ["member_id"])
    op.create_index("ix_tokens_workspace", "tokens", ["workspace"])
