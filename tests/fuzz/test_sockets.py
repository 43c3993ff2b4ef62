"""What may come by the sockets: notifications of Genesys, and Slack's envelopes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.genesys.notifications.channel import read_news
from bot.genesys.notifications.websocket import Stream, StreamOver
from bot.recording.models import Conversation
from tests.fuzz.effort import effort
from tests.fuzz.genesys_answers import CALL, call
from tests.fuzz.odd import deep, junk, mutilated, texts
from tests.fuzz.test_slack_payloads import KINDS, NOBODY, hold, payload, quiet
from tests.support.clocks.fake_clock import FakeClock
from tests.support.scenario import ADA, MALLORY

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

TOPIC = "v2.users.u1.conversations.calls"
NEWS = {"topicName": TOPIC, "version": "2", "eventBody": call(), "metadata": {"CorrelationId": "c-1"}}
messages = st.one_of(
    mutilated(NEWS, most=4).map(json.dumps),
    mutilated(NEWS, most=2, keep=frozenset({"topicName"}), odd=st.builds(deep)).map(json.dumps),
    junk.map(json.dumps),
    texts,
    st.sampled_from(['{"topicName": "V2.System.Socket_Closing"}', '{"topicName": []}', '"v2"', "[]", "NaN"]),
    st.builds(lambda: '{"a":' * 100_000),
)


@given(data=st.data())
@effort(60)
async def test_a_notification_is_news_or_nothing(data: st.DataObject) -> None:
    said = data.draw(messages)
    stream = Stream(None, FakeClock())  # type: ignore[arg-type]  # what was received is looked at, not received
    try:
        document = stream._read(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, said, None))
    except StreamOver:
        assert "socket_closing" in said.casefold()
        return
    news = read_news(document)
    assert news is None or news.user_id in said
    assert news is None or isinstance(news.seen, Conversation | None)
    if news is not None and news.conversation_id == CALL and news.seen is None:
        people = json.loads(said)["eventBody"].get("participants")
        assert not isinstance(people, list) or call()["participants"][0] not in people  # connected people are there


@pytest.fixture
def transport() -> str:
    return "socket"


def envelope(number: int, body: Any) -> dict[str, Any]:
    return {"envelope_id": f"e-{number}", "type": "interactive", "accepts_response_payload": True, "payload": body}


@st.composite
def frames(draw: st.DrawFn, user: str) -> str:
    """Return what comes by the socket, as if this person had acted."""
    whole = envelope(1, payload(draw(st.sampled_from(KINDS)), user) | {"value": NOBODY})
    said: str = draw(st.one_of(
        mutilated(whole, most=3).map(json.dumps), junk.map(json.dumps),
        st.sampled_from(["", "{", "null", "[]", '{"type": "hello"}', '{"type": "interactive", "envelope_id": 7}']),
    ))  # fmt: skip
    return said


@pytest.mark.parametrize("user", [ADA, MALLORY])  # each alone: what one set going may end in the other's turn
@given(data=st.data())
@effort(20)
async def test_an_envelope_with_anything_in_it_breaks_nothing(
    scenario: ServingScenario, user: str, data: st.DataObject
) -> None:
    said = data.draw(frames(user))
    before = len(scenario.genesys.requests)
    with capture_logs() as logs:
        for link in scenario.slack.sockets.links:
            await link.socket.send_str(said)
        async with asyncio.timeout(40):
            await quiet(scenario)
    hold(scenario, logs)
    if user == MALLORY:
        assert [one for one in scenario.genesys.requests[before:] if one.is_write] == []
