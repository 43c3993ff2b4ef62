"""Settings: what is taken, and the one sentence for each thing that is wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from bot.config.regions import AWS_REGIONS, REGIONS
from bot.config.settings import (
    MISSING,
    ControlSettings,
    DatabaseSettings,
    GenesysSettings,
    HttpSettings,
    LogSettings,
    RecordingSettings,
    ServeSettings,
    SlackSettings,
    load,
)
from bot.errors import SettingsError
from bot.i18n.catalog import read_languages
from bot.recording.requests import ReasonRules
from bot.sandbox.slack.block_kit.blocks import wrong_with_view
from bot.slack.blocks.start_modal import Form, start_view
from tests.support.shell import BOT_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Set = Callable[..., None]

GENESYS = {"PURECLOUD_CLIENT_ID": "client", "PURECLOUD_CLIENT_SECRET": "genesys-secret-value"}
SLACK = {
    "SLACK_BOT_TOKEN": "xoxb-secret-value",
    "SLACK_APP_TOKEN": "xapp-secret-value",
    "SLACK_AUDIT_CHANNEL": "C0AUDIT",
    "SLACK_SUPERVISORS": "U0ADA, S0SUPERS,",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Set settings; the developer's own are out of the way."""
    for name in os.environ:
        if name.startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def put(values: dict[str, str] | None = None, **more: str) -> None:
        for name, value in ((values or {}) | more).items():
            monkeypatch.setenv(name, value)

    return put


