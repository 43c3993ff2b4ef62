from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n.shorten import shorten
from bot.slack.blocks.mrkdwn import END, ISOLATE, actor_name, escape, inline, isolated, length, moment, unescape
from bot.slack.listeners.context import team_of
from tests.support.slack.samples import LANGUAGES, WORDS


@given(st.text())
def test_what_is_escaped_can_not_come_alive_and_reads_back_as_it_was(typed: str) -> None:
    assert not {"<", ">"} & set(escape(typed))
    assert unescape(escape(typed)) == typed


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_shortened_text_fits(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit
    assert shorten(text, limit) == text or shorten(text, limit).endswith("…")


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("slack:T1:U0ADA", "<@U0ADA>"),
        ("slack:T2:U0ADA", "U0ADA (another workspace)"),
        ("slack:?:<!here>", "&lt;!here&gt; (another workspace)"),
        ("cli:ada", "ada (terminal)"),
        ("bot", "record-bot"),
    ],
)
def test_actors_are_named(actor: str, name: str) -> None:
    assert actor_name(actor, "T1", WORDS) == name


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min")]
)
def test_lengths_are_said_as_people_do(seconds: int, words: str) -> None:
    assert length(timedelta(seconds=seconds), WORDS) == words


def test_lengths_and_actors_are_said_in_the_readers_language() -> None:
    german = LANGUAGES.of("de-DE")
    assert length(timedelta(seconds=3720), german) == "1 Std. 02 Min."
    assert actor_name("outside", "T1", german) == "jemand in Genesys"


@pytest.mark.parametrize("typed", ["Anna Berg", "Zoë 🎧", "", "1, 2, 3"])
def test_left_to_right_text_stays_as_it_was_typed(typed: str) -> None:
    assert isolated(typed) == typed


@pytest.mark.parametrize("typed", ["שלום", "call 12 مرحبا", "a \u202e\u2069 ب"])
def test_right_to_left_text_can_not_turn_the_rest_of_a_line_around(typed: str) -> None:
    kept = isolated(typed)
    assert kept.startswith(ISOLATE)
    assert kept.endswith(END)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(kept[1:-1])


def test_an_override_alone_is_taken_out() -> None:
    assert isolated("abc\u202edef") == "abcdef"


def test_typed_text_within_a_line_is_inert_and_stays_in_its_line() -> None:
    assert inline("two\nlines  <!here> & more", 100) == "two lines &lt;!here&gt; &amp; more"
    assert inline("x" * 200, 100) == "x" * 99 + "…"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_typed_text_fits_with_its_escapes(typed: str, limit: int) -> None:
    kept = inline(typed, limit).strip(ISOLATE + END)
    assert len(kept) <= limit
    assert not {"<", ">"} & set(kept)
    assert not re.search("&(?!(amp|lt|gt);)", kept)  # no escape is cut in two


def test_a_time_has_a_form_for_the_reader_and_one_for_a_notification() -> None:
    when = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)
    assert moment(when) == f"<!date^{int(when.timestamp())}^{{time_secs}}|2026-03-02 12:00:05 UTC>"


@pytest.mark.parametrize(
    ("payload", "team"),
    [
        ({"user": {"id": "U1", "team_id": "T2"}, "team": {"id": "T1"}}, "T2"),
        ({"user": {"id": "U1"}, "team": {"id": "T1"}}, "T1"),
        ({"team_id": "T1"}, "T1"),
        ({"team": None}, None),
        ({}, None),
    ],
)
def test_the_persons_own_team_counts(payload: dict[str, object], team: str | None) -> None:
    assert team_of(payload) == team
