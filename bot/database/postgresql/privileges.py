"""Compares the rights of the role in DATABASE_URL with those that the bot needs, and reports missing ones early.

``deploy/postgres/grants.sql`` gives these rights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from bot.database.schema.tables import audit_entries, metadata, typed_texts
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOT_ALLOWED = "42501"
"""PostgreSQL's code for a right that a role lacks."""
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
FEWER = {audit_entries.name: ("SELECT", "INSERT"), typed_texts.name: ("SELECT", "INSERT", "DELETE")}
"""The trail only grows; typed texts are added and erased, and never changed."""
SHOWN = 5
GRANT = (
    "Let the tables' owner run deploy/postgres/grants.sql, as after each record-bot db upgrade, or put the right role "
    "there."
)

LACKING = text("""
    SELECT wanted.privilege || ' on ' || wanted.name
    FROM unnest(CAST(:names AS text[]), CAST(:privileges AS text[])) WITH ORDINALITY AS wanted(name, privilege, place)
    WHERE NOT has_table_privilege(to_regclass(wanted.name), wanted.privilege)
    ORDER BY wanted.place
""")
ROLE = text("SELECT current_user")
USABLE = text("SELECT current_schema()")
EXTENDABLE = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")


def check_schema(connection: Connection) -> None:
    """Raise DatabaseUnusable if the role sees no schema at all: every database looks empty to it."""
    if connection.execute(USABLE).scalar_one() is None:
        raise DatabaseUnusable(
            f"The role {_role(connection)} in DATABASE_URL may not use the database's schema. Let its owner "
            f"GRANT USAGE ON SCHEMA public TO {_role(connection)}."
        )


def check_may_create(connection: Connection) -> None:
    """Raise DatabaseUnusable if the database is empty and another role has to create the tables."""
    if not connection.execute(EXTENDABLE).scalar_one():
        raise DatabaseUnusable(
            f"The database is empty, and the role {_role(connection)} in DATABASE_URL may not create tables. Run "
            "record-bot db upgrade once with the DATABASE_URL of their owner, and then deploy/postgres/grants.sql."
        )


def check_version_right(connection: Connection) -> None:
    """Raise DatabaseUnusable if the role may not read the database's schema version."""
    _check(connection, [("alembic_version", "SELECT")])


def check_rights(connection: Connection) -> None:
    """Raise DatabaseUnusable with the rights that the role lacks on the bot's tables."""
    _check(connection, [(name, right) for name in metadata.tables for right in FEWER.get(name, ALL)])


def _check(connection: Connection, wanted: list[tuple[str, str]]) -> None:
    names, privileges = ([one[place] for one in wanted] for place in (0, 1))
    lacking = connection.execute(LACKING, {"names": names, "privileges": privileges}).scalars().all()
    if lacking:
        more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
        raise DatabaseUnusable(
            f"The role {_role(connection)} in DATABASE_URL lacks rights: {', '.join(lacking[:SHOWN])}{more}. {GRANT}"
        )


def _role(connection: Connection) -> str:
    return str(connection.execute(ROLE).scalar_one())
