"""App Home: what people see there, how it keeps up, and that no button in it acts on what is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.i18n.catalog import read_languages
from bot.recording.control.request_log import SLACK_WRITE_SECONDS
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.scenario import ADA, CLARA, GRACE, MALLORY, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

HEIDI = "U0HEIDI"
ENGLISH, GERMAN = (read_languages().of(one) for one in ("en-US", "de-DE"))
SALES = derived_id("queue", "Sales")


@pytest.fixture
def transport() -> str:
    """By socket: what Slack signs is looked at by the machine's clock, which doesn't jump."""
    return "socket"


@dataclass(frozen=True)
class AtHome:
    """Somebody at the bot's Home tab."""

    scenario: ServingScenario
    user: str = ADA

    async def opens(self) -> AtHome:
        before = self.hash
        result = await self.scenario.slack.open_home(self.user)
        assert result.acked, result.error
        await self.scenario.until(lambda: self.hash not in {"", before})
        return self

    @property
    def hash(self) -> str:
        view = self.scenario.slack.views.homes.get(self.user)
        return "" if view is None else view.hash

    @property
    def blocks(self) -> list[dict[str, Any]]:
        view = self.scenario.slack.views.homes.get(self.user)
        return [] if view is None else view.body["blocks"]

    @property
    def text(self) -> str:
        parts = [one for block in self.blocks for one in (block.get("text"), *block.get("elements", ())) if one]
        return "\n".join(str(one["text"]["text"] if isinstance(one["text"], dict) else one["text"]) for one in parts)

    @property
    def buttons(self) -> list[str]:
        return [one["action_id"] for block in self.blocks if block["type"] == "actions" for one in block["elements"]]

    async def until_sees(self, *words: str, without: str = "") -> None:
        def seen() -> bool:
            return all(one in self.text for one in words) and not (without and without in self.text)

        await self.scenario.until_later(seen, step=1.0)

    async def presses(self, action_id: str, block_id: str | None = None) -> None:
        view = self.scenario.slack.views.homes[self.user]
        result = await self.scenario.slack.act_in_view(self.user, action_id, view_id=view.id, block_id=block_id)
        assert result.acked, result.error

    def told(self) -> list[str]:
        """Return what stands in the direct messages, but for cards and reminders."""
        return [one.text for one in self.scenario.slack.direct_messages(self.user) if not one.metadata]

    async def until_told(self, words: str) -> str:
        await self.scenario.until(lambda: any(words in one for one in self.told()))
        return next(one for one in self.told() if words in one)


def click_in_home(scenario: ServingScenario, user: str, action_id: str) -> dict[str, Any]:
    """Return what Slack sends when a button is pressed in the view as it stands now, for a person who is slow."""
    view = scenario.slack.views.homes[user]
    block, element = view.element(action_id)
    sent = view.as_sent(scenario.slack.workspace.team_id)
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": scenario.slack.workspace.team_id},
        "team": {"id": scenario.slack.workspace.team_id},
        "trigger_id": "1.2.slow",
        "container": {"type": "view", "view_id": view.id},
        "view": sent,
        "actions": [
            {"type": "button", "action_id": action_id, "block_id": block["block_id"], "value": element["value"]}
        ],
    }


def looks(scenario: ServingScenario) -> list[dict[str, Any]]:
    """Return the entries that say who opened Home."""
    return [entry for entry in scenario.entries("recording:read") if entry["outcome"].get("read") == "home"]


async def restarted(scenario: ServingScenario) -> ServingScenario:
    await scenario.end()
    old = scenario.serving
    anew = replace(scenario, serving=Serving(old.settings, clock=old.clock, genesys_patience=old.genesys_patience))
    await anew.begin()
    return anew


