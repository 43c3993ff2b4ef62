"""Compiles each SQL statement once in a test run, and not for each of the thousands of databases that tests open.

SQLAlchemy looks up a compiled statement by the statement and the engine's dialect, and keeps it per engine. Here the
dialects of all SQLite files are equal, and their connections share what is compiled:
https://docs.sqlalchemy.org/en/21/core/connections.html#sqlalchemy.engine.Connection.execution_options (compiled_cache).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from typing_extensions import override

_compiled: dict[Any, Any] = {}


class _Alike:
    """Equal to every other dialect of its class."""

    @override
    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    @override
    def __hash__(self) -> int:
        return hash(type(self))


class Blocking(_Alike, SQLiteDialect_pysqlite):
    """The dialect of ``sqlite+pysqlite``."""

    supports_statement_cache = True


class Asynchronous(_Alike, SQLiteDialect_aiosqlite):
    """The dialect of ``sqlite+aiosqlite``."""

    supports_statement_cache = True


def share_compiled_statements() -> None:
    """Have all engines that are made from now on share them."""
    registry.register("sqlite.pysqlite", __name__, Blocking.__name__)
    registry.register("sqlite.aiosqlite", __name__, Asynchronous.__name__)
    if not event.contains(Engine, "engine_connect", _use_shared):
        event.listen(Engine, "engine_connect", _use_shared)


def _use_shared(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)
