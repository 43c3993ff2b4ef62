"""The words of a digest, and of a call's history."""

from __future__ import annotations

from typing import Any

import pytest

from bot.audit.entry import Phase
from bot.audit.reports.summary import Activity, Lengths, Summary, Unresolved
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.audit.names import LineNames
from bot.slack.blocks.reports.digest import count_lines, day_chart, message, totals
from bot.slack.listeners.call_history import story
from tests.support.slack.samples import CALL, HOSTILE, STYLE, WORDS, entry

HASH = "ab" * 32
HOURS = (0,) * 24
BUSY = Summary(
    counts={"recording:start": {"requested": 12, "succeeded": 11, "failed": 1}},
    recordings=Lengths(11, 5000, 3661, CALL),
    denials={"slack:T1:U0MALLORY": 3, "slack:T2:U0OUTSIDE": 1, "others": 4},
    unresolved=Unresolved(requests=1, in_doubt=2, live=1, missing_lines=3, altered=1),
    activity=Activity(started=(*HOURS[:9], 7, 4, *HOURS[:13]), failed=(*HOURS[:23], 1)),
)


def digest(summary: Summary = BUSY, **more: Any) -> Any:
    facts = {"day": "2026-03-01", "zone": "Europe/Berlin", "head_seq": 41, "head_hash": HASH, **summary.facts()}
    return entry(seq=42, phase=Phase.OBSERVED, action="audit:digest", actor="bot", outcome=facts | more)


found_chart = day_chart(digest())
assert found_chart is not None
CHART = found_chart


def test_the_figures_are_all_there() -> None:
    text = message(digest(), STYLE)["text"]
    for words in (
        "Recording activity on Sunday, 1 March 2026",
        "Midnight to midnight, Europe/Berlin time",
        "*24 entries*",
        "• *Start*: 12 requested \u2013 11 started, 1 failed",
        f"11 finished, 1 h 23 min in total; longest 1 h 01 min (call `{CALL}`).",
        "8 requests \u2013 <@U0MALLORY> 3, U0OUTSIDE (another workspace) 1, others 4.",
        "1 request without a result, 2 recordings not confirmed, 3 entries are missing from the audit channel",
        "*1 entry doesn't match the audit channel*",
        "1 recording is still running",
        f"#41 `{HASH}`",
        f"record-bot audit verify --head {HASH}",
        "Audit #42",
    ):
        assert words in text


def test_blocks_say_what_the_text_says_and_slack_takes_them() -> None:
    found = message(digest(), STYLE, again=True, chart=CHART, drawn=CHART.block())
    assert wrong_with_blocks(found["blocks"]) == []
    shown = str(found["blocks"])
    for words in ("Sunday, 1 March 2026", HASH, "_reposted_", "data_visualization", "<@U0MALLORY>"):
        assert words in shown
    assert found["text"].endswith("Audit #42. reposted")


def test_a_quiet_day() -> None:
    text = message(digest(Summary()), STYLE)["text"]
    assert "*No activity*" in text
    assert "*Recordings*: none finished." in text
    assert "*Open issues*: none." in text
    assert "Denied" not in text


def test_nothing_that_came_from_outside_comes_alive() -> None:
    hostile = Summary(counts={HOSTILE: {"denied": 1}}, denials={f"cli:{HOSTILE}": 1})
    for text in (*totals(hostile, STYLE), message(digest(hostile, zone=HOSTILE), STYLE)["text"]):
        assert "<!channel>" not in text
        assert "<https://evil" not in text


def test_so_many_actions_that_a_section_cannot_hold_them_are_shortened() -> None:
    many = Summary(counts={f"recording:{number:04}": {"requested": 1} for number in range(500)})
    assert wrong_with_blocks(message(digest(many), STYLE)["blocks"]) == []


def test_the_chart_in_words() -> None:
    text = message(digest(), STYLE, chart=CHART)["text"]
    assert (
        "Recordings by hour, 2026-03-01: 11 started (7 at 08\u201310, 4 at 10\u201312); 1 failed (1 at 22\u201324)."
        in text
    )
    everything = Summary(activity=Activity(*(tuple(range(1000, 1024)),) * 3))
    chart = day_chart(digest(everything))
    assert chart is not None
    assert len(chart.words()) <= 1000


@pytest.mark.parametrize("number", [1, 40])
def test_a_story_fits_into_a_message(number: int) -> None:
    told = [(entry(seq=seq, reason_digest="d"), HOSTILE + "&" * 3000) for seq in range(1, number + 1)]
    answer = story(CALL, told, 7, 99, STYLE, WORDS, LineNames(mentions=True))
    assert wrong_with_blocks(answer["blocks"]) == []
    assert len(answer["text"]) < 40_000
    assert "older entries are not shown" in answer["text"]
    assert "<!channel>" not in answer["text"]
    assert f"*#{number}*" in answer["text"]


def test_a_story_shows_words_only_with_the_entry_that_has_them() -> None:
    told = [(entry(seq=1, reason_digest="d"), "an invoice\nof two lines"), (entry(seq=2), None)]
    answer = story(CALL, told, 0, 9, STYLE, WORDS, LineNames(mentions=True))
    assert answer["text"].count("\n> ") == 1
    assert "> an invoice of two lines" in answer["text"]
    assert "left out" not in answer["text"]


def test_requests_that_are_one_entry_with_their_result_are_not_counted_as_missing() -> None:
    counts = {
        "recording:read": {"requested": 2, "succeeded": 5},
        "recording:start": {"requested": 3, "succeeded": 2, "failed": 1},
        "recording:stop": {"requested": 2, "succeeded": 1},
    }
    assert count_lines(counts) == [
        "• *Look-up*: 5 succeeded",
        "• *Start*: 3 requested \N{EN DASH} 2 started, 1 failed",
        "• *Stop*: 2 requested \N{EN DASH} 1 stopped",
    ]
