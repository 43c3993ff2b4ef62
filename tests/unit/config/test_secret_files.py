"""Secrets from files: ``NAME_FILE`` in the environment or the settings file, and the sentence for each mistake."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.config.secret_files import FILE_NAMES, MOST_BYTES, SECRETS, Unusable, read_secret
from bot.config.settings import DatabaseSettings, ServeSettings, load
from bot.errors import SettingsError
from tests.support.shell import BOT_SETTINGS, Shell

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65534
PLAIN = {"SLACK_AUDIT_CHANNEL": "C0AUDIT", "SLACK_SUPERVISORS": "U0ADA", "PURECLOUD_CLIENT_ID": "client"}
VALUES = {
    "SLACK_BOT_TOKEN": "xoxb-hidden-1",
    "SLACK_APP_TOKEN": "xapp-hidden-2",
    "SLACK_SIGNING_SECRET": "hidden-3",
    "PURECLOUD_CLIENT_SECRET": "hidden-4",
    "DATABASE_URL": "postgresql+psycopg://bot:hidden-5@db/bot?sslmode=verify-full",
}


@dataclass(frozen=True)
class Mounted:
    """A directory with a file for each secret, as Kubernetes mounts one, and an environment that names the files."""

    directory: Path
    monkeypatch: pytest.MonkeyPatch

    def file(self, name: str) -> Path:
        return self.directory / name

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)

    def sentences(self) -> tuple[str, ...]:
        with pytest.raises(SettingsError) as refused:
            load(ServeSettings)
        assert "hidden" not in str(refused.value)
        return refused.value.sentences


def value_of(settings: ServeSettings, name: str) -> str:
    value = getattr(settings, name.lower())
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mounted:
    for name in os.environ:
        if name.startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "secrets"
    directory.mkdir()
    made = Mounted(directory, monkeypatch)
    for name, value in VALUES.items():
        made.file(name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(made.file(name)))
    made.set(**PLAIN)
    return made


def test_every_secret_can_come_from_a_file(mounted: Mounted) -> None:
    found = load(ServeSettings)

    assert {name: value_of(found, name) for name in SECRETS} == VALUES
    assert set(VALUES) == set(SECRETS)
    assert "hidden" not in f"{found!r} {found}"
    assert mounted.directory.exists()


def test_every_secret_setting_is_one_that_a_file_can_hold() -> None:
    secret = {name.upper() for name, one in ServeSettings.model_fields.items() if "SecretStr" in repr(one.annotation)}

    assert secret | {"DATABASE_URL"} == set(SECRETS)


@pytest.mark.parametrize("ends", ["", "\n", "\r\n", " \n\n"])
def test_line_ends_and_a_byte_order_mark_are_no_part_of_it(mounted: Mounted, ends: str) -> None:
    mounted.file("SLACK_BOT_TOKEN").write_bytes(b"\xef\xbb\xbf" + f"xoxb-other{ends}".encode())

    assert value_of(load(ServeSettings), "SLACK_BOT_TOKEN") == "xoxb-other"


def test_the_settings_file_names_files_as_well(mounted: Mounted, tmp_path: Path) -> None:
    mounted.monkeypatch.delenv("DATABASE_URL_FILE")
    (tmp_path / ".env").write_text("DATABASE_URL_FILE=secrets/DATABASE_URL\n")

    assert load(DatabaseSettings).database_url == VALUES["DATABASE_URL"]


def test_the_environment_goes_before_the_settings_file(mounted: Mounted, tmp_path: Path) -> None:
    """So that DATABASE_URL=… before a command chooses another database, whatever .env names."""
    mounted.monkeypatch.delenv("DATABASE_URL_FILE")
    (tmp_path / ".env").write_text("DATABASE_URL_FILE=secrets/DATABASE_URL\nSLACK_BOT_TOKEN=xoxb-older\n")
    mounted.set(DATABASE_URL="sqlite+aiosqlite:///other.db")

    found = load(ServeSettings)

    assert found.database_url == "sqlite+aiosqlite:///other.db"
    assert value_of(found, "SLACK_BOT_TOKEN") == VALUES["SLACK_BOT_TOKEN"], "the environment's file"


def test_an_empty_one_names_no_file(mounted: Mounted) -> None:
    mounted.set(SLACK_APP_TOKEN_FILE="", SLACK_SIGNING_SECRET="", DATABASE_URL="")

    found = load(ServeSettings)

    assert found.slack_app_token is None
    assert (value_of(found, "SLACK_SIGNING_SECRET"), found.database_url) == ("hidden-3", VALUES["DATABASE_URL"])


@pytest.mark.parametrize("name", SECRETS)
def test_both_are_refused(mounted: Mounted, name: str) -> None:
    mounted.set(**{name: VALUES[name]})

    assert mounted.sentences() == (f"{name} and {name}_FILE are both set. Remove one of them.",)


def test_both_in_the_settings_file_are_refused(mounted: Mounted, tmp_path: Path) -> None:
    mounted.monkeypatch.delenv("SLACK_BOT_TOKEN_FILE")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-hidden\nSLACK_BOT_TOKEN_FILE=secrets/SLACK_BOT_TOKEN\n")

    assert mounted.sentences() == ("SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set. Remove one of them.",)


@pytest.mark.parametrize("name", SECRETS)
def test_each_mistake_with_a_file_has_its_sentence(mounted: Mounted, name: str) -> None:
    file, setting = mounted.file(name), f"{name}_FILE"
    only = f"Put the value of {name} there, and nothing else."

    file.unlink()
    advice = "Mount or create it, or fix the path."
    assert mounted.sentences() == (f"{setting} names a file that doesn't exist ({file}). {advice}",)
    file.mkdir()
    assert mounted.sentences() == (f"{setting} names a directory ({file}). Name the file in it.",)
    file.rmdir()
    for content in (b"", b" \r\n"):
        file.write_bytes(content)
        assert mounted.sentences() == (f"{setting} names a file that is empty ({file}). {only}",)
    file.write_bytes("hidden".encode("utf-16"))
    assert mounted.sentences() == (f"{setting} names a file that is not UTF-8 text ({file}). {only}",)
    file.write_bytes(b"hidden" * MOST_BYTES)
    assert mounted.sentences() == (f"{setting} names a file that is too long ({file}). {only}",)
    file.write_bytes(b"x")
    mounted.set(**{setting: f"{file}/below"})
    advice = "Fix the path, or let the bot's user read it."
    assert mounted.sentences() == (f"{setting} names a file that can't be read ({file}/below). {advice}",)


def test_a_file_that_the_user_may_not_read(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hidden")
    file.chmod(0)
    user = os.geteuid()
    if user == 0:  # who reads everything
        os.seteuid(NOBODY)
    try:
        found = read_secret("SLACK_BOT_TOKEN", str(file))
    finally:
        os.seteuid(user)

    assert isinstance(found, Unusable)
    assert str(found) == (
        f"SLACK_BOT_TOKEN_FILE names a file that can't be read ({file}). Fix the path, or let the bot's user read it"
    )


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_place_of_its_path_is_not_quoted(mounted: Mounted, name: str) -> None:
    mounted.set(**{f"{name}_FILE": VALUES[name]})

    assert mounted.sentences() == (
        f"{name}_FILE names a file that doesn't exist. Mount or create it, or fix the path.",
    )


def test_a_wrong_value_in_a_file_has_the_same_sentence_as_elsewhere(mounted: Mounted) -> None:
    mounted.file("SLACK_BOT_TOKEN").write_text("xapp-hidden\n")
    mounted.file("PURECLOUD_CLIENT_SECRET").write_text("hidden\nand more\n")
    mounted.file("DATABASE_URL").write_text("mysql://hidden\n")

    database, secret, token = sorted(mounted.sentences())

    assert database.startswith("DATABASE_URL must start with sqlite+aiosqlite:/// ")
    assert secret == (
        "PURECLOUD_CLIENT_SECRET is empty or contains a space, line break or special character; copy it again."
    )
    assert token.startswith("SLACK_BOT_TOKEN must start with xoxb-. This is an app-level token")


def test_a_policy_file_is_no_secret() -> None:
    assert "RECORDING_POLICY_FILE" not in FILE_NAMES


async def test_serve_check_and_the_other_commands_say_the_same(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    shell = Shell(tmp_path, PLAIN | {f"{name}_FILE": str(gone) for name in SECRETS if name != "SLACK_SIGNING_SECRET"})
    sentences = {
        name: f"{name}_FILE names a file that doesn't exist ({gone}). Mount or create it, or fix the path."
        for name in SECRETS
        if name != "SLACK_SIGNING_SECRET"
    }

    served, checked, verified = await shell("serve"), await shell("check", "--json"), await shell("audit", "verify")

    assert (served.status, sorted(served.err.splitlines())) == (2, sorted(sentences.values()))
    assert checked.status == 2
    assert sorted(one["problem"] for one in checked.facts["checks"]) == sorted(sentences.values())
    assert (verified.status, verified.err) == (2, sentences["DATABASE_URL"] + "\n")


async def test_check_knows_the_names_of_files(tmp_path: Path) -> None:
    """A name that is almost a setting's is reported; these are settings."""
    secret = tmp_path / "token"
    secret.write_text("xoxb-1\n")
    (tmp_path / ".env").write_text(f"SLACK_BOT_TOKEN_FILE={secret}\nSLACK_BOT_TOKEN_FILES=x\n")
    others = PLAIN | {"SLACK_APP_TOKEN": "xapp-1", "PURECLOUD_CLIENT_SECRET": "secret", "HTTP_PORT": "0"}
    nowhere = {"SLACK_API_URL": "http://127.0.0.1:9/api/", "GENESYS_API_URL": "http://127.0.0.1:9"}

    ran = await Shell(tmp_path, others | nowhere)("check", "--json")

    notes = next(one["problem"] for one in ran.facts["checks"] if one["what"] == "settings")
    assert notes == "Unknown setting SLACK_BOT_TOKEN_FILES. Did you mean SLACK_BOT_TOKEN_FILE?"
