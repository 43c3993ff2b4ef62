"""The settings of reminders: lengths of time, and none at all."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.config.settings import SlackSettings, load
from bot.errors import SettingsError
from tests.support.shell import BOT_SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-secret-value",
    "SLACK_APP_TOKEN": "xapp-secret-value",
    "SLACK_AUDIT_CHANNEL": "C0AUDIT",
    "SLACK_SUPERVISORS": "U0ADA",
}


@pytest.fixture(autouse=True)
def slack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_by_default_after_half_an_hour_and_three_minutes() -> None:
    settings = load(SlackSettings)
    assert settings.recording_remind_after == timedelta(minutes=30)
    assert settings.recording_pause_remind_after == timedelta(minutes=3)


@pytest.mark.parametrize(
    ("written", "meant"), [("0", None), ("90m", timedelta(minutes=90)), ("2h", timedelta(hours=2)), (" 0 ", None)]
)
def test_a_length_of_time_or_none(monkeypatch: pytest.MonkeyPatch, written: str, meant: timedelta | None) -> None:
    monkeypatch.setenv("RECORDING_REMIND_AFTER", written)
    assert load(SlackSettings).recording_remind_after == meant


@pytest.mark.parametrize("wrong", ["3", "-1m", "soon", "0m", "5s"])
def test_what_is_neither_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("RECORDING_PAUSE_REMIND_AFTER", wrong)
    with pytest.raises(SettingsError) as refused:
        load(SlackSettings)
    wanted = "use a number with d, h or m, such as 1d, 2h or 30m, or 0 for never"
    assert refused.value.sentences == (f"RECORDING_PAUSE_REMIND_AFTER is wrong: {wanted}.",)
