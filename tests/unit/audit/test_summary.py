from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import rfc8785

from bot.audit.reports.summary import (
    Activity,
    Lengths,
    Summary,
    Unresolved,
    by_hour,
    counted,
    denials,
    lengths,
    summary_from,
)

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_counts_are_arranged_by_action_and_phase() -> None:
    rows = [("recording:stop", "succeeded", 2), ("recording:start", "failed", 1), ("recording:start", "denied", 3)]
    assert counted(rows) == {"recording:start": {"denied": 3, "failed": 1}, "recording:stop": {"succeeded": 2}}
    assert list(counted(rows)) == ["recording:start", "recording:stop"]


def test_lengths_are_added_up_and_the_longest_is_known() -> None:
    rows = [("a", NINE, NINE + timedelta(seconds=30)), ("b", NINE, NINE + timedelta(minutes=2)), ("c", NINE, NINE)]
    assert lengths(rows) == Lengths(3, 150, 120, "b")
    assert lengths([]) == Lengths(0, 0, 0, None)


def test_a_length_is_never_negative() -> None:
    assert lengths([("a", NINE, NINE - timedelta(hours=1))]) == Lengths(1, 0, 0, "a")


def test_the_most_denied_come_first_and_the_many_others_are_one_figure() -> None:
    rows = [(f"slack:T:U{number:02}", number) for number in range(1, 31)]
    found = denials(rows)
    assert next(iter(found)) == "slack:T:U30"
    assert len(found) == 21
    assert sum(found.values()) == sum(number for _, number in rows)
    assert found["others"] == sum(range(1, 11))


def test_hours_are_those_of_the_zones_clock() -> None:
    kolkata = by_hour([("2026-03-02T18:29", 1), ("2026-03-02T18:30", 5)], ZoneInfo("Asia/Kolkata"))
    assert (kolkata[23], kolkata[0], sum(kolkata)) == (1, 5, 6)
    # Both hours that the clocks call two on the night when they go back are hour two.
    berlin = by_hour([("2026-10-25T00:30", 1), ("2026-10-25T01:30", 1)], ZoneInfo("Europe/Berlin"))
    assert berlin[2] == 2


def test_a_summary_goes_into_an_entry_and_comes_back() -> None:
    summary = Summary(
        counts={"recording:start": {"denied": 2}},
        recordings=Lengths(2, 90, 60, "call"),
        denials={"slack:T:U": 2},
        unresolved=Unresolved(requests=1, in_doubt=2, live=3, missing_lines=4, altered=5),
        activity=Activity(denied=tuple(range(24))),
    )
    stored = json.loads(rfc8785.dumps(summary.facts()))
    assert summary_from(stored) == summary
    assert (summary.entries, summary.denied, summary.unresolved.anything, summary.activity.any) == (2, 2, True, True)


def test_an_empty_summary_is_an_empty_one_when_it_comes_back() -> None:
    assert summary_from(json.loads(rfc8785.dumps(Summary().facts()))) == Summary()
    assert not Summary().unresolved.anything
    assert not Unresolved(live=3).anything
