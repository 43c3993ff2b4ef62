"""Whatever comes back from Genesys: a reading or one of the bot's own errors, and a trail that can be verified."""

# ruff: noqa: E501, PT017, PLR0911  either a result or an error is fine, and both are looked at

from __future__ import annotations

import asyncio
import dataclasses
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.verification import Verifier
from bot.database.trail.reader import SqlTrail
from bot.errors import GenesysError, OutcomeUnknown
from bot.genesys import (
    ConversationsControl,
    GenesysAccount,
    GenesysClient,
    GenesysDirectory,
    GenesysPeople,
    GenesysRecordingFiles,
    SessionsControl,
    call_volume,
)
from bot.genesys.notifications.channel import Channel, open_channel, subscribe
from bot.genesys.recording_files.metadata import GenesysSavedRecordings
from bot.genesys.transport.deadline import unattended
from bot.recording.call import CallRecording
from bot.recording.control.intake import Intake
from bot.recording.models import Mechanism, Target, Verb
from bot.recording.ports import tell_nobody
from tests.fuzz.effort import effort
from tests.fuzz.genesys_answers import CALL, GOOD, answers, call, encoded, person
from tests.fuzz.odd import mutilated
from tests.fuzz.raw_server import FakeRawServer, http, raw_server
from tests.support.clocks.fake_clock import FakeClock
from tests.support.databases.trail import entries
from tests.support.recording.change_options import permit_anyone, within
from tests.support.recording.service import asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


WITHIN = 60.0
"""Real seconds for what takes milliseconds on an idle machine."""
TOKEN = "POST /oauth/token"
A_CALL = f"GET /api/v2/conversations/calls/{CALL}"
ADHOC = ("PATCH", f"/api/v2/conversations/{CALL}/participants/p1")


@asynccontextmanager
async def client_of(server: FakeRawServer, clock: FakeClock) -> AsyncIterator[GenesysClient]:
    client = GenesysClient(GenesysAccount("id", "secret", api_url=server.url), clock=clock, read_timeout=WITHIN)
    try:
        yield client
    finally:
        await client.close()


def good(method: str, path: str) -> bytes:
    return http(encoded(GOOD.get(f"{method} {path}", {})))


async def control_deeds(client: GenesysClient, api: str, deed: str) -> Any:
    control = ConversationsControl(client) if api == "conversations" else SessionsControl(client)
    target = Target(CALL, participant_id="p1", mechanism=Mechanism.ADHOC, session_id="s1")
    how = within(client.clock)
    match deed:
        case "look":
            return await control.read_call(Target(CALL), deadline=how.deadline, progress=tell_nobody)
        case "start":
            return await control.start(Target(CALL), how, reason_code="a", permit=permit_anyone)
        case "stop, of whatever kind":
            return await control.stop(Target(CALL), how)
        case "stop":
            return await control.stop(target, how)
        case "pause":
            return await control.pause(target, how)
        case _:
            return await control.resume(target, how)


async def other_deeds(client: GenesysClient, deed: str) -> Any:
    deadline = client.clock.monotonic() + 25
    match deed:
        case "live calls":
            return await GenesysDirectory(client).live_calls(deadline=deadline)
        case "names":
            return await GenesysDirectory(client).names("user", frozenset({"u1"}), deadline=deadline)
        case "saved":
            return await GenesysSavedRecordings(client).saved(CALL, deadline=deadline)
        case "channel":
            return await open_channel(client)
        case "subscribe":
            return await subscribe(client, Channel("ch1", "wss://x", 0), frozenset({"u1", "u2"}))
        case "probe":
            return await client.probe()
        case _:
            return await client.login()


