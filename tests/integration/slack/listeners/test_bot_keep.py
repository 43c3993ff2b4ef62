"""Keeping a call's recordings from Slack, in a running bot between both simulators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, POLICY_RECORDED
from tests.support.scenario import ADA, CLARA, GRACE, MALLORY

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

APPLY = "recording:deletionProtection:apply"


def actions(scenario: ServingScenario) -> list[str]:
    """Return the action ids of the newest card's buttons."""
    return [one["action_id"] for one in buttons(scenario)]


def buttons(scenario: ServingScenario) -> list[dict[str, Any]]:
    blocks = scenario.card().blocks or []
    return [one for block in blocks if block["type"] == "actions" for one in block["elements"]]


def told(scenario: ServingScenario) -> list[tuple[str, str]]:
    """Return phases and actors of the entries about keeping and releasing, in order."""
    found = [*scenario.entries("recording:keep"), *scenario.entries("recording:release")]
    return [(one["phase"], one["actor"].rpartition(":")[2]) for one in sorted(found, key=lambda one: one["seq"])]


async def ended(scenario: ServingScenario, call: str = POLICY_RECORDED) -> None:
    scenario.genesys.hang_up(call)
    await scenario.until(lambda: scenario.recordings()[-1]["state"] == "ended")


def protected(scenario: ServingScenario) -> set[str]:
    return scenario.genesys.recordings.protected


async def test_the_button_of_a_live_card_keeps_once_the_call_is_over(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED, reason="complaint")
    assert actions(scenario)[-1] == "recording_keep"
    await scenario.clicks(ADA, "keep")
    await scenario.until(lambda: "Will be kept once the call has ended" in scenario.card().text)
    assert actions(scenario) == ["recording_pause", "recording_stop"]
    assert not protected(scenario)

    await ended(scenario)
    await scenario.until_later(lambda: scenario.entries("recording:saved"))
    await scenario.until(lambda: "Kept" in scenario.card().text)  # no jump: Genesys has only some seconds to answer
    assert protected(scenario) == {POLICY_RECORDED}
    assert told(scenario) == [("requested", "U0ADA"), ("succeeded", "U0ADA")]
    assert scenario.entries("recording:keep")[-1]["outcome"]["created"] is True
    await scenario.until(lambda: "The reason was added in Genesys" in scenario.card().text)  # it is added afterwards
    (file,) = scenario.genesys.recordings.saved_files(scenario.genesys.calls[POLICY_RECORDED])
    (annotation,) = scenario.genesys.recordings.annotations[file.id]
    assert annotation["description"] == "Complaint"
    assert actions(scenario) == ["recording_release"]
    await scenario.until_delivered()
    assert any("kept the recordings of" in line for line in scenario.lines())


async def test_only_compliance_releases(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED)
    await ended(scenario)
    scenario.clock.jump(60)
    await scenario.clicks(ADA, "keep")
    await scenario.until_later(lambda: "Kept" in scenario.card().text)

    await scenario.clicks(ADA, "release")
    assert "Only compliance can release" in await scenario.until_told(ADA, "release")
    assert (scenario.phases("recording:release"), protected(scenario)) == (["denied"], {POLICY_RECORDED})
    assert "Releasing the recordings" in await scenario.types(CLARA, f"release {POLICY_RECORDED}")
    await scenario.until(lambda: "Released" in scenario.card().text)
    assert not protected(scenario)
    assert actions(scenario) == ["recording_keep"]
    assert scenario.phases("recording:release") == ["denied", "requested", "succeeded"]

    await scenario.types(CLARA, f"release {POLICY_RECORDED}")
    assert "nothing to release" in await scenario.until_told(CLARA, "nothing to release")
    assert scenario.phases("recording:release")[-1] == "failed"


async def test_a_call_that_the_bot_never_recorded_is_kept_by_its_id(scenario: ServingScenario) -> None:
    scenario.genesys.hang_up(POLICY_RECORDED)
    answer = await scenario.types(GRACE, f"keep {POLICY_RECORDED} threat against the agent")
    assert "Keeping the recordings of call" in answer
    await scenario.until_later(lambda: any("Kept" in one for one in scenario.told(GRACE)))
    assert protected(scenario) == {POLICY_RECORDED}
    (row,) = scenario.rows("SELECT * FROM typed_texts")
    assert row["text"] == "threat against the agent"


