"""When the digest is due, as the settings say it."""

from __future__ import annotations

import pytest

from bot.config.settings import DigestSettings, load
from bot.errors import SettingsError


@pytest.mark.parametrize("typed", ["00:00", "08:00", "23:59", "off", "OFF"])
def test_a_time_of_day_or_off(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("AUDIT_DIGEST_AT", typed)
    assert load(DigestSettings).audit_digest_at == typed.lower()


@pytest.mark.parametrize("typed", ["8", "8:00", "24:00", "08:60", "08:00:00", "noon", "-1:00"])
def test_no_time_of_day(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("AUDIT_DIGEST_AT", typed)
    with pytest.raises(SettingsError) as refused:
        load(DigestSettings)
    assert refused.value.sentences == ("AUDIT_DIGEST_AT must be a time of day such as 08:00, or off.",)


@pytest.mark.parametrize("typed", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires"])
def test_a_zone(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("AUDIT_DIGEST_ZONE", typed)
    assert load(DigestSettings).audit_digest_zone == typed


@pytest.mark.parametrize("typed", ["Berlin", "Europe", "CEST+2", "/etc/passwd", "../UTC", "Europe/Berlin\0", " "])
def test_no_zone(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_zone(monkeypatch, typed)
    (sentence,) = refused.value.sentences
    assert sentence.startswith("AUDIT_DIGEST_ZONE is wrong: ")
    assert "use a name such as Europe/Berlin or UTC" in sentence


def load_zone(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    if "\0" in typed:  # no environment can hold it, but a file can
        monkeypatch.setattr("os.environ", {"AUDIT_DIGEST_ZONE": typed})
    else:
        monkeypatch.setenv("AUDIT_DIGEST_ZONE", typed)
    load(DigestSettings)
