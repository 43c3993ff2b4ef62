"""More than one card a recording, each in a channel of its own; the members of user groups, as last noted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEHIND = sa.text("rendered_version < wanted_version")


def upgrade() -> None:
    rekey_cards(["recording_id", "channel"])
    op.create_table(
        "user_groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'disabled', 'gone')", name=op.f("ck_user_groups_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_groups")),
        sqlite_strict=True,
    )


def rekey_cards(columns: list[str], *, back: bool = False) -> None:
    """Give ``cards`` another primary key; SQLite has to copy the table for it, whatever columns it has by now."""
    op.drop_index("ix_cards_behind", "cards")
    with op.batch_alter_table("cards", table_kwargs={"sqlite_strict": True}) as cards:
        cards.drop_constraint("pk_cards", type_="primary")
        if back:
            cards.drop_column("routed")
        else:
            cards.add_column(sa.Column("routed", sa.Integer(), server_default=sa.text("0"), nullable=False))
        cards.create_primary_key("pk_cards", columns)
    op.create_index("ix_cards_behind", "cards", ["recording_id"], sqlite_where=BEHIND, postgresql_where=BEHIND)


def downgrade() -> None:
    op.drop_table("user_groups")
    op.execute("DELETE FROM cards WHERE routed = 1")
    rekey_cards(["recording_id"], back=True)
