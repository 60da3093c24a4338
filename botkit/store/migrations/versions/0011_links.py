"""Accounts of one person that were joined by codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "link_codes",
        sa.Column("digest", sa.Text(), nullable=False),
        _text("channel"),
        _text("user_id"),
        _text("reply_digest"),
        _text("other_channel"),
        _text("other_user_id"),
        _number("expires_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_link_codes"),
        comment="Codes shown to accounts that want to be joined, as digests.",
    )
    op.create_index("ix_link_codes_channel_user_id", "link_codes", ["channel", "user_id"])
    op.create_index("ix_link_codes_reply_digest", "link_codes", ["reply_digest"])
    op.create_index("ix_link_codes_expires_at", "link_codes", ["expires_at"])
    op.create_table(
        "links",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        _text("person_id"),
        _text("was"),
        _number("linked_at"),
        sa.PrimaryKeyConstraint("channel", "user_id", name="pk_links"),
        comment="Accounts that are where they are by a code, and who they were before.",
    )
    op.create_index("ix_links_person_id", "links", ["person_id"])


def downgrade() -> None:
    op.drop_table("links")
    op.drop_table("link_codes")
