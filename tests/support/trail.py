"""Reads the audit trail the way an outsider would: with plain sqlite3, in a connection of its own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def rows(file: Path, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Return what a statement finds, as dictionaries."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement, values)]


def entries(file: Path) -> list[dict[str, Any]]:
    """Return the whole trail, in order."""
    found = rows(file, "SELECT * FROM audit_entries ORDER BY seq")
    return [{**row, "origin": json.loads(row["origin"]), "outcome": json.loads(row["outcome"])} for row in found]


def story(file: Path) -> list[str]:
    """Return the trail in short: ``phase action`` of each entry."""
    return [f"{row['phase']} {row['action']}" for row in entries(file)]
