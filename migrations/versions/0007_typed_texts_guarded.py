"""What people typed is never changed, only added and erased; the last line that each audit channel shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TRIGGERS = {
    "typed_texts_no_update": """
        CREATE TRIGGER typed_texts_no_update BEFORE UPDATE ON typed_texts
        BEGIN SELECT RAISE(ABORT, 'typed texts are never changed'); END
    """,
    "typed_texts_no_replace": """
        CREATE TRIGGER typed_texts_no_replace BEFORE INSERT ON typed_texts
        WHEN EXISTS (SELECT 1 FROM typed_texts WHERE attempt_id = NEW.attempt_id)
        BEGIN SELECT RAISE(ABORT, 'typed texts are never changed'); END
    """,
}
ON_POSTGRESQL = (
    "BEGIN RAISE EXCEPTION 'typed texts are never changed' USING ERRCODE = 'integrity_constraint_violation'; END"
)
NAME = "typed_texts_no_update"


LAST_SHOWN = """
    INSERT INTO audit_channel_heads (channel, seq, hash)
    SELECT channel, seq, hash FROM audit_deliveries
    WHERE delivered_at IS NOT NULL AND channel IS NOT NULL AND hash IS NOT NULL ORDER BY seq DESC LIMIT 1
"""


def upgrade() -> None:
    op.create_table(
        "audit_channel_heads",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_audit_channel_heads")),
        sqlite_strict=True,
    )
    op.execute(LAST_SHOWN)
    guard()


def guard() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for trigger in TRIGGERS.values():
            op.execute(trigger)
        return
    op.execute(f"CREATE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $guard${ON_POSTGRESQL}$guard$")
    op.execute(f"CREATE TRIGGER {NAME} BEFORE UPDATE ON typed_texts FOR EACH STATEMENT EXECUTE FUNCTION {NAME}()")
    op.execute(f"ALTER TABLE typed_texts ENABLE ALWAYS TRIGGER {NAME}")


def downgrade() -> None:
    op.drop_table("audit_channel_heads")
    if op.get_bind().dialect.name != "postgresql":
        for name in TRIGGERS:
            op.execute(f"DROP TRIGGER {name}")
        return
    op.execute(f"DROP TRIGGER {NAME} ON typed_texts")
    op.execute(f"DROP FUNCTION {NAME}()")
