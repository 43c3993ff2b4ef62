"""The trail's witnesses: the daily digest, a call's history, reports for compliance, and whether every line arrived."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import re
import sqlite3
import tempfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.admin.audit import verify_file
from bot.audit.verification import Verifier
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.scenario import ADA, AUDIT, CLARA, FLOOR, GRACE, MALLORY, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

DIRECT = "D0COMPL"


@pytest.fixture
def changes() -> dict[str, str]:
    return {"AUDIT_DIGEST_AT": "08:00"}


def jump_to(scenario: ServingScenario, days: int, hour: int = 8) -> None:
    """Let time pass until a minute past that hour, UTC, so many days on."""
    now = scenario.clock.now()
    target = (now + timedelta(days=days)).replace(hour=hour, minute=1, second=0)
    scenario.clock.jump((target - now).total_seconds())


def digests(scenario: ServingScenario) -> list[SimulatedMessage]:
    found = scenario.slack.messages(AUDIT)
    return [one for one in found if one.metadata and one.metadata["event_type"] == "audit_digest"]


async def again(scenario: ServingScenario) -> None:
    """Start the bot once more on the same database."""
    old = scenario.serving
    scenario.serving = Serving(old.settings, clock=old.clock, genesys_patience=old.genesys_patience)
    await scenario.begin()


def attack(scenario: ServingScenario, statement: str, *values: Any) -> None:
    """Change the database from outside, as somebody with the file can."""
    with contextlib.closing(sqlite3.connect(scenario.database, isolation_level=None)) as outside:
        outside.execute("PRAGMA busy_timeout = 5000")
        outside.execute(statement, values)


async def until_noted(scenario: ServingScenario, seq: int) -> None:
    """Wait until the bot knows that this entry is in the channel."""
    noted = "SELECT 1 FROM audit_deliveries WHERE seq = ? AND delivered_at NOT NULL"
    await scenario.until_later(lambda: scenario.rows(noted, seq), step=0)


def exported(scenario: ServingScenario) -> tuple[SimulatedMessage, bytes]:
    """Return the message with the file in Clara's direct messages, and the file."""
    message = scenario.slack.messages(DIRECT)[-1]
    content = scenario.slack.files[message.files[0]["id"]].content
    assert content is not None
    return message, content


# The daily digest


async def test_the_digest_of_a_day_comes_the_morning_after_with_its_chart(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(MALLORY, f"start {OUTBOUND}")
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    day = scenario.clock.now().date()
    await scenario.until_delivered()

    jump_to(scenario, 1)
    await scenario.until(lambda: digests(scenario))

    (digest,) = digests(scenario)
    assert digest.metadata is not None
    assert digest.metadata["event_payload"]["day"] == str(day)
    assert "*Denied*: 1 request \u2013 Mallory Marsh 1" in digest.text
    assert "*Recordings*: 1 finished" in digest.text
    (entry,) = scenario.entries("audit:digest")
    seen = {one["seq"]: one["hash"] for one in scenario.entries()}
    assert seen[entry["outcome"]["head_seq"]] == digest.metadata["event_payload"]["hash"]
    assert [block["type"] for block in digest.blocks].count("data_visualization") == 1
    assert "1 denied (1 at " in digest.text


async def test_days_without_the_bot_are_made_up_for_once(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    await scenario.end()
    jump_to(scenario, 3)
    await again(scenario)
    await scenario.until(lambda: len(digests(scenario)) == 3)
    await scenario.end()
    await again(scenario)
    await scenario.until(lambda: len(scenario.entries("bot:start")) == 3)
    await scenario.until_delivered()

    days = [one.metadata["event_payload"]["day"] for one in digests(scenario) if one.metadata]
    assert days == sorted(set(days))
    assert len(days) == 3


@pytest.mark.parametrize("transport", ["socket"])  # by HTTP, Slack's signature would be two days old
@pytest.mark.parametrize("changes", [{"AUDIT_DIGEST_AT": "off"}])
async def test_there_is_none_where_the_settings_want_none(scenario: ServingScenario) -> None:
    jump_to(scenario, 2)
    await scenario.types(ADA, "stop")
    await scenario.until_later(lambda: len(scenario.entries("recording:stop")) == 1)
    await scenario.until_delivered()
    assert scenario.entries("audit:digest") == []


# A call's history


@pytest.mark.parametrize("user", [GRACE, CLARA])
async def test_the_story_of_a_call_is_told_in_order_with_the_words(scenario: ServingScenario, user: str) -> None:
    await scenario.records(INBOUND, reason="complaint <about> an & invoice")
    await scenario.until(lambda: "Billing" in scenario.card().text)  # the queue's name is known
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))

    answer = await scenario.types(user, f"history {INBOUND}")

    numbers = [int(one) for one in re.findall(r"\*#(\d+)\*", answer)]
    assert numbers == [one["seq"] for one in scenario.entries("recording:st%")]
    assert "> &lt;about&gt; an &amp; invoice" in answer
    assert "reason Complaint" in answer
    assert answer.index(" started recording Priya Nair (Billing)") < answer.index(" stopped recording Priya Nair (")
    reading = scenario.entries("recording:read")[-1]
    assert (reading["phase"], reading["actor"]) == ("succeeded", f"slack:T0SANDBOX:{user}")
    assert (reading["conversation_id"], reading["outcome"]) == (INBOUND, {"read": "history"})


