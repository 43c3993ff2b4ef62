"""TLS to PostgreSQL: a server with a certificate that the test makes, and each mistake in ``DATABASE_URL``."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.admin.checks.database import check_database
from bot.config.settings import DatabaseSettings
from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.errors import DatabaseUnusable
from bot.sandbox.process import free_port
from tests.support.databases.postgres import OWNER, postgres
from tests.support.shell import Shell
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.databases.postgres import PostgresDatabase, PostgresServer

HOST = "localhost"
PORT_TRIES = 4
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2")


@dataclass(frozen=True)
class Encrypted:
    """A database on a server that has a certificate for ``localhost``, and the certificate of its authority."""

    database: PostgresDatabase
    authority: Path
    another: Path

    def url(self, *, host: str = HOST, mode: str = "verify-full", authority: object = None) -> str:
        root = "" if authority == "" else f"&sslrootcert={authority or self.authority}"
        port, name = self.database.server.port, self.database.name
        return f"postgresql+psycopg://{OWNER}@{host}:{port}/{name}?sslmode={mode}{root}"


def _openssl(*arguments: str, directory: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _certificates(directory: Path) -> None:
    """Make two authorities, and a certificate for the server by the first."""
    for name in ("authority", "another"):
        own = ("-x509", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
        _openssl("req", *KEY, *own, directory=directory)
    subject = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    signed = ("-CA", "authority.crt", "-CAkey", "authority.key", "-keyout", "server.key", "-out", "server.crt")
    _openssl("req", "-x509", *KEY, *subject, "-addext", "basicConstraints=critical,CA:FALSE", *signed,
             directory=directory)  # fmt: skip


def _listen(server: PostgresServer) -> None:
    for left in reversed(range(PORT_TRIES)):  # between the choice of a port and its use anybody may take it
        server.options |= {"listen_addresses": HOST, "port": str(free_port())}
        try:
            server.start()
        except AssertionError:
            if not left:
                raise
        else:
            return


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    if shutil.which("openssl") is None:
        missing("openssl is needed for this test: apt-get install openssl")
    made = tmp_path_factory.mktemp("certificates")
    _certificates(made)
    with postgres() as server:
        database = server.database()
        server.stop()
        for name in ("server.crt", "server.key"):
            installed = server.data / name
            shutil.copy(made / name, installed)
            installed.chmod(0o600)
            shutil.chown(installed, server.data.owner())
        server.options["ssl"] = "on"
        _listen(server)
        yield Encrypted(database, made / "authority.crt", made / "another.crt")


async def problem(url: str) -> str:
    """Return what check says is wrong, and see that serve refuses with the same words."""
    found = (await check_database(DatabaseSettings(database_url=url))).health
    engines = open_engines(url)
    try:
        with pytest.raises(DatabaseUnusable) as refused:
            await upgrade(engines)
    finally:
        await engines.close()
    assert (found.ok, found.problem) == (False, str(refused.value))
    return found.problem


async def test_the_right_certificate_and_name(encrypted: Encrypted, tmp_path: Path) -> None:
    found = (await check_database(DatabaseSettings(database_url=encrypted.url()))).health
    assert (found.ok, found.problem) == (True, "")

    ran = await Shell(tmp_path, {"DATABASE_URL": encrypted.url()})("audit", "verify")

    assert ran.status == 0, ran.said


async def test_a_connection_is_really_encrypted(encrypted: Encrypted) -> None:
    engines = open_engines(encrypted.url())
    try:
        own = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert await engines.read(lambda connection: connection.execute(own).scalar_one()) is True
    finally:
        await engines.close()


async def test_the_certificate_of_another_authority(encrypted: Encrypted) -> None:
    said = await problem(encrypted.url(authority=encrypted.another))

    assert "certificate verify failed. Set sslrootcert in DATABASE_URL to the file with the certificate of " in said
    assert said.endswith("If it is that one, see whether the server's certificate has expired.")


async def test_a_host_name_that_the_certificate_does_not_have(encrypted: Encrypted) -> None:
    said = await problem(encrypted.url(host="127.0.0.1"))

    assert 'does not match host name "127.0.0.1". Put a host name into DATABASE_URL that the server' in said
    unnamed = encrypted.url(host="127.0.0.1", mode="verify-ca")
    assert (await check_database(DatabaseSettings(database_url=unnamed))).health.ok


async def test_no_certificate_of_an_authority(encrypted: Encrypted, tmp_path: Path) -> None:
    missing = tmp_path / "gone.crt"

    assert f'root certificate file "{missing}" does not exist. Set sslrootcert' in await problem(
        encrypted.url(authority=missing)
    )


async def test_a_mistyped_mode(encrypted: Encrypted) -> None:
    said = await problem(encrypted.url(mode="verify-ful"))

    assert said.endswith('invalid sslmode value: "verify-ful". Use sslmode=verify-full, which checks the server\'s '
                         "certificate and name.")  # fmt: skip


async def test_a_server_without_tls_is_refused(encrypted: Encrypted) -> None:
    server = encrypted.database.server
    server.stop()
    server.options["ssl"] = "off"
    _listen(server)
    try:
        said = await problem(encrypted.url())
    finally:
        server.stop()
        server.options["ssl"] = "on"
        _listen(server)

    assert "server does not support SSL, but SSL was required. Turn on TLS in the server (ssl = on). " in said
