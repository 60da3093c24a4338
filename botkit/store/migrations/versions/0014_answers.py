"""Answers kept for identical model calls, and what else is known of a model call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    op.add_column("model_calls", _number("cache_write_tokens"))
    op.add_column("model_calls", sa.Column("unpriced", sa.Integer(), server_default="0", nullable=False))
    op.add_column("model_calls", sa.Column("reused", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "kept_answers",
        sa.Column("key", sa.Text(), nullable=False),
        _text("model"),
        _text("workspace"),
        _text("person_id"),
        _text("trace_id"),
        _number("at"),
        _number("expires_at"),
        _text("reply"),
        sa.PrimaryKeyConstraint("key", name="pk_kept_answers"),
        comment="Answers of models, given again to identical calls of the same person or workspace.",
    )
    op.create_index("ix_kept_answers_model_at", "kept_answers", ["model", "at"])
    op.create_index("ix_kept_answers_expires_at", "kept_answers", ["expires_at"])
    op.create_index("ix_kept_answers_person_id", "kept_answers", ["person_id"])


def downgrade() -> None:
    op.drop_table("kept_answers")
    for name in ("reused", "unpriced", "cache_write_tokens"):
        op.drop_column("model_calls", name)
