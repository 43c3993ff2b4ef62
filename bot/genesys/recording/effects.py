"""What counts as evidence that a change took effect: in a reading of the call, or in an event about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import AgentLeft
from bot.recording.call import CallRecording

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.genesys.recording.call_state import CallReading, Leg

PARTIES = 2
"""How many participants a call has at least."""


def recording_runs(call: CallReading) -> bool:
    """Whether nothing but a hold keeps the recording from running."""
    return call.recording is CallRecording.ACTIVE or call.on_hold


def pauses(call: CallReading) -> bool:
    return call.recording is CallRecording.PAUSED and call.secure_pause


def rests(call: CallReading) -> bool:
    """Whether a policy's recording is stopped, as far as one can be."""
    return call.recording is CallRecording.NONE or pauses(call)


def recorded_on(participant_id: str, call: CallReading) -> bool:
    """Whether that side of the call is recorded ad hoc. Raise AgentLeft where it never will be: the agent has gone."""
    leg = call.leg(participant_id)
    if leg is not None and leg.over:
        raise AgentLeft(agents=call.agents, evidence=call.evidence)
    if leg is None or not leg.connected:
        return False
    state = _adhoc_state(leg)
    return state is CallRecording.ACTIVE or (state is CallRecording.PAUSED and call.on_hold)


def not_recorded_on(participant_id: str, call: CallReading) -> bool:
    """Whether that side of the call is not recorded ad hoc any more, or has left it."""
    leg = call.leg(participant_id)
    if leg is None:
        return bool(call.legs)  # an answer that names nobody says nothing
    return leg.over or _adhoc_state(leg) is CallRecording.NONE


def _adhoc_state(leg: Leg) -> CallRecording | None:
    """Return the ad-hoc recorder's own state if there is one: a policy may record the same leg."""
    return leg.recording if leg.adhoc is None else leg.adhoc


def shown(wanted: Callable[[CallReading], bool], event: CallReading) -> CallReading | None:
    """Return what an event shows, if that is evidence: it names both sides and each says whether it is recorded."""
    whole = len(event.legs) >= PARTIES and all(leg.recording is not None for leg in event.legs if leg.connected)
    return event if whole and event.connected and wanted(event) else None


def shown_on(participant_id: str, wanted: Callable[[CallReading], bool], event: CallReading) -> CallReading | None:
    """Return what an event shows of an agent's ad-hoc recorder, if it names the recorder of a connected agent."""
    leg = event.leg(participant_id)
    named = leg is not None and leg.connected and leg.adhoc not in {None, CallRecording.UNKNOWN}
    return event if named and len(event.legs) >= PARTIES and wanted(event) else None


def no_adhoc_recorder(call: CallReading) -> bool:
    """Whether the reading tells the recorders apart, and none is an ad-hoc one."""
    states = [leg.adhoc for leg in call.legs if leg.agent and leg.connected]
    return bool(states) and all(state is CallRecording.NONE for state in states)
