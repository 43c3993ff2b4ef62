"""Languages of cards, notices, saved recordings, confirmations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cards", sa.Column("language", sa.Text))


def downgrade() -> None:
    op.drop_column("cards", "language")