async def test_a_supervisor_sees_and_stops_what_is_live(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    assert "There are no active recordings." in ada.text
    assert "recording_start_open" in ada.buttons
    await scenario.records(INBOUND)
    await ada.until_sees("*Recording* since", INBOUND[:8], "Active recordings (1)")
    await ada.presses("recording_stop")
    await ada.until_sees("There are no active recordings.", "*Stopped* after", "Your recent recordings")
    assert scenario.genesys.effective_recording(INBOUND) == "none"
    assert [(entry["actor"].rpartition(":")[2], entry["phase"]) for entry in looks(scenario)] == [(ADA, "succeeded")]


async def test_what_another_supervisor_does_shows_by_itself_and_adds_no_look(scenario: ServingScenario) -> None:
    ada, grace = await AtHome(scenario).opens(), await AtHome(scenario, GRACE).opens()
    card = await scenario.records(INBOUND, user=GRACE)
    await ada.until_sees(INBOUND[:8], "started by <@U0GRACE>")
    await scenario.clicks(GRACE, "pause", card)
    await ada.until_sees("*Paused* since")
    await grace.until_sees("*Paused* since")
    await ada.presses("recording_resume")
    await grace.until_sees("*Recording* since")
    assert [entry["actor"].rpartition(":")[2] for entry in looks(scenario)] == [ADA, GRACE]
    assert "You have no finished recordings yet." in ada.text


async def test_ones_own_come_first(scenario: ServingScenario) -> None:
    await scenario.records(OUTBOUND, user=GRACE)
    await scenario.records(INBOUND)
    ada, grace = await AtHome(scenario).opens(), await AtHome(scenario, GRACE).opens()
    assert ada.text.index(INBOUND[:8]) < ada.text.index(OUTBOUND[:8])
    assert grace.text.index(OUTBOUND[:8]) < grace.text.index(INBOUND[:8])


async def test_it_goes_on_after_a_restart_and_is_not_published_for_nothing(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    await scenario.records(INBOUND)
    await ada.until_sees("*Recording* since")
    stood = ada.hash
    anew = await restarted(scenario)
    later = AtHome(anew)
    await anew.until_later(lambda: anew.slack.requests[-1].method != "views.publish" and later.hash == stood)
    await anew.types(GRACE, f"stop {INBOUND}")
    await later.until_sees("*Stopped* after")
    assert len(looks(anew)) == 1
    await anew.end()


async def test_a_view_that_something_newer_stands_in_place_of_is_made_anew(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    other = {"type": "home", "blocks": [{"type": "divider"}]}
    scenario.slack.views.publish(ADA, other)  # another process was faster, and its answer is not known here
    await scenario.records(INBOUND)
    await ada.until_sees("*Recording* since", INBOUND[:8])
    assert [one.error for one in scenario.slack.requests if one.method == "views.publish"].count("hash_conflict") == 1


async def test_who_loses_the_role_sees_no_call_any_more(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    await scenario.records(INBOUND, user=GRACE)
    await ada.until_sees(INBOUND[:8])
    scenario.slack.workspace.people[ADA] = replace(scenario.slack.workspace.people[ADA], deleted=True)
    scenario.clock.jump(61)  # what Slack said of her is no longer counted on
    await ada.until_sees("This account has been deactivated.", without=INBOUND[:8])
    assert ada.buttons == []


async def test_somebody_without_rights_sees_whom_to_ask_and_leaves_no_look(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    mallory = await AtHome(scenario, MALLORY).opens()
    assert "ask an administrator" in mallory.text
    assert INBOUND[:8] not in str(mallory.blocks)
    assert mallory.buttons == []
    assert looks(scenario) == []


async def test_an_event_that_comes_twice_is_one_look(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    stood = ada.hash
    await scenario.slack.redeliver()
    await scenario.types(ADA, "list")
    assert len(looks(scenario)) == 1
    assert ada.hash == stood
    scenario.clock.jump(4)
    await AtHome(scenario).opens()
    assert len(looks(scenario)) == 2


async def test_an_event_that_names_nobody_is_acknowledged(scenario: ServingScenario) -> None:
    event = {"type": "app_home_opened", "channel": "D1", "tab": "home", "event_ts": "1.1"}
    payload = {"type": "event_callback", "team_id": "T0SANDBOX", "event_id": "Ev1", "event": event}
    assert (await scenario.slack.deliver("events_api", payload)).acked


async def test_the_messages_tab_is_no_look(scenario: ServingScenario) -> None:
    await scenario.slack.open_home(ADA, "messages")
    await scenario.types(ADA, "list")
    assert looks(scenario) == []
    assert AtHome(scenario).blocks == []


async def test_the_start_button_opens_the_modal(scenario: ServingScenario) -> None:
    ada = await AtHome(scenario).opens()
    await ada.presses("recording_start_open")
    await scenario.until(lambda: scenario.slack.views.modals.get(ADA))


async def test_a_button_of_an_old_view_is_refused_by_direct_message_and_home_comes_anew(
    scenario: ServingScenario,
) -> None:
    await scenario.records(INBOUND)
    ada = await AtHome(scenario).opens()
    scenario.slack.faults.switch_on("server_error", only="views.publish")
    await scenario.types(GRACE, f"stop {INBOUND}")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert INBOUND[:8] in ada.text
    writes = len(scenario.genesys.writes())
    await ada.presses("recording_stop")
    refusal = await ada.until_told("<@U0GRACE> already stopped")
    assert "(#" in refusal
    scenario.slack.faults.switch_all_off()
    await ada.until_sees("There are no active recordings.")
    assert len(scenario.genesys.writes()) == writes


async def test_a_click_has_even_an_unchanged_home_published_anew(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    ada = await AtHome(scenario).opens()
    stood = ada.hash
    await ada.presses("recording_start_open")
    await scenario.until_later(lambda: ada.hash != stood, step=1.0)
    assert len(looks(scenario)) == 1


async def test_health_is_said_in_words(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    ada = await AtHome(scenario).opens()
    assert "Slack, Genesys, the database and the audit channel are working." in ada.text
    scenario.genesys.faults.switch_on("server_error")
    await scenario.types(ADA, f"status {INBOUND}")
    await ada.until_sees("Genesys: no response since <!date^", "Slack: OK", "the database: OK", "the audit channel: OK")
    scenario.genesys.faults.switch_all_off()
    await ada.until_sees("Slack, Genesys, the database and the audit channel are working.")


async def test_a_german_home_is_german(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    heidi = await AtHome(scenario, HEIDI).opens()
    for words in ("*Wird aufgezeichnet* seit", "Laufende Aufzeichnungen (1)", GERMAN("home.all_well")):
        assert words in heidi.text
    labels = [one["text"]["text"] for block in heidi.blocks for one in block.get("elements", ()) if "action_id" in one]
    assert labels == ["Aufzeichnung starten", "Pausieren", "Stoppen", "Aufbewahren"]


async def test_compliance_sees_figures_and_has_the_trail_sent(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(MALLORY, f"stop {INBOUND}")
    clara = await AtHome(scenario, CLARA).opens()
    for words in ("*Start*: 1 requested \N{EN DASH} 1 started", "*Stop*: 1 denied", "*Open issues*: none."):
        assert words in clara.text
    assert "*Denied*: 1 request (<@U0MALLORY>: 1)" in clara.text
    assert INBOUND[:8] in clara.text
    assert clara.buttons == ["recording_keep", "audit_export_today", "audit_export_7d", "audit_export_30d"]
    await clara.presses("audit_export_7d")
    await clara.until_told("the last 7 days")
    await scenario.until(lambda: scenario.phases("audit:export") == ["requested", "succeeded"])
    assert scenario.entries("audit:export")[0]["origin"]["source"] == "button"
    assert any(one.name.endswith(".jsonl") for one in scenario.slack.files.values())


async def test_an_export_is_refused_to_whom_it_was_taken_from(scenario: ServingScenario) -> None:
    clara = await AtHome(scenario, CLARA).opens()
    pressed = click_in_home(scenario, CLARA, "audit_export_today")
    scenario.slack.workspace.people[CLARA] = replace(scenario.slack.workspace.people[CLARA], is_restricted=True)
    scenario.clock.jump(61)
    await scenario.slack.deliver("interactive", pressed)
    await scenario.until(lambda: scenario.phases("audit:export") == ["denied"])
    await clara.until_told(ENGLISH("denied.guest_what"))
    await clara.until_sees(ENGLISH("denied.guest_what"))


@pytest.mark.parametrize("write_limit", [SLACK_WRITE_SECONDS])
async def test_nothing_is_shown_while_the_look_can_not_be_written_down(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.lock_the_database()
    try:
        ada = await AtHome(scenario).opens()
        assert "The audit trail can't be written" in ada.text
        assert INBOUND[:8] not in str(ada.blocks)
    finally:
        scenario.unlock_the_database()
    await ada.until_sees(INBOUND[:8])
    assert len(looks(scenario)) == 1


class TestScopes:
    @pytest.fixture
    def changes(self, tmp_path: Path) -> dict[str, str]:
        (tmp_path / "policy.toml").write_text(
            f"""
            [[grant]]
            label = "Sales & Co"
            who = ["{MALLORY}"]
            queues = ["{SALES}"]

            [dual_control]
            queues = ["{SALES}"]
            """
        )
        return {}

    async def test_a_limited_supervisor_sees_the_calls_of_the_grant_only(self, scenario: ServingScenario) -> None:
        await scenario.records(INBOUND)
        await scenario.records(OUTBOUND)
        mallory = await AtHome(scenario, MALLORY).opens()
        assert "*Sales &amp; Co*" in mallory.text
        assert OUTBOUND[:8] in mallory.text
        assert INBOUND[:8] not in str(mallory.blocks)

    async def test_a_stop_is_confirmed_by_another_and_withdrawn_by_the_same(self, scenario: ServingScenario) -> None:
        await scenario.records(OUTBOUND)
        ada, grace = await AtHome(scenario).opens(), await AtHome(scenario, GRACE).opens()
        await ada.presses("recording_stop")
        await grace.until_sees("<@U0ADA> asked to stop")
        await ada.until_sees("<@U0ADA> asked to stop")
        own = [one for one in ada.buttons if "stop" in one]
        others = [one for one in grace.buttons if "stop" in one]
        assert len(own) == len(others) == 1
        assert own != others
        await ada.presses(own[0])
        await grace.until_sees("*Recording* since", without="asked to stop")
        await ada.until_sees("*Recording* since", without="asked to stop")
        await ada.presses("recording_stop")
        await grace.until_sees("<@U0ADA> asked to stop")
        await grace.presses(others[0])
        await ada.until_sees("There are no active recordings.", "*Stopped* after")
        assert scenario.genesys.effective_recording(OUTBOUND) == "none"


class TestOverHttp:
    @pytest.fixture
    def transport(self) -> str:
        return "http"

    async def test_it_opens_and_keeps_up_there_too(self, scenario: ServingScenario) -> None:
        ada = await AtHome(scenario).opens()
        await scenario.records(INBOUND)
        await scenario.until(lambda: "*Recording* since" in ada.text)
        await ada.presses("recording_stop")
        await scenario.until(lambda: "*Stopped* after" in ada.text)
