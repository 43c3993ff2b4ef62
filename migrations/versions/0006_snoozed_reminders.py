"""Reminders that were answered with "Still needed": when, by whom, and until when; several may share a message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ADDED = ("snoozed_at", "snoozed_until", "snoozed_by")


def upgrade() -> None:
    for name in ADDED:
        op.add_column("notices", sa.Column(name, sa.Text(), nullable=True))
    op.create_index("ix_notices_message", "notices", ["channel", "ts"])


def downgrade() -> None:
    op.drop_index("ix_notices_message", "notices")
    for name in reversed(ADDED):
        op.drop_column("notices", name)