async def test_a_person_without_a_card_gets_a_direct_message_once_it_is_kept(scenario: ServingScenario) -> None:
    await scenario.types(GRACE, f"keep {POLICY_RECORDED}")
    await scenario.until(lambda: scenario.rows("SELECT * FROM keeps WHERE owner IS NULL"))
    scenario.genesys.hang_up(POLICY_RECORDED)
    await scenario.until_later(lambda: scenario.slack.direct_messages(GRACE), step=20)
    (message,) = scenario.slack.direct_messages(GRACE)
    assert POLICY_RECORDED in message.text
    assert "Kept" in message.text
    assert protected(scenario) == {POLICY_RECORDED}
    await scenario.until(lambda: scenario.rows("SELECT * FROM keeps WHERE told = 1"))


async def test_a_missing_permission_is_named_and_keep_again_helps(scenario: ServingScenario) -> None:
    scenario.genesys.access.granted -= {APPLY}
    await scenario.records(POLICY_RECORDED)
    await ended(scenario)
    scenario.clock.jump(60)
    await scenario.clicks(ADA, "keep")
    await scenario.until_later(lambda: "Could not be kept" in scenario.card().text)
    assert APPLY in scenario.card().text
    assert scenario.entries("recording:keep")[-1]["outcome"]["permission"] == APPLY
    assert [one["text"]["text"] for one in buttons(scenario)] == ["Keep again"]
    scenario.genesys.access.granted |= {APPLY}
    await scenario.clicks(ADA, "keep")
    await scenario.until_later(lambda: "Kept" in scenario.card().text)


async def test_bad_input_is_refused_in_a_sentence(scenario: ServingScenario) -> None:
    assert "which call you mean" in await scenario.types(ADA, "keep")
    refusal = await scenario.types(ADA, "keep 3f2a9c64-8d1e broken")
    assert "doesn't look like a call id" in refusal
    assert "/record keep &lt;id or link&gt; [reason]" in refusal
    refusal = await scenario.types(CLARA, "release 3f2a9c64-8d1e broken")
    assert "doesn't look like a call id" in refusal
    assert "/record release &lt;id or link&gt; [reason]" in refusal
    assert "permission" in await scenario.types(MALLORY, f"keep {INBOUND}")
    assert scenario.phases("recording:keep") == ["failed", "failed", "denied"]
    await scenario.records(INBOUND)
    assert "will be kept" in await scenario.types(ADA, "keep angry customer")
    assert "already asked for this" in await scenario.types(GRACE, f"keep {INBOUND}")
    assert scenario.phases("recording:keep")[-2:] == ["requested", "failed"]


async def test_a_user_recording_cannot_be_kept_and_the_card_says_so(scenario: ServingScenario) -> None:
    scenario.genesys.calls[INBOUND].other_files = []
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "keep")
    await scenario.until(lambda: "This user recording itself can't be kept" in scenario.card().text)
    await ended(scenario, INBOUND)
    await scenario.until_later(lambda: "Could not be kept" in scenario.card().text, step=600)
    assert "No recording was found" in scenario.card().text


async def test_the_message_shortcut_keeps_the_call_that_the_message_names(scenario: ServingScenario) -> None:
    card = await scenario.records(POLICY_RECORDED)
    name = "recording_keep_from_message"
    result = await scenario.slack.shortcut(GRACE, name, channel_id=card.channel, message_ts=card.ts)
    assert result.acked, result.error
    await scenario.until(lambda: "Will be kept" in scenario.card().text)
    assert scenario.entries("recording:keep")[0]["origin"]["source"] == "message"


@pytest.mark.parametrize("changes", [{"RECORDING_KEEP": "always"}])
async def test_always_keeps_what_is_started(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED)
    await scenario.until(lambda: "Will be kept" in scenario.card().text)
    await ended(scenario)
    await scenario.until_later(lambda: scenario.entries("recording:saved"))
    await scenario.until(lambda: "Kept" in scenario.card().text)  # no jump: Genesys has only some seconds to answer
    assert told(scenario) == [("requested", "bot"), ("succeeded", "bot")]
    assert protected(scenario) == {POLICY_RECORDED}


@pytest.mark.parametrize("changes", [{"RECORDING_KEEP": "never"}])
async def test_never_has_no_button_and_refuses_the_command(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED)
    assert actions(scenario) == ["recording_pause", "recording_stop"]
    assert "RECORDING_KEEP=never" in await scenario.types(ADA, f"keep {POLICY_RECORDED}")
    assert "keep" not in await scenario.types(ADA, "help")
