"""What a call was, and how large: class, method, size of the request. Accepted definitions of tools, for a diff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("method", sa.Text(), server_default="tools/call", nullable=False))
    op.add_column("calls", sa.Column("tool_class", sa.Text(), server_default="", nullable=False))
    op.add_column("calls", sa.Column("request_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("catalog", sa.Column("accepted", sa.Text(), server_default="{}", nullable=False))
