"""What was used of budgets, and what calls under way have reserved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "budget_counts",
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        _number("resets_at"),
        _number("micros"),
        _number("tokens"),
        _number("tool_calls"),
        _number("granted_micros"),
        _number("granted_tokens"),
        _number("granted_tool_calls"),
        _number("warned_at"),
        sa.PrimaryKeyConstraint("budget", "who", "period", name="pk_budget_counts"),
        comment="What was used in one period; the row is the lock of its reservations.",
    )
    op.create_index("ix_budget_counts_resets_at", "budget_counts", ["resets_at"])
    op.create_table(
        "budget_reservations",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        _number("at"),
        _number("output_tokens"),
        _number("micros"),
        _number("tokens"),
        _number("tool_calls"),
        _number("settled"),
        sa.PrimaryKeyConstraint("run_id", "step", "budget", "who", "period", name="pk_budget_reservations"),
        comment="What a call may use (`settled` 0) or did use (1) and is not added to its count yet.",
    )
    op.create_index("ix_budget_reservations_budget_who_period", "budget_reservations", ["budget", "who", "period"])
