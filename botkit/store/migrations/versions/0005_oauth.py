"""Codes and refresh tokens of OAuth clients, and the family of an access token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("family", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_tokens_family",
        "tokens",
        ["family"],
        sqlite_where=sa.text("family <> ''"),
        postgresql_where=sa.text("family <> ''"),
    )
    op.create_table(
        "oauth_keys",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("family", sa.Text(), server_default="", nullable=False),
        sa.Column("workspace", sa.Text(), server_default="", nullable=False),
        sa.Column("member_id", sa.Text(), server_default="", nullable=False),
        sa.Column("client", sa.Text(), server_default="", nullable=False),
        sa.Column("redirect_uri", sa.Text(), server_default="", nullable=False),
        sa.Column("challenge", sa.Text(), server_default="", nullable=False),
        sa.Column("allow", sa.Text(), nullable=True),
        sa.Column("deny", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("per_month", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_oauth_keys"),
        comment="Codes and refresh tokens; `digest` is the SHA-256 of one. Good once: `used_at` 0.",
    )
    op.create_index("ix_oauth_keys_family", "oauth_keys", ["family"])
    op.create_index("ix_oauth_keys_expires_at", "oauth_keys", ["expires_at"])
