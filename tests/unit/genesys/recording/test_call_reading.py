"""A call's JSON, with everything that Genesys may leave out, spell in another case, or add one day."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Evidence
from bot.genesys.recording.call_state import CallReading, read_call
from bot.recording.call import CallRecording
from bot.recording.models import Mechanism


def leg(**fields: Any) -> dict[str, Any]:
    return {
        "id": "agent-1",
        "purpose": "agent",
        "state": "connected",
        "endTime": None,
        "user": {"id": "user-1", "selfUri": "/api/v2/users/user-1"},
        "queue": {"id": "queue-1"},
        "recordingState": "none",
        "recordersState": {"adhocState": "NONE"},
        "securePause": False,
        "monitoredParticipantId": None,
    } | fields


def customer(**fields: Any) -> dict[str, Any]:
    return leg(id="customer-1", purpose="customer", user=None, queue=None) | fields


def reading(*participants: Any, **fields: Any) -> CallReading:
    return read_call({"id": "call-1", "participants": list(participants)} | fields, "call-1", Evidence())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"recordingState": "none"}, CallRecording.NONE),
        ({"recordingState": "ACTIVE"}, CallRecording.ACTIVE),
        ({"recordingState": "Paused"}, CallRecording.PAUSED),
        ({"recordingState": "outdated_sdk_version"}, CallRecording.UNKNOWN),
        ({"recordingState": 7}, CallRecording.UNKNOWN),
        ({"recordingState": None}, CallRecording.UNKNOWN),
        ({"recordingState": None, "recording": False}, CallRecording.NONE),
        ({"recordingState": None, "recording": True}, CallRecording.ACTIVE),
        ({"recordingState": "transcribing", "recording": False}, CallRecording.UNKNOWN),
        ({"recordingState": None, "recordersState": {"adhocState": "PAUSED"}}, CallRecording.PAUSED),
        ({"recordingState": "none", "recordersState": {"adhocState": "active"}}, CallRecording.ACTIVE),
        ({"recordingState": "none", "recordersState": None}, CallRecording.NONE),
    ],
)
def test_a_missing_or_new_word_is_never_none(fields: dict[str, Any], expected: CallRecording) -> None:
    assert reading(leg(**fields)).recording is expected


def test_the_customer_need_not_say_anything() -> None:
    silent = customer(recordingState=None, recordersState=None)
    assert reading(leg(), silent).recording is CallRecording.NONE
    assert reading(leg(recordingState=None), customer()).recording is CallRecording.UNKNOWN


def test_the_call_as_a_whole_counts_where_nobody_says_anything() -> None:
    silent = leg(recordingState=None, recordersState=None)
    assert reading(silent, recordingState="active").recording is CallRecording.ACTIVE
    assert reading(leg(), recordingState="active").recording is CallRecording.NONE


def test_one_recorded_participant_is_a_recorded_call() -> None:
    call = reading(customer(), leg(id="agent-2"), leg(recordingState="active"))
    assert call.recording is CallRecording.ACTIVE
    assert call.mechanism is Mechanism.POLICY


def test_the_recorder_tells_the_mechanism() -> None:
    recorded = leg(recordingState="active", recordersState={"adhocState": "ACTIVE"})
    call = reading(customer(), leg(id="agent-0"), recorded)
    assert call.mechanism is Mechanism.ADHOC
    assert call.adhoc_agent is not None
    assert call.adhoc_agent.id == "agent-1"
    assert reading(leg()).mechanism is None


def recorders(adhoc: str = "NONE", policy: str = "NONE", snippet: str = "NONE") -> dict[str, str]:
    return {"adhocState": adhoc, "customerExperienceState": policy, "snippetState": snippet}


@pytest.mark.parametrize(
    ("states", "merged", "expected", "others"),
    [
        (recorders(adhoc="ACTIVE"), "active", CallRecording.ACTIVE, set()),
        (recorders(policy="ACTIVE"), "active", CallRecording.ACTIVE, {"policy"}),
        (recorders(adhoc="ACTIVE", policy="PAUSED"), "active", CallRecording.ACTIVE, {"policy"}),
        (recorders(snippet="ACTIVE"), "active", CallRecording.NONE, {"snippet"}),
        (recorders(policy="PAUSED", snippet="ACTIVE"), "active", CallRecording.PAUSED, {"policy", "snippet"}),
    ],
)
def test_each_recorder_is_told_apart_and_a_snippet_is_no_recording(
    states: dict[str, str], merged: str, expected: CallRecording, others: set[str]
) -> None:
    call = reading(customer(), leg(recordingState=merged, recording=True, recordersState=states))
    assert call.recording is expected
    assert call.recorders == others


def test_of_a_participant_who_occurs_twice_the_connected_leg_counts() -> None:
    gone = leg(state="disconnected", disconnectType="transfer", recordersState=recorders("ACTIVE"))
    again = leg(name="again")
    for legs in ((gone, again), (again, gone)):
        call = reading(customer(), *legs)
        found = call.leg("agent-1")
        assert found is not None
        assert (found.participant.name, found.connected) == ("again", True)
        seen = call.conversation().leg("agent-1")
        assert seen is not None
        assert seen.participant.name == "again"
    last = reading(gone).leg("agent-1")
    assert last is not None
    assert (last.over, last.disconnect_type) == (True, "transfer")


def test_a_paused_call_is_in_secure_pause_or_on_hold() -> None:
    held = reading(leg(recordingState="paused"))
    assert (held.secure_pause, held.on_hold) == (False, True)
    secured = reading(leg(recordingState="paused", securePause=True))
    assert (secured.secure_pause, secured.on_hold) == (True, False)
    assert reading(leg(recordingState="paused"), securePause=True).secure_pause


@pytest.mark.parametrize(
    "fields",
    [
        {"purpose": "customer"},
        {"purpose": None},
        {"user": None},
        {"user": {"id": None}},
        {"state": "alerting"},
        {"state": None},
        {"state": "disconnected"},
        {"endTime": "2026-03-02T09:00:00.000Z"},
        {"monitoredParticipantId": "agent-0"},
        {"coachedParticipantId": "agent-0"},
        {"bargedParticipantId": "agent-0"},
    ],
)
def test_who_is_no_agent(fields: dict[str, Any]) -> None:
    assert reading(leg(**fields)).agents == ()


def test_an_agent_is_known_by_what_the_answer_carries() -> None:
    (agent,) = reading(leg(purpose="User", name="Priya Nair", queue={"id": "q", "name": "Billing"})).agents
    assert (agent.id, agent.user_id, agent.name) == ("agent-1", "user-1", "Priya Nair")
    assert (agent.queue_id, agent.queue_name) == ("q", "Billing")


def test_a_call_is_over_when_all_have_left() -> None:
    assert reading(leg(state="TERMINATED"), customer(state="disconnected")).over
    assert not reading(leg(state="disconnected"), customer()).over
    assert not reading(leg(state="disconnected"), customer(state="alerting")).over
    assert not reading().over
    assert not reading().connected


def test_an_answer_in_which_nobody_is_connected_says_no_recording_has_ended() -> None:
    """Nulls, an empty list, or somebody who dials again inside a callback: nobody has stopped anything."""
    bodies: list[dict[str, Any]] = [{}, {"participants": None}, {"participants": []}, {"recordingState": "none"}]
    for body in bodies:
        assert read_call(body, "call-1", Evidence()).recording is CallRecording.UNKNOWN
    assert reading(leg(state="dialing"), customer(state="alerting")).recording is CallRecording.UNKNOWN
    assert reading(leg(state="disconnected"), customer(state="disconnected")).recording is CallRecording.NONE


def test_a_reading_that_lacks_the_recorded_participant_says_nothing_of_their_recorder() -> None:
    seen = reading(leg(id="somebody-else"), customer()).conversation()
    assert seen.recorder(Mechanism.ADHOC, "agent-1") is CallRecording.UNKNOWN


def test_recordings_of_those_who_left_are_over() -> None:
    left = leg(state="disconnected", recordingState="active", recordersState={"adhocState": "ACTIVE"})
    call = reading(left, leg(id="agent-2"))
    assert (call.recording, call.mechanism) == (CallRecording.NONE, None)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["none", "ACTIVE", "connected", "agent", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "state", "participants", "user", "recordingState", "recordersState", "adhocState"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["id", "participants", "recordingState", "securePause"]), json))
def test_no_answer_is_too_strange_to_read(body: dict[str, Any]) -> None:
    conversation = read_call(body, "call-1", Evidence()).conversation()
    assert conversation.recording in CallRecording


@pytest.mark.parametrize(
    ("fields", "wraps_up"),
    [
        ({"wrapupRequired": True}, True),
        ({"wrapupRequired": True, "wrapup": {"provisional": True}}, True),
        ({"wrapupRequired": True, "wrapup": {"code": "sale"}}, False),
        ({"wrapupRequired": True, "wrapupSkipped": True}, False),
        ({"wrapupRequired": True, "endAcwTime": "2026-03-02T09:00:00.000Z"}, False),
        ({"wrapupRequired": False}, False),
        ({"wrapupRequired": None}, False),
        ({"wrapupRequired": "yes"}, False),
        ({}, False),
        ({"wrapupRequired": True, "state": "connected", "endTime": None}, False),
    ],
)
def test_an_agent_who_has_left_is_in_after_call_work_until_it_is_done(fields: dict[str, Any], wraps_up: bool) -> None:  # noqa: FBT001
    gone = {"state": "disconnected", "endTime": "2026-03-02T08:59:00.000Z"}
    seen = reading(leg(**(gone | fields)), customer()).conversation()
    assert [one.wrapping_up for one in seen.legs] == [wraps_up]
