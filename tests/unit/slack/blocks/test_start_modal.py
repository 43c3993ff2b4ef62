"""The start modal as Slack takes it, and what is read back out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.i18n.catalog import Catalog, read_languages
from bot.recording.call import CallRecording, Direction, LiveCall, Participant
from bot.recording.caller import Scope
from bot.recording.requests import ReasonRules
from bot.sandbox.slack.block_kit.blocks import wrong_with_options, wrong_with_view
from bot.sandbox.slack.state.changes import Changes
from bot.sandbox.slack.state.open_views import SimulatedView, Views
from bot.sandbox.slack.state.workspace import Workspace
from bot.slack.blocks.call_options import agent_options, agents_of, call_line, call_options
from bot.slack.blocks.start_modal import OPTIONS_LIMIT, Form, option, read_form, start_view
from bot.slack.listeners.shortcuts import calls_in

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
OTHER = "b81d6e0f-27c4-4f39-8a6d-c1f5093e7ab2"
ANNA, BEN = Participant("p-1", "u-anna", name="Anna Berg"), Participant("p-2", "u-ben", name="Ben Ode", queue_id="q-2")
LIVE = LiveCall(
    CALL, (ANNA,), "q-1", "Sales", Direction.INBOUND, NOW - timedelta(minutes=4, seconds=10), CallRecording.ACTIVE
)
REASONS = ReasonRules({"billing": "Billing complaint", "quality": "Quality"}, required=True)
RULES = (ReasonRules(), ReasonRules(required=True), REASONS, replace(REASONS, required=False))
HARD = "🎧" * 40 + "שלום עולם" * 9 + "x" * 400
LANGUAGES = read_languages().known
both = pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)


def shown(view: dict[str, Any]) -> SimulatedView:
    """Open a view in the simulated Slack, which refuses what Slack refuses."""
    assert wrong_with_view(view, wanted="modal") == []
    workspace = Workspace("T0SANDBOX", NOW.timestamp, Changes())
    return Views(workspace).push("U0ADA", view)


def block_ids(view: dict[str, Any]) -> list[str]:
    return [block["block_id"] for block in view["blocks"]]


def test_a_call_on_one_line() -> None:
    assert call_line(LIVE, LANGUAGES["en"], NOW) == "Anna Berg · Sales · inbound · 4 min · recorded"
    assert call_line(LIVE, LANGUAGES["de"], NOW) == "Anna Berg · Sales · eingehend · 4 Min. · aufgezeichnet"


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (replace(LIVE, agents=(ANNA, BEN)), "Anna Berg +1 · Sales · inbound · 4 min · recorded"),
        (replace(LIVE, agents=(), queue_name=None), "no agent yet · inbound · 4 min · recorded"),
        (replace(LIVE, agents=(replace(ANNA, name=None),)), "agent u-anna… · Sales · inbound · 4 min · recorded"),
        (replace(LIVE, since=None, direction=None), "Anna Berg · Sales · recorded"),
        (replace(LIVE, recording=CallRecording.UNKNOWN), "Anna Berg · Sales · inbound · 4 min"),
        (replace(LIVE, recording=CallRecording.PAUSED), "Anna Berg · Sales · inbound · 4 min · recording paused"),
        (replace(LIVE, since=NOW - timedelta(hours=2)), "Anna Berg · Sales · inbound · 2 h 00 min · recorded"),
        (replace(LIVE, since=NOW + timedelta(hours=1)), "Anna Berg · Sales · inbound · under 1 min · recorded"),
    ],
)
def test_what_a_line_says(call: LiveCall, line: str) -> None:
    assert call_line(call, LANGUAGES["en"], NOW) == line


@both
def test_a_long_line_keeps_what_matters(words: Catalog) -> None:
    call = replace(LIVE, agents=(replace(ANNA, name="Maximiliane von Hohenzollern-Sigmaringen"), BEN))
    line = call_line(replace(call, queue_name="Customer retention and complaints"), words, NOW)

    assert len(line) <= 75
    assert line.startswith("Maximiliane von")
    assert line.endswith(words("calls.active"))


@both
@pytest.mark.parametrize("number", [0, 1, 100, 101, 213])
def test_any_number_of_calls_is_an_answer_that_slack_takes(words: Catalog, number: int) -> None:
    agents = (replace(ANNA, name=HARD), replace(BEN, name=HARD))
    calls = [replace(LIVE, conversation_id=f"{CALL[:-4]}{n:04}", agents=agents, queue_name=HARD) for n in range(number)]

    answer = call_options(calls, words, NOW)

    assert wrong_with_options(answer) == []
    offered = answer.get("options") or [one for group in answer.get("option_groups", ()) for one in group["options"]]
    assert [one["value"] for one in offered] == [one.conversation_id for one in calls[:100]]
    if number > 100:
        assert str(number) in answer["option_groups"][0]["label"]["text"]


def test_agents_are_offered_once_each_and_only_within_the_scope() -> None:
    call = replace(LIVE, agents=(ANNA, BEN, replace(ANNA, id="p-3")))
    everybody = agent_options(agents_of(call, Scope()), LANGUAGES["en"])

    assert [one["value"] for one in everybody] == ["u-anna", "u-ben"]
    assert agents_of(call, Scope(everything=False, queues=frozenset({"q-2"}))) == (BEN,)
    assert agents_of(call, Scope(everything=False, agents=frozenset({"u-ben"}))) == (BEN,)
    assert agents_of(call, Scope(everything=False)) == ()


@both
@pytest.mark.parametrize("reasons", RULES)
def test_the_fields_that_there_are(words: Catalog, reasons: ReasonRules) -> None:
    view = start_view(Form(channel="C0FLOOR"), words, reasons)

    found = {block["block_id"]: block for block in view["blocks"]}
    assert list(found) == [
        "start_call",
        "start_typed_id",
        *(["start_reason"] if reasons.labels else []),
        "start_note",
    ]
    assert found["start_call"]["element"]["min_query_length"] == 0
    if reasons.labels:
        assert found["start_reason"]["optional"] is not reasons.required
        assert found["start_note"]["optional"]
    else:
        assert found["start_note"]["optional"] is not reasons.required
    assert wrong_with_view(view, wanted="modal") == []


@both
def test_the_fullest_modal_is_within_slacks_limits(words: Catalog) -> None:
    many = ReasonRules({f"code-{n}": HARD for n in range(OPTIONS_LIMIT)}, required=True)
    agents = tuple(option(HARD, f"u-{n}") for n in range(100))
    found = tuple(option(HARD, f"{CALL[:-4]}{n:04}") for n in range(100))
    form = Form(
        "C0FLOOR", 99, found[3], agents[2], option(HARD, "code-7"), "x" * 500, "🎧" * 3000, agents=agents, found=found
    )

    view = shown(start_view(form, words, many, notice=HARD * 20, calls_note=HARD * 20))

    assert read_form(view.as_sent("T0SANDBOX")) == form


@pytest.mark.parametrize(
    "form",
    [
        Form(),
        Form(channel="D0DIRECT", tries=3),
        Form(call=option("Anna Berg", CALL, "more"), note="why"),
        Form(typed_id=CALL, reason=option("Quality", "quality")),
        Form(
            call=option("A", OTHER),
            agent=option("Ben", "u-ben"),
            agents=(option("Anna", "u-a"), option("Ben", "u-ben")),
        ),
        Form(found=(option("A", CALL), option("B", OTHER)), call=option("B", OTHER)),
    ],
)
def test_what_was_put_in_is_read_back_and_shown_again(form: Form) -> None:
    view = shown(start_view(form, LANGUAGES["en"], REASONS))

    assert read_form(view.as_sent("T0SANDBOX")) == form


def test_a_choice_that_is_no_longer_offered_is_dropped() -> None:
    form = Form(agent=option("Gone", "u-gone"), agents=(option("Anna", "u-a"), option("Ben", "u-b")))

    assert read_form(shown(start_view(form, LANGUAGES["en"], REASONS)).as_sent("T")).agent is None


def test_one_agent_who_may_be_recorded_is_chosen_already() -> None:
    form = Form(agents=(option("Anna", "u-anna"),))

    assert read_form(shown(start_view(form, LANGUAGES["en"], REASONS)).as_sent("T")).chosen_agent == "u-anna"


LINK = f"https://apps.mypurecloud.de/directory/#/analytics/interactions/{OTHER}/admin/details"


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ({"text": "good morning"}, ()),
        ({"text": f"please record {CALL.upper()}, thanks"}, (CALL,)),
        ({"text": f"<{LINK}|this one> and {CALL}"}, (OTHER, CALL)),
        (
            {"text": f"{CALL} {CALL}", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": CALL}}]},
            (CALL,),
        ),
        (
            {
                "text": "",
                "blocks": [
                    {
                        "type": "rich_text",
                        "elements": [
                            {"type": "rich_text_section", "elements": [{"type": "link", "url": LINK}]},
                        ],
                    }
                ],
            },
            (OTHER,),
        ),
        ({"text": "", "attachments": [{"fallback": "x", "title_link": LINK}]}, (OTHER,)),
        ({"text": f"https://apps.mypurecloud.de/people/{CALL}"}, ()),
        ({"text": f"{CALL}0 x{CALL} {CALL}-1"}, ()),
        ({"text": "", "blocks": [{"type": "actions", "elements": [{"type": "button", "value": CALL}]}]}, ()),
        ({"text": "https://apps.mypurecloud.de/#/interactions/nonsense/x"}, ()),
        ({}, ()),
    ],
)
def test_calls_in_a_message(message: dict[str, Any], calls: tuple[str, ...]) -> None:
    assert calls_in(message) == calls


def test_it_says_after_how_long_a_recording_stops_by_itself_if_it_does() -> None:
    limited, free = (start_view(Form(), LANGUAGES["en"], REASONS, at_most=one) for one in (timedelta(hours=2), None))
    shown(limited)  # raises if Slack refuses the view
    assert "The recording stops by itself after 2 h 00 min" in str(limited["blocks"])
    assert "by itself" not in str(free["blocks"])
