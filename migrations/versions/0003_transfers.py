"""Transfers, other recorders, and since when a recording runs that was in doubt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW = ("recorders", "seen_at", "disconnect_type", "follow_up", "successors")


def upgrade() -> None:
    for name in NEW:
        op.add_column("recordings", sa.Column(name, sa.Text))
    due = sa.text("follow_up IS NOT NULL")
    op.create_index("ix_recordings_follow_up", "recordings", ["follow_up"], sqlite_where=due, postgresql_where=due)


def downgrade() -> None:
    op.drop_index("ix_recordings_follow_up", "recordings")
    for name in reversed(NEW):
        op.drop_column("recordings", name)
