"""Which recorder made a file of a call, and of which session it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("saved_recordings", sa.Column("media_subtype", sa.Text(), nullable=True))
    op.add_column("saved_recordings", sa.Column("session_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("saved_recordings", "session_id")
    op.drop_column("saved_recordings", "media_subtype")
