"""Answers that the simulator doesn't give: what a platform or a gateway may say all the same."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.errors import (
    AgentLeft,
    CallEnded,
    CallNotFound,
    GenesysError,
    GenesysUnavailable,
    NotAVoiceCall,
    NotFound,
    OutcomeUnknown,
    RateLimited,
)
from bot.genesys import ConversationsControl, GenesysAccount, GenesysClient, SessionsControl, check
from bot.recording.call import CallRecording
from bot.recording.models import Mechanism, Target
from bot.recording.ports import tell_nobody
from tests.support.clocks.fake_clock import FakeClock
from tests.support.recording.change_options import permit_anyone, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CALL = "/api/v2/conversations/calls/c1"
SESSIONS = "/api/v2/recording/sessions"

Answers = dict[str, list[tuple[int, Any]]]


class FakeGateway:
    """Says what it is told to: for each request, by method and path, its answers in order, the last one for ever."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        asked = f"{request.method} {request.path}"
        if request.path == "/oauth/token" and asked not in self.answers:
            return web.json_response({"access_token": "token", "expires_in": 100})
        self.asked.append(asked)
        answers = self.answers[asked]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        headers = {"Retry-After": "0"} if status == 429 else {}
        return web.json_response(body, status=status, headers=headers)


def connected(**fields: Any) -> dict[str, Any]:
    agent = {"id": "p1", "purpose": "agent", "state": "connected", "user": {"id": "u1"}, "recordingState": "none"}
    return {"id": "c1", "participants": [agent | fields]}


@asynccontextmanager
async def gateway(answers: Answers) -> AsyncIterator[tuple[FakeGateway, GenesysClient, dict[str, Any]]]:
    fake = FakeGateway(answers)
    runner = web.AppRunner(_app(fake.answer), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    clock = FakeClock()
    client = GenesysClient(GenesysAccount("id", "secret", api_url=f"http://{host}:{port}/"), clock=clock)
    try:
        yield fake, client, {"deadline": clock.monotonic() + 25, "progress": tell_nobody}
    finally:
        await client.close()
        await runner.cleanup()


def _app(handler: Callable[[web.Request], Any]) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    return app


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"participants": [{"chats": [{"id": "x"}], "calls": []}]}, NotAVoiceCall),
        (200, {"participants": [{"calls": [{"id": "x"}]}]}, CallNotFound),
        (200, {"participants": None}, CallNotFound),
        (404, {"code": "not.found"}, CallNotFound),
        (403, {"code": "missing.permissions"}, CallNotFound),
    ],
)
async def test_what_is_no_call_is_told_from_what_is_not_there(
    status: int, body: dict[str, Any], error: type[GenesysError]
) -> None:
    answers: Answers = {f"GET {CALL}": [(404, {"code": "not.found"})], "GET /api/v2/conversations/c1": [(status, body)]}
    async with gateway(answers) as (_, client, limits):
        with pytest.raises(error):
            await ConversationsControl(client).start(
                Target("c1"), within(client.clock), reason_code=None, permit=permit_anyone
            )
        with pytest.raises(CallNotFound):
            await ConversationsControl(client).read_call(Target("c1"), **limits)


async def test_a_call_that_is_gone_when_a_change_is_looked_for_has_ended() -> None:
    answers: Answers = {
        f"GET {CALL}": [(200, connected()), (404, {"code": "not.found"})],
        "PATCH /api/v2/conversations/c1/participants/p1": [(202, None)],
    }
    async with gateway(answers) as (_, client, _limits):
        with pytest.raises(CallEnded):
            await ConversationsControl(client).start(
                Target("c1"), within(client.clock), reason_code=None, permit=permit_anyone
            )


async def test_a_404_without_a_code_is_not_genesyss_and_ends_no_call() -> None:
    answers: Answers = {
        f"GET {CALL}": [(404, {})],
        "PATCH /api/v2/conversations/c1/participants/p1": [(202, None)],
    }
    async with gateway(answers) as (_, client, limits):
        with pytest.raises(OutcomeUnknown):
            await ConversationsControl(client).stop(
                Target("c1", participant_id="p1", mechanism=Mechanism.ADHOC), within(client.clock)
            )
        with pytest.raises(NotFound) as missing:
            await ConversationsControl(client).read_call(Target("c1"), **limits)
    assert not isinstance(missing.value, CallNotFound)


async def test_an_agent_who_leaves_before_the_recording_shows_leaves_it_unknown() -> None:
    customer = {"id": "p2", "purpose": "customer", "state": "connected"}
    answers: Answers = {
        f"GET {CALL}": [(200, connected()), (200, {"participants": [customer]})],
        "PATCH /api/v2/conversations/c1/participants/p1": [(202, None)],
    }
    async with gateway(answers) as (fake, client, _limits):
        with pytest.raises(OutcomeUnknown):
            await ConversationsControl(client).start(
                Target("c1"), within(client.clock), reason_code=None, permit=permit_anyone
            )
        assert fake.asked.count("PATCH /api/v2/conversations/c1/participants/p1") == 1


async def test_a_conflict_that_somebody_settles_between_two_tries_is_success() -> None:
    answers: Answers = {
        f"GET {CALL}": [(200, connected()), (200, connected()), (200, connected(recordingState="active"))],
        "PATCH /api/v2/conversations/c1/participants/p1": [(409, {})],
    }
    async with gateway(answers) as (_, client, _limits):
        effect = await ConversationsControl(client).start(
            Target("c1"), within(client.clock), reason_code=None, permit=permit_anyone
        )
    assert not effect.created


