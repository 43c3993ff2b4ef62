from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.i18n.error_messages import what_happened
from bot.recording.models import Mechanism, RecordingState
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.card import CardStyle, card_text, control_buttons
from bot.slack.blocks.card import card as rendered
from tests.support.slack.samples import CALL, HOSTILE, NOON, RECORDING_ID, STYLE, WORDS, card, recording
from tests.support.slack.texts import KINDS


@pytest.mark.parametrize("in_doubt", [False, True])
@pytest.mark.parametrize("mechanism", [None, *Mechanism])
@pytest.mark.parametrize("state", list(RecordingState))
def test_every_state_makes_a_card_that_slack_takes(
    state: RecordingState, mechanism: Mechanism | None, *, in_doubt: bool
) -> None:
    shown = card(
        state=state,
        mechanism=mechanism,
        in_doubt=in_doubt,
        reason_code="complaint",
        reason=HOSTILE * 60,
        agent=HOSTILE * 10,
        queue=HOSTILE * 10,
        error="outcome_unknown",
        adopted=True,
        ended_at=NOON,
        ended_by="bot",
        paused_at=NOON,
    )
    text, blocks = rendered(shown, STYLE)
    assert wrong_with_blocks(blocks) == []
    assert text.strip()
    assert len(text) <= 4000  # what chat.update takes


def test_a_card_says_since_when_and_by_whom_only_as_far_as_it_is_known() -> None:
    ours = card_text(card(state=RecordingState.ACTIVE), STYLE)
    assert "started by <@U0ADA>" in ours
    adopted = card(state=RecordingState.ACTIVE, mechanism=Mechanism.POLICY, adopted=True)
    text, blocks = rendered(adopted, STYLE)
    assert "Recording, taken over <!date^" in text
    assert "taken over by <@U0ADA>" in text
    assert "Genesys does not say since when" in text
    assert "started" not in text.lower()
    assert "Recording since" not in json.dumps(blocks)
    over = card_text(card(state=RecordingState.STOPPED, adopted=True, ended_at=NOON, ended_by="bot"), STYLE)
    assert over.startswith("Stopped: call")
    doubted = card_text(card(state=RecordingState.ACTIVE, seen_at=NOON + timedelta(seconds=52)), STYLE)
    assert "Genesys began to record between <!date^" in doubted


@pytest.mark.parametrize(
    ("changes", "means"),
    [
        ({"mechanism": Mechanism.ADHOC}, "stop_means"),
        ({"mechanism": Mechanism.ADHOC, "recorders": "policy snippet"}, "stop_means_both"),
        ({"mechanism": Mechanism.POLICY, "recorders": "snippet"}, "stop_means_policy"),
    ],
)
def test_the_stop_button_says_what_goes_on(changes: dict[str, Any], means: str) -> None:
    stop = control_buttons(recording(state=RecordingState.ACTIVE, **changes), WORDS)[-1]
    assert stop["confirm"]["text"]["text"] == WORDS(f"buttons.{means}")


@pytest.mark.parametrize(("ended_by", "says"), [("transfer", "was transferred"), ("agent_left", "agent left the call")])
def test_a_recording_that_ended_with_its_agent_offers_the_new_one(ended_by: str, says: str) -> None:
    shown = card(
        state=RecordingState.STOPPED,
        mechanism=Mechanism.ADHOC,
        ended_at=NOON,
        ended_by=ended_by,
        disconnect_type="<transfer>",
    )
    text, blocks = rendered(replace(shown, startable=True), STYLE)
    assert says in text
    assert "(Genesys: `&lt;transfer&gt;`)" in text
    (button,) = next(block for block in blocks if block["type"] == "actions")["elements"]
    assert (button["action_id"], button["value"]) == ("recording_follow", str(RECORDING_ID))
    assert wrong_with_blocks(blocks) == []


@pytest.mark.parametrize("error", KINDS)
def test_every_error_fits_on_a_card(error: str) -> None:
    text, blocks = rendered(card(state=RecordingState.FAILED, error=error), STYLE)
    assert what_happened(error, WORDS).removesuffix(".") in text
    assert wrong_with_blocks(blocks) == []


