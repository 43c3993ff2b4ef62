"""What people get wrong: nothing of it raises, each has its entry and its line, and nothing goes to Genesys."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3

import pytest
from structlog.testing import capture_logs

from bot.sandbox.genesys.state.seed import CHAT, ENDED, INBOUND, ON_HOLD, TWO_AGENTS, WAITING
from tests.support.scenario import ADA, CLARA, FLOOR, GRACE, ServingScenario

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_what_can_not_be_meant_is_refused_at_once(scenario: ServingScenario) -> None:
    for text, said, kind in (
        ("start 12345 complaint", "look like a call id", "malformed_id"),
        (f"start {INBOUND[:-1]}", "look like a call id", "malformed_id"),
        ("start https://example.com/nowhere", "look like a call id", "malformed_id"),
        ("stop nonsense", "look like a call id", "malformed_id"),
        ("stop", "no active recording", "nothing_to_stop"),
        (f"stop {INBOUND}", "no active recording", "nothing_to_stop"),
        ("pause", "no active recording", "nothing_to_stop"),
        (f"resume {INBOUND}", "no active recording", "nothing_to_stop"),
        (f"start {INBOUND} {'x' * 5000}", "too long: 5,000 characters, and the limit is 3,000", "reason_refused"),
    ):
        answer = await scenario.types(ADA, text)
        assert said in answer, text
        assert "Nothing was changed" in answer

        refused = scenario.entries()[-1]
        assert (refused["phase"], refused["outcome"]["error"]) == ("failed", kind), text
        assert f"(#{refused['seq']})" in answer
        await scenario.until_delivered()
        assert scenario.published()[-1]["error"] == kind
        assert scenario.genesys.requests == []
        assert scenario.recordings() == []


async def test_the_advice_names_the_command_that_was_typed(scenario: ServingScenario) -> None:
    assert "then type: /record start &lt;id or link&gt; [reason]" in await scenario.types(ADA, "start 12345")
    for verb in ("stop", "pause", "resume", "extend"):
        answer = await scenario.types(ADA, f"{verb} 12345-not-an-id")
        assert "To see active recordings, type: /record list." in answer
        assert f"then type: /record {verb} &lt;id or link&gt;" in answer
        assert "/record start" not in answer


async def test_the_status_of_nonsense_is_refused_too(scenario: ServingScenario) -> None:
    await scenario.types(ADA, "status nonsense")
    told = await scenario.until_told(ADA, "look like a call id")
    assert scenario.entries()[-1]["outcome"] == {"error": "malformed_id"}
    assert f"(#{scenario.head()})" in told
    assert "Nothing was changed" not in told  # they only asked
    assert "Nothing was changed" not in await scenario.types(CLARA, "evidence 123")
    assert scenario.genesys.requests == []


async def test_a_call_that_can_not_be_recorded_is_said_why(scenario: ServingScenario) -> None:
    for call, said, kind in (
        (NOBODY, "Genesys can't find this call", "call_not_found"),
        (ENDED, "The call has ended", "call_ended"),
        (WAITING, "No agent is connected", "no_agent_connected"),
        (TWO_AGENTS, "Several agents are on this call", "several_agents"),
        (ON_HOLD, "on hold", "call_on_hold"),
        (CHAT, "not a voice call", "not_a_voice_call"),
    ):
        cards = len(scenario.cards())
        await scenario.types(ADA, f"start {call}")
        told = await scenario.until_told(ADA, said)
        assert ("record-bot is not recording this call" in told) == (kind != "call_on_hold")

        outcome = scenario.entries("recording:start")[-1]
        assert (outcome["phase"], outcome["outcome"]["error"]) == ("failed", kind)
        assert f"(#{outcome['seq']})" in told
        assert len(scenario.cards()) == cards  # nobody else hears of a start that failed
        assert scenario.genesys.writes() == []
        await scenario.until_delivered()
        assert scenario.published()[-1]["error"] == kind


async def test_a_second_start_is_told_who_was_first_and_gets_the_stop_button(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    result = await scenario.slack.command(GRACE, FLOOR, f"start {INBOUND} quality")
    assert "<@U0ADA> has been recording this call since <!date^" in result.body["text"]
    assert scenario.entries()[-1]["outcome"] == {"error": "already_recording"}
    assert len(scenario.genesys.writes()) == 1

    await scenario.clicks(GRACE, "stop", result.shown[0])
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert re.search("Stopped <!date[^>]+> by <@U0GRACE> after ", scenario.card().text)


async def test_pausing_twice_is_refused_with_how_it_stands(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert "the recording is paused" in await scenario.types(ADA, "pause")
    assert scenario.entries()[-1]["outcome"] == {"error": "wrong_state"}


async def test_a_click_on_an_old_card_is_refused_and_the_card_drawn_anew(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    stale = [*card.blocks]
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    scenario.slack.workspace.edit(card, text="Recording", blocks=stale)

    await scenario.clicks(GRACE, "stop", card)
    told = await scenario.until_told(GRACE, "<@U0ADA> already stopped")
    assert scenario.entries()[-1]["outcome"] == {"error": "wrong_state"}
    assert f"(#{scenario.head()})" in told
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert len(scenario.genesys.writes()) == 2


async def test_an_unknown_verb_suggests_the_nearest(scenario: ServingScenario) -> None:
    for text, hint in (
        ("sart", "Did you mean: `/record start`?"),
        ("STATUSS", "Did you mean: `/record status`?"),
        (f"strat {INBOUND} complaint <loud>", f"Did you mean: `/record start {INBOUND} complaint &lt;loud&gt;`?"),
        ("xyzzy", ""),
    ):
        answer = await scenario.types(ADA, text)
        assert f"/record doesn't know `{text.split()[0].lower()}`" in answer, text
        assert ("Did you mean" in answer) is bool(hint), text
        assert hint in answer
        assert "nothing was done" in answer.lower()
        assert answer.endswith("See `/record help`.")
        assert "\n" not in answer  # without the whole help below


async def test_an_unknown_verb_is_shown_inert(scenario: ServingScenario) -> None:
    answer = await scenario.types(ADA, "<!channel>`*x*`")
    assert "<!channel>" not in answer
    assert "&lt;!channel&gt;" in answer


@pytest.mark.parametrize(
    "typed",
    ["<!channel> <@U0GRACE> & *bold* `code`", "<https://evil.example|click here> _so_", "a :tada: ~b~ @here #floor"],
)
async def test_markup_in_the_reason_is_shown_as_it_was_typed(scenario: ServingScenario, typed: str) -> None:
    card = await scenario.records(INBOUND, reason=typed)
    shown = [e for block in card.blocks for e in block.get("elements", []) if "Reason" in str(e.get("text"))]
    assert shown == [{"type": "plain_text", "text": f"Reason: {typed}", "emoji": False}]
    assert "<!channel>" not in card.text
    assert "<@U0GRACE>" not in card.text
    assert "<https" not in card.text
    assert typed not in "".join(await scenario.until_delivered())


async def test_words_before_the_id_are_kept_as_a_digest_only(scenario: ServingScenario) -> None:
    await scenario.types(ADA, "start <!here> because")
    refused = scenario.entries()[-1]
    assert refused["reason_digest"]
    assert "here" not in json.dumps(refused)
    assert scenario.rows("SELECT text FROM typed_texts") == [{"text": "<!here> because"}]


@pytest.mark.parametrize("changes", [{"RECORDING_REASON_REQUIRED": "true"}])
async def test_a_required_reason_that_is_missing_is_asked_for(
    scenario: ServingScenario, changes: dict[str, str]
) -> None:
    del changes
    answer = await scenario.types(ADA, f"start {INBOUND}")
    assert "Please add a reason: `complaint` (Complaint)" in answer
    assert "complaint" in answer
    assert scenario.genesys.requests == []
    await scenario.records(INBOUND, reason="quality")


async def test_a_command_of_any_length_is_answered(scenario: ServingScenario) -> None:
    answer = await scenario.types(ADA, "y" * 8000)
    assert len(answer) < 3000


async def test_a_status_that_breaks_is_not_left_at_looking(scenario: ServingScenario) -> None:
    with contextlib.closing(sqlite3.connect(scenario.database)) as outside, capture_logs() as logs:
        outside.execute("ALTER TABLE approvals RENAME TO elsewhere")
        assert "Checking the call" in await scenario.types(ADA, f"status {INBOUND}")
        await scenario.until_told(ADA, "Something went wrong inside record-bot")
        outside.execute("ALTER TABLE elsewhere RENAME TO approvals")
    assert ("listener_failed", "command_status") in [(one["event"], one.get("listener")) for one in logs]