def sentences(part: type[ServeSettings]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        load(part)
    return refused.value.sentences


def test_the_least_that_is_needed(settings: Set) -> None:
    settings(SLACK | GENESYS)

    found = load(ServeSettings)

    assert found.slack_supervisors == ("U0ADA", "S0SUPERS")
    assert found.slack_compliance == ()
    assert found.slack_api_url == "https://slack.com/api/"
    assert found.purecloud_environment == "mypurecloud.com"
    assert found.genesys_recording_api == "conversations"
    assert found.genesys_api_url is None
    assert found.database_url == "sqlite+aiosqlite:///record-bot.db"
    assert (found.http_host, found.http_port) == ("127.0.0.1", 3000)
    assert (found.log_format, found.log_level) == (None, "info")
    assert (found.recording_reasons, found.recording_reason_required) == ({}, False)


def test_secrets_are_in_no_repr_and_settings_cannot_change(settings: Set) -> None:
    settings(SLACK | GENESYS, SLACK_SIGNING_SECRET="signing-secret-value")

    found = load(ServeSettings)

    assert "secret-value" not in f"{found!r} {found}"
    with pytest.raises(ValidationError):
        found.http_port = 1


def test_each_missing_one_gets_its_sentence(settings: Set) -> None:
    settings()

    missing = [one for one in sentences(ServeSettings) if not one.startswith("Set SLACK_APP_TOKEN")]
    assert sorted(missing) == sorted(f"{name} is missing. {what}." for name, what in MISSING.items())
    assert len(sentences(ServeSettings)) == len(missing) + 1


def test_an_empty_one_is_a_missing_one(settings: Set) -> None:
    settings(SLACK | GENESYS, SLACK_BOT_TOKEN="", HTTP_PORT="")

    assert [one.partition(".")[0] for one in sentences(ServeSettings)] == ["SLACK_BOT_TOKEN is missing"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SLACK_BOT_TOKEN", "hidden", "SLACK_BOT_TOKEN must start with xoxb-."),
        (
            "RECORDING_FOLLOW_TRANSFERS",
            "sometimes",
            "RECORDING_FOLLOW_TRANSFERS must be 'ask', 'always' or 'never'.",
        ),
        ("SLACK_APP_TOKEN", "hidden", "SLACK_APP_TOKEN must start with xapp-."),
        (
            "SLACK_BOT_TOKEN",
            "xapp-hidden",
            "SLACK_BOT_TOKEN must start with xoxb-. This is an app",
        ),
        (
            "SLACK_BOT_TOKEN",
            "xoxp-hidden",
            "SLACK_BOT_TOKEN must start with xoxb-. This is a user token",
        ),
        (
            "SLACK_BOT_TOKEN",
            "xoxe.xoxb-hidden",
            "SLACK_BOT_TOKEN must start with xoxb-. This is an expiring token",
        ),
        ("SLACK_BOT_TOKEN", '"xoxb-hidden"', "SLACK_BOT_TOKEN is wrong: remove the quotation marks."),
        ("SLACK_BOT_TOKEN", "xoxb-hid\nden", "SLACK_BOT_TOKEN is empty or contains a space, line break"),
        (
            "SLACK_APP_TOKEN",
            "xapp-hidden\u2026",
            "SLACK_APP_TOKEN is empty or contains a space, line break",
        ),
        (
            "SLACK_SIGNING_SECRET",
            "xapp-hidden",
            "SLACK_SIGNING_SECRET is wrong: this is an app-level token",
        ),
        ("PURECLOUD_CLIENT_SECRET", "hidden # mine", "PURECLOUD_CLIENT_SECRET is empty or contains a space"),
        ("PURECLOUD_CLIENT_SECRET", "'hidden'", "PURECLOUD_CLIENT_SECRET is wrong: remove the quotation marks"),
        ("PURECLOUD_CLIENT_ID", " ", "PURECLOUD_CLIENT_ID is empty or contains a space"),
        ("SLACK_API_URL", "https://slack.example", "SLACK_API_URL must end in /api/."),
        ("SLACK_API_URL", "slack.example/api/", "SLACK_API_URL must start with https://"),
        ("SLACK_AUDIT_CHANNEL", "#audit", "SLACK_AUDIT_CHANNEL is wrong: '#audit' is a name; use the channel id"),
        ("SLACK_SUPERVISORS", "U0ADA,@grace", "SLACK_SUPERVISORS is wrong: '@grace' is not a Slack user id"),
        ("SLACK_SUPERVISORS", " , ", "SLACK_SUPERVISORS is empty. List the ids"),
        ("SLACK_COMPLIANCE", "clara", "SLACK_COMPLIANCE is wrong: 'clara' is not a Slack user id"),
        ("PURECLOUD_ENVIRONMENT", "genesys.com", "PURECLOUD_ENVIRONMENT: 'genesys.com' is not a Genesys Cloud"),
        (
            "PURECLOUD_ENVIRONMENT",
            "eu-central-1",
            "PURECLOUD_ENVIRONMENT: 'eu-central-1' is not a Genesys Cloud region. It is an",
        ),
        ("GENESYS_API_URL", "ftp://gateway", "GENESYS_API_URL must start with https://"),
        ("GENESYS_RECORDING_API", "both", "GENESYS_RECORDING_API must be 'conversations' or 'sessions'."),
        ("DATABASE_URL", "postgresql+asyncpg://db", "DATABASE_URL must start with sqlite+aiosqlite:///"),
        ("DATABASE_URL", "postgresql://bot:p/w@db/bot", "DATABASE_URL is wrong: the port is not a number"),
        (
            "DATABASE_URL",
            "postgresql://bot:p@w@db/bot",
            "DATABASE_URL is wrong: there is more than one @ before the host",
        ),
        ("DATABASE_URL", "postgresql://bot:p#hidden@db/bot", "DATABASE_URL is wrong: the port is not a number"),
        (
            "DATABASE_URL",
            "postgresql://bot:12#hidden@db/bot",
            "DATABASE_URL is wrong: the user and password must come before",
        ),
        (
            "DATABASE_URL",
            "postgresql://bot:12?hidden@db/bot",
            "DATABASE_URL is wrong: the user and password must come before",
        ),
        (
            "DATABASE_URL",
            "postgresql://bot:hidden%@db/bot",
            "DATABASE_URL is wrong: a % must be followed by two hex",
        ),
        ("DATABASE_URL", "postgresql://bot:p[w@db/bot", "DATABASE_URL is wrong: not a valid URL; write special"),
        ("DATABASE_URL", "postgresql://bot:p[hidden]@db/bot", "DATABASE_URL is wrong: not a valid URL; write special"),
        ("DATABASE_URL", "postgresql://bot:hidden\uff20@db/bot", "DATABASE_URL is wrong: not a valid URL; write spec"),
        ("DATABASE_URL", "'sqlite+aiosqlite:///bot.db'", "DATABASE_URL is wrong: remove the quotation marks"),
        ("DATABASE_URL", "record-bot.db", "DATABASE_URL must start with sqlite+aiosqlite:///"),
        ("HTTP_PORT", "http", "HTTP_PORT must be a whole number."),
        ("HTTP_PORT", "70000", "HTTP_PORT must be at most 65535."),
        ("HTTP_PORT", "-1", "HTTP_PORT must be at least 0."),
        ("RECORDING_REASONS", "qa=Quality;oops", "RECORDING_REASONS is wrong: 'oops' is not a code=Label pair"),
        ("RECORDING_REASONS", "qa=Quality;qa=Query", "RECORDING_REASONS is wrong: the code 'qa' is there twice"),
        (
            "RECORDING_REASONS",
            f"{'c' * 151}=Label",
            f"RECORDING_REASONS is wrong: the code '{'c' * 39}…' has 151 characters; Slack's menus take at most 150.",
        ),
        (
            "RECORDING_REASONS",
            f"qa={'L' * 76}",
            f"RECORDING_REASONS is wrong: the label '{'L' * 39}…' has 76 characters; Slack's menus take at most 75.",
        ),
        (
            "RECORDING_REASONS",
            ";".join(f"r{number}=Reason {number}" for number in range(101)),
            "RECORDING_REASONS is wrong: it names 101 reasons; Slack's menus take at most 100. Remove 1.",
        ),
        ("RECORDING_REASON_REQUIRED", "maybe", "RECORDING_REASON_REQUIRED must be true or false."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be 'text' or 'json'."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be 'debug', 'info', 'warning' or 'error'."),
    ],
)
def test_a_wrong_one_gets_one_sentence(settings: Set, name: str, value: str, sentence: str) -> None:
    settings(SLACK | GENESYS, **{name: value})

    (found,) = sentences(ServeSettings)

    assert found.startswith(sentence)
    assert found.endswith(".")
    assert "hidden" not in found