async def test_of_a_long_story_the_newest_part_is_shown_and_the_rest_counted(scenario: ServingScenario) -> None:
    for _ in range(45):
        await scenario.types(ADA, f"stop {INBOUND}")  # refused: there is nothing to stop
    answer = await scenario.types(ADA, f"history {INBOUND}")
    assert "5 older entries are not shown" in answer
    assert f"record-bot audit export --conversation {INBOUND}" in answer
    numbers = [int(one) for one in re.findall(r"\*#(\d+)\*", answer)]
    assert len(numbers) == 40
    assert numbers[-1] == scenario.entries("recording:stop")[-1]["seq"]


async def test_a_story_may_hold_words_as_long_as_slack_allows(scenario: ServingScenario) -> None:
    for _ in range(45):
        await scenario.types(GRACE, f"start {INBOUND} {'&' * 2900}")
    await scenario.until(lambda: scenario.shows("Recording"))
    answer = await scenario.types(ADA, f"history {INBOUND}")
    assert len(answer) < 40_000
    assert "older entries are not shown" in answer


async def test_of_an_unknown_call_there_is_nothing_to_tell(scenario: ServingScenario) -> None:
    answer = await scenario.types(CLARA, f"history {OUTBOUND}")
    assert "There is nothing about this call in the audit trail before your request." in answer
    assert len(scenario.entries("recording:read")) == 1


@pytest.mark.parametrize("typed", ["", "nonsense"])
async def test_a_story_of_no_call_is_refused_and_written_down(scenario: ServingScenario, typed: str) -> None:
    answer = await scenario.types(ADA, f"history {typed}".strip())
    assert "look like a call id" in answer or "You didn't say which call" in answer
    assert scenario.phases("recording:read") == ["failed"]


async def test_a_stranger_gets_no_story(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, reason="secret words")
    answer = await scenario.types(MALLORY, f"history {INBOUND}")
    assert "secret words" not in answer
    assert scenario.phases("recording:read") == ["denied"]


# Reports for compliance


async def test_compliance_gets_totals_and_a_file_that_can_be_verified(
    scenario: ServingScenario, tmp_path: Path
) -> None:
    await scenario.records(INBOUND)
    await scenario.types(MALLORY, "list")
    answer = await scenario.types(CLARA, "audit")
    assert "as a direct message" in answer
    await scenario.until_told(CLARA, "in your direct messages")

    totals = scenario.slack.messages(DIRECT)[0]
    assert "*Audit trail: today*" in totals.text
    assert "*Start*: 1 requested \u2013 1 started" in totals.text
    assert "1 recording is still running" in totals.text
    asked, done = scenario.entries("audit:export")
    before = asked["seq"] - 1
    message, content = exported(scenario)
    digest = hashlib.sha256(content).hexdigest()
    assert digest in message.text
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert [one["seq"] for one in lines] == list(range(1, before + 1))
    file = tmp_path / "export.jsonl"
    file.write_bytes(content)
    assert verify_file(file, Verifier(), lambda _done, _total: None).ok
    assert (asked["phase"], done["phase"]) == ("requested", "succeeded")
    assert asked["attempt_id"] == done["attempt_id"]
    assert done["outcome"] == {"format": "jsonl", "entries": before, "sha256": digest}
    assert asked["outcome"]["since"].endswith("T00:00:00.000000Z")


async def until_named(scenario: ServingScenario) -> None:
    """Wait until the bot has fetched the name of the call's queue."""
    await scenario.until_later(lambda: scenario.rows("SELECT name FROM names WHERE kind = 'queue'"))


