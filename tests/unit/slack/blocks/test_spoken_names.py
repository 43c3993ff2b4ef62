"""What a screen reader says of a button holds the words on it, so that somebody can name it by them (WCAG 2.5.3)."""

from __future__ import annotations

import pytest

from bot.i18n.catalog import read_languages

BUTTONS = (
    *(("buttons." + verb, "buttons." + verb + "_of") for verb in ("stop", "pause", "resume")),
    ("again.button", "again.button_of"),
    ("approval.confirm", "approval.confirm_of"),
    ("approval.withdraw", "approval.withdraw_of"),
    ("home.start", "home.start_of"),
    *(("home.export_" + period, "home.export_" + period + "_of") for period in ("today", "7d", "30d")),
)
LONGEST = 75


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
@pytest.mark.parametrize(("shown", "spoken"), BUTTONS, ids=[one for one, _ in BUTTONS])
def test_the_words_on_a_button_are_in_its_spoken_name(locale: str, shown: str, spoken: str) -> None:
    words = read_languages().of(locale)
    name = words(spoken, call="3f2a9c64")
    assert words(shown).casefold() in name.casefold()
    assert len(name) <= LONGEST