def test_one_of_the_two_transports_is_needed(settings: Set) -> None:
    settings(SLACK | GENESYS, SLACK_APP_TOKEN="")

    (found,) = sentences(ServeSettings)
    assert found.startswith("Set SLACK_APP_TOKEN (xapp-…, for Socket Mode) or SLACK_SIGNING_SECRET")

    settings(SLACK_SIGNING_SECRET="signing")
    assert load(ServeSettings).slack_app_token is None


def test_as_many_and_as_long_reasons_as_slack_takes(settings: Set) -> None:
    longest = {f"{number:0150}": f"{number:075}" for number in range(100)}
    settings(RECORDING_REASONS=";".join(f"{code}={label}" for code, label in longest.items()))
    assert load(RecordingSettings).recording_reasons == longest
    view = start_view(Form(), read_languages().of("en"), ReasonRules(longest))
    assert wrong_with_view(view, wanted="modal") == []
    menu = next(one["element"] for one in view["blocks"] if one["block_id"] == "start_reason")
    assert {one["value"]: one["text"]["text"] for one in menu["options"]} == longest


def test_reasons_are_codes_with_labels(settings: Set) -> None:
    settings(RECORDING_REASONS=" qa = Quality check; dispute=Dispute ;", RECORDING_REASON_REQUIRED="true")

    found = load(RecordingSettings)

    assert found.recording_reasons == {"qa": "Quality check", "dispute": "Dispute"}
    assert found.recording_reason_required


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_is_taken(settings: Set, region: str) -> None:
    settings(GENESYS, PURECLOUD_ENVIRONMENT=region)

    assert load(GenesysSettings).purecloud_environment == region


def test_a_gateway_may_stand_anywhere(settings: Set) -> None:
    settings(GENESYS, PURECLOUD_ENVIRONMENT="our.own.gateway", GENESYS_API_URL="https://gateway.example")

    assert load(GenesysSettings).genesys_api_url == "https://gateway.example"