@pytest.mark.parametrize("state", list(RecordingState))
def test_the_text_names_state_call_starter_and_audit_number(state: RecordingState) -> None:
    text = card_text(card(state=state), STYLE)
    assert text.startswith(WORDS(f"states.{state.value}"))
    assert all(part in text for part in (CALL, "<@U0ADA>", "audit #7"))


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        (RecordingState.STARTING, []),
        (RecordingState.ACTIVE, ["recording_pause", "recording_stop"]),
        (RecordingState.PAUSING, []),
        (RecordingState.PAUSED, ["recording_resume", "recording_stop"]),
        (RecordingState.RESUMING, []),
        (RecordingState.STOPPING, []),
        (RecordingState.STOPPED, []),
        (RecordingState.FAILED, []),
        (RecordingState.ENDED, []),
    ],
)
def test_buttons_are_what_may_be_done_now(state: RecordingState, buttons: list[str]) -> None:
    made = control_buttons(recording(state=state), WORDS)
    assert [button["action_id"] for button in made] == buttons
    assert {button["value"] for button in made} <= {str(RECORDING_ID)}
    assert control_buttons(recording(state=state, in_doubt=True), WORDS) == []


def test_only_stop_asks_and_says_what_it_means_for_a_policys_recording() -> None:
    made = control_buttons(recording(mechanism=Mechanism.POLICY), WORDS)
    assert [("confirm" in button) for button in made] == [False, True]
    assert "secure pause" in made[1]["confirm"]["text"]["text"]


def test_what_is_in_doubt_is_never_called_failed() -> None:
    text, blocks = rendered(card(state=RecordingState.STOPPING, in_doubt=True), STYLE)
    assert text.startswith("Outcome unknown, checking")
    assert "fail" not in (text + json.dumps(blocks)).lower()


def test_a_policys_recording_that_was_adopted_says_both() -> None:
    shown = json.dumps(rendered(card(mechanism=Mechanism.POLICY, adopted=True), STYLE)[1])
    assert "being recorded already" in shown
    assert "Stop puts it in secure pause" in shown


def test_markup_in_names_and_reasons_is_inert() -> None:
    text, blocks = rendered(card(agent=HOSTILE, queue=HOSTILE, reason=HOSTILE), STYLE)
    alive = [block for block in blocks if block["type"] == "section"]
    for shown in (text, json.dumps(alive)):
        assert "<!channel>" not in shown
        assert "<https://evil" not in shown
        assert "<@U0GRACE" not in shown


def test_the_length_is_shown_once_it_is_over_and_never_negative() -> None:
    over = card(state=RecordingState.STOPPED, ended_at=NOON + timedelta(minutes=4, seconds=12))
    assert card_text(over, STYLE).startswith("Stopped after 4 min 12 s")
    set_back = card(state=RecordingState.STOPPED, ended_at=NOON - timedelta(hours=1))
    assert card_text(set_back, STYLE).startswith("Stopped after 0 s")


def test_the_call_is_linked_where_the_link_is_known() -> None:
    linked = CardStyle("T1", WORDS, interaction_url="https://apps.example/{conversation_id}/details")
    assert linked.call(CALL) == f"<https://apps.example/{CALL}/details|{CALL}>"
    assert STYLE.call(CALL, short=True) == f"`{CALL[:8]}…`"


@pytest.mark.parametrize("state", list(RecordingState))
def test_the_card_of_an_ad_hoc_recording_says_where_the_sound_goes(state: RecordingState) -> None:
    text, blocks = rendered(card(state=state, mechanism=Mechanism.ADHOC), STYLE)
    shown = json.dumps(blocks)
    failed = state is RecordingState.FAILED
    assert ("user's inbox" in shown, "user's inbox" in text) == (not failed, not failed)
    assert "inbox" not in json.dumps(rendered(card(state=state, mechanism=Mechanism.POLICY), STYLE)[1])