async def test_a_table_for_people_has_names_notes_and_local_times(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, reason="complaint =SUM(A1) please")
    await until_named(scenario)
    await scenario.types(CLARA, "audit today CSV")
    await scenario.until_told(CLARA, "in your direct messages")
    message, content = exported(scenario)
    assert "can't be verified" in message.text
    assert hashlib.sha256(content).hexdigest() in message.text
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    started = next(row for row in rows if row["Result"] == "succeeded" and row["Action"] == "recording:start")
    assert (started["Person"], started["Agent"], started["Queue"]) == ("Ada Byron", "Priya Nair", "Billing")
    requested = next(row for row in rows if row["Result"] == "requested")
    assert (requested["Reason"], requested["Note"]) == ("Complaint", "'=SUM(A1) please")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", started["Time (UTC)"])
    assert scenario.entries("audit:export")[0]["outcome"]["with"] == "names"


async def test_a_report_counts_by_supervisor_queue_and_reason_and_is_in_the_trail(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, reason="complaint")
    await until_named(scenario)
    await scenario.types(CLARA, "report today")
    text = await scenario.until_told(CLARA, "By supervisor")
    for words in ("1 recording started", "Ada Byron: 1", "Billing: 1", "Complaint: 1"):
        assert words in text
    shown = next(one for one in scenario.slack.messages(FLOOR) if one.text == text)
    assert "data_visualization" in [block["type"] for block in shown.blocks]
    (entry,) = scenario.entries("audit:report")
    assert (entry["phase"], entry["actor"]) == ("succeeded", f"slack:T0SANDBOX:{CLARA}")


async def test_a_report_is_for_compliance_only_and_of_a_period(scenario: ServingScenario) -> None:
    assert "Only compliance can see totals" in await scenario.types(ADA, "report")
    assert "That isn't a period record-bot understands." in await scenario.types(CLARA, "report lastweek")
    assert scenario.phases("audit:report") == ["denied", "failed"]


async def test_nothing_of_an_export_stays_on_disk(
    scenario: ServingScenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    await scenario.types(CLARA, "audit")
    await scenario.until_told(CLARA, "in your direct messages")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("user", [ADA, MALLORY])
async def test_nobody_else_gets_a_report_and_the_trail_says_who_wanted_one(
    scenario: ServingScenario, user: str
) -> None:
    answer = await scenario.types(user, "audit 7d")
    assert "Only compliance can see totals and export the audit trail. Ask an administrator" in answer
    (entry,) = scenario.entries("audit:export")
    assert (entry["phase"], entry["actor"]) == ("denied", f"slack:T0SANDBOX:{user}")
    assert entry["outcome"] == {"error": "not_permitted", "cause": "not_compliance"}
    assert scenario.slack.files == {}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("yesterday", "yesterday"), ("7d", "the last 7 days"), ("30d", "the last 30 days"), ("2026-01-31", "2026-01-31")],
)
async def test_periods(scenario: ServingScenario, typed: str, shown: str) -> None:
    answer = await scenario.types(CLARA, f"audit {typed}")
    assert shown in answer
    said = await scenario.until_told(CLARA, "in your direct messages")
    assert ("0 entries" in said) is (typed in {"yesterday", "2026-01-31"})
    assert bool(scenario.slack.files) is (typed in {"7d", "30d"})


async def test_another_period_is_refused_and_written_down(scenario: ServingScenario) -> None:
    for count, typed in enumerate(("lastweek", "2026-13-01", "9999-12-31", "20260101", "7 d"), 1):
        answer = await scenario.types(CLARA, f"audit {typed}")
        assert "isn't a period" in answer, typed
        assert "today, yesterday, 7d, 30d" in answer, typed
        assert scenario.phases("audit:export") == ["failed"] * count, typed


@pytest.mark.parametrize(
    ("fault", "only", "said"),
    [
        ("missing_scope", "files.getUploadURLExternal", "files:write"),
        ("missing_scope", "files.completeUploadExternal", "files:write"),
        ("server_error", "upload", "may not have been sent ("),
        ("drop_before", "files.getUploadURLExternal", "may not have been sent"),
        ("rate_limited", "chat.postMessage", "ratelimited"),
    ],
)
async def test_an_export_that_fails_says_so_to_the_person_and_the_trail(
    scenario: ServingScenario, fault: str, only: str, said: str
) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on(fault, only=only)
    await scenario.types(CLARA, "audit")
    answer = await scenario.until_told(CLARA, "The export failed")
    assert said in answer
    assert scenario.phases("audit:export") == ["requested", "failed"]
    assert scenario.entries("audit:export")[-1]["outcome"]["error"] == "not_sent"


