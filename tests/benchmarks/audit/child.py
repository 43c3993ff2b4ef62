"""One measurement in a process of its own: ``verify`` or ``bare``, then the file. Prints seconds and peak bytes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import sqlite3
import sys
import time
from contextlib import closing

from bot.admin.audit import verify_database
from bot.audit.stored import COLUMNS
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings


def verify(file: str) -> None:
    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{file}")
    verdict = asyncio.run(verify_database(settings, Verifier(), lambda _done, _total: None))
    if not verdict.ok:
        sys.exit(verdict.text)


def bare(file: str) -> None:
    """Read the same rows, and hash what is in them; nothing is checked."""
    with closing(sqlite3.connect(file)) as connection:
        for _, *texts in connection.execute(f"SELECT {', '.join(COLUMNS)} FROM audit_entries ORDER BY seq"):  # noqa: S608
            hashlib.sha256("".join(filter(None, texts)).encode()).hexdigest()


if __name__ == "__main__":
    what, database = sys.argv[1:]
    begin = time.perf_counter()
    {"verify": verify, "bare": bare}[what](database)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak}))
