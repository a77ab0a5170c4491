"""Calls that were placed: what to say first, and who has answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_outbound_calls"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("greeting", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("answered_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "answered_by")
    op.drop_column("calls", "greeting")
