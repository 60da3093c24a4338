"""Find what was said in a conversation outside of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    outside = sa.text("run_id = ''")
    op.create_index(
        "ix_parts_notices", "parts", ["conversation", "seq"], sqlite_where=outside, postgresql_where=outside
    )
