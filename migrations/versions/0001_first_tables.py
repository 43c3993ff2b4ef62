"""The first tables: recordings, attempts, what people typed, names, cards, and the audit trail with its guards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TRIGGERS = (
    """
        CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END
    """,
    """
        CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END
    """,
    """
        CREATE TRIGGER audit_entries_next_only BEFORE INSERT ON audit_entries
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_entries)
        BEGIN SELECT RAISE(ABORT, 'an audit entry takes the next number'); END
    """,
)

ON_POSTGRESQL = {
    "audit_entries_no_update": (
        "BEFORE UPDATE ON audit_entries FOR EACH STATEMENT",
        "BEGIN RAISE EXCEPTION 'audit entries are never changed' USING ERRCODE = 'integrity_constraint_violation'; END",
    ),
    "audit_entries_no_delete": (
        "BEFORE DELETE ON audit_entries FOR EACH STATEMENT",
        "BEGIN RAISE EXCEPTION 'audit entries are never removed' USING ERRCODE = 'integrity_constraint_violation'; END",
    ),
    "audit_entries_no_truncate": (
        "BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT",
        "BEGIN RAISE EXCEPTION 'audit entries are never removed' USING ERRCODE = 'integrity_constraint_violation'; END",
    ),
    "audit_entries_next_only": (
        "BEFORE INSERT ON audit_entries FOR EACH ROW",
        """
        DECLARE next bigint;
        BEGIN
            EXECUTE format('SELECT coalesce(max(seq), 0) + 1 FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO next;
            IF NEW.seq IS DISTINCT FROM next THEN
                RAISE EXCEPTION 'an audit entry takes the next number' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END
        """,
    ),
}


def upgrade() -> None:
    create_tables()
    if op.get_bind().dialect.name == "postgresql":
        guard_on_postgresql()
    else:
        for trigger in TRIGGERS:
            op.execute(trigger)


def guard_on_postgresql() -> None:
    for name, (when, body) in ON_POSTGRESQL.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $guard${body}$guard$")
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")
        # Always: also where a session plays a replica's part, which switches usual triggers off.
        op.execute(f"ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER {name}")


def create_tables() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("participant_id", sa.Text(), nullable=True),
        sa.Column("recording_id", sa.Text(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason_digest", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "phase IN ('requested','succeeded','failed','denied','unknown','observed')",
            name=op.f("ck_audit_entries_phase"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_entries_id")),
        sqlite_strict=True,
    )
    op.create_index("ix_audit_entries_attempt_id", "audit_entries", ["attempt_id"], unique=False)
    op.create_index("ix_audit_entries_conversation_id", "audit_entries", ["conversation_id", "seq"], unique=False)
    op.create_index("ix_audit_entries_occurred_at", "audit_entries", ["occurred_at"], unique=False)
    op.create_table(
        "names",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_names")),
        sqlite_strict=True,
    )
    op.create_table(
        "recordings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Text(), nullable=True),
        sa.Column("communication_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("agent_user_id", sa.Text(), nullable=True),
        sa.Column("queue_id", sa.Text(), nullable=True),
        sa.Column("mechanism", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("adopted", sa.Integer(), nullable=False),
        sa.Column("in_doubt", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("audit_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("requested_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state IN ('starting','active','pausing','paused','resuming','stopping','stopped','failed','ended')",
            name=op.f("ck_recordings_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
        sqlite_strict=True,
    )
    op.create_index("ix_recordings_conversation_id", "recordings", ["conversation_id", "requested_seq"], unique=False)
    op.create_index(
        "ix_recordings_live",
        "recordings",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('stopped', 'failed', 'ended')"),
        postgresql_where=sa.text("state NOT IN ('stopped', 'failed', 'ended')"),
    )
    op.create_index("ix_recordings_started_by", "recordings", ["started_by", "requested_seq"], unique=False)
    op.create_index(
        "uq_recordings_live_conversation",
        "recordings",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('stopped', 'failed', 'ended')"),
        postgresql_where=sa.text("state NOT IN ('stopped', 'failed', 'ended')"),
    )
    op.create_table(
        "typed_texts",
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("typed_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_typed_texts")),
        sqlite_strict=True,
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recording_id", sa.Text(), nullable=True),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.Text(), nullable=False),
        sa.Column("deadline_at", sa.Text(), nullable=True),
        sa.Column("state_before", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.Text(), nullable=True),
        sa.Column("looks_left", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_attempts_recording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_attempts_dedupe_key")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_attempts_open",
        "attempts",
        ["requested_at"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_index(
        "ix_attempts_looks",
        "attempts",
        ["settled_at"],
        unique=False,
        sqlite_where=sa.text("looks_left > 0"),
        postgresql_where=sa.text("looks_left > 0"),
    )
    op.create_index("ix_attempts_recording_id", "attempts", ["recording_id"], unique=False)
    op.create_table(
        "audit_deliveries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("tried_at", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["audit_entries.seq"], name=op.f("fk_audit_deliveries_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_deliveries")),
        sqlite_strict=True,
    )
    op.create_table(
        "digests",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tried_at", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_digests")),
        sqlite_strict=True,
    )
    op.create_table(
        "cards",
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("posted_channel", sa.Text(), nullable=True),
        sa.Column("rendered_version", sa.Integer(), nullable=False),
        sa.Column("posts_begun", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_cards_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_cards")),
        sqlite_strict=True,
    )
