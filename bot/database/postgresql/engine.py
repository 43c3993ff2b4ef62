"""Sets up the bot's connections to PostgreSQL; ``docs/decisions/postgresql.md`` gives the reasons.

Each writer takes the write lock before anything else. A number is given, and what was read stays true, until the
transaction ends: as on SQLite, where there is one writer anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

NAME = "postgresql"
DRIVER = "postgresql+psycopg"
WRITE_LOCK = 7_309_454_241_862_885_731
"""The key of the advisory lock that orders all writes; advisory locks are a database's own."""
LOCK_SECONDS = 5
CHANNEL = "record_bot"
"""The channel on which a process notifies the others that it has written something."""
CONNECT = {
    "application_name": "record-bot",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "primary",
}
"""Defaults for libpq unless DATABASE_URL says otherwise: notice a dead server, and don't use a standby."""
SETTINGS = {"TimeZone": "UTC", "lock_timeout": f"{LOCK_SECONDS}s"}
WRITER_SETTINGS = {
    **SETTINGS,
    # A stricter level would take its snapshot before it has waited for the lock, and see an old end of the chain.
    "default_transaction_isolation": "read committed",
    "statement_timeout": "30s",
    # Who holds the write lock and says nothing is frozen or cut off; the others must not wait for it for long.
    # Less than the others wait for it: then they get it, and need not be refused.
    "idle_in_transaction_session_timeout": "4s",
}
READER_SETTINGS = {
    **SETTINGS,
    "default_transaction_isolation": "repeatable read",  # all reads of one transaction see the same state, as on SQLite
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_read_only": "on",
}
# A server may be told to answer before a commit is on disk; nothing that this bot commits may be lost after that.
# Who waits for the standbys to apply it as well keeps doing so.
ON_DISK = text(
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply'"
)


def open_writer(url: URL) -> Engine:
    """Make the engine whose transactions run one after another, over all processes. Nothing is opened yet."""
    # One connection: a second one would only wait for the lock of the first, and less fairly.
    engine = create_engine(connectable(url), pool_size=1, max_overflow=0, pool_pre_ping=True, hide_parameters=True)
    _set_up(engine, WRITER_SETTINGS)
    event.listen(engine, "begin", take_write_lock)
    return engine


def open_reader(url: URL) -> AsyncEngine:
    """Make the engine that can't write. It reads from the primary too: a standby may not know the newest entries."""
    engine = create_async_engine(
        connectable(url), pool_size=4, max_overflow=0, pool_pre_ping=True, hide_parameters=True
    )
    _set_up(engine.sync_engine, READER_SETTINGS)
    return engine


def open_blocking_reader(url: URL) -> Engine:
    """Make the same for one thread."""
    engine = create_engine(connectable(url), hide_parameters=True)
    _set_up(engine, READER_SETTINGS)
    return engine


def connectable(url: URL | str) -> URL:
    """Return the address with the options that libpq needs; its own options take precedence."""
    url = make_url(url)
    return url.update_query_dict({name: value for name, value in CONNECT.items() if name not in url.query})


def take_write_lock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK})


def notify_replicas(connection: Connection) -> None:
    """Let the others know, once this transaction is committed, that there is something new."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def patient(connection: Connection) -> None:
    """Lift the time limits for this one transaction: a migration, or the copy of a whole database."""
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(text("SELECT set_config(:name, '0', true)"), {"name": name})


def set_up(connection: Any, settings: dict[str, str]) -> None:
    """Set up one connection of the driver. By statements, since not every server lets the start message say it."""
    cursor = connection.cursor()
    for name, value in settings.items():
        cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    cursor.execute(ON_DISK.text)
    cursor.close()
    connection.commit()


def _set_up(engine: Engine, settings: dict[str, str]) -> None:
    event.listen(engine, "connect", lambda connection, _record: set_up(connection, settings))
