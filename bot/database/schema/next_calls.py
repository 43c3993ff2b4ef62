"""The tables of waits for agents' next calls, and of the messages about them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from bot.database.schema.column_types import Moment, Number, UuidText
from bot.database.schema.metadata import metadata

next_calls = Table(
    "next_calls",
    metadata,
    Column("id", UuidText, primary_key=True),
    Column("agent_user_id", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("armed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("audit_seq", Number, nullable=False),
    Column("before", Text, nullable=False),
    Column("channel", Text),
    Column("language", Text),
    Column("reason_code", Text),
    Column("closed_at", Moment),
    Column("closed_by", Text),
    Column("outcome", Text),
    Column("error", Text),
    Column("recording_id", UuidText, ForeignKey("recordings.id")),
    Column("conversation_id", Text),
    Column("logged_out_at", Moment),
    Index(
        "uq_next_calls_open",
        "agent_user_id",
        "asked_by",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    sqlite_strict=True,
)
"""People who wait, or waited, for an agent's next call; at most one open for a person and an agent.

The id is the attempt's, with which a typed reason is kept. ``before`` holds the ids of the calls that the agent was on
when the wait began, with blanks between them.
"""

next_call_notices = Table(
    "next_call_notices",
    metadata,
    Column("next_call_id", UuidText, ForeignKey("next_calls.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("noted_at", Moment, nullable=False),
    Column("posts_begun", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", Moment),
    Column("closed_at", Moment),
    Index(
        "ix_next_call_notices_open",
        "noted_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    sqlite_strict=True,
)
"""Direct messages to people who wait for a call, each at most once; one without ``closed_at`` is to be posted."""
