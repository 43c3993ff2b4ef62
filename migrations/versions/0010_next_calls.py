"""People who wait for an agent's next call, and what they are told about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "next_calls",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("agent_user_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("armed_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("audit_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("channel", "language", "reason_code")),
        *(sa.Column(name, sa.Text()) for name in ("closed_at", "closed_by", "outcome", "error")),
        sa.Column("recording_id", sa.Text(), sa.ForeignKey("recordings.id", name="fk_next_calls_recording_id")),
        *(sa.Column(name, sa.Text()) for name in ("conversation_id", "logged_out_at")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_next_calls_open",
        "next_calls",
        ["agent_user_id", "asked_by"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "next_call_notices",
        sa.Column(
            "next_call_id",
            sa.Text(),
            sa.ForeignKey("next_calls.id", name="fk_next_call_notices_next_call_id"),
            primary_key=True,
        ),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("noted_at", sa.Text(), nullable=False),
        sa.Column("posts_begun", sa.Integer(), nullable=False, server_default=sa.text("0")),
        *(sa.Column(name, sa.Text()) for name in ("delivered_at", "closed_at")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_next_call_notices_open",
        "next_call_notices",
        ["noted_at"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_table("next_call_notices")
    op.drop_table("next_calls")