async def file_deeds(client: GenesysClient, deed: str) -> Any:
    files, deadline = GenesysRecordingFiles(client), client.clock.monotonic() + 25
    match deed:
        case "files":
            return await files.files(CALL, ended_at=None, deadline=deadline)
        case "protect":
            return await files.protect(CALL, deadline=deadline, progress=tell_nobody)
        case "release":
            return await files.release(CALL, deadline=deadline, progress=tell_nobody)
        case "annotate":
            return await files.annotate(CALL, "r1", "Complaint", deadline=deadline, progress=tell_nobody)
        case "media":
            return await files.media_link(CALL, "r1", deadline=deadline, progress=tell_nobody)
        case "people":
            return await GenesysPeople(client).find("ann", deadline=deadline)
        case "agent status":
            return await GenesysPeople(client).status("u1", deadline=deadline)
        case _:
            return await call_volume(client, unattended(deadline), queue_ids=["q1"])


CALLS = (A_CALL, f"GET /api/v2/conversations/{CALL}")
SESSIONS = ("GET /api/v2/recording/sessions", "GET /api/v2/recording/sessions/s1")
SWITCHES = (
    f"PATCH /api/v2/conversations/{CALL}/participants/p1",
    f"PUT /api/v2/conversations/calls/{CALL}/recordingstate",
)
ONE_FILE = f"/api/v2/conversations/{CALL}/recordings/r1"
PROTECTION = ("POST /api/v2/recordings/deletionprotection", "PUT /api/v2/recordings/deletionprotection")
ASKED_FOR = {
    "conversations": (*CALLS, *SWITCHES),
    "sessions": (*CALLS, *SESSIONS, "POST /api/v2/recording/sessions", "POST /api/v2/recording/sessions/s1/stop"),
    "live calls": ("POST /api/v2/analytics/conversations/activity/query",
                   "POST /api/v2/analytics/conversations/details/query"),
    "names": ("GET /api/v2/users",),
    "saved": (f"GET /api/v2/conversations/{CALL}/recordingmetadata",),
    "files": (f"GET /api/v2/conversations/{CALL}/recordingmetadata",),
    "protect": PROTECTION,
    "release": PROTECTION,
    "annotate": (f"GET {ONE_FILE}/annotations", f"POST {ONE_FILE}/annotations"),
    "media": (f"GET {ONE_FILE}",),
    "people": ("POST /api/v2/users/search",),
    "agent status": ("GET /api/v2/users/u1",),
    "volume": ("POST /api/v2/analytics/conversations/details/query",),
    "channel": ("POST /api/v2/notifications/channels",),
    "subscribe": ("PUT /api/v2/notifications/channels/ch1/subscriptions",),
    "probe": ("GET /api/v2/tokens/me", TOKEN),
    "login": (TOKEN,),
}  # fmt: skip
"""What each may ask Genesys for."""
DEEDS = ("look", "start", "stop, of whatever kind", "stop", "pause", "resume")
FILE_DEEDS = ("files", "protect", "release", "annotate", "media", "people", "agent status", "volume")
OTHER_DEEDS = ("live calls", "names", "saved", "channel", "subscribe", "probe", "login")

Script = dict[str, list[bytes]]


@st.composite
def scripts(draw: st.DrawFn, asked_for: tuple[str, ...], most: int = 2) -> Script:
    """Return odd answers for some of what is asked for: each once, the last one for ever; all else goes well."""
    return {
        key: draw(st.lists(answers(GOOD.get(key, {})), min_size=1, max_size=most))
        for key in asked_for
        if draw(st.integers(0, 3))
    }


def following(script: Script) -> Callable[[str, str], bytes]:
    def answering(method: str, path: str) -> bytes:
        left = script.get(f"{method} {path}") or [good(method, path)]
        return left.pop(0) if len(left) > 1 else left[0]

    return answering


def written(value: object) -> str:
    """Write a result as it is stored and shown; unwritable text is noticed."""
    return json.dumps(
        dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value),
        default=str,
        ensure_ascii=False,
        allow_nan=False,
    ).encode().decode()  # fmt: skip


