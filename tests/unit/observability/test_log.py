"""What reaches standard error, and what must never."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog

from bot.observability import logging as log
from bot.observability.logging import REDACTED, redacted

SECRETS = (
    "xoxb-123-456-AbCdEf",
    "xapp-1-A0B-7-deadbeef",
    "Bearer eyJhbGciOi.J9-_x=",
    "Basic Y2xpZW50OnNlY3JldA==",
    "v0=0123456789abcdef0123456789abcdef",
)


pytestmark = pytest.mark.usefixtures("logs_as_before")


def lines(written: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.splitlines()]


def fail() -> None:
    raise RuntimeError("refused: Bearer abcdef-123")


@pytest.mark.parametrize("secret", SECRETS)
def test_what_has_the_shape_of_a_secret_goes_wherever_it_stands(secret: str) -> None:
    cleaned = json.dumps(redacted({"event": f"sent {secret} to", "deep": [{"list": (secret,)}]}))

    assert secret.rsplit(maxsplit=1)[-1] not in cleaned
    assert cleaned.count(REDACTED) == 2


@pytest.mark.parametrize(
    "name", ["token", "bot_token", "client_secret", "Authorization", "X-Slack-Signature", "password", "Set-Cookie"]
)
def test_what_has_the_name_of_a_secret_goes_whatever_it_is(name: str) -> None:
    assert redacted({"headers": {name: "plain words", "other": 7}}) == {"headers": {name: REDACTED, "other": 7}}


@pytest.mark.parametrize(
    "text", ["wss://slack.example/link?ticket=abc&x=1", "client_secret=abc&x=1", "POST token=abc&x=1"]
)
def test_parameters_that_are_secret_go(text: str) -> None:
    cleaned = redacted(text)

    assert "abc" not in cleaned
    assert cleaned.endswith("&x=1")


def test_what_is_no_secret_stays() -> None:
    kept = {"event": "recording started", "seq": 7, "ok": True, "token": None, "nothing": None}

    assert redacted(kept) == kept


@pytest.mark.parametrize("format_", ["json", "text"])
def test_our_logs_and_the_libraries_go_one_way(capsys: pytest.CaptureFixture[str], format_: str) -> None:
    log.configure(format_=format_)

    structlog.get_logger("bot.test").info("ours", bot_token="xoxb-1-2-3", seq=7)
    logging.getLogger("library").warning("theirs: %s", "xapp-1-2-3")

    written = capsys.readouterr().err
    assert "ours" in written
    assert "theirs" in written
    assert "-1-2-3" not in written
    assert len(written.splitlines()) == 2


def test_a_secret_in_a_traceback_goes(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(format_="json")

    try:
        fail()
    except RuntimeError:
        structlog.get_logger("bot.test").exception("broke")

    written = capsys.readouterr().err
    (line,) = lines(written)
    assert (line["event"], line["level"]) == ("broke", "error")
    assert "RuntimeError" in line["exception"]
    assert "abcdef" not in written


def test_json_is_one_object_a_line_with_a_utc_time(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()  # standard error is no terminal here

    structlog.get_logger("bot.test").info("two\nlines")

    (line,) = lines(capsys.readouterr().err)
    assert line["event"] == "two\nlines"
    assert line["timestamp"].endswith("Z")


def test_levels_hold_for_us_and_libraries_are_never_chatty(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(format_="json", level="debug")
    structlog.get_logger("bot.test").debug("ours")
    logging.getLogger("slack_sdk").info("theirs")

    log.configure(format_="json", level="error")
    structlog.get_logger("bot.other").warning("ours")
    logging.getLogger("slack_sdk").warning("theirs")

    assert [line["event"] for line in lines(capsys.readouterr().err)] == ["ours"]


def test_a_secret_of_this_process_goes_wherever_it_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SECRET_VALUES", set())
    log.keep_secret("NotAShape_Secret", "short")

    assert redacted({"cause": "the client NotAShape_Secret is short"}) == {"cause": f"the client {REDACTED} is short"}


def test_what_anybody_can_cause_fills_no_disk(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(format_="json")
    for _ in range(10 * log.LINES_A_MINUTE):
        structlog.get_logger("bot.slack.app").warning("slack_signature_refused", remote="192.0.2.1")
        logging.getLogger("asyncio").error("socket.accept() out of system resource")
        structlog.get_logger("bot").warning("card_publish_failed")

    found = [line["event"] for line in lines(capsys.readouterr().err)]
    assert found.count("slack_signature_refused") == log.LINES_A_MINUTE
    assert found.count("socket.accept() out of system resource") == log.LINES_A_MINUTE
    assert found.count("card_publish_failed") == 10 * log.LINES_A_MINUTE


def test_the_next_minute_says_how_many_lines_were_dropped() -> None:
    limit = log.RepeatLimit()

    def taken(at: float) -> logging.LogRecord | None:
        record = logging.LogRecord("bot", logging.WARNING, "", 0, {"event": "slack_payload_refused"}, None, None)
        record.created = at
        return record if limit.filter(record) else None

    assert [taken(0.0) is not None for _ in range(25)] == [True] * 20 + [False] * 5
    later = taken(60.0)
    assert later is not None
    assert later.msg == {"event": "slack_payload_refused", "lines_dropped": 5}
