"""The text files against each other and against the code."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.audit.entry import Phase
from bot.i18n.catalog import Catalog, Translations
from bot.recording.call import CallRecording
from bot.recording.models import RecordingState, Verb
from bot.slack.blocks.card import CONTROLS
from bot.slack.blocks.mrkdwn import length
from bot.slack.listeners.command import VERBS
from tests.support.slack.samples import LANGUAGES
from tests.support.slack.texts import CAUSES, ENGLISH, KINDS, Use, asked_for, facts, mentioned

OTHERS = sorted(set(LANGUAGES.known) - {"en"})
FROM_VALUES = [
    *(f"{section}.{state.value}" for section in ("states", "now", "standing") for state in RecordingState),
    *(f"buttons.{verb.value}{end}" for verb in CONTROLS for end in ("", "_of")),
    *(f"command.{verb.value}" for verb in Verb),
    *(f"help.{verb}{end}" for verb in VERBS for end in ("", "_usage")),
    *(f"status.{seen.value}{hold}" for seen in CallRecording for hold in ("", "_on_hold")),
    *(f"errors.{kind}_{end}" for kind in KINDS for end in ("what", "do")),
    *(f"denied.{cause}_{end}" for cause in CAUSES for end in ("what", "do")),
    *(f"export.{day}" for day in ("today", "yesterday")),
]
"""Keys that the code puts together."""


def test_german_is_there() -> None:
    assert "de" in OTHERS


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_and_no_other(language: str) -> None:
    assert set(LANGUAGES.known[language].texts) == set(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_puts_the_same_facts_in(language: str) -> None:
    texts = LANGUAGES.known[language].texts
    different = [key for key, text in ENGLISH.items() if facts(texts[key]) != facts(text)]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES.known)
def test_a_text_with_forms_has_both(language: str) -> None:
    forms = [set(text) for text in LANGUAGES.known[language].texts.values() if not isinstance(text, str)]
    assert forms
    assert all(one == {"one", "other"} for one in forms)


@pytest.mark.parametrize("language", LANGUAGES.known)
def test_no_text_makes_a_link_by_accident(language: str) -> None:
    plain = ("errors.", "details.", "denied.")  # these and what one can type are escaped where they are shown
    texts = LANGUAGES.known[language].texts.items()
    marked = {key: text for key, text in texts if not key.startswith(plain) and not key.endswith("_usage")}
    assert [key for key, text in marked.items() if "<" in str(text)] == []


@pytest.mark.parametrize("key", FROM_VALUES)
def test_there_is_a_text_for_every_value(key: str) -> None:
    assert key in ENGLISH


def test_a_text_that_the_code_asks_for_is_there_and_gets_its_facts() -> None:
    uses = asked_for()
    assert len(uses) > 100  # the code has many more
    assert [f"{use.where} {use.pattern}" for use in uses if not use.keys()] == []
    assert [f"{use.where} {use.pattern}: {lacking}" for use in uses if (lacking := _lacking(use))] == []


def _lacking(use: Use) -> list[set[str]]:
    """Return the facts that each text lacks; none where one has all: a key that is put together leads to several."""
    if use.given is None:
        return []
    keys = use.keys()
    lacking = [facts(ENGLISH[key]) - use.given for key in keys]
    return [] if set() in lacking else lacking


def test_no_text_is_unused() -> None:
    assert sorted(set(ENGLISH) - mentioned() - {"language.name"}) == []


def test_phases_of_the_trail_are_words_of_the_evidence_and_not_translated() -> None:
    assert not {key for key in ENGLISH for phase in Phase if key == f"phases.{phase.value}"}


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-DE", "de"), ("de_AT", "de"), ("DE", "de"), ("en-GB", "en"), ("fr-FR", "en"), ("", "en"), (None, "en")],
)
def test_a_locale_leads_to_a_language(locale: str | None, language: str) -> None:
    assert LANGUAGES.of(locale).language == language


def test_what_a_language_lacks_is_said_in_english_and_a_number_chooses_its_form() -> None:
    english = Catalog("en", {"a.b": "{name}!", "a.n": {"one": "one", "other": "{count} of them"}})
    languages = Translations(
        {"en": english, "xx": Catalog("xx", {"a.n": {"one": "eins", "other": "{count} Stück"}}, english)}
    )
    words = languages.of("xx-XX")
    assert words("a.b", name="{x}") == "{x}!"
    assert [words("a.n", count=count) for count in (0, 1, 2)] == ["0 Stück", "eins", "2 Stück"]
    assert words.has("a.b")
    assert not words.has("a.c")
    with pytest.raises(KeyError):
        words("a.c")
    with pytest.raises(KeyError):
        words("a.b")


@pytest.mark.parametrize("language", LANGUAGES.known)
def test_a_length_at_the_end_of_a_sentence_brings_no_second_full_stop(language: str) -> None:
    words = LANGUAGES.known[language]
    lengths = [length(timedelta(seconds=seconds), words) for seconds in (7, 65, 3665)]
    ending = [str(text) for text in words.texts.values() if str(text).endswith(("{length}.", "{paused}."))]
    assert [one for one in lengths for text in ending if f"{one}.".endswith("..")] == []


@pytest.mark.parametrize("language", LANGUAGES.known)
def test_a_state_with_a_length_behind_it_reads_as_one(language: str) -> None:
    words = LANGUAGES.known[language]
    said = words("states.after", state=words("states.stopped_policy"), length="12 min")
    assert re.search(r"(deleted|gelöscht) (after|nach) 12 min", said) is None
