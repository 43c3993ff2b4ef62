from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.cli.control.recording import _ends as terminal_end
from bot.i18n.error_messages import what_happened
from bot.recording.models import Mechanism, RecordingState
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.card import CardStyle, card_text, control_buttons
from bot.slack.blocks.card import card as rendered
from bot.slack.blocks.recording_line import recording_line
from bot.slack.listeners.command import live_list, status_line
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
    assert re.search("^Recording · Taken over <!date[^>]+> by <@U0ADA> · ", text)
    assert "Genesys doesn't say since when" in text
    assert "started" not in text.lower()
    assert "Since <!date^" not in json.dumps(blocks)
    over = card_text(card(state=RecordingState.STOPPED, adopted=True, ended_at=NOON, ended_by="bot"), STYLE)
    assert re.search("^Stopped · Taken over <!date[^>]+> by <@U0ADA> · Stopped <!date[^>]+> by record-bot · ", over)
    assert "after" not in over.partition("Genesys")[0]
    doubted = card_text(card(state=RecordingState.ACTIVE, seen_at=NOON + timedelta(seconds=52)), STYLE)
    assert "The recording began in Genesys between <!date^" in doubted


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
    said = "not_in_effect" if error == "outcome_unknown" else error  # as older versions have stored it
    assert what_happened(said, WORDS).removesuffix(".") in text
    assert wrong_with_blocks(blocks) == []


@pytest.mark.parametrize("state", list(RecordingState))
def test_the_text_names_state_call_starter_and_audit_number(state: RecordingState) -> None:
    text = card_text(card(state=state), STYLE)
    assert text.startswith(WORDS(f"states.{state.value}"))
    assert all(part in text for part in (CALL, "<@U0ADA>", "Audit #7"))


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
    assert text.startswith("Not confirmed yet, checking")
    assert "fail" not in (text + json.dumps(blocks)).lower()


def test_a_policys_recording_that_was_adopted_says_both() -> None:
    shown = json.dumps(rendered(card(mechanism=Mechanism.POLICY, adopted=True), STYLE)[1])
    assert "already being recorded" in shown
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
    assert re.search(
        r"^Stopped · Started <!date[^>]+> by <@U0ADA> · Ended <!date[^>]+> after 4 min 12 s · ", card_text(over, STYLE)
    )
    set_back = card(state=RecordingState.STOPPED, ended_at=NOON - timedelta(hours=1))
    assert re.search(r"Ended <!date[^>]+> after 0 s · ", card_text(set_back, STYLE))


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


def test_the_headline_is_state_agent_and_queue_and_the_id_comes_last_and_short() -> None:
    text, blocks = rendered(card(agent="Grace Berg", queue="Sales", reason="complaint"), STYLE)
    assert blocks[0]["text"]["text"] == ":red_circle:  *Recording* · *Grace Berg* · Sales"
    assert blocks[1]["text"]["text"].startswith("Since <!date^")
    assert "started by <@U0ADA>" in blocks[1]["text"]["text"]
    assert blocks[-1]["elements"][0]["text"] == f"Call `{CALL[:8]}…` · Audit #7"
    assert CALL not in json.dumps(blocks)
    assert text.index("Grace Berg") < text.index("Sales") < text.index(CALL)


@pytest.mark.parametrize("state", list(RecordingState))
def test_a_card_has_at_most_eight_lines_beside_its_buttons(state: RecordingState) -> None:
    shown = card(
        agent="Grace Berg", queue="Sales", state=state, reason="x", error="conflict", ended_at=NOON, ended_by="bot",
        paused_at=NOON, paused_seconds=3,
    )  # fmt: skip
    blocks = [one for one in rendered(shown, STYLE)[1] if one["type"] != "actions"]
    parts = [part["text"] for one in blocks for part in (one.get("text"), *one.get("elements", ())) if part]
    assert sum(part.count("\n") + 1 for part in parts) <= 8


def test_the_dialog_of_a_stop_names_the_call_and_fits() -> None:
    _, blocks = rendered(card(agent="Grace Berg", queue="Sales"), STYLE)
    stop = next(one for one in blocks if one["type"] == "actions")["elements"][-1]
    assert stop["confirm"]["title"]["text"] == "Stop recording Grace Berg, Sales?"
    _, long = rendered(card(agent="g" * 200, queue="q" * 200), STYLE)
    assert wrong_with_blocks(long) == []


def test_a_card_settled_as_not_in_effect_says_what_was_found_and_offers_to_try_again() -> None:
    for kind in ("not_in_effect", "outcome_unknown"):  # the latter was stored by an older version
        text, blocks = rendered(card(state=RecordingState.FAILED, error=kind, started_at=None), STYLE)
        assert text.startswith("Recording not started · Requested <!date^")
        assert "Genesys did not carry out the request" in text
        assert "confirmed" not in text
        (button,) = next(one for one in blocks if one["type"] == "actions")["elements"]
        assert (button["action_id"], button["value"]) == ("recording_try_again", str(RECORDING_ID))
    _, blocks = rendered(card(state=RecordingState.FAILED, error="call_not_found", started_at=None), STYLE)
    assert not [one for one in blocks if one["type"] == "actions"]


def test_a_paused_recording_is_said_to_be_paused_since_its_pause() -> None:
    paused = NOON + timedelta(minutes=9)
    shown = card(state=RecordingState.PAUSED, paused_at=paused, agent="Grace Berg", queue="Sales")
    at = int(paused.timestamp())
    assert f"Paused since <!date^{at}^" in card_text(shown, STYLE)
    line = recording_line(shown, STYLE)
    assert f"*Paused* since <!date^{at}^" in line
    assert line.index("*Grace Berg* · Sales") < line.index(CALL[:8])
    assert status_line(shown, STYLE) == line
    listed = live_list([shown], STYLE)
    assert listed["blocks"][0]["text"]["text"] == line
    stop = listed["blocks"][1]["elements"][-1]
    assert stop["confirm"]["title"]["text"] == "Stop recording Grace Berg, Sales?"


def test_nothing_promises_an_end_while_a_recording_is_in_doubt() -> None:
    for in_doubt in (False, True):
        shown = card(state=RecordingState.ACTIVE, in_doubt=in_doubt, run_until=NOON + timedelta(hours=1))
        for said in (card_text(shown, STYLE), recording_line(shown, STYLE), terminal_end(shown.recording)):
            assert ("by itself" in said) is not in_doubt, said
