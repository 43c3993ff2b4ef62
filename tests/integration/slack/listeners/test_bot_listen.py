"""Links to saved recordings: for people in SLACK_LISTENERS, expiring, and kept nowhere."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import POLICY_RECORDED
from tests.support.scenario import ADA, CLARA, FLOOR, GRACE

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

pytestmark = pytest.mark.parametrize("changes", [{"SLACK_LISTENERS": f"{GRACE},{ADA}"}])
VIEW = "recording:recording:view"
LINK = re.compile(r"<(http[^|>]+)\|Listen>")


def links(scenario: ServingScenario, user: str) -> list[str]:
    """Return the links that a person was shown."""
    shown = [json.dumps(one.blocks) for one in scenario.slack.messages(FLOOR) if one.ephemeral_to == user]
    return [link.replace("&amp;", "&") for text in shown for link in LINK.findall(text)]


async def listens(scenario: ServingScenario, user: str = GRACE, call: str = POLICY_RECORDED) -> None:
    assert "Asking Genesys" in await scenario.types(user, f"listen {call}")


async def test_a_listener_gets_a_link_that_plays_and_expires(scenario: ServingScenario) -> None:
    scenario.genesys.hang_up(POLICY_RECORDED)
    await listens(scenario)
    await scenario.until(lambda: links(scenario, GRACE))
    (link,) = links(scenario, GRACE)
    assert link.startswith(scenario.genesys.url)
    (message,) = [
        one for one in scenario.slack.messages(FLOOR) if one.ephemeral_to == GRACE and "headphones" in one.text
    ]
    assert "works until" in json.dumps(message.blocks)
    assert "http" not in message.text.replace("https://apps.", "")
    assert scenario.phases("recording:listen") == ["requested", "succeeded"]
    outcome = scenario.entries("recording:listen")[-1]["outcome"]
    assert outcome["links"] == 1
    assert outcome["until"]
    await scenario.until_delivered()
    assert any("got 1 link" in line for line in scenario.lines())


async def test_the_link_is_in_no_log_no_entry_no_row_and_no_metadata(
    scenario: ServingScenario, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scenario.genesys.hang_up(POLICY_RECORDED)
    await listens(scenario)
    await scenario.until(lambda: links(scenario, GRACE))
    (link,) = links(scenario, GRACE)
    await scenario.until_delivered()
    signature = link.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) > 16

    tables = [row["name"] for row in scenario.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    stored = json.dumps([scenario.rows(f"SELECT * FROM {table}") for table in tables], default=str)  # noqa: S608
    kept = [one for channel in scenario.slack.workspace.channels for one in scenario.slack.messages(channel)]
    seen = json.dumps([[one.text, one.blocks, one.metadata] for one in kept if one.ephemeral_to is None], default=str)
    ephemeral = json.dumps([one.metadata for one in kept], default=str)
    out, err = capfd.readouterr()
    for text in (stored, seen, ephemeral, out, err, *(one.getMessage() for one in caplog.records if ours(one))):
        assert signature not in text
    assert signature.encode() not in scenario.database.read_bytes()


def ours(record: logging.LogRecord) -> bool:
    """Say whether the bot writes the line: what its libraries say below a warning never gets into its log."""
    return record.name.startswith("bot") or record.levelno >= logging.WARNING


async def test_others_are_denied_and_the_trail_has_it(scenario: ServingScenario) -> None:
    scenario.genesys.hang_up(POLICY_RECORDED)
    answer = await scenario.types(CLARA, f"listen {POLICY_RECORDED}")
    assert "SLACK_LISTENERS" in answer
    (entry,) = scenario.entries("recording:listen")
    assert (entry["phase"], entry["outcome"]["cause"]) == ("denied", "not_listener")
    refusal = await scenario.types(GRACE, "listen nonsense")
    assert "call id" in refusal
    assert "/record start" not in refusal
    assert "listen" not in await scenario.types(CLARA, "help")
    assert "listen" in await scenario.types(GRACE, "help")


async def test_transcoding_is_waited_for_and_told_with_a_limit(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("slow_transcoding", value=20)
    scenario.genesys.hang_up(POLICY_RECORDED)
    await listens(scenario)
    await scenario.until_later(lambda: links(scenario, GRACE))
    said = [one for one in scenario.told(GRACE) if "preparing the file" in one]
    assert len(said) == 1

    scenario.genesys.faults.switch_on("slow_transcoding", value=900)
    scenario.genesys.recordings.media._ready_at.clear()
    await listens(scenario, ADA)
    await scenario.until_later(lambda: any("still preparing" in one for one in scenario.told(ADA)), step=20)
    assert scenario.entries("recording:listen")[-1]["outcome"]["error"] == "still_transcoding"
    assert links(scenario, ADA) == []


async def test_several_files_are_a_list(scenario: ServingScenario) -> None:
    scenario.genesys.calls[POLICY_RECORDED].other_files += ["Consult"]
    scenario.genesys.hang_up(POLICY_RECORDED)
    await listens(scenario)
    await scenario.until(lambda: len(links(scenario, GRACE)) == 2)
    assert len(set(links(scenario, GRACE))) == 2


async def test_what_cannot_be_played_is_said(scenario: ServingScenario) -> None:
    await listens(scenario)
    await scenario.until_told(GRACE, "hasn't stored")
    scenario.genesys.hang_up(POLICY_RECORDED)
    scenario.genesys.faults.switch_on("files_archived")
    await listens(scenario)
    await scenario.until_told(GRACE, "can be played now")
    scenario.genesys.faults.switch_off("files_archived")
    scenario.genesys.access.granted -= {VIEW}
    await listens(scenario)
    assert VIEW in await scenario.until_told(GRACE, "Missing permission")
    assert scenario.phases("recording:listen") == ["requested", "failed"] * 3


async def test_a_link_that_slack_did_not_take_is_not_sent_in_another_way(scenario: ServingScenario) -> None:
    scenario.genesys.hang_up(POLICY_RECORDED)
    scenario.slack.faults.switch_on("server_error", value=404, only="response_url")
    await scenario.types(GRACE, f"listen {POLICY_RECORDED}")
    told = scenario.slack.direct_messages
    await scenario.until(lambda: any("Slack didn't take the links" in one.text for one in told(GRACE)))
    assert "X-Amz" not in json.dumps([[one.text, one.blocks] for one in told(GRACE)])
