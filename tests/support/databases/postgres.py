"""A real PostgreSQL server for the tests, in a directory of its own, and databases on it that are made in a moment."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]))
ADMINISTRATOR = "postgres"
OWNER = "record_bot_owner"
TEMPLATE = "migrated"
UP_SECONDS = 180

SHAPE = """
    SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
        SELECT concat_ws(',', oid, relname, relnamespace, relowner, relacl, relkind, reloptions) FROM pg_class
            WHERE relnamespace::regnamespace::text !~ '^pg_|^information_schema'
        UNION ALL SELECT concat_ws(',', oid, tgname, tgenabled, tgrelid) FROM pg_trigger
        UNION ALL SELECT concat_ws(',', oid, proname, prosrc, proowner, proacl) FROM pg_proc
            WHERE pronamespace::regnamespace::text !~ '^pg_|^information_schema'
        UNION ALL SELECT concat_ws(',', nspname, nspowner, nspacl) FROM pg_namespace
            WHERE nspname !~ '^pg_(toast_)?temp'
        UNION ALL SELECT concat_ws(',', attrelid, attname, atttypid, attnotnull, attacl) FROM pg_attribute
            WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
        UNION ALL SELECT concat_ws(',', conname, conrelid, convalidated) FROM pg_constraint
        UNION ALL SELECT concat_ws(',', setrole, setconfig) FROM pg_db_role_setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT concat_ws(',', datacl, datallowconn, datdba) FROM pg_database
            WHERE datname = current_database()
        UNION ALL SELECT version_num FROM alembic_version
    ) AS parts(part)
"""
"""What a database is besides its rows."""
END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
GUARDS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A'"
"""They fire in every session, also in the one that empties the tables."""

_numbers = itertools.count(1)
_migrating = threading.Lock()
"""Alembic keeps what it is doing in its modules: one migration at a time in a process."""


def programs() -> Path | None:
    """Return the directory of the newest server's programs; None where there is none."""
    if INSTALLED:
        return INSTALLED[-1]
    found = shutil.which("initdb")
    return None if found is None else Path(found).parent


@dataclass(frozen=True)
class PostgresDatabase:
    """One database. ``url`` is what DATABASE_URL has to be, for the owner of the tables or another role."""

    server: PostgresServer
    name: str
    role: str = OWNER

    @property
    def url(self) -> str:
        return self.url_of(self.role)

    def url_of(self, role: str) -> str:
        hosts = ",".join(map(str, (self.server.directory, *self.server.successors)))
        return f"postgresql+psycopg://{role}@/{self.name}?host={hosts}"

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return what a statement finds, as an administrator sees it in a connection of their own."""
        with self.server.connected(self.name) as connection:
            statement = statement.replace("%", "%%").replace("?", "%s") if values else statement
            return connection.cursor(row_factory=dict_row).execute(statement, values or None).fetchall()

    def attack(self, *statements: str, role: str = ADMINISTRATOR) -> None:
        """Do what somebody with this role can do; the database is nobody else's afterwards."""
        self.server.attacked.add(self.name)
        with self.server.connected(self.name, role=role) as connection:
            for statement in statements:
                connection.execute(statement)

    def shape(self) -> str:
        """Say what it is besides its rows, as a digest."""
        (digest,) = self.rows(SHAPE)[0].values()
        return str(digest)

    def empty(self, shape: str) -> bool:
        """End all connections to it and take its rows out; say whether it is then as new, with this shape."""
        with self.server.connected() as connection:
            connection.execute(END_OTHERS, (self.name,))
        try:
            if self.shape() != shape:
                return False
        except psycopg.Error:  # the table of the schema's version is gone, or nobody is let in
            return False
        with self.server.connected(self.name) as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no table waits for another
            guards = [tuple(map(sql.Identifier, guard)) for guard in connection.execute(GUARDS)]
            for guard in guards:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(*guard))
            for (table,) in connection.execute(TABLES):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            for guard in guards:
                connection.execute(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(*guard))
        return True

    def drop(self) -> None:
        with self.server.connected() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


Database = Path | PostgresDatabase
"""A SQLite file or a database on a server."""


def url_of(database: Database) -> str:
    """Return what DATABASE_URL has to be."""
    return database.url if isinstance(database, PostgresDatabase) else f"sqlite+aiosqlite:///{database}"


