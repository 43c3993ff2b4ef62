"""Languages of cards, notices, saved recordings, confirmations, App Homes, the rules of the policy file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cards", sa.Column("language", sa.Text))
    want_versions()
    op.add_column("recordings", sa.Column("paused_seconds", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("attempts", sa.Column("scope", sa.Text))
    op.create_index("ix_attempts_actor", "attempts", ["actor", "requested_at"])
    create_notices()
    create_approvals()
    create_saved()
    create_homes()
    create_standing_rules()


def want_versions() -> None:
    op.add_column("cards", sa.Column("wanted_version", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute(
        "UPDATE cards SET wanted_version ="
        " (SELECT recordings.version FROM recordings WHERE recordings.id = cards.recording_id)"
    )
    behind = sa.text("rendered_version < wanted_version")
    op.create_index("ix_cards_behind", "cards", ["recording_id"], sqlite_where=behind, postgresql_where=behind)


def create_notices() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "notices",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("audit_seq", number, nullable=False),
        sa.Column("verb", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("noted_at", sa.Text(), nullable=False),
        sa.Column("posts_begun", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivered_at", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_notices_recording_id")),
        sa.PrimaryKeyConstraint("kind", "recording_id", "occasion", "person", name=op.f("pk_notices")),
        sqlite_strict=True,
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index("ix_notices_open", "notices", ["noted_at"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "notice_progress",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", number, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_notice_progress")),
        sqlite_strict=True,
    )


def create_saved() -> None:
    op.create_table(
        "saved_looks",
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_saved_looks_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_saved_looks")),
        sqlite_strict=True,
    )
    waiting = sa.text("next_at IS NOT NULL")
    op.create_index("ix_saved_looks_due", "saved_looks", ["next_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_table(
        "saved_recordings",
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("media", sa.Text(), nullable=True),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_saved_recordings_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", "id", name=op.f("pk_saved_recordings")),
        sqlite_strict=True,
    )


def create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('confirmed', 'withdrawn', 'expired', 'over')", name=op.f("ck_approvals_outcome")
        ),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_approvals_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sqlite_strict=True,
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_approvals_open",
        "approvals",
        ["recording_id"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("ix_approvals_recording_id", "approvals", ["recording_id"])


def create_homes() -> None:
    op.create_table(
        "homes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("audit_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("view_hash", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_homes")),
        sqlite_strict=True,
    )
    op.create_index("ix_homes_opened_at", "homes", ["opened_at"])


def create_standing_rules() -> None:
    op.create_table(
        "standing_rules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_standing_rules")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("standing_rules")
    op.drop_table("homes")
    op.drop_table("approvals")
    op.drop_table("saved_recordings")
    op.drop_table("saved_looks")
    op.drop_table("notice_progress")
    op.drop_table("notices")
    op.drop_index("ix_attempts_actor", "attempts")
    op.drop_column("attempts", "scope")
    op.drop_column("recordings", "paused_seconds")
    op.drop_index("ix_cards_behind", "cards")
    op.drop_column("cards", "wanted_version")
    op.drop_column("cards", "language")
