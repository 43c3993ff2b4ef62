"""Writes down what was seen of a call without anybody having asked for it through the bot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.recording.intake import ACTION_LIMIT
from bot.recording.models import (
    Attempt,
    CallRecording,
    Conversation,
    Mechanism,
    Reason,
    Recording,
    RecordingState,
    Verb,
)
from bot.recording.policy import Caller
from bot.recording.requests import Accepted, Asked, Origin
from bot.recording.settlement import BOT, LATE

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.ports import Clock, RecordingStore, Transaction

OUTSIDE = "outside"
"""The actor of a change that was made in Genesys and not through the bot."""
CALL_ENDED = "call:ended"
START = Verb.START.action
LATER_LOOK = Origin("later_look")


@dataclass(frozen=True, slots=True)
class Drift:
    """What the call shows instead of what our recording says."""

    action: str
    state: RecordingState


def drift(recording: Recording, seen: Conversation) -> Drift | None:
    """Return how the call differs from our recording of it; None where it doesn't, or where it can't be told."""
    if recording.in_doubt or recording.state not in {RecordingState.ACTIVE, RecordingState.PAUSED} or seen.on_hold:
        return None
    match seen.recording:
        case CallRecording.NONE:
            return Drift("recording:stop", RecordingState.STOPPED)
        case CallRecording.PAUSED if recording.state is RecordingState.ACTIVE:
            return Drift("recording:pause", RecordingState.PAUSED)
        case CallRecording.ACTIVE if recording.state is RecordingState.PAUSED:
            return Drift("recording:resume", RecordingState.ACTIVE)
        case _:
            return None


def unwanted(recording: Recording, seen: Conversation) -> bool:
    """Say whether the call is being recorded although our newest recording of it is over; a policy's is its own."""
    return recording.state.final and seen.recording is CallRecording.ACTIVE and seen.mechanism is not Mechanism.POLICY


@dataclass(frozen=True, slots=True)
class Observations:
    """Each is one entry and the recording's new state, in one transaction; nothing where the recording has moved on."""

    store: RecordingStore
    clock: Clock

    async def changed_outside(self, recording: Recording, found: Drift) -> bool:
        now = self.clock.now()
        changes: dict[str, Any] = {
            "state": found.state,
            "error": None,
            "paused_at": None,
            "paused_seconds": recording.rested(now),
        }
        if found.state.final:
            changes |= {"ended_at": now, "ended_by": OUTSIDE}
        elif found.state is RecordingState.PAUSED:
            changes["paused_at"] = now
        return await self._observe(recording, found.action, {"by": OUTSIDE}, changes)

    async def call_ended(self, recording: Recording) -> bool:
        now = self.clock.now()
        changes = {
            "state": RecordingState.ENDED,
            "error": None,
            "in_doubt": False,
            "paused_at": None,
            "paused_seconds": recording.rested(now),
            "ended_at": now,
            "ended_by": BOT,
        }
        return await self._observe(recording, CALL_ENDED, {"call": "ended"}, changes)

    async def took_effect_late(self, recording: Recording, seen: Conversation, *, owner: str) -> Accepted | None:
        """Note that a write which had been given up has landed, and ask, as the bot, for the recording to be stopped.

        The recording is live again until then. None where it has moved on, or another one is live on the call.
        """
        now = self.clock.now()
        agent = next((one for one in seen.agents if one.id == recording.participant_id), None)
        agent = agent or next(iter(seen.agents), None)
        attempt = Attempt(uuid7(), Verb.STOP, BOT, recording.id, now, now + ACTION_LIMIT, recording.state, owner=owner)

        async def work(transaction: Transaction) -> Accepted | None:
            current = await transaction.recording(recording.id)
            if current is None or current.version != recording.version:
                return None
            if await transaction.live_recording(recording.conversation_id) is not None:
                return None
            await transaction.append(_entry(recording, attempt.id, now, Phase.OBSERVED, START, {"late": True}))
            entry = await transaction.append(
                _entry(recording, attempt.id, now, Phase.REQUESTED, attempt.verb.action, {}, LATER_LOOK.facts())
            )
            await transaction.add_attempt(attempt, dedupe_key=None)
            changed = await transaction.change_recording(
                current,
                state=RecordingState.STOPPING,
                error=LATE,
                audit_seq=entry.seq,
                mechanism=seen.mechanism or recording.mechanism or Mechanism.ADHOC,
                session_id=seen.session_id or recording.session_id,
                participant_id=agent.id if agent else recording.participant_id,
            )
            if changed is None:
                raise AssertionError
            return Accepted(Asked(Caller(BOT), LATER_LOOK), attempt, changed, Reason(), entry.seq)

        return await self.store.write(work)

    async def _observe(
        self, recording: Recording, action: str, outcome: dict[str, Any], changes: dict[str, Any]
    ) -> bool:
        async def work(transaction: Transaction) -> bool:
            current = await transaction.recording(recording.id)
            if current is None or current.version != recording.version:
                return False
            entry = await transaction.append(
                _entry(recording, uuid7(), self.clock.now(), Phase.OBSERVED, action, outcome)
            )
            await transaction.change_recording(current, audit_seq=entry.seq, **changes)
            return True

        return await self.store.write(work)


def _entry(
    recording: Recording,
    attempt_id: UUID,
    at: datetime,
    phase: Phase,
    action: str,
    outcome: dict[str, Any],
    origin: dict[str, Any] | None = None,
) -> Draft:
    return Draft(
        id=uuid7(),
        attempt_id=attempt_id,
        occurred_at=at,
        phase=phase,
        action=action,
        actor=BOT,
        conversation_id=recording.conversation_id,
        participant_id=recording.participant_id,
        recording_id=recording.id,
        origin=origin or {},
        outcome=outcome,
    )
