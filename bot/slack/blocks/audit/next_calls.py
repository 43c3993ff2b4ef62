"""What the entries about agents' next calls say, in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.audit.entry import Phase
from bot.recording.agents.next_call import ARMED, CANCELLED, EXPIRED, STARTED

if TYPE_CHECKING:
    from bot.audit.entry import Entry

ACTIONS = frozenset({ARMED, STARTED, EXPIRED, CANCELLED})


def next_call_sentence(entry: Entry, who: str, agent: str, person: str, why: str) -> str:
    """Tell an entry. ``person`` waits for the call where the bot itself writes; ``why`` is why something failed."""
    refused = entry.phase in {Phase.FAILED, Phase.DENIED}
    ask = {ARMED: f"have the next call of {agent} recorded", CANCELLED: "stop waiting for a next call"}
    match entry.action:
        case action if action == STARTED:
            return _started(entry, who, agent, why)
        case action if action == EXPIRED:
            return f"{agent} took no call in time: {person} no longer waits for the next one"
        case action if refused:
            denied = entry.phase is Phase.DENIED
            return f"Denied: {who} asked to {ask[action]}: {why}" if denied else f"{who} could not {ask[action]}: {why}"
        case action if entry.phase is Phase.OBSERVED:
            return f"{person} no longer waits for the next call of {agent}: Genesys doesn't tell record-bot of it"
        case action if action == CANCELLED:
            return f"{who} no longer waits for the next call of {agent}"
        case _:
            return f"{who} asked to have the next call of {agent} recorded"


def _started(entry: Entry, who: str, agent: str, why: str) -> str:
    match entry.phase:
        case Phase.DENIED:
            return f"Denied: the call of {agent} that {who} waited for connected, and was not recorded: {why}"
        case Phase.FAILED:
            return f"The call of {agent} that {who} waited for connected, and could not be recorded: {why}"
        case _ if entry.outcome.get("created") is False:
            return f"The call of {agent} that {who} waited for connected; its recording had been asked for before"
        case _:
            return f"The call of {agent} that {who} waited for connected; its recording was asked for"
