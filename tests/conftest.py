"""What tests of several folders share."""

from __future__ import annotations

from tests.support.postgres import database, postgres_database, postgres_server

__all__ = ["database", "postgres_database", "postgres_server"]
