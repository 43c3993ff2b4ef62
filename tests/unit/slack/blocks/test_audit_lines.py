from __future__ import annotations

import pytest

from bot.audit.entry import Phase
from bot.outbox.audit_channel import LINES_IN_A_MESSAGE
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.audit_line import line, message
from tests.support.samples import CALL, HOSTILE, STYLE, entry


@pytest.mark.parametrize("phase", list(Phase))
def test_a_line_shows_number_phase_action_actor_call_and_hash(phase: Phase) -> None:
    made = entry(phase=phase)
    shown = line(made, STYLE)
    assert f"*#5* *{phase.value}* `recording:start` · <@U0ADA> · call `{CALL}`" in shown
    assert shown.endswith(f"`{made.hash[:12]}`")


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ({"mechanism": "policy", "created": False}, "by policy · was so already"),
        ({"error": "not_permitted", "cause": "guest"}, "error `guest`"),
        ({"error": "permission_missing", "http_status": 403}, "error `permission_missing` · "),
        ({"call": "ended"}, "call ended"),
    ],
)
def test_a_line_shows_how_it_ended(outcome: dict[str, object], shown: str) -> None:
    assert shown in line(entry(phase=Phase.FAILED, outcome=outcome), STYLE)


def test_a_line_that_may_stand_there_already_is_marked() -> None:
    assert line(entry(), STYLE, again=True).endswith("_sent again_")


def test_a_line_tells_reasons_by_their_label_and_words_not_at_all() -> None:
    shown = line(entry(reason_code="complaint", reason_digest="0" * 64), STYLE)
    assert "reason Complaint · reason in words" in shown
    assert "0000" not in shown


def test_nothing_in_a_line_comes_alive() -> None:
    hostile = entry(action=HOSTILE, reason_code=HOSTILE, actor=f"cli:{HOSTILE}", outcome={"error": HOSTILE})
    shown = line(hostile, STYLE)
    assert "<!channel>" not in shown
    assert "<https" not in shown
    assert "<@" not in shown


def test_a_full_message_is_one_that_slack_takes() -> None:
    made = message([(entry(seq=seq), True) for seq in range(1, LINES_IN_A_MESSAGE + 1)], STYLE)
    assert wrong_with_blocks(made["blocks"]) == []
    assert made["text"].count("\n") == LINES_IN_A_MESSAGE - 1
    assert made["metadata"]["event_payload"]["first_seq"] == 1
    assert made["metadata"]["event_payload"]["seq"] == LINES_IN_A_MESSAGE
    assert len(made["metadata"]["event_payload"]["hashes"]) == LINES_IN_A_MESSAGE


def test_a_message_of_one_line_carries_its_whole_hash() -> None:
    made = entry()
    payload = message([(made, False)], STYLE)["metadata"]["event_payload"]
    assert payload == {"seq": 5, "hash": made.hash}


def test_the_metadata_of_many_lines_name_each_hash_by_its_number() -> None:
    entries = [entry(seq=seq) for seq in (8, 9)]
    payload = message([(one, False) for one in entries], STYLE)["metadata"]["event_payload"]
    assert payload["hashes"] == {"8": entries[0].hash, "9": entries[1].hash}
