"""Keep the resources and prompts of servers beside their tools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalog", sa.Column("extras", sa.Text(), server_default="{}", nullable=False))
