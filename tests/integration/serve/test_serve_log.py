"""The log of a real process: one start is followed from Slack's request to Genesys's correlation id by one id."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA

if TYPE_CHECKING:
    from tests.integration.serve.conftest import ServedScene

pytestmark = pytest.mark.long

TYPED = "a-complaint-of-Mrs-Miller"


def _lines(scene: ServedScene) -> list[dict[str, Any]]:
    return [json.loads(line) for line in scene.said if line.startswith("{")]


async def test_one_start_is_followed_by_its_ids(scene: ServedScene) -> None:
    await scene.serve("http")
    await scene.records(INBOUND, reason=TYPED)
    await scene.clicks(ADA, "stop")
    await scene.until(lambda: scene.shows("Stopped"))
    await scene.until_delivered()
    assert await scene.terminate() == 0

    requested, succeeded = scene.entries("recording:start")
    request = hashlib.sha256(requested["origin"]["trigger"].encode()).hexdigest()[:12]
    followed = [line for line in _lines(scene) if line.get("request") == request]
    events = [line["event"] for line in followed]
    assert events[0] == "request_recorded"
    assert events[-1] == "outcome_recorded"
    assert {"slack_request_acknowledged", "genesys_request_completed"} <= set(events)
    assert {line["attempt_id"] for line in followed if line["event"] != "slack_request_acknowledged"} == {
        requested["attempt_id"]
    }
    ours = {line["audit_seq"]: line["phase"] for line in followed if "audit_seq" in line}
    assert ours == {requested["seq"]: "requested", succeeded["seq"]: "succeeded"}
    sent = [line for line in followed if line["event"] == "genesys_request_completed"]
    assert {line["method"] for line in sent} >= {"GET", "PATCH"}
    assert all(line["correlation_id"] and line["milliseconds"] >= 0 and line["status"] < 300 for line in sent)
    assert len({line["correlation_id"] for line in sent}) == len(sent)
    assert succeeded["outcome"]["correlation_id"] in {line["correlation_id"] for line in sent}


async def test_the_log_holds_nothing_that_was_typed(scene: ServedScene) -> None:
    await scene.serve("http")
    await scene.types(ADA, f"start {TYPED}")
    await scene.records(INBOUND, reason=TYPED)
    await scene.until_delivered()
    assert await scene.terminate() == 0

    assert [line for line in scene.said if TYPED in line] == []


async def test_what_the_reconciler_does_is_logged_under_the_attempts_id(scene: ServedScene) -> None:
    await scene.serve("http")
    faults = scene.genesys.faults
    faults.switch_on("server_error", times=1, only="participant")
    # the reading after it is refused too: otherwise the bot would read until the action's 25 seconds are over
    scene.genesys.on_write(lambda _: faults.switch_on("forbidden", times=1, only="read"))
    await scene.types(ADA, f"start {INBOUND}")
    await scene.until(lambda: "observed" in scene.phases("recording:start"))
    assert await scene.terminate() == 0

    attempt = scene.entries("recording:start")[0]["attempt_id"]
    lines = [line for line in _lines(scene) if line.get("attempt_id") == attempt]
    looked = [line for line in lines if line["event"] == "genesys_request_completed" and "request" not in line]
    assert [line["method"] for line in looked][:1] == ["GET"]
    assert [line["phase"] for line in lines if line["event"] in {"request_recorded", "outcome_recorded"}] == [
        "requested",
        "unknown",
        "observed",
    ]
