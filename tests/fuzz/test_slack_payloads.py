"""Whatever Slack's requests hold: each is answered, nothing breaks, and nobody gets more than they may."""

# ruff: noqa: E501  strategies are read as tables

from __future__ import annotations

import hashlib
import hmac
import io
import itertools
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from structlog.testing import capture_logs

from bot.sandbox.genesys.state.seed import INBOUND
from tests.fuzz.effort import effort
from tests.fuzz.odd import junk, mutilated, texts
from tests.support.scenario import ADA, FLOOR, MALLORY

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

SECRET = "sandbox-signing-secret"
FORM = "application/x-www-form-urlencoded"
NOBODY = "0190a000-0000-7000-8000-000000000000"
BROKEN = re.compile(
    r"_crashed$|^(?:action|approval_expiry|command|listener|live_calls_fetch|outbox_flush|relay_step|slack_request"
    r"|status_read|work)_failed$"
)
LIVELY = re.compile(r"<!(?:channel|here|everyone)|<@U0GRACE>|<#C0FLOOR|<https?://evil")
numbers = itertools.count(1)


def interaction(kind: str, user: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "user": {"id": user, "username": "x", "name": "x", "team_id": "T0SANDBOX"},
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "trigger_id": f"fuzz.{next(numbers)}",
        "channel": {"id": FLOOR, "name": "floor"},
        "enterprise": None,
        "is_enterprise_install": False,
    } | more


def click(user: str, action_id: str) -> dict[str, Any]:
    action = {"type": "button", "action_id": action_id, "block_id": "b", "value": NOBODY, "action_ts": "1.1"}
    return interaction("block_actions", user, actions=[action], view=None)


def view(**more: Any) -> dict[str, Any]:
    option = {"text": {"type": "plain_text", "text": "x"}, "value": INBOUND}
    values = {"start_call": {"call": {"type": "external_select", "selected_option": option}},
              "start_typed_id": {"typed_id": {"type": "plain_text_input", "value": None}},
              "start_note": {"note": {"type": "plain_text_input", "value": "a note"}}}  # fmt: skip
    return {
        "id": f"V{next(numbers)}", "type": "modal", "callback_id": "recording_start_view", "hash": "1.2", "blocks": [],
        "private_metadata": json.dumps({"channel": FLOOR}), "state": {"values": values},
    } | more  # fmt: skip


BUTTONS = ("recording_stop", "recording_pause", "recording_resume", "recording_start_again", "recording_start_agent",
           "recording_start_open", "approval_confirm", "call", "found")  # fmt: skip


def payload(kind: str, user: str) -> dict[str, Any]:
    match kind:
        case "view_submission":
            return interaction(kind, user, view=view())
        case "block_suggestion":
            return interaction(kind, user, view=view(), action_id="call", block_id="start_call", value="ann")
        case "shortcut":
            return interaction(kind, user, callback_id="recording_start", action_ts="1.1")
        case "message_action":
            message = {"text": f"see https://apps.example/interactions/{INBOUND}", "ts": "1.1", "blocks": []}
            return interaction(kind, user, callback_id="recording_start_from_message", message=message)
        case "event_callback":
            event = {"type": "app_home_opened", "user": user, "channel": "D1", "tab": "home", "event_ts": "1.1"}
            return {"type": kind, "team_id": "T0SANDBOX", "event_id": f"Ev{next(numbers)}", "event": event}
        case _:
            return click(user, kind)


KINDS = ("view_submission", "block_suggestion", "shortcut", "message_action", "event_callback", *BUTTONS)


def signed(raw: bytes, content_type: str = FORM) -> dict[str, str]:
    at = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + raw, hashlib.sha256).hexdigest()
    return {"Content-Type": content_type, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signature}"}


async def post(scenario: ServingScenario, body: str | bytes, content_type: str = FORM) -> tuple[int, str]:
    """Send a body as Slack does, signed."""
    raw = body.encode() if isinstance(body, str) else body
    headers = signed(raw, content_type)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{scenario.url}/slack/events", data=io.BytesIO(raw), headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def sent(body: Any) -> str:
    return urlencode({"payload": json.dumps(body)})


async def quiet(scenario: ServingScenario) -> None:
    """Wait for what goes on after the acknowledgements: a round through the whole bot."""
    assert await scenario.types(ADA, "help")


