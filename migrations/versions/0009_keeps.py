"""Requests to keep calls' recordings, and to release them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "keeps",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("audit_seq", number(), nullable=False),
        sa.Column("recording_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.Text(), nullable=True),
        sa.Column("in_doubt", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("permission", sa.Text(), nullable=True),
        sa.Column("annotation", sa.Text(), nullable=True),
        sa.Column("annotation_permission", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.Text(), nullable=True),
        sa.Column("settled_seq", number(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("cancels", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("answers_begun", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'failed', 'unknown', 'superseded')", name=op.f("ck_keeps_state")
        ),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_keeps_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keeps")),
        sqlite_strict=True,
    )
    op.create_index("ix_keeps_conversation_id", "keeps", ["conversation_id", "audit_seq"])
    for name, column, condition in (
        ("ix_keeps_open", "next_at", "settled_at IS NULL"),
        ("ix_keeps_untold", "settled_at", "told = 0"),
    ):
        where = sa.text(condition)
        op.create_index(name, "keeps", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("keeps")
