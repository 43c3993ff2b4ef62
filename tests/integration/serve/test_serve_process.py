"""``python -m bot serve`` as a real process: it serves, stops in order, dies, comes back, and keeps its secrets."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from bot.sandbox.process import BotUnready
from tests.support.scenario import ADA

if TYPE_CHECKING:
    from tests.integration.serve.conftest import ServedScene

pytestmark = [pytest.mark.long, pytest.mark.measured]

SECRETS = ("xoxb-sandbox", "xapp-sandbox", "sandbox-secret", "sandbox-signing-secret", "ticket=", "Bearer ")


def _assert_no_secrets(scene: ServedScene) -> None:
    said = "\n".join(scene.said)
    assert [secret for secret in SECRETS if secret in said] == []
    assert "Traceback" not in said


async def test_it_serves_stops_in_order_and_goes_on_where_it_was(scene: ServedScene) -> None:
    scene.launch = asyncio.create_subprocess_exec  # a new interpreter, as everybody starts it; the other tests fork it
    await scene.serve("http")
    assert (await scene.page("/healthz"))[0] == 200
    status, body = await scene.page("/readyz")
    assert (status, json.loads(body)["ready"]) == (200, True)
    await scene.records(INBOUND)
    await scene.clicks(ADA, "stop")
    await scene.until(lambda: scene.shows("Stopped"))
    metrics = (await scene.page("/metrics"))[1]
    assert re.search(r"^record_bot_audit_entries 5\.0$", metrics, re.MULTILINE)

    # One that runs when SIGTERM comes is finished first.
    scene.genesys.faults.switch_on("slow", value=0.5, only="(write)", times=1)
    await scene.types(ADA, f"start {OUTBOUND}")
    assert await scene.terminate() == 0
    assert scene.genesys.effective_recording(OUTBOUND) == "active"
    assert [(one["action"], one["phase"]) for one in scene.entries()[-2:]] == [
        ("recording:start", "succeeded"),
        ("bot:stop", "observed"),
    ]

    await scene.serve("http")
    await scene.types(ADA, "stop")
    await scene.until(lambda: scene.shows("Stopped") and OUTBOUND in scene.card().text)
    assert await scene.terminate() == 0
    seen = [int(number) for line in scene.lines() for number in re.findall(r"\*#(\d+)\*", line)]
    assert seen == [entry["seq"] for entry in scene.entries()] == list(range(1, scene.head() + 1))
    assert scene.phases("bot:%") == ["observed"] * 4
    _assert_no_secrets(scene)


async def test_killed_at_any_moment_it_finds_out_how_the_call_stands(scene: ServedScene) -> None:
    # While it starts, Slack is down for a moment; that is no reason to give up.
    scene.slack.faults.switch_on("server_error", times=1, only="auth.test")
    await scene.serve("socket")

    scene.genesys.faults.switch_on("hang_after", times=1, only="(write)")
    await scene.types(ADA, f"start {INBOUND}")
    await scene.until(lambda: scene.genesys.effective_recording(INBOUND) == "active")
    await scene.kill()
    assert scene.phases() == ["requested"]

    await scene.serve("socket")
    await scene.until(lambda: scene.shows("Recording"))
    assert scene.phases() == ["requested", "observed"]

    scene.genesys.faults.switch_on("hang", times=1, only="(write)")
    await scene.clicks(ADA, "stop")
    await scene.until(lambda: len(scene.genesys.writes()) == 2)
    await scene.kill()
    assert scene.genesys.effective_recording(INBOUND) == "active"

    scene.slack.faults.switch_on("server_error", times=2, only="chat.")
    scene.genesys.faults.switch_on("unauthorised", times=1)
    await scene.serve("socket")
    await scene.until(lambda: scene.shows("Stopped"))
    assert scene.genesys.effective_recording(INBOUND) == "none"
    assert scene.genesys.recording_starts(INBOUND) == 1
    assert scene.phases("recording:stop") == ["requested", "observed"]
    assert await scene.terminate() == 0
    lines = "".join(scene.lines())
    assert all(f"*#{seq}*" in lines for seq in range(1, scene.head() + 1))
    _assert_no_secrets(scene)


async def test_a_token_that_slack_refuses_stops_the_start(scene: ServedScene) -> None:
    with pytest.raises(BotUnready, match=r"Slack rejected SLACK_BOT_TOKEN \(invalid_auth\)"):
        await scene.serve("http", SLACK_BOT_TOKEN="xoxb-wrong")
    assert await scene.terminate() == 2
    assert "xoxb-wrong" not in "\n".join(scene.said)
    _assert_no_secrets(scene)


async def test_a_client_that_genesys_refuses_stops_the_start(scene: ServedScene) -> None:
    with pytest.raises(
        BotUnready, match="Check PURECLOUD_CLIENT_ID, PURECLOUD_CLIENT_SECRET and PURECLOUD_ENVIRONMENT"
    ):
        await scene.serve("http", PURECLOUD_CLIENT_SECRET="wrong-secret-of-genesys")
    assert await scene.terminate() == 2
    assert "wrong-secret-of-genesys" not in "\n".join(scene.said)
    _assert_no_secrets(scene)
