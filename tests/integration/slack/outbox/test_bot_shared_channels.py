"""Channels that Slack Connect shares with another organization: its members read what is posted there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bot.errors import SettingsError
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.listeners.shortcuts import START_FROM_MESSAGE
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import ADA, AUDIT, FLOOR, ServingScenario, settings_for, simulators

if TYPE_CHECKING:
    from pathlib import Path

ON_CARD = "members of another organization can read this card"


async def test_who_starts_in_a_shared_channel_is_warned_and_the_card_says_so(scenario: ServingScenario) -> None:
    assert "another organization" not in await scenario.types(ADA, f"start {OUTBOUND}")
    scenario.slack.share(FLOOR)

    answer = await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(  # either may be shown first
        lambda: all(
            any(card.text.startswith("Recording · ") and call in card.text for card in scenario.cards())
            for call in (INBOUND, OUTBOUND)
        )
    )
    await scenario.until_delivered()

    assert "This channel is shared with another organization" in answer
    cards = {call: next(one for one in scenario.cards() if call in one.text) for call in (INBOUND, OUTBOUND)}
    assert ON_CARD in cards[INBOUND].text
    assert ON_CARD in str(cards[INBOUND].blocks)
    assert wrong_with_blocks(cards[INBOUND].blocks) == []
    assert ON_CARD not in str(cards[OUTBOUND].snapshot())
    shared = [one["origin"].get("shared_channel") for one in scenario.entries("recording:start")]
    assert shared.count(True) == 1
    assert sum("in a channel shared with another organization" in line for line in scenario.lines()) == 1

    await scenario.clicks(ADA, "stop", cards[INBOUND])  # the card goes on saying so
    await scenario.until(lambda: cards[INBOUND].text.startswith("Stopped"))
    assert ON_CARD in cards[INBOUND].text


@pytest.mark.parametrize("optional_scopes", [{"channels:read"}])
async def test_with_the_optional_scope_a_shortcut_warns_too(scenario: ServingScenario) -> None:
    scenario.slack.share(FLOOR)
    message = scenario.slack.post(ADA, FLOOR, f"Please record {INBOUND}")

    await scenario.slack.shortcut(ADA, START_FROM_MESSAGE, channel_id=FLOOR, message_ts=message.ts)
    await scenario.until(lambda: scenario.slack.views.modals.get(ADA))
    await scenario.slack.submit_view(ADA, {})

    await scenario.until(lambda: scenario.shows("Recording"))
    assert ON_CARD in scenario.card().text
    await scenario.slack.shortcut(ADA, START_FROM_MESSAGE, channel_id=FLOOR, message_ts=message.ts)
    await scenario.until(lambda: scenario.slack.views.modals.get(ADA))
    assert "shared with another organization" in str(scenario.slack.views.on_top(ADA).body["blocks"])
    assert len([one for one in scenario.slack.requests if one.method == "conversations.info"]) <= 3  # not each time


async def begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, scopes: set[str], shared: bool, invited: bool = False
) -> list[str]:
    """Start the bot where the audit channel is shared or not; return the events that it logs about that."""
    clock = AcceleratedClock()
    async with simulators(clock) as (slack, genesys):
        slack.scopes |= scopes
        if shared:
            slack.share(AUDIT)
        if invited:
            slack.invite_organization(AUDIT)
        settings = settings_for(monkeypatch, slack, genesys, transport="http", directory=tmp_path, changes={})
        scenario = ServingScenario(slack, genesys, clock, tmp_path / "record-bot.db", Serving(settings, clock=clock))
        with capture_logs() as logged:
            await scenario.begin()
            await scenario.end()
    return [one["event"] for one in logged if one["event"].startswith("audit_channel_sharing")]


async def test_a_shared_audit_channel_keeps_serve_from_starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refusal:
        await begun(monkeypatch, tmp_path, scopes={"channels:read"}, shared=True)
    assert "SLACK_AUDIT_CHANNEL is a channel that Slack Connect shares" in str(refusal.value)


@pytest.mark.parametrize(
    ("scopes", "shared", "invited", "says"),
    [
        (set(), True, False, ["audit_channel_sharing_undetermined"]),
        ({"groups:read"}, False, False, []),
        ({"groups:read"}, False, True, ["audit_channel_sharing_requested"]),
    ],
    ids=["no scope", "not shared", "invited"],
)
async def test_serve_says_what_it_can_not_tell(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    scopes: set[str],
    shared: bool,  # noqa: FBT001
    invited: bool,  # noqa: FBT001
    says: list[str],
) -> None:
    assert await begun(monkeypatch, tmp_path, scopes=scopes, shared=shared, invited=invited) == says


def waits(scenario: ServingScenario) -> bool:
    """Say whether the bot holds the lines back, as ``/readyz`` shows it."""
    audit = scenario.serving.readiness.audit
    return audit is not None and audit.problem == "AuditChannelShared"


async def test_lines_wait_while_the_audit_channel_is_shared(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    scenario.slack.share(AUDIT)
    await scenario.types(ADA, "list", channel=AUDIT)  # the command says it, whatever scopes there are
    before = len(scenario.slack.messages(AUDIT))

    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.shows("Recording"))
    await scenario.until_later(lambda: waits(scenario))
    assert len([one for one in scenario.slack.messages(AUDIT) if not one.ephemeral_to]) <= before

    scenario.slack.share(AUDIT, on=False)
    await scenario.types(ADA, "list", channel=AUDIT)
    await scenario.until_later(lambda: scenario.lines() and f"*#{scenario.head()}*" in scenario.lines()[-1])
