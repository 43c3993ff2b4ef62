from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.context import team_of
from bot.slack.text import actor_name, escape, length, moment, shorten, unescape


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
        ("slack:T2:U0ADA", "U0ADA of another workspace"),
        ("slack:?:<!here>", "&lt;!here&gt; of another workspace"),
        ("cli:ada", "ada (terminal)"),
        ("bot", "record-bot"),
    ],
)
def test_actors_are_named(actor: str, name: str) -> None:
    assert actor_name(actor, "T1") == name


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min")]
)
def test_lengths_are_said_as_people_do(seconds: int, words: str) -> None:
    assert length(timedelta(seconds=seconds)) == words


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
