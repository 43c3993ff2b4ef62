"""Which call or recording a request means: by an id, by its call, or as the person's only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import MalformedId, NothingToStop, SeveralRecordings
from bot.recording.requests import conversation_id

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.caller import Principal
    from bot.recording.models import Recording
    from bot.recording.ports import Transaction


def read_id(typed: str | None, verb: str) -> tuple[str | None, MalformedId | None]:
    """Return the conversation's id, or what is wrong with what was typed after ``verb``."""
    try:
        return conversation_id(typed or ""), None
    except MalformedId as problem:
        problem.verb = verb
        return None, problem


def read_optional_id(typed: str | None, verb: str) -> tuple[str | None, MalformedId | None]:
    """Return the same; nothing where nothing was typed."""
    return (None, None) if typed is None else read_id(typed, verb)


def find(transaction: Transaction, caller: Principal, recording_id: UUID | None, call: str | None) -> Recording:
    """Return the recording with the id, the call's live one, or the only own one. Raise NothingToStop and others."""
    if recording_id is not None:
        found = transaction.recording(recording_id)
    elif call is not None:
        found = transaction.live_recording(call)
    else:
        found = only_own(transaction, caller)
    if found is None:
        raise NothingToStop
    return found


def only_own(transaction: Transaction, caller: Principal) -> Recording | None:
    """Return the only live recording that the caller started, None without one. Raise SeveralRecordings."""
    own = transaction.live_recordings_of(caller.actor)
    if len(own) > 1:
        raise SeveralRecordings(recording_ids=tuple(one.id for one in own))
    return next(iter(own), None)
