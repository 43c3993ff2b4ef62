"""The tables of direct messages about recordings, and how far the trail was looked at for them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from bot.database.schema.column_types import Moment, Number, UuidText
from bot.database.schema.metadata import metadata

notices = Table(
    "notices",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("recording_id", UuidText, ForeignKey("recordings.id"), primary_key=True),
    Column("occasion", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("audit_seq", Number, nullable=False),
    Column("verb", Text),
    Column("result", Text),
    Column("noted_at", Moment, nullable=False),
    Column("posts_begun", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", Moment),
    Column("channel", Text),
    Column("ts", Text),
    Column("closed_at", Moment),
    Column("outcome", Text),
    Column("snoozed_at", Moment),
    Column("snoozed_until", Moment),
    Column("snoozed_by", Text),
    Index("ix_notices_message", "channel", "ts"),
    Index(
        "ix_notices_open",
        "noted_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    sqlite_strict=True,
)
"""Direct messages to people about recordings, each at most once: the key says which one.

``occasion`` tells one pause, attempt or reminder of a recording from the others; several reminders may share a message.
A row without ``closed_at`` has something left to do: it is to be posted, or its buttons are to be taken away.
``outcome`` says why it is closed. ``snoozed_at``: a person answered that the recording is still needed; without
``snoozed_until``, no reminder follows.
"""

notice_progress = Table(
    "notice_progress",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", Number, nullable=False),
    sqlite_strict=True,
)
"""The last entry of the trail whose notices have been computed."""