def test_each_part_asks_for_its_own_only(settings: Set) -> None:
    settings(HTTP_PORT="not asked for here")

    assert load(DatabaseSettings).database_url
    assert load(LogSettings).log_level == "info"
    with pytest.raises(SettingsError):
        load(HttpSettings)
    settings(GENESYS)
    assert load(ControlSettings).purecloud_client_id == "client"
    with pytest.raises(SettingsError):
        load(SlackSettings)


def test_the_environment_goes_before_the_file(settings: Set, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTP_PORT=4000\nHTTP_HOST=0.0.0.0\nSOMETHING_ELSE=1\n")
    settings(HTTP_PORT="5000")

    found = load(HttpSettings)

    assert (found.http_host, found.http_port) == ("0.0.0.0", 5000)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://bot:p%40ss%25@db:5432/bot?sslmode=verify-full",
        "postgresql+psycopg://bot@/bot?host=/run/postgresql",
        "postgresql+psycopg://db:5432/bot?user=bot&password=p@ss",
    ],
)
def test_addresses_of_postgresql_that_are_right(settings: Set, url: str) -> None:
    settings(DATABASE_URL=url)

    assert load(DatabaseSettings).database_url == url


def test_blanks_and_line_ends_around_a_value_are_taken_away(settings: Set) -> None:
    """As files of secrets have them, and settings that went through Windows."""
    settings(
        {name: f" {value}\r\n" for name, value in (SLACK | GENESYS).items()}, DATABASE_URL="sqlite+aiosqlite:///x.db\r"
    )

    found = load(ServeSettings)

    assert found.slack_bot_token.get_secret_value() == SLACK["SLACK_BOT_TOKEN"]
    assert found.purecloud_client_secret is not None
    assert found.purecloud_client_secret.get_secret_value() == GENESYS["PURECLOUD_CLIENT_SECRET"]
    assert found.slack_audit_channel == "C0AUDIT"
    assert found.database_url == "sqlite+aiosqlite:///x.db"


def test_a_file_from_windows(settings: Set, tmp_path: Path) -> None:
    settings()
    lines = [f"{name}={value}\r\n" for name, value in (SLACK | GENESYS).items()]
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbf" + "".join(lines).encode())

    assert load(ServeSettings).slack_bot_token.get_secret_value() == SLACK["SLACK_BOT_TOKEN"]


def test_a_file_that_is_not_utf8(settings: Set, tmp_path: Path) -> None:
    settings()
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-hidden\n", encoding="utf-16")

    assert [one[:37] for one in sentences(ServeSettings)] == ["The settings file .env is not UTF-8. "]


def test_a_line_that_is_no_setting_is_named_beside_what_it_leaves_missing(settings: Set, tmp_path: Path) -> None:
    settings(SLACK | GENESYS, SLACK_BOT_TOKEN="")
    (tmp_path / ".env").write_text("HTTP_PORT=0\nSLACK_BOT_TOKEN xoxb-hidden\n")

    line, missing = sentences(ServeSettings)

    assert line == "Line 2 of .env is not a setting; write NAME=value."
    assert missing.startswith("SLACK_BOT_TOKEN is missing")


def test_each_aws_name_leads_to_a_region() -> None:
    assert set(AWS_REGIONS.values()) < set(REGIONS)
    assert AWS_REGIONS["eu-central-1"] == "mypurecloud.de"


@pytest.mark.parametrize("secret", ["xoxb-1-2-AbCdEfGh", "xapp-1-A0-7-deadbeef", "0123456789abcdef" * 2, "Ab1_-" * 9])
def test_a_secret_in_the_wrong_setting_is_not_quoted(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    for name in ("SLACK_AUDIT_CHANNEL", "SLACK_SUPERVISORS", "PURECLOUD_ENVIRONMENT", "AUDIT_DIGEST_ZONE"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("RECORDING_REASONS", secret)
    with pytest.raises(SettingsError) as wrong:
        load(ServeSettings)
    assert secret not in str(wrong.value)
    assert "[redacted]" in str(wrong.value)
