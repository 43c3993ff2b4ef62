"""The tables; larger groups of them have modules of their own, and are all named here."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from bot.database.schema.column_types import Flag, Moment, Number, UuidText
from bot.database.schema.keeps import keeps
from bot.database.schema.metadata import metadata
from bot.database.schema.next_calls import next_call_notices, next_calls
from bot.database.schema.notices import notice_progress, notices

__all__ = [
    "approvals",
    "attempts",
    "audit_channel_heads",
    "audit_deliveries",
    "audit_entries",
    "cards",
    "digests",
    "homes",
    "keeps",
    "metadata",
    "names",
    "next_call_notices",
    "next_calls",
    "notice_progress",
    "notices",
    "recordings",
    "saved_looks",
    "saved_recordings",
    "standing_rules",
    "typed_texts",
    "user_groups",
]

STATES = "'starting','active','pausing','paused','resuming','stopping','stopped','failed','ended'"
FOLLOWED = text("follow_up IS NOT NULL")
LIVE = text("state NOT IN ('stopped', 'failed', 'ended')")

recordings = Table(
    "recordings",
    metadata,
    Column("id", UuidText, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("participant_id", Text),
    Column("communication_id", Text),  # not used anymore: Genesys names it only in an answer that is not read
    Column("session_id", Text),
    Column("agent_user_id", Text),
    Column("queue_id", Text),
    Column("mechanism", Text),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("requested_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("paused_at", Moment),
    Column("paused_seconds", Integer, nullable=False, server_default=text("0")),
    Column("paused_by", Text),
    Column("pause_seconds", Integer),
    Column("pause_until", Moment),
    Column("resumed_at", Moment),
    Column("pause_used", Integer, nullable=False, server_default=text("0")),
    Column("run_seconds", Integer),
    Column("run_until", Moment),
    Column("ended_at", Moment),
    Column("ended_by", Text),
    Column("adopted", Flag, nullable=False),
    Column("recorders", Text),
    Column("seen_at", Moment),
    Column("disconnect_type", Text),
    Column("follow_up", Text),
    Column("successors", Text),
    Column("in_doubt", Flag, nullable=False),
    Column("error", Text),
    Column("audit_seq", Number, nullable=False),
    Column("requested_seq", Number, nullable=False),
    CheckConstraint(f"state IN ({STATES})", name="state"),
    Index(
        "uq_recordings_live_conversation",
        "conversation_id",
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    ),
    Index("ix_recordings_live", "state", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("ix_recordings_conversation_id", "conversation_id", "requested_seq"),
    Index("ix_recordings_started_by", "started_by", "requested_seq"),
    Index("ix_recordings_follow_up", "follow_up", sqlite_where=FOLLOWED, postgresql_where=FOLLOWED),
    sqlite_strict=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", UuidText, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("recording_id", UuidText, ForeignKey("recordings.id")),
    Column("dedupe_key", Text, unique=True),
    Column("requested_at", Moment, nullable=False),
    Column("deadline_at", Moment),
    Column("state_before", Text),
    Column("owner", Text),
    Column("settled_at", Moment),
    Column("looks_left", Integer, nullable=False, server_default=text("0")),
    Column("scope", Text),
    Index(
        "ix_attempts_open",
        "requested_at",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_attempts_looks",
        "settled_at",
        sqlite_where=text("looks_left > 0"),
        postgresql_where=text("looks_left > 0"),
    ),
    Index("ix_attempts_recording_id", "recording_id"),
    Index("ix_attempts_actor", "actor", "requested_at"),
    sqlite_strict=True,
)
"""Every request, refused ones included; the open ones (not settled) are the reconciler's work.

``looks_left``: how often the call is still looked at after a doubtful attempt was settled.
``scope``: of a limited person's start, the queues and agents whose calls it might record, as JSON.
"""

typed_texts = Table(
    "typed_texts",
    metadata,
    Column("attempt_id", UuidText, primary_key=True),
    Column("text", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("typed_at", Moment, nullable=False),
    sqlite_strict=True,
)
"""What people typed. The audit entry holds only a salted digest, so that a row here can be erased."""

names = Table(
    "names",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("seen_at", Moment, nullable=False),
    sqlite_strict=True,
)
"""Names of agents and queues, for showing; ids are all that recordings and entries keep."""

cards = Table(
    "cards",
    metadata,
    Column("recording_id", UuidText, ForeignKey("recordings.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("asked_by", Text, nullable=False),
    Column("ts", Text),
    Column("posted_channel", Text),
    Column("rendered_version", Integer, nullable=False),
    Column("posts_begun", Integer, nullable=False, server_default=text("0")),
    Column("language", Text),
    Column("wanted_version", Integer, nullable=False, server_default=text("0")),
    Column("routed", Flag, nullable=False, server_default=text("0")),
    Index(
        "ix_cards_behind",
        "recording_id",
        sqlite_where=text("rendered_version < wanted_version"),
        postgresql_where=text("rendered_version < wanted_version"),
    ),
    sqlite_strict=True,
)
"""The Slack messages about a recording; one is behind while ``rendered_version`` is less than ``wanted_version``.

