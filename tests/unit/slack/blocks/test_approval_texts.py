"""A stop that waits for a second supervisor, in words and buttons: on cards, in messages, lines and refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from bot.audit.entry import Phase
from bot.errors import ApprovalClosed, OutOfScope
from bot.i18n.error_messages import MessageFormatter, explain
from bot.recording.models import Approval, ApprovalOutcome, RecordingState, Verb
from bot.recording.monitoring.reminders import NoticeStatus, OpenNotice, notice_status, of_approval
from bot.recording.notices import Notice, NoticeKind
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.audit.line import line
from bot.slack.blocks.card import card as rendered
from bot.slack.blocks.card import control_buttons
from bot.slack.blocks.mrkdwn import escape
from bot.slack.blocks.notice import answered, notice
from bot.slack.listeners.command import live_list, status_line
from tests.support.slack.samples import LANGUAGES, NOON, RECORDING_ID, STYLE, WORDS, card, entry, recording

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog

ADA, GRACE = "slack:T1:U0ADA", "slack:T1:U0GRACE"
APPROVAL = Approval(UUID(int=7), RECORDING_ID, Verb.STOP, ADA, NOON, NOON + timedelta(minutes=2))
CLOSED = {
    outcome: replace(APPROVAL, closed_at=NOON + timedelta(minutes=1), closed_by=GRACE, outcome=outcome)
    for outcome in ApprovalOutcome
}
STOPS = {"recording_stop", "recording_confirm_stop", "recording_withdraw_stop"}
IN_EVERY_LANGUAGE = pytest.mark.parametrize("words", LANGUAGES.known.values(), ids=lambda words: words.language)


def offered(buttons: list[dict[str, Any]]) -> list[str]:
    return [one["action_id"].removeprefix("recording_") for one in buttons]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (RecordingState.ACTIVE, ["pause", "confirm_stop", "withdraw_stop"]),
        (RecordingState.PAUSED, ["resume", "confirm_stop", "withdraw_stop"]),
        (RecordingState.PAUSING, []),
        (RecordingState.STOPPED, []),
    ],
)
def test_stop_goes_while_one_waits(state: RecordingState, shown: list[str]) -> None:
    assert offered(control_buttons(recording(state=state), WORDS, APPROVAL)) == shown
    assert control_buttons(recording(state=state, in_doubt=True), WORDS, APPROVAL) == []


@pytest.mark.parametrize("approval", [None, *CLOSED.values()])
def test_the_usual_buttons_return(approval: Approval | None) -> None:
    assert offered(control_buttons(recording(), WORDS, approval)) == ["pause", "stop"]


@IN_EVERY_LANGUAGE
def test_confirming_is_asked_back_and_both_buttons_carry_the_request(words: Catalog) -> None:
    confirm, withdraw = control_buttons(recording(), words, APPROVAL)[1:]
    assert {confirm["value"], withdraw["value"]} == {str(APPROVAL.id)}
    assert confirm["style"] == confirm["confirm"]["style"] == "danger"
    assert "confirm" not in withdraw
    assert wrong_with_blocks([{"type": "actions", "elements": [confirm, withdraw]}]) == []


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("approval", [APPROVAL, *CLOSED.values()])
def test_a_card_says_how_the_request_stands_in_text_and_blocks(approval: Approval, words: Catalog) -> None:
    text, blocks = rendered(replace(card(), approval=approval), STYLE.in_(words))
    outcome = "waits" if approval.outcome is None else approval.outcome.value
    begins = words(f"approval.{outcome}", person="<@U0ADA>", asked="|", until="", by="", closed="").partition("|")[0]
    assert begins in text
    assert begins in str(blocks)
    assert ("<@U0GRACE>" in text) == (approval.outcome is ApprovalOutcome.CONFIRMED)


def open_notice(approval: Approval = APPROVAL, **changes: Any) -> OpenNotice:
    about = Notice(NoticeKind.STOP_WAITS, RECORDING_ID, str(approval.id), ADA, 7, Verb.STOP, channel="C0FLOOR")
    return replace(OpenNotice(about, recording(), approval=approval), **changes)


@IN_EVERY_LANGUAGE
def test_a_message_says_who_until_when_and_how(words: Catalog) -> None:
    made = notice(open_notice(posts_begun=1), STYLE.in_(words), NOON)
    section, _, actions = made["blocks"]
    for fact in ("<@U0ADA>", str(int(APPROVAL.expires_at.timestamp())), f"/record stop {recording().conversation_id}"):
        assert fact in made["text"]
        assert fact in section["text"]["text"]
    assert {one["action_id"] for one in actions["elements"]} == STOPS - {"recording_stop"}
    assert words("notices.sent_again") in made["text"]
    assert wrong_with_blocks(made["blocks"]) == []
    named = notice(replace(open_notice(), agent_name="Grace Berg", queue_name="Sales"), STYLE.in_(words), NOON)
    assert named["text"].startswith("Grace Berg · Sales · <@U0ADA> ")
    (confirm, _) = named["blocks"][-1]["elements"]
    assert confirm["confirm"]["title"]["text"] == words("buttons.stop_title_of", call="Grace Berg, Sales")


@pytest.mark.parametrize("approval", CLOSED.values(), ids=list(CLOSED))
def test_afterwards_the_message_says_what_came_of_it_without_buttons(approval: Approval) -> None:
    made = answered(open_notice(approval), None, STYLE)
    assert made["text"].startswith(("Stop confirmed: <@U0ADA> asked at ", "<@U0ADA> asked to stop this recording at "))
    succeeded = made["blocks"][0]["text"]["text"].startswith(":white_check_mark:")
    assert succeeded == (approval.outcome is ApprovalOutcome.CONFIRMED)
    assert [block["type"] for block in made["blocks"]] == ["section", "context"]


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (("C0FLOOR", "C0OTHER"), "C0FLOOR"),
        (("D0ADA", "C0OTHER"), "C0OTHER"),
        (("U0ADA", None), None),
        ((None, "G0CLOSED"), "G0CLOSED"),
        ((), None),
    ],
)
def test_a_channel_is_told_and_never_one_person(channels: tuple[str | None, ...], told: str | None) -> None:
    assert [one.channel for one in of_approval(APPROVAL, recording(), channels)] == ([told] if told else [])


def test_nobody_is_told_of_what_is_over() -> None:
    for approval in CLOSED.values():
        assert of_approval(approval, recording(), ("C0FLOOR",)) == ()
        assert notice_status(open_notice().notice, recording(), approval=approval) is NoticeStatus.OVER
    assert (
        notice_status(open_notice().notice, recording(state=RecordingState.PAUSING), approval=APPROVAL)
        is NoticeStatus.HOLDS
    )


@IN_EVERY_LANGUAGE
def test_a_list_says_what_waits_and_offers_to_confirm(words: Catalog) -> None:
    style = STYLE.in_(words)
    answer = live_list([card()], style, {RECORDING_ID: APPROVAL})
    assert offered(answer["blocks"][-1]["elements"]) == ["pause", "confirm_stop", "withdraw_stop"]
    until = str(int(APPROVAL.expires_at.timestamp()))
    assert until in answer["text"]
    assert until in answer["blocks"][0]["text"]["text"]
    assert until not in status_line(card(), style)


def test_lines_name_both_people_and_the_time() -> None:
    action = "recording:stop_approval"
    asked = line(entry(action=action, outcome={"until": "2026-03-02T12:02:00+00:00"}), STYLE)
    assert f"a second supervisor must confirm by <!date^{int(APPROVAL.expires_at.timestamp())}^" in asked
    both = {"approval_id": "7", "asked_by": ADA, "confirmed_by": GRACE}
    confirmed = line(entry(action=action, phase=Phase.SUCCEEDED, actor=GRACE, outcome=both), STYLE)
    requested = line(entry(action="recording:stop", actor=GRACE, origin={"source": "button", **both}), STYLE)
    assert "U0GRACE confirmed the stop of recording a call · requested by U0ADA ·" in confirmed
    assert "confirmed by" not in confirmed
    assert "requested by U0ADA · confirmed by U0GRACE" in requested
    lapsed = {"in_effect": False, "error": "approval_expired", "asked_by": ADA}
    expired = line(entry(action=action, phase=Phase.OBSERVED, actor="bot", outcome=lapsed), STYLE)
    assert ":hourglass: *#5* Stop request expired: nobody confirmed" in expired
    assert "requested by U0ADA" in expired


@IN_EVERY_LANGUAGE
def test_refusals_say_what_came_of_it_and_what_the_person_may_control(words: Catalog) -> None:
    voice = MessageFormatter(words, person=str, time=str, plain=escape)
    for outcome in ApprovalOutcome:
        assert words(f"approval.was_{outcome.value}") in explain(ApprovalClosed(outcome=outcome.value), voice)
    limited = explain(OutOfScope(grants=("Sales & <Support>", "x" * 900)), voice)
    assert "Sales &amp; &lt;Support&gt;, xxx" in limited
    assert len(limited) < 1000
    assert words("approval.grants", names="").strip(" .") not in explain(OutOfScope(), voice)