@pytest.mark.parametrize("api", ["conversations", "sessions"])
@given(data=st.data())
@effort(30)
async def test_an_action_ends_with_a_result_or_an_error_of_ours(api: str, data: st.DataObject) -> None:
    deed, script = data.draw(st.sampled_from(DEEDS)), data.draw(scripts(ASKED_FOR[api]))
    async with raw_server() as server, client_of(server, FakeClock()) as client, asyncio.timeout(WITHIN):
        server.answering = following(script)
        try:
            outcome = await control_deeds(client, api, deed)
        except GenesysError as error:
            assert written(error.evidence)
            assert "\x00" not in written(error)
        else:
            assert "\\u0000" not in written(outcome)


@given(data=st.data())
@effort(50)
async def test_a_question_ends_with_an_answer_or_an_error_of_ours(data: st.DataObject) -> None:
    deed = data.draw(st.sampled_from(OTHER_DEEDS))
    script = data.draw(scripts(ASKED_FOR[deed]))
    async with raw_server() as server, client_of(server, FakeClock()) as client, asyncio.timeout(WITHIN):
        server.answering = following(script)
        try:
            outcome = await other_deeds(client, deed)
        except GenesysError as error:
            assert written(error)
        else:
            assert "\\u0000" not in written(outcome)


@given(data=st.data())
@effort(60)
async def test_what_is_done_about_a_file_ends_with_a_result_or_an_error_of_ours(data: st.DataObject) -> None:
    deed = data.draw(st.sampled_from(FILE_DEEDS))
    script = data.draw(scripts(ASKED_FOR[deed]))
    async with raw_server() as server, client_of(server, FakeClock()) as client, asyncio.timeout(WITHIN):
        server.answering = following(script)
        try:
            outcome = await file_deeds(client, deed)
        except GenesysError as error:
            assert written(error.evidence)
            assert "\x00" not in written(error)
        else:
            assert "\\u0000" not in written(outcome)
        assert len([method for method, _ in server.asked if method == "PUT"]) <= 2


@given(headers=st.lists(answers({}), min_size=1, max_size=3))
@effort(25)
async def test_whatever_was_said_the_next_good_answer_counts(headers: list[bytes]) -> None:
    """No header, however large its number, keeps the bot from asking again a minute later."""
    clock = FakeClock()
    async with raw_server() as server, client_of(server, clock) as client, asyncio.timeout(WITHIN):
        for odd in headers:
            server.answering = lambda method, path, odd=odd: good(method, path) if "oauth" in path else odd  # type: ignore[misc]
            try:
                await control_deeds(client, "conversations", "look")
            except GenesysError:
                clock.advance(1)
        clock.advance(120)
        server.answering = good
        seen = await control_deeds(client, "conversations", "look")
    assert seen.recording is CallRecording.NONE


def explicitly_not_recorded(body: Any) -> bool:
    """Say whether a call's document says in so many words that nobody who is connected is being recorded."""
    people = [one for one in body.get("participants", []) if isinstance(one, dict)]
    connected = [
        one for one in people if str(one.get("state")).casefold() == "connected" and not isinstance(one.get("endTime"), str)
    ]  # fmt: skip
    said = [str(one["recordingState"]) for one in connected if one.get("recordingState") is not None]
    said += ["none" for one in connected if one.get("recordingState") is None and one.get("recording") is False]
    said += [str(body["recordingState"])] if not said and body.get("recordingState") is not None else []
    return bool(said) and all(word.casefold() == "none" for word in said)


WORDS: st.SearchStrategy[Any] = st.sampled_from(
    ["none", "None", "active", "ACTIVE", "paused", "humming", "", None, 7, False, True, [], {}]
)
STATES = st.sampled_from(["connected", "CONNECTED", "alerting", "disconnected", "terminated", "dialing", "", None, 3])


