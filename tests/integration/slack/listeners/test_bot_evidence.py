"""``/record evidence``: compliance gets a call's evidence as a file, and a published root proves it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.admin.evidence import verify_evidence
from bot.audit.evidence.file import EvidenceFile
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.scenario import ADA, AUDIT, CLARA, MALLORY, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

DIRECT = "D0COMPL"


@pytest.fixture
def changes() -> dict[str, str]:
    return {"AUDIT_DIGEST_AT": "08:00"}


def file_of(scenario: ServingScenario) -> tuple[str, bytes]:
    """Return the words beside the file in Clara's direct messages, and the file."""
    message = scenario.slack.messages(DIRECT)[-1]
    content = scenario.slack.files[message.files[0]["id"]].content
    assert content is not None
    return message.text, content


def roots(scenario: ServingScenario) -> list[str]:
    """Return the roots that the audit channel shows."""
    found = [one.metadata for one in scenario.slack.messages(AUDIT) if one.metadata]
    return [one["event_payload"]["root"] for one in found if one["event_type"] == "audit_digest"]


async def test_compliance_gets_a_file_that_the_root_in_the_channel_proves(
    scenario: ServingScenario, tmp_path: Path
) -> None:
    await scenario.records(INBOUND, reason="complaint about the jam")
    await scenario.records(OUTBOUND)
    now = scenario.clock.now()
    morning = (now + timedelta(days=1)).replace(hour=8, minute=1, second=0)
    scenario.clock.jump((morning - now).total_seconds())
    await scenario.until_later(lambda: roots(scenario))

    answer = await scenario.types(CLARA, f"evidence {INBOUND}")

    assert "You will get it as a direct message" in answer
    await scenario.until_told(CLARA, "is in your direct messages")
    said, content = file_of(scenario)
    (root,) = roots(scenario)
    assert f"--root {root}" in said
    file = tmp_path / "call.zip"
    file.write_bytes(content)
    verdict = verify_evidence(file, [root])
    evidence = EvidenceFile.unpacked(content)
    assert verdict.ok
    assert {one["conversation_id"] for one in evidence.evidence.entries} == {INBOUND}
    assert "Ada Byron started recording" in evidence.timeline
    assert "about the jam" in evidence.timeline
    assert OUTBOUND not in evidence.timeline
    asked, done = scenario.entries("audit:export")
    assert (asked["conversation_id"], asked["outcome"]) == (INBOUND, {"format": "evidence"})
    assert done["outcome"]["sha256"] == hashlib.sha256(content).hexdigest()


async def test_before_the_first_digest_it_says_what_is_not_proven_yet(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(CLARA, f"evidence {INBOUND}")
    await scenario.until_told(CLARA, "is in your direct messages")

    said, _ = file_of(scenario)

    assert "have no proof yet: the next daily digest publishes their root" in said


@pytest.mark.parametrize("user", [ADA, MALLORY])
async def test_nobody_else_gets_evidence(scenario: ServingScenario, user: str) -> None:
    answer = await scenario.types(user, f"evidence {INBOUND}")

    assert "Only compliance can see totals and export the audit trail." in answer
    (entry,) = scenario.entries("audit:export")
    assert (entry["phase"], entry["conversation_id"]) == ("denied", INBOUND)
    assert scenario.slack.files == {}


async def test_bad_input_and_an_unknown_call(scenario: ServingScenario) -> None:
    for number, typed in enumerate(("evidence", "evidence 123", "evidence not-an-id"), 1):
        assert ":warning:" in await scenario.types(CLARA, typed)
        assert scenario.phases("audit:export") == ["failed"] * number
    await scenario.types(CLARA, "evidence 00000000-0000-4000-8000-000000000000")
    said = await scenario.until_told(CLARA, "No evidence can be made")
    assert "The audit trail has no entry about the call" in said
    assert scenario.entries("audit:export")[-1]["outcome"] == {"error": "refused"}
