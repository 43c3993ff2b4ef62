"""A standby: a second PostgreSQL server that follows a first one, and takes its place when that one is gone."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.databases.postgres import UP_SECONDS, PostgresServer

if TYPE_CHECKING:
    from typing import Any

    from psycopg import Connection

STREAMING = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = %s"
FOLLOWING = "SELECT 1 FROM pg_stat_wal_receiver"
LOOK_SECONDS = 0.05


@dataclass
class Standby:
    """``server`` stays what the tests know the server as: after ``promote`` it is the one that followed before."""

    server: PostgresServer
    own: PostgresServer

    @classmethod
    def of(cls, server: PostgresServer, *, synchronous: bool) -> Standby:
        """Copy the server and follow it. ``synchronous``: from now on it commits nothing that the standby lacks."""
        (directory,) = server.successors
        own = PostgresServer(server.programs, directory, server.durable, options=dict(server.options))
        shutil.rmtree(own.data, ignore_errors=True)
        subprocess.run(
            [
                *(server.programs / "pg_basebackup", f"--host={server.directory}", f"--port={server.port}"),
                *("--username=postgres", f"--pgdata={own.data}", "--checkpoint=fast", "--write-recovery-conf"),
                "--no-sync",
            ],
            check=True, capture_output=True, **server.account,
        )  # fmt: skip
        server.followers.append(own)
        own.start()
        with server.connected() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'" if synchronous else "SELECT 1")
            connection.execute("SELECT pg_reload_conf()")
            _until(connection, STREAMING, "sync" if synchronous else "async")
        return cls(server, own)

    def cut_off(self) -> None:
        """Let the standby receive nothing more, as a network that failed does."""
        with self.own.connected() as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            _until(connection, FOLLOWING, there=False)

    def promote(self) -> None:
        """Crash the server, for good, and promote the standby."""
        self.server.crash()
        with self.own.connected() as connection:
            assert connection.execute("SELECT pg_promote(true, %s)", (UP_SECONDS,)).fetchone() == (True,)
        self.server.replaced_by(self.own)


def _until(connection: Connection[Any], question: str, *values: str, there: bool = True) -> None:
    give_up = time.monotonic() + UP_SECONDS
    while (connection.execute(question, values or None).fetchone() is not None) is not there:
        assert time.monotonic() < give_up, f"never {'there' if there else 'gone'}: {question}"
        time.sleep(LOOK_SECONDS)  # the server says it to nobody; it is asked again
