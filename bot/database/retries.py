"""When to retry a failed write transaction: which errors are transient, and for how long to retry.

The error codes are PostgreSQL's (its manual, appendix A) and SQLite's (its "Result and Error Codes").
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
POSTGRESQL_TRANSIENT = frozenset(
    {
        "25P03",  # idle_in_transaction_session_timeout: this host stood still in the middle of a transaction
        "25P04",  # transaction_timeout
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available: another process held the write lock for too long
        "57P01",  # admin_shutdown, and pg_terminate_backend
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now: the server is starting up
        "57P05",  # idle_session_timeout
    }
)
CONNECTION_CLASS = "08"
SQLITE_TRANSIENT = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PRIMARY_CODE = 0xFF
"""The part of a SQLite result code that names the error; the rest says more about its cause."""


def is_transient(error: SQLAlchemyError) -> bool:
    """Return whether the error may be gone a moment later. The transaction was not committed.

    The one exception is a commit whose answer was lost; the caller has to find out about that first.
    """
    if isinstance(error, PoolTimeout):
        return True  # nothing has begun
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & PRIMARY_CODE in SQLITE_TRANSIENT
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # from the driver: there is no server, or it closed the connection
        return error.connection_invalidated or isinstance(error, OperationalError)
    return state in POSTGRESQL_TRANSIENT or state.startswith(CONNECTION_CLASS)


@dataclass(slots=True)
class Retries:
    """The growing pauses between the tries of one transaction, and their end.

    ``within`` is in seconds; None: nobody waits for the answer. Then ``patience`` counts in its place, and there is
    one retry however long the first try took: a host that stood still has used up any limit.
    """

    within: float | None
    patience: float
    """In seconds; 0: nothing is tried again."""
    count: int = 0
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _pause: float = FIRST_PAUSE_SECONDS

    async def another(self) -> bool:
        """Pause before the next try; return False at once where its time would be up by then."""
        passed = asyncio.get_running_loop().time() - self._began
        limit = self.patience if self.within is None else self.within
        in_time = passed + self._pause < limit or (self.within is None and self.count == 0)
        if not self.patience or not in_time:
            return False
        self.count += 1
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        return True