@given(
    body=st.one_of(
        mutilated(call()),
        st.builds(
            lambda one, two, whole: {"id": CALL, "participants": [one, two], "recordingState": whole},
            st.builds(
                lambda state, word, adhoc: person(1, "agent", state=state, recordingState=word, recordersState=adhoc),
                STATES, WORDS, st.one_of(st.none(), st.builds(lambda word: {"adhocState": word}, WORDS)),
            ),
            st.builds(lambda state, word: {"id": "p2", "state": state, "recordingState": word}, STATES, WORDS),
            WORDS,
        ),
    )
)  # fmt: skip
@effort(60)
async def test_a_recording_is_started_only_where_genesys_said_that_there_is_none(body: Any) -> None:
    clock = FakeClock()
    async with raw_server() as server, client_of(server, clock) as client, asyncio.timeout(WITHIN):
        server.answering = lambda method, path: (
            http(encoded(body)) if f"{method} {path}" == A_CALL else good(method, path)
        )
        try:
            seen = await control_deeds(client, "conversations", "look")
        except GenesysError:
            seen = None
        try:
            await control_deeds(client, "conversations", "start")
        except GenesysError:
            clock.advance(0)
    if seen is not None and seen.connected and seen.recording is CallRecording.NONE:
        assert explicitly_not_recorded(body)
    if ADHOC in server.asked:
        assert explicitly_not_recorded(body)


@given(odd=st.lists(answers(GOOD[A_CALL]), min_size=1, max_size=4))
@effort(30)
async def test_once_a_change_was_sent_nothing_but_a_reading_settles_it(odd: list[bytes]) -> None:
    """After an accepted write: done where a reading shows it, ended where the call is gone, else unknown."""
    async with raw_server() as server, client_of(server, FakeClock()) as client, asyncio.timeout(WITHIN):

        def answering(method: str, path: str) -> bytes:
            if f"{method} {path}" == A_CALL and ADHOC in server.asked:
                return odd.pop(0) if len(odd) > 1 else odd[0]
            return good(method, path)

        server.answering = answering
        try:
            effect = await control_deeds(client, "conversations", "start")
        except GenesysError as error:
            assert ADHOC in server.asked
            assert isinstance(error, OutcomeUnknown) or error.kind == "call_ended"
        else:
            assert effect.created
        assert server.asked.count(ADHOC) == 1


@pytest.mark.parametrize("api", ["conversations", "sessions"])
@given(data=st.data())
@effort(10)
async def test_the_trail_stays_whole(api: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Each request has its outcome or is known to be open, whatever Genesys said, and the chain verifies."""
    script, order = data.draw(scripts(ASKED_FOR[api])), data.draw(st.permutations([Verb.PAUSE, Verb.STOP]))
    file: Path = tmp_path_factory.mktemp("trail") / "record-bot.db"
    async with (
        raw_server() as server,
        client_of(server, FakeClock()) as client,
        open_harness(file, clock=client.clock) as harness,  # type: ignore[arg-type]
        asyncio.timeout(WITHIN),
    ):
        server.answering = following(script)
        control = ConversationsControl(client) if api == "conversations" else SessionsControl(client)
        # a busy machine's disk is not the matter
        intake = Intake(dataclasses.replace(harness.service.intake.log, write_limit=WITHIN))
        service = dataclasses.replace(harness.service, control=control, intake=intake)
        settled = await service.carry_out(at_once(await service.intake.start(asked(), CALL, "why not")))
        if settled.recording.state.value == "active":
            for verb in order:
                try:
                    accepted = at_once(await service.intake.change(verb, asked(), recording_id=settled.recording.id))
                except Exception as refused:  # noqa: BLE001  in the wrong state for it by now
                    assert hasattr(refused, "audit_seq")
                else:
                    await service.carry_out(accepted)
        verifier = Verifier()
        await SqlTrail(harness.engines).verify(verifier, lambda _done, _total: None)
        assert verifier.finish() is None
        found = entries(file)
        requested = {one["attempt_id"] for one in found if one["phase"] == "requested"}
        assert requested <= {one["attempt_id"] for one in found if one["phase"] != "requested"}
        assert not [one for one in found if one["outcome"].get("error") == "error"]