async def test_no_time_to_wait_is_no_reason_to_hammer() -> None:
    async with gateway({f"GET {CALL}": [(429, {})]}) as (fake, client, limits):
        with pytest.raises(RateLimited):
            await ConversationsControl(client).read_call(Target("c1"), **limits)
    assert len(fake.asked) == 5


async def test_a_limited_login_is_unavailable() -> None:
    async with gateway({"POST /oauth/token": [(429, {})]}) as (_, client, _limits):
        with pytest.raises(GenesysUnavailable):
            await client.login()


async def test_ids_cannot_leave_their_place_in_the_path() -> None:
    answers: Answers = {"GET /api/v2/conversations/calls/../users?x": [(200, connected())]}
    async with gateway(answers) as (fake, client, limits):
        await ConversationsControl(client).read_call(Target("../users?x"), **limits)
    assert fake.asked == ["GET /api/v2/conversations/calls/../users?x"]  # decoded by the server, from one segment


@pytest.mark.parametrize(
    ("body", "session_id", "recording"),
    [
        ({"entities": []}, None, CallRecording.NONE),
        ([], None, CallRecording.NONE),
        ([{"id": "s1", "status": "STOPPED"}, {"id": "s2", "status": "Active"}], "s2", CallRecording.ACTIVE),
        ([{"id": "s1", "status": "active", "endTime": "2026-03-02T09:00:00Z"}], "s1", CallRecording.NONE),
        ({"id": "s1", "status": "recording", "endTime": None}, "s1", CallRecording.ACTIVE),
        ([{"id": "s1", "status": "stopped"}, {"id": "s2", "status": "humming"}], "s2", CallRecording.UNKNOWN),
        ({"entities": [None, {"id": "s1", "status": "completed"}]}, "s1", CallRecording.NONE),
    ],
)
async def test_sessions_may_be_listed_in_several_ways(
    body: Any, session_id: str | None, recording: CallRecording
) -> None:
    answers: Answers = {f"GET {CALL}": [(200, connected())], f"GET {SESSIONS}": [(200, body)]}
    async with gateway(answers) as (_, client, limits):
        seen = await SessionsControl(client).read_call(Target("c1"), **limits)
    assert (seen.session_id, seen.recording) == (session_id, recording)
    assert seen.mechanism is (Mechanism.SESSION if recording is CallRecording.ACTIVE else None)


async def test_a_search_that_lists_nothing_is_no_proof() -> None:
    answers: Answers = {
        f"GET {CALL}": [(200, connected())],
        f"GET {SESSIONS}": [(200, {"total": 0})],
        f"POST {SESSIONS}": [(503, {})],
    }
    async with gateway(answers) as (fake, client, _limits):
        with pytest.raises(OutcomeUnknown):
            await SessionsControl(client).start(
                Target("c1"), within(client.clock), reason_code=None, permit=permit_anyone
            )
    assert fake.asked.count(f"POST {SESSIONS}") == 1


async def test_a_session_of_a_call_that_is_gone_has_ended_with_it() -> None:
    answers: Answers = {f"GET {CALL}": [(404, {"code": "not.found"})], f"POST {SESSIONS}/s1/stop": [(404, {})]}
    async with gateway(answers) as (_, client, _limits):
        with pytest.raises(CallEnded):
            await SessionsControl(client).stop(Target("c1", session_id="s1"), within(client.clock))


@pytest.mark.parametrize("everybody_has_left", [False, True])
@pytest.mark.parametrize("verb", ["stop", "pause"])
async def test_a_call_that_is_said_to_be_disconnected_has_ended_once_a_reading_shows_it(
    verb: str, *, everybody_has_left: bool
) -> None:
    """``call.disconnected`` is one participant's part in the call, or the whole: the code doesn't say."""
    refused = (400, {"code": "conversation.error.call.disconnected", "status": 400})
    body = connected(state="disconnected")
    if not everybody_has_left:
        body["participants"].append({"id": "c1", "purpose": "customer", "state": "connected"})
    target = Target("c1", participant_id="p1", mechanism=Mechanism.ADHOC)
    answers: Answers = {
        "PATCH /api/v2/conversations/c1/participants/p1": [refused],
        f"PUT {CALL}/recordingstate": [refused],
        f"GET {CALL}": [(200, body)],
    }
    async with gateway(answers) as (fake, client, _limits):
        acting = getattr(ConversationsControl(client), verb)(target, within(client.clock))
        if everybody_has_left:
            with pytest.raises(CallEnded):
                await acting
        elif verb == "pause":
            with pytest.raises(AgentLeft):
                await acting
        else:
            assert not (await acting).created
    assert len(fake.asked) == 2


@pytest.mark.parametrize("api", ["conversations", "sessions"])
async def test_a_404_of_somebody_elses_shows_no_permission(api: str) -> None:
    """A proxy, or an address that is not Genesys's, answers everything without a code of Genesys's."""
    async with gateway(defaultdict(lambda: [(404, {})])) as (_, client, _):
        findings = await check(client, recording_api=api)

    promised = [finding.what for finding in findings if finding.ok and not finding.unknown and not finding.note]
    assert promised == ["Genesys region", "Genesys login"]
    unknown = [finding for finding in findings if finding.what.startswith("Genesys permission: ")]
    assert all(finding.unknown for finding in unknown)
    assert "proxy" in unknown[0].sentence
