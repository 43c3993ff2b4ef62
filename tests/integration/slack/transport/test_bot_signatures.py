"""What doesn't come from Slack is answered with 401, runs nothing and leaves its body nowhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, ServingScenario

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "sandbox-signing-secret"
BODY = urlencode({
    "command": "/record",
    "text": f"start {INBOUND} hunter2",
    "user_id": ADA,
    "team_id": "T0SANDBOX",
    "channel_id": "C0FLOOR",
    "trigger_id": "1.2.forged",
    "response_url": "http://127.0.0.1:9/never",
})  # fmt: skip


def headers(*, secret: str = SECRET, at: float | str | None = None, body: str = BODY) -> dict[str, str]:
    timestamp = str(at if isinstance(at, str) else int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body) or ""
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}


FORGED: dict[str, Callable[[], dict[str, str]]] = {
    "no signature": dict,
    "no timestamp": lambda: {"X-Slack-Signature": headers()["X-Slack-Signature"]},
    "another secret": lambda: headers(secret="guessed"),
    "another body": lambda: headers(body=BODY.replace("start", "stop")),
    "ten minutes old": lambda: headers(at=time.time() - 600),
    "from the future": lambda: headers(at=time.time() + 24 * 3600),
    "a timestamp that is no number": lambda: headers(at="soon"),
    "an empty timestamp": lambda: headers(at=""),
    "letters for a signature": lambda: headers() | {"X-Slack-Signature": "v0=ümläut"},
    "an older scheme": lambda: headers() | {"X-Slack-Signature": headers()["X-Slack-Signature"].replace("v0", "v1")},
}


async def test_a_forged_request_is_refused(scenario: ServingScenario, capfd: pytest.CaptureFixture[str]) -> None:
    for name, forging in FORGED.items():
        forged = forging()
        status, text = await _post(scenario, BODY, forged)
        assert status == 401, name
        assert "hunter2" not in text
        assert scenario.entries("recording:%") == [], name
        assert scenario.genesys.requests == [], name
        # the bot's own: the line about its start, and its look at the user groups
        assert {one.method for one in scenario.slack.requests[1:]} <= {"chat.postMessage", "usergroups.list"}, name
        out, err = capfd.readouterr()
        assert "hunter2" not in out + err
        assert forged.get("X-Slack-Signature", SECRET) not in out + err, name


async def test_the_same_request_with_slacks_signature_is_served(scenario: ServingScenario) -> None:
    status, text = await _post(scenario, BODY, headers(at=time.time()))
    assert (status, "Starting the recording" in text) == (200, True)
    await scenario.until(lambda: scenario.shows("Recording"))


async def test_a_body_that_is_not_utf_8_is_refused(scenario: ServingScenario) -> None:
    status, _ = await _post(scenario, b"\xff\xfe\x00", headers())
    assert status in {400, 401}


@pytest.mark.parametrize("transport", ["socket"])
async def test_with_the_socket_nobody_can_post(scenario: ServingScenario, transport: str) -> None:
    del transport
    status, _ = await _post(scenario, BODY, headers())
    assert status == 404


async def _post(scenario: ServingScenario, body: str | bytes, given: dict[str, str]) -> tuple[int, str]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{scenario.url}/slack/events", data=body, headers=form | given) as answer,
    ):
        return answer.status, await answer.text()
