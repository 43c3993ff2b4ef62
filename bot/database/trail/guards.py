"""The triggers that make the audit trail append-only, and typed texts unchangeable; the check that they are there.

``INSERT OR REPLACE`` deletes without firing a delete trigger, so inserting is guarded too: the number must be the next.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text

from bot.database.postgresql import engine as postgresql
from bot.database.postgresql import guards as guards_postgresql
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

AUDIT_TRIGGERS = {
    "audit_entries_no_update": """
        CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END
    """,
    "audit_entries_no_delete": """
        CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END
    """,
    "audit_entries_next_only": """
        CREATE TRIGGER audit_entries_next_only BEFORE INSERT ON audit_entries
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_entries)
        BEGIN SELECT RAISE(ABORT, 'an audit entry takes the next number'); END
    """,
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

GUARDED_INDEXES = ("uq_recordings_live_conversation",)
GUARDED_TABLES = ("audit_entries", "attempts", "recordings", "typed_texts")
"""Tables where a foreign trigger could silently drop what is written."""


def check_guards(connection: Connection) -> None:
    """Raise DatabaseUnusable when a trigger or index that the bot's promises rest on is missing or was changed."""
    on_postgresql = connection.dialect.name == postgresql.NAME
    wrong = list(guards_postgresql.wrong_guards(connection) if on_postgresql else _wrong_on_sqlite(connection))
    if wrong:
        raise DatabaseUnusable(
            f"The audit trail's protection in the database was removed or changed ({', '.join(wrong)}). "
            'record-bot won\'t start like this. See docs/operations.md, "When verify says BROKEN".'
        )


def _wrong_on_sqlite(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'index') ORDER BY name")
    ).all()
    found = {row.name: _folded(row.sql or "") for row in rows}
    yield from (name for name, sql in AUDIT_TRIGGERS.items() if found.get(name) != _folded(sql))
    for row in rows:
        if row.type == "trigger" and row.tbl_name.lower() in GUARDED_TABLES and row.name not in AUDIT_TRIGGERS:
            yield row.name
    yield from (name for name in GUARDED_INDEXES if not found.get(name, "").startswith("CREATE UNIQUE INDEX "))


@contextmanager
def removal_allowed(connection: Connection) -> Iterator[None]:
    """Let entries be removed inside the transaction that is open, and only there.

    No other connection sees the table without its guard: switching it off and on is part of the transaction.
    The triggers have no exception of their own: anyone who can write a tombstone could write one for any entry.
    """
    with _without(connection, "audit_entries_no_delete"):
        yield


@contextmanager
def any_first_number(connection: Connection) -> Iterator[None]:
    """Let the copy of a trail begin where its archive ends, inside the transaction that is open, and only there."""
    with _without(connection, "audit_entries_next_only"):
        yield


@contextmanager
def _without(connection: Connection, name: str) -> Iterator[None]:
    on_postgresql = connection.dialect.name == postgresql.NAME
    if on_postgresql:
        guards_postgresql.disable(connection, name)
    else:
        connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    if on_postgresql:
        guards_postgresql.enable(connection, name)
    else:
        connection.execute(text(AUDIT_TRIGGERS[name].strip()))
    check_guards(connection)


def _folded(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()