@dataclass
class PostgresServer:
    """A server that listens on a Unix socket alone, so that no two tests want the same port."""

    programs: Path
    directory: Path
    durable: bool = False
    """Whether what is committed is really synced; only tests whose subject that is need it."""
    options: dict[str, str] = field(default_factory=dict)
    """Settings of the server besides the usual ones, or in place of them; they count from the next start."""
    successors: tuple[Path, ...] = ()
    """The directory of a standby that may take its place (``standby.py``); addresses name it too."""
    followers: list[PostgresServer] = field(default_factory=list, repr=False)
    """Its standbys, which end with it."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    attacked: set[str] = field(default_factory=set, repr=False)
    _at_rest: list[tuple[PostgresDatabase, str]] = field(default_factory=list, repr=False)
    """Databases that are as new, with their shapes: to make one takes a hundred times as long as to empty one."""

    def make(self) -> None:
        """Initialise the cluster, with a role that owns databases and is no superuser."""
        if os.geteuid() == 0:
            account = pwd.getpwnam(ADMINISTRATOR)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        options = ("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={ADMINISTRATOR}")
        command = [str(self.programs / "initdb"), *options, "-D", str(self.data)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self.account)
        self.start()
        with self.connected() as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN")

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.directory,
            "fsync": "on" if self.durable else "off",
            "max_connections": "100",
            "shared_buffers": "32MB",
        } | self.options
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *flags], stdout=log, stderr=log, **self.account
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its connections in order, SIGQUIT is a crash from which it has to recover."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(UP_SECONDS)
            self._process = None

    def replaced_by(self, other: PostgresServer) -> None:
        """Be another server from now on. This one has ended."""
        assert self._process is None
        self.successors = (self.directory,)
        self.directory, self._process, other._process = other.directory, other._process, None

    def with_successor(self) -> None:
        """Prepare a place for a standby, before the first address is given away."""
        directory = self.directory / "standby"
        directory.mkdir()
        if os.geteuid() == 0:
            shutil.chown(directory, ADMINISTRATOR, ADMINISTRATOR)
        self.successors = (directory,)

    def crash(self) -> None:
        self.stop(signal.SIGQUIT)

    @contextlib.contextmanager
    def connected(self, database: str = "postgres", *, role: str = ADMINISTRATOR) -> Iterator[psycopg.Connection[Any]]:
        with contextlib.closing(
            psycopg.connect(host=str(self.directory), port=self.port, dbname=database, user=role, autocommit=True)
        ) as connection:
            yield connection

    def database(self, *, migrated: bool = True) -> PostgresDatabase:
        """Make a database, empty or with all tables."""
        made = PostgresDatabase(self, f"bot_{next(_numbers)}")
        with self.connected() as connection:
            if migrated and not self._has_template(connection):
                connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
                with _migrating:
                    asyncio.run(_migrate(PostgresDatabase(self, TEMPLATE).url))
            template = TEMPLATE if migrated else "template0"
            connection.execute(f"CREATE DATABASE {made.name} TEMPLATE {template} OWNER {OWNER}")
        return made

    @contextlib.contextmanager
    def lent(self) -> Iterator[PostgresDatabase]:
        """Lend a database with all tables, which nobody else has, and take it back."""
        lent, shape = self._at_rest.pop() if self._at_rest else (made := self.database(), made.shape())
        yield lent
        if lent.name not in self.attacked and lent.empty(shape):
            self._at_rest.append((lent, shape))
        else:
            lent.drop()

    @staticmethod
    def _has_template(connection: psycopg.Connection[Any]) -> bool:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone() is not None

    def _wait(self) -> None:
        ready = [
            *(str(self.programs / "pg_isready"), "--quiet", f"--host={self.directory}", f"--port={self.port}"),
            f"--timeout={UP_SECONDS}",
        ]
        for _ in range(UP_SECONDS * 20):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                raise AssertionError((self.directory / "log").read_text())
        raise AssertionError("the PostgreSQL server did not come up")

    @property
    def port(self) -> str:
        """Its socket's name has it, and it is taken for TCP if ``options`` lets the server listen there."""
        return self.options.get("port", "5432")

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def account(self) -> dict[str, Any]:
        """The server refuses to run as root."""
        return {"user": ADMINISTRATOR, "group": ADMINISTRATOR, "extra_groups": []} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server; skip the test where none is installed, and fail there with CI=true."""
    found = programs()
    if found is None:
        missing("PostgreSQL is needed for this test: apt-get install postgresql")
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgresServer(found, directory, durable)
    try:
        server.make()
        yield server
    finally:
        for one in (server, *server.followers):
            one.stop(signal.SIGQUIT)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a worker."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database with all tables."""
    with postgres_server.lent() as lent:
        yield lent


KINDS = ("sqlite", "postgresql")
on_both = pytest.mark.parametrize("database", KINDS, indirect=True)
"""Runs a test of a folder whose ``database`` is a SQLite file on PostgreSQL as well."""


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Both kinds, one after the other: what the storage promises holds on either."""
    return database_of(request.param, request, tmp_path)


def database_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if kind == "sqlite":
        return tmp_path / "bot.db"
    return request.getfixturevalue("postgres_database")  # type: ignore[no-any-return]


async def _migrate(url: str) -> None:
    engines = open_engines(url)
    try:
        await upgrade(engines)
    finally:
        await engines.close()