def hold(scenario: ServingScenario, logs: list[Any]) -> None:
    """Hold what has to be so whatever came."""
    for one in logs:
        if one["event"] == "work_failed":
            raise AssertionError(one["event"]) from one["exc_info"]
    requested = {one["conversation_id"] for one in scenario.entries() if one["phase"] == "requested"}
    assert all(any(call in write.path for call in requested if call) for write in scenario.genesys.writes())
    assert "xoxb-" not in repr(logs)
    assert scenario.slack.warnings == []  # Slack itself, or a reader of its messages, would find something
    for message in (*scenario.slack.messages(FLOOR), *scenario.slack.messages("C0AUDIT")):
        assert not LIVELY.search(message.text), message.text
        assert not LIVELY.search(json.dumps(message.blocks)), message.blocks


@given(data=st.data())
@effort(40)
async def test_a_command_of_any_text_is_answered(scenario: ServingScenario, data: st.DataObject) -> None:
    verb = data.draw(
        st.sampled_from(["", "start", f"start {INBOUND}", "stop", "status", "history", "audit", "list", "help"])
    )
    text = f"{verb} {data.draw(texts)}"
    body = {"command": "/record", "text": text, "user_id": ADA, "team_id": "T0SANDBOX", "channel_id": FLOOR,
            "trigger_id": f"fuzz.{next(numbers)}", "response_url": "http://127.0.0.1:9/never"}  # fmt: skip
    with capture_logs() as logs:
        status, answer = await post(scenario, urlencode(body, errors="replace"))
        assert status == 200
        assert not [one for one in logs if BROKEN.search(one["event"])], logs
        assert not LIVELY.search(answer)
    hold(scenario, logs)


@pytest.mark.parametrize("user", [ADA, MALLORY])
@given(data=st.data())
@effort(50)
async def test_a_payload_with_anything_in_it_breaks_nothing(
    scenario: ServingScenario, user: str, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    body = data.draw(mutilated(payload(kind, user)))
    before = len(scenario.genesys.requests)
    with capture_logs() as logs:
        status, _ = await post(scenario, sent(body))
        assert status in {200, 400, 404}, (body, logs)
        await quiet(scenario)
    hold(scenario, logs)
    if user == MALLORY:
        assert scenario.genesys.requests[before:] == []


@given(body=st.one_of(junk.map(json.dumps), st.binary(max_size=60), texts.map(lambda one: one.encode(errors="replace"))),
       wrapped=st.booleans(),
       content_type=st.sampled_from([FORM, "application/json", "text/plain; charset=nonsense", "multipart/form-data"]))  # fmt: skip
@effort(40)
async def test_garbage_leaves_no_trace(
    scenario: ServingScenario, body: str | bytes, content_type: str, *, wrapped: bool
) -> None:
    head = scenario.head()
    with capture_logs() as logs:
        status, _ = await post(scenario, urlencode({"payload": body}) if wrapped else body, content_type)
    assert status in {200, 400, 401, 404}, logs  # 401: a signature over what is no UTF-8 is none
    assert scenario.head() == head
    hold(scenario, logs)


@given(headers=st.fixed_dictionaries({}, optional={
    "X-Slack-Request-Timestamp": st.sampled_from(["", "soon", "1e9", "-1", "9" * 400, "0x10", "inf", str(int(time.time()))]),
    "X-Slack-Signature": st.sampled_from(["", "v0=", "v0=" + "0" * 64, "v1=x", "v0=\xfc", "v0=" + "a" * 5000]),
    "Content-Type": st.sampled_from([FORM, "application/json", "?", "text/plain; charset=nonsense"]),
    "X-Slack-Bolt-Lazy-Only": st.just("1"),
}), body=st.one_of(st.binary(max_size=80), st.just(b"command=/record&text=list")))  # fmt: skip
@effort(30)
async def test_what_is_not_signed_is_refused_and_nothing_else(
    scenario: ServingScenario, headers: dict[str, str], body: bytes
) -> None:
    head = scenario.head()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{scenario.url}/slack/events", data=body, headers=headers) as answer,
    ):
        assert answer.status == 401
    assert scenario.head() == head


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3_000_000])
async def test_a_body_beyond_a_megabyte_is_refused_unread(scenario: ServingScenario, size: int) -> None:
    head = scenario.head()
    status, _ = await post(scenario, b"payload=" + b"x" * size)
    assert status == 413
    assert scenario.head() == head


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_of_two_headers_the_first_counts_and_never_the_better_one(scenario: ServingScenario, name: str) -> None:
    """A second header must not make a forged request good."""
    head, body = scenario.head(), "command=/record&text=list"
    good = signed(body.encode())
    forged = CIMultiDict(good)
    forged[name] = "1"
    forged.add(name, good[name])
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{scenario.url}/slack/events", data=body, headers=forged) as answer,
    ):
        assert answer.status == 401
    assert scenario.head() == head
