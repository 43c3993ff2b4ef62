"""What lines of the audit channel say, and which entries share one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bot.audit.entry import Phase
from bot.outbox.audit_channel import LINES_IN_A_MESSAGE
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.audit.line import grouped, line, message, plain_message
from bot.slack.blocks.audit.names import LineNames, RecordedCall
from tests.support.slack.samples import CALL, HOSTILE, RECORDING_ID, STYLE, entry

AGENT = "a9e27c11-0000-4000-8000-000000000001"
NEXT = "b9e27c11-0000-4000-8000-000000000002"
NAMES = LineNames(
    people={"slack:T1:U0ADA": "Ada Lovelace"},
    agents={AGENT: "Tom <Becker>", NEXT: "Nina Okafor"},
    calls={RECORDING_ID: RecordedCall("p1", AGENT, "Sales & Service")},
)
TOM = "Tom &lt;Becker&gt; (Sales &amp; Service)"


def recorded(**changes: Any) -> Any:
    known: dict[str, Any] = {"recording_id": RECORDING_ID, "participant_id": "p1"}
    return entry(**known | changes)


def pair(**changes: Any) -> list[tuple[Any, bool]]:
    """A request with a reason and a note, and its outcome, some seconds apart."""
    request = recorded(seq=75, reason_code="complaint", reason_digest="0" * 64)
    return [
        (request, False),
        (recorded(seq=76, **{"phase": Phase.SUCCEEDED, "reason_code": "complaint"} | changes), False),
    ]


def told(*entries: Any, names: LineNames = NAMES) -> str:
    (only,) = grouped([(one, False) for one in entries])
    return line(only, STYLE, names)


def test_a_request_and_its_outcome_are_one_sentence_with_both_numbers_and_hashes() -> None:
    (request, _), (outcome, _) = pair(outcome={"mechanism": "adhoc", "created": True})
    shown = told(request, outcome)
    assert shown.startswith(
        f":white_check_mark: *#75* \u2013 *#76* Ada Lovelace started recording {TOM}, reason Complaint + note · "
        "ad hoc recording · `3f2a9c64…` · <!date^"
    )
    assert shown.endswith(f"`{request.hash[:12]}` `{outcome.hash[:12]}`")
    assert "<@" not in shown


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        (Phase.REQUESTED, ":arrow_right: *#5* Ada Lovelace requested to start recording"),
        (Phase.SUCCEEDED, ":white_check_mark: *#5* Ada Lovelace started recording"),
        (Phase.FAILED, ":x: *#5* Ada Lovelace could not start recording"),
        (Phase.DENIED, ":no_entry: *#5* Denied: Ada Lovelace asked to start recording"),
        (Phase.UNKNOWN, ":grey_question: *#5* Ada Lovelace asked to start recording"),
        (Phase.OBSERVED, ":eyes: *#5* Confirmed later: recording of"),
    ],
)
def test_each_phase_reads_differently(phase: Phase, says: str) -> None:
    made = recorded(phase=phase)
    shown = line(made, STYLE, NAMES)
    assert shown.startswith(f"{says} {TOM}")
    assert shown.endswith(f"`{made.hash[:12]}`")


@pytest.mark.parametrize(
    ("action", "outcome", "says"),
    [
        (
            "recording:start",
            {"mechanism": "adhoc", "created": True},
            f":eyes: *#5* Confirmed later: recording of {TOM} is running",
        ),
        (
            "recording:start",
            {"in_effect": False, "error": "outcome_unknown"},
            f":warning: *#5* Confirmed later: recording of {TOM} did NOT start ·",
        ),
        ("recording:stop", {"by": "outside"}, f":eyes: *#5* Recording of {TOM} stopped in Genesys, not by record-bot"),
        ("recording:pause", {"by": "outside"}, f":eyes: *#5* Recording of {TOM} paused in Genesys, not by record-bot"),
        (
            "recording:stop",
            {"by": "transfer", "agents": [NEXT]},
            f":eyes: *#5* Recording of {TOM} ended after a transfer, now with Nina Okafor",
        ),
        ("recording:stop", {"by": "agent_left"}, f":eyes: *#5* Recording of {TOM} ended after the agent left the call"),
        (
            "recording:follow",
            {"by": "transfer", "goes_on": True, "agents": [NEXT]},
            "went on after a transfer, now with Nina Okafor",
        ),
        ("recording:stop", {"in_effect": False, "error": "out_of_scope"}, "did NOT stop: the call is outside"),
        ("call:ended", {}, f"The call ended, and the recording of {TOM} with it"),
        ("requests:refused", {"refused": 3, "person": "slack:T0:U0ADA"}, ":no_entry: *#5* 3 more requests from"),
    ],
)
def test_what_the_bot_saw_by_itself_tells_effect_and_cause(action: str, outcome: dict[str, Any], says: str) -> None:
    assert says in line(recorded(phase=Phase.OBSERVED, actor="bot", action=action, outcome=outcome), STYLE, NAMES)


@pytest.mark.parametrize(
    ("phase", "outcome", "says"),
    [
        (Phase.SUCCEEDED, {"mechanism": "policy", "created": False}, "policy recording · was already being recorded"),
        (Phase.DENIED, {"error": "not_permitted", "cause": "guest"}, ": a guest can't control recordings"),
        (Phase.FAILED, {"error": "permission_missing", "http_status": 403}, " could not start recording "),
        (Phase.FAILED, {"error": "withdrawn"}, ": the person who requested it withdrew it"),
    ],
)
def test_a_line_says_why_in_words_and_keeps_the_codes_for_the_metadata(
    phase: Phase, outcome: dict[str, Any], says: str
) -> None:
    made = recorded(phase=phase, outcome=outcome)
    shown = line(made, STYLE, NAMES)
    assert says in shown
    assert "HTTP" not in shown
    assert str(outcome.get("error")) not in shown.replace("withdrew", "")
    (facts,) = message([(made, False)], STYLE, NAMES)["metadata"]["event_payload"]["entries"]
    assert facts.items() >= outcome.items()
    assert facts["conversation_id"] == CALL
    assert facts["action"] == "recording:start"


@pytest.mark.parametrize(
    ("phase", "outcome", "says"),
    [
        (
            Phase.SUCCEEDED,
            {"until": "2026-03-02T12:30:00+00:00"},
            f":white_check_mark: *#5* Ada Lovelace said that the recording of {TOM} is still needed · next reminder <!",
        ),
        (Phase.SUCCEEDED, {}, f"said that the recording of {TOM} is still needed · `3f2a9c64…`"),
        (
            Phase.FAILED,
            {"error": "already_snoozed"},
            f"could not say that the recording of {TOM} is still needed: some",
        ),
        (
            Phase.DENIED,
            {"error": "not_permitted", "cause": "guest"},
            f"Denied: Ada Lovelace asked to say that the recording of {TOM} is still needed: a guest",
        ),
    ],
)
def test_an_answer_to_a_reminder_says_who_and_until_when(phase: Phase, outcome: dict[str, Any], says: str) -> None:
    made = recorded(phase=phase, action="recording:still_needed", outcome=outcome)
    assert says in line(made, STYLE, NAMES)


def test_the_reason_comes_before_what_went_wrong() -> None:
    failed = recorded(phase=Phase.FAILED, reason_code="training", outcome={"error": "call_on_hold"})
    assert "could not start recording" in (shown := line(failed, STYLE, NAMES))
    assert shown.index("reason ") < shown.index(": The call is on hold. It is recorded already, ")
    doubtful = recorded(phase=Phase.UNKNOWN, reason_code="training", outcome={"error": "outcome_unknown"})
    assert re.search(r", reason \w+: not confirmed yet", line(doubtful, STYLE, NAMES))


def test_an_export_that_was_requested_waits_for_no_confirmation() -> None:
    wanted = {"format": "jsonl", "since": "2026-11-26T00:00:00.000000Z", "until": "2026-11-27T00:00:00.000000Z"}
    shown = line(entry(action="audit:export", conversation_id=None, outcome=wanted), STYLE, NAMES)
    assert "Ada Lovelace exported the trail as jsonl since 2026-11-26 00:00 until 2026-11-27 00:00" in shown
    assert "confirm" not in shown


def test_reads_that_follow_each_other_are_one_line() -> None:
    reads = [
        entry(
            seq=seq,
            attempt_id=UUID(int=seq),
            action="recording:read",
            phase=Phase.SUCCEEDED,
            outcome=outcome,
            **changes,
        )
        for seq, outcome, changes in (
            (8, {"read": "home"}, {"conversation_id": None}),
            (9, {"read": "home"}, {"conversation_id": None}),
            (10, {"read": "history"}, {"actor": "slack:T1:U0GRACE"}),
        )
    ]
    shown = told(*reads)
    assert shown.startswith(
        ":mag: *#8*, *#9*, *#10* Ada Lovelace opened App Home (2 times); U0GRACE read the history of call `3f2a9c64…`"
    )
    for one in reads:
        assert one.hash[:12] in shown


def test_lines_show_every_number_in_order_whatever_comes_between() -> None:
    (request, _), (outcome, _) = pair()
    other = recorded(seq=76, attempt_id=UUID(int=1), action="recording:stop")
    late = recorded(seq=77, phase=Phase.SUCCEEDED)
    settled = recorded(seq=78, phase=Phase.OBSERVED, actor="bot")
    groups = grouped([(one, False) for one in (request, other, late, settled)])
    assert [[one.seq for one in group.entries] for group in groups] == [[75], [76], [77], [78]]
    unknown = replace(outcome, phase=Phase.UNKNOWN)
    (together,) = grouped([(request, False), (unknown, False), (late, True)])
    assert together.again


def test_what_was_settled_is_not_joined_to_what_comes_later() -> None:
    (request, first), (outcome, _) = pair()
    drift = recorded(seq=77, phase=Phase.OBSERVED, actor="bot")
    groups = grouped([(request, first), (outcome, False), (drift, False)])
    assert [len(group.entries) for group in groups] == [2, 1]


def test_a_line_that_may_stand_there_already_is_marked() -> None:
    assert line(entry(), STYLE, again=True).endswith("_reposted_")


def test_agents_without_a_name_are_short_ids_and_people_are_ids() -> None:
    nameless = LineNames(calls={RECORDING_ID: RecordedCall("p1", AGENT, "Sales")})
    assert "U0ADA started recording agent a9e27c11 (Sales)" in line(recorded(phase=Phase.SUCCEEDED), STYLE, nameless)


def test_another_agent_who_has_the_call_by_now_is_not_named() -> None:
    shown = line(recorded(participant_id="p0", phase=Phase.SUCCEEDED), STYLE, NAMES)
    assert "started recording a call (Sales &amp; Service)" in shown


def test_nothing_in_a_line_comes_alive() -> None:
    hostile = recorded(action=HOSTILE, reason_code=HOSTILE, actor="slack:T1:U0ADA", outcome={"error": HOSTILE})
    names = LineNames({"slack:T1:U0ADA": HOSTILE}, {AGENT: HOSTILE}, {RECORDING_ID: RecordedCall("p1", AGENT, HOSTILE)})
    for one in (hostile, replace(hostile, action="recording:start"), replace(hostile, actor=f"cli:{HOSTILE}")):
        shown = line(one, STYLE, names)
        assert "<!channel>" not in shown
        assert "<https" not in shown
        assert "<@" not in shown


def test_a_full_message_is_one_that_slack_takes() -> None:
    made = message([(recorded(seq=seq), True) for seq in range(1, LINES_IN_A_MESSAGE + 1)], STYLE, NAMES)
    assert wrong_with_blocks(made["blocks"]) == []
    assert made["text"].count("\n") == LINES_IN_A_MESSAGE - 1
    assert made["metadata"]["event_payload"]["first_seq"] == 1
    assert made["metadata"]["event_payload"]["seq"] == LINES_IN_A_MESSAGE
    assert len(made["metadata"]["event_payload"]["hashes"]) == LINES_IN_A_MESSAGE


def test_the_metadata_carry_the_whole_hashes() -> None:
    made = entry()
    payload = message([(made, False)], STYLE)["metadata"]["event_payload"]
    assert (payload["seq"], payload["hash"]) == (5, made.hash)
    entries = [entry(seq=seq) for seq in (8, 9)]
    payload = message([(one, False) for one in entries], STYLE)["metadata"]["event_payload"]
    assert payload["hashes"] == {"8": entries[0].hash, "9": entries[1].hash}


def test_the_plain_message_of_an_entry_is_short_and_keeps_number_and_hash() -> None:
    long = recorded(reason_code="r" * 5000)
    made = plain_message(long, STYLE, NAMES, again=True)
    assert "blocks" not in made
    assert len(made["text"]) < 1000
    for piece in ("*#5*", "requested", "recording:start", "Ada Lovelace", long.hash[:12], "_reposted_"):
        assert piece in made["text"]
    assert made["metadata"]["event_payload"] == {"seq": 5, "hash": long.hash}


UNTIL = "2026-03-02T09:01:30+00:00"
ENDS = ("ends by itself at <!date^",)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"action": "recording:pause", "outcome": {"seconds": 90}}, ("requested to pause recording", "for 90 s")),
        ({"action": "recording:pause", "phase": Phase.SUCCEEDED, "outcome": {"until": UNTIL}}, ENDS),
        ({"action": "recording:start", "phase": Phase.SUCCEEDED, "outcome": {"until": UNTIL}}, ENDS),
        ({"action": "recording:start", "phase": Phase.OBSERVED, "outcome": {"until": UNTIL}}, ENDS),
        (
            {"action": "recording:extend", "phase": Phase.SUCCEEDED, "outcome": {"limit": "pause", "until": UNTIL}},
            ("extended the pause of the recording of Tom", *ENDS),
        ),
        (
            {"action": "recording:extend", "phase": Phase.SUCCEEDED, "outcome": {"limit": "recording", "until": UNTIL}},
            ("extended the recording of Tom", *ENDS),
        ),
        (
            {"action": "recording:extend", "phase": Phase.DENIED, "outcome": {"error": "not_permitted"}},
            ("asked to let the recording of Tom", "or its pause, last longer"),
        ),
        (
            {"action": "recording:resume", "phase": Phase.SUCCEEDED, "actor": "bot:guard"},
            ("record-bot resumed recording Tom", "the pause was over"),
        ),
        (
            {"action": "recording:stop", "phase": Phase.SUCCEEDED, "actor": "bot:guard"},
            ("record-bot stopped recording Tom", "it had run for as long as it may"),
        ),
        (
            {"action": "recording:pause_approval", "outcome": {"until": UNTIL, "seconds": 600}},
            ("requested to pause recording Tom", "for longer", "a second supervisor must confirm by <!date^"),
        ),
        (
            {"action": "recording:pause_approval", "phase": Phase.FAILED, "outcome": {"error": "superseded"}},
            ("it was replaced by a request to stop",),
        ),
        (
            {
                "action": "recording:pause_approval",
                "phase": Phase.OBSERVED,
                "actor": "bot",
                "outcome": {"in_effect": False, "error": "approval_expired"},
            },
            ("Request for a longer pause expired",),
        ),
    ],
)
def test_what_ends_by_itself_is_told(facts: dict[str, Any], says: tuple[str, ...]) -> None:
    shown = line(recorded(**facts), STYLE, NAMES)
    assert [words for words in says if words not in shown] == [], shown
