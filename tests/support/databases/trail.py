"""Reads the audit trail the way an outsider would: with the plain driver, in a connection of its own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.support.databases.postgres import PostgresDatabase

if TYPE_CHECKING:
    from tests.support.databases.postgres import Database


def rows(file: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Return what a statement finds, as dictionaries."""
    if isinstance(file, PostgresDatabase):
        return file.rows(statement, values)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement, values)]


def attack(file: Database, *statements: str) -> None:
    """Do what somebody can do who has the file, or is the server's administrator."""
    if isinstance(file, PostgresDatabase):
        file.attack(*statements)
        return
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def unguarded(file: Database, trigger: str) -> tuple[str, ...]:
    """Return the statements after which nothing holds an attacker back: neither this guard nor foreign keys."""
    if isinstance(file, PostgresDatabase):
        return (
            f"DROP TRIGGER {trigger} ON audit_entries",
            "ALTER TABLE audit_deliveries DROP CONSTRAINT IF EXISTS fk_audit_deliveries_seq",
        )
    return ("PRAGMA foreign_keys = OFF", f"DROP TRIGGER {trigger}")


def entries(file: Database) -> list[dict[str, Any]]:
    """Return the whole trail, in order."""
    found = rows(file, "SELECT * FROM audit_entries ORDER BY seq")
    return [{**row, "origin": json.loads(row["origin"]), "outcome": json.loads(row["outcome"])} for row in found]


def trail_lines(file: Database) -> list[str]:
    """Return the trail in short: ``phase action`` of each entry."""
    return [f"{row['phase']} {row['action']}" for row in entries(file)]