async def test_an_export_asked_for_twice_by_one_delivery_counts_once(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("duplicate_delivery", times=1)
    await scenario.types(CLARA, "audit")
    await scenario.until_told(CLARA, "in your direct messages")
    assert scenario.phases("audit:export") == ["requested", "succeeded"]
    assert len(scenario.slack.files) == 1


async def test_an_export_that_ended_with_the_bot_is_settled_at_the_next_start(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    await scenario.end()
    attack_with_an_open_export(scenario)
    await again(scenario)
    assert scenario.phases("audit:export") == ["requested", "failed"]
    assert scenario.entries("audit:export")[-1]["outcome"] == {"error": "interrupted"}
    await scenario.end()
    await again(scenario)
    assert scenario.phases("audit:export") == ["requested", "failed"]


def attack_with_an_open_export(scenario: ServingScenario) -> None:
    """Add what the bot would have left behind, had it been killed in the middle of an export."""
    attack(
        scenario,
        "INSERT INTO audit_entries SELECT seq + 1, lower(hex(randomblob(4))) || '-0000-7000-8000-000000000001', "
        "'00000000-0000-7000-8000-000000000002', occurred_at, 'requested', 'audit:export', "
        "'slack:T0SANDBOX:U0COMPL', NULL, NULL, NULL, NULL, NULL, '{}', '{}', hash, hash || '0' "
        "FROM audit_entries ORDER BY seq DESC LIMIT 1",
    )


async def test_help_lists_what_each_may_do(scenario: ServingScenario) -> None:
    for user, history, audit in ((ADA, True, False), (CLARA, True, True), (MALLORY, False, False)):
        answer = await scenario.types(user, "help")
        assert ("/record history" in answer) is history
        assert ("/record audit" in answer) is audit


# Whether every line arrived


async def test_lines_that_were_skipped_are_named_by_the_page_and_the_metrics(scenario: ServingScenario) -> None:
    for _ in range(4):
        await scenario.types(ADA, "stop")
    await until_noted(scenario, 5)
    assert (await scenario.readiness())["audit_channel"]["ok"]

    attack(scenario, "DELETE FROM audit_deliveries WHERE seq IN (2, 3)")
    scenario.clock.jump(61)
    part = (await scenario.readiness())["audit_channel"]
    assert not part["ok"]
    assert part["problem"].startswith("Entries 2-3 never reached the channel although later ones did")
    assert (await scenario.page("/readyz"))[0] == 200  # requests are taken all the same
    metrics = (await scenario.page("/metrics"))[1]
    assert "record_bot_audit_entries_missing 2.0" in metrics
    assert 'record_bot_component_up{component="audit_channel"} 0.0' in metrics


async def test_lines_that_wait_too_long_are_named(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on("down", only="chat.")
    await scenario.types(ADA, "stop")
    assert "has not reached" not in (await scenario.readiness())["audit_channel"].get("problem", "")
    scenario.clock.jump(301)
    part = (await scenario.readiness())["audit_channel"]
    assert "Entry 2 has not reached the audit channel yet (since " in part["problem"]
    scenario.slack.faults.switch_off("down")
    await scenario.until_later(lambda: len(scenario.lines()) >= 2)
    await scenario.until_delivered()
    await until_noted(scenario, 2)
    assert (await scenario.readiness())["audit_channel"]["ok"]


async def test_a_digest_that_cannot_be_posted_is_named(scenario: ServingScenario) -> None:
    await until_noted(scenario, 1)
    scenario.slack.remove_bot(AUDIT)
    jump_to(scenario, 1)
    await scenario.until_later(
        lambda: scenario.serving.readiness.digests and scenario.serving.readiness.digests.problem, step=0
    )
    assert (
        "The daily digest can't be posted: not_in_channel." in (await scenario.readiness())["audit_channel"]["problem"]
    )
    scenario.slack.invite_bot(AUDIT)
    await scenario.until_later(lambda: digests(scenario))


async def test_a_tail_that_was_cut_off_is_seen_from_the_deliveries(scenario: ServingScenario) -> None:
    for _ in range(3):
        await scenario.types(ADA, "stop")
    await scenario.until_delivered()
    await until_noted(scenario, 4)
    attack(scenario, "DROP TRIGGER audit_entries_no_delete")
    attack(scenario, "DELETE FROM audit_entries WHERE seq > 2")
    part = (await scenario.readiness())["audit_channel"]
    assert "Entries 3-4 are in the channel but no longer in the database" in part["problem"]
