"""The guards of the audit trail on PostgreSQL: triggers that fire with any session setting, and checks of bypasses.

That nobody disabled them is checked at each start. A role that does not own the tables can't disable them at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE = 1, 2, 4, 8, 16, 32
"""PostgreSQL's own bits (pg_trigger.tgtype)."""
ALWAYS = "A"


@dataclass(frozen=True, slots=True)
class Guard:
    """When a trigger fires, and its function."""

    fires: int
    body: str


def _refuses(sentence: str) -> str:
    return f"BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation'; END"


GUARDS = {
    "audit_entries_no_update": Guard(BEFORE | UPDATE, _refuses("audit entries are never changed")),
    "audit_entries_no_delete": Guard(BEFORE | DELETE, _refuses("audit entries are never removed")),
    "audit_entries_no_truncate": Guard(BEFORE | TRUNCATE, _refuses("audit entries are never removed")),
    "typed_texts_no_update": Guard(BEFORE | UPDATE, _refuses("typed texts are never changed")),
    "audit_entries_next_only": Guard(
        ROW | BEFORE | INSERT,
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
UNIQUE_INDEXES = ("uq_recordings_live_conversation",)
PLAIN_TABLES = ("audit_entries", "attempts", "recordings", "typed_texts")

TRIGGERS = text("""
    SELECT t.tgname::text AS name, t.tgtype AS fires, t.tgenabled::text AS enabled, p.prosrc AS body,
        t.tgqual IS NULL AND t.tgnargs = 0 AND t.tgattr::text = '' AND l.lanname = 'plpgsql'
            AND p.proconfig IS NULL AND NOT p.prosecdef AS plain
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
    WHERE t.tgrelid IN (to_regclass('audit_entries'), to_regclass('typed_texts')) AND NOT t.tgisinternal
""")
INDEXES = text("""
    SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass('recordings') AND i.indisunique AND i.indisvalid AND i.indisready AND i.indislive
""")
TABLES = text("""
    SELECT relname::text FROM pg_class
    WHERE oid = ANY (ARRAY[to_regclass('audit_entries'), to_regclass('attempts'), to_regclass('recordings'),
            to_regclass('typed_texts')]::oid[])
        AND relkind = 'r' AND relpersistence = 'p' AND NOT relrowsecurity AND NOT relhasrules
""")
OWNED = text("""
    SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('audit_entries')
""")


def wrong_guards(connection: Connection) -> Iterator[str]:
    """Yield the names of guards that are missing, changed, or added: another trigger could drop entries."""
    found = {row.name: row for row in connection.execute(TRIGGERS)}
    yield from (name for name, guard in GUARDS.items() if not _is(found.get(name), guard))
    yield from sorted(found.keys() - GUARDS.keys())
    yield from _missing(UNIQUE_INDEXES, connection.execute(INDEXES).scalars())
    yield from _missing(PLAIN_TABLES, connection.execute(TABLES).scalars())


def may_change_guards(connection: Connection) -> bool:
    """Say whether this role owns the trail; the one that the bot serves with should not."""
    return bool(connection.execute(OWNED).scalar_one_or_none())


def disable(connection: Connection, name: str) -> None:
    """Switch a guard off inside the open transaction; the others see it on, and can't write meanwhile."""
    connection.execute(text(f"ALTER TABLE audit_entries DISABLE TRIGGER {name}"))


def enable(connection: Connection, name: str) -> None:
    connection.execute(text(f"ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER {name}"))


def _is(found: Any, guard: Guard) -> bool:
    return (
        found is not None
        and (found.fires, found.enabled, found.plain) == (guard.fires, ALWAYS, True)
        and _folded(found.body) == _folded(guard.body)
    )


def _missing(wanted: Iterable[str], found: Iterable[str]) -> list[str]:
    there = set(found)
    return [name for name in wanted if name not in there]


def _folded(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()
