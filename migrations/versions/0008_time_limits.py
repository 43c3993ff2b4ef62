"""When a pause, or a recording that was started by hand, ends by itself; who paused; longer pauses that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ADDED = (
    ("recordings", "paused_by", sa.Text),
    ("recordings", "pause_seconds", sa.Integer),
    ("recordings", "pause_until", sa.Text),
    ("recordings", "run_seconds", sa.Integer),
    ("recordings", "run_until", sa.Text),
    ("recordings", "resumed_at", sa.Text),
    ("approvals", "pause_seconds", sa.Integer),
)


def upgrade() -> None:
    for table, name, kind in ADDED:
        op.add_column(table, sa.Column(name, kind(), nullable=True))
    used = sa.Column("pause_used", sa.Integer(), server_default=sa.text("0"), nullable=False)
    op.add_column("recordings", used)


def downgrade() -> None:
    op.drop_column("recordings", "pause_used")
    for table, name, _ in reversed(ADDED):
        op.drop_column(table, name)
