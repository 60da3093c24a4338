"""Where notes came from that hold what others wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("taint", sa.Text(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("notes", "taint")