At most one of a recording is where it was asked for. The others are ``routed``: the policy file names their channels.
``wanted_version`` is the recording's version, kept here too so that an index finds the few that are behind.
``language`` is that of the person who asked.
More than one of ``posts_begun``: the end of an earlier post was never known, so a copy may stand in the channel.
"""

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("id", UuidText, nullable=False, unique=True),
    Column("attempt_id", UuidText, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("phase", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("conversation_id", Text),
    Column("participant_id", Text),
    Column("recording_id", UuidText),
    Column("reason_code", Text),
    Column("reason_digest", Text),
    Column("origin", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("phase IN ('requested','succeeded','failed','denied','unknown','observed')", name="phase"),
    Index("ix_audit_entries_attempt_id", "attempt_id"),
    Index("ix_audit_entries_conversation_id", "conversation_id", "seq"),
    Index("ix_audit_entries_occurred_at", "occurred_at"),
    sqlite_strict=True,
)

audit_deliveries = Table(
    "audit_deliveries",
    metadata,
    Column("seq", Number, ForeignKey("audit_entries.seq"), primary_key=True, autoincrement=False),
    Column("tried_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("hash", Text),
    Column("channel", Text),
    Column("ts", Text),
    sqlite_strict=True,
)
"""Which entries the audit channel has, and with which hash they were shown there.

A row without ``delivered_at``: a post was begun and its end is not known.
"""

digests = Table(
    "digests",
    metadata,
    Column("day", Text, primary_key=True),
    Column("seq", Number, nullable=False),
    Column("tried_at", Moment),
    Column("delivered_at", Moment),
    Column("channel", Text),
    Column("ts", Text),
    sqlite_strict=True,
)
"""The daily digests: the day, its audit entry, and the message in the audit channel once Slack has taken it."""

saved_looks = Table(
    "saved_looks",
    metadata,
    Column("recording_id", UuidText, ForeignKey("recordings.id"), primary_key=True),
    Column("ended_at", Moment, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("next_at", Moment),
    Index(
        "ix_saved_looks_due",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    sqlite_strict=True,
)
"""When Genesys is asked for the file of a recording that is over; no ``next_at``: it was found, or given up."""

saved_recordings = Table(
    "saved_recordings",
    metadata,
    Column("recording_id", UuidText, ForeignKey("recordings.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("media", Text),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("media_subtype", Text),
    Column("session_id", Text),
    sqlite_strict=True,
)
"""The files that Genesys has kept of a recording, by Genesys's id, with its word for their state in lower case."""

approvals = Table(
    "approvals",
    metadata,
    Column("id", UuidText, primary_key=True),
    Column("recording_id", UuidText, ForeignKey("recordings.id"), nullable=False),
    Column("verb", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("closed_by", Text),
    Column("outcome", Text),
    Column("pause_seconds", Integer),
    CheckConstraint("outcome IN ('confirmed', 'withdrawn', 'expired', 'over')", name="outcome"),
    Index(
        "uq_approvals_open",
        "recording_id",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_approvals_recording_id", "recording_id"),
    sqlite_strict=True,
)
"""Stops, and longer pauses, that wait, or waited, for a second supervisor; at most one open for a recording.

The id of a stop is the attempt's. ``pause_seconds``: how long the pause is to last in all; null: without an end.
"""

homes = Table(
    "homes",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("team_id", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("audit_seq", Number),
    Column("view_hash", Text),
    Column("digest", Text),
    Index("ix_homes_opened_at", "opened_at"),
    sqlite_strict=True,
)
"""The App Homes that were opened in the last hours, which are kept up to date.

``audit_seq`` is the entry that says that the person looks. ``view_hash`` is Slack's mark of what it was given last, and
``digest`` is ours; if it is null, the Home has to be published again.
"""

standing_rules = Table(
    "standing_rules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("noted_at", Moment, nullable=False),
    sqlite_strict=True,
)
"""What the policy file said when the bot last started, as JSON: a terminal elsewhere may not find the file."""

audit_channel_heads = Table(
    "audit_channel_heads",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("seq", Number, nullable=False),
    Column("hash", Text, nullable=False),
    sqlite_strict=True,
)
"""The last line that an audit channel shows, apart from the deliveries: who cuts off the trail removes those too."""

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("members", Text, nullable=False),
    Column("noted_at", Moment, nullable=False),
    CheckConstraint("state IN ('active', 'disabled', 'gone')", name="state"),
    sqlite_strict=True,
)
"""The user groups that give rights, with the ids of their members as JSON, as they were last noted."""
