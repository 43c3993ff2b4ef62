"""The settings of what ends by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.config.settings import RecordingSettings, load, problem_with
from bot.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("RECORDING_PAUSE_AT_MOST", "RECORDING_AT_MOST"):
        monkeypatch.delenv(name, raising=False)


def test_by_default_nothing_ends_by_itself() -> None:
    settings = load(RecordingSettings)
    assert (settings.recording_pause_at_most, settings.recording_at_most) == (None, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("90s", timedelta(seconds=90)), (" 5m ", timedelta(minutes=5)), ("4h", timedelta(hours=4)), ("", None)],
)
def test_a_length(monkeypatch: pytest.MonkeyPatch, written: str, meant: timedelta | None) -> None:
    for name in ("RECORDING_PAUSE_AT_MOST", "RECORDING_AT_MOST"):
        monkeypatch.setenv(name, written)
    settings = load(RecordingSettings)
    assert (settings.recording_pause_at_most, settings.recording_at_most) == (meant, meant)


@pytest.mark.parametrize("wrong", ["90", "9s", "soon", "-5m", "5h", "1d", "1m30s"])
def test_what_is_none_is_named(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("RECORDING_PAUSE_AT_MOST", wrong)
    with pytest.raises(SettingsError) as refused:
        load(RecordingSettings)
    wanted = "use a number with s, m or h, from 10s to 4h, such as 90s or 5m; empty for no limit"
    assert refused.value.sentences == (f"RECORDING_PAUSE_AT_MOST is wrong: {wanted}.",)


def test_a_recording_may_last_a_day() -> None:
    assert problem_with("RECORDING_AT_MOST", "24h") == ""
    assert "from 10s to 24h" in problem_with("RECORDING_AT_MOST", "25h")
