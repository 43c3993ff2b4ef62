"""The table of requests to keep calls' recordings."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from bot.database.schema.column_types import Flag, Moment, Number, UuidText
from bot.database.schema.metadata import metadata

keeps = Table(
    "keeps",
    metadata,
    Column("id", UuidText, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("audit_seq", Number, nullable=False),
    Column("recording_id", UuidText, ForeignKey("recordings.id")),
    Column("state", Text, nullable=False),
    Column("reason_code", Text),
    Column("ended_at", Moment),
    Column("tries", Integer, nullable=False),
    Column("next_at", Moment),
    Column("owner", Text),
    Column("claimed_at", Moment),
    Column("in_doubt", Flag, nullable=False),
    Column("error", Text),
    Column("permission", Text),
    Column("annotation", Text),
    Column("annotation_permission", Text),
    Column("settled_at", Moment),
    Column("settled_seq", Number),
    Column("scope", Text),
    Column("language", Text),
    Column("cancels", Integer, nullable=False),
    Column("told", Flag, nullable=False),
    Column("answers_begun", Integer, nullable=False),
    CheckConstraint("state IN ('waiting', 'done', 'failed', 'unknown', 'superseded')", name="state"),
    Index("ix_keeps_conversation_id", "conversation_id", "audit_seq"),
    Index(
        "ix_keeps_open",
        "next_at",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_keeps_untold",
        "settled_at",
        sqlite_where=text("told = 0"),
        postgresql_where=text("told = 0"),
    ),
    sqlite_strict=True,
)
"""Requests to keep a call's recordings, or to release them; the id is the attempt's.

``next_at`` is when to try next; without it, and without an ``owner`` who is trying, once ``recording_id`` is over.
``told``: the person knows how it ended, or need not be told.
"""
