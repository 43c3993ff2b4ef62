"""Records changes of a call that nobody requested through the bot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.recording.call import CallRecording
from bot.recording.caller import BOT, Principal
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.control.outcomes import departure_facts, other_recorders, remember_names
from bot.recording.handover import Departure, FollowTransfers, FollowUp
from bot.recording.models import Attempt, Conversation, Mechanism, Reason, Recording, RecordingState, Verb
from bot.recording.notices import of_outcome, of_wrap_up
from bot.recording.requests import PendingAction, Request, RequestSource, is_person

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.call import Participant
    from bot.recording.ports import Clock, RecordingStore, Transaction

OUTSIDE = "outside"
"""The actor of a change that was made in Genesys and not through the bot."""
CALL_ENDED = "call:ended"
START = Verb.START.action
LATER_LOOK = RequestSource("later_look")


@dataclass(frozen=True, slots=True)
class Drift:
    """The call's state, where it differs from our recording."""

    action: str
    state: RecordingState
    departure: Departure | None = None
    """Set if the recorded agent has left and the call goes on, so that nobody stopped it in Genesys."""


def drift(recording: Recording, seen: Conversation) -> Drift | None:
    """Return how the call differs from our recording of it; None if it doesn't, or if that is unknown."""
    if not _rests(recording):
        return None
    state = seen.recorder(recording.mechanism, recording.participant_id)
    held = state is CallRecording.PAUSED and seen.on_hold
    # between two agents a policy may have nothing to record: nobody has stopped it
    between = state is CallRecording.NONE and recording.mechanism is Mechanism.POLICY and not seen.agents
    if held or between:
        return None
    match state:
        case CallRecording.NONE:
            departure = _departure(recording, seen) if recording.mechanism is Mechanism.ADHOC else None
            return Drift("recording:stop", RecordingState.STOPPED, departure)
        case CallRecording.PAUSED if recording.state is RecordingState.ACTIVE:
            return Drift("recording:pause", RecordingState.PAUSED)
        case CallRecording.ACTIVE if recording.state is RecordingState.PAUSED:
            return Drift("recording:resume", RecordingState.ACTIVE)
        case _:
            return None


def _rests(recording: Recording) -> bool:
    """Say whether a live recording is as its last action left it: none is under way, and none in doubt."""
    return not recording.in_doubt and recording.state in {RecordingState.ACTIVE, RecordingState.PAUSED}


def _departure(recording: Recording, seen: Conversation) -> Departure | None:
    """Return how the recorded agent's leg ended; None if it goes on, or was never seen.

    An agent who dialed again has two legs. The one that ended counts if it ended after the recording was asked for.
    """
    legs = [leg for leg in seen.legs if leg.participant.id == recording.participant_id]
    over = [leg for leg in legs if leg.over]
    if len(over) < len(legs):
        over = [leg for leg in over if leg.ended_at is not None and leg.ended_at >= recording.requested_at]
    return Departure(over[-1].disconnect_type, seen.agents, seen.recorders) if over else None


def _drifted(recording: Recording, found: Drift, at: datetime) -> Recording:
    match found.state:
        case RecordingState.STOPPED:
            return recording.stopped(at, OUTSIDE)
        case RecordingState.PAUSED:
            return recording.paused(at)
        case _:
            return recording.resumed(at)


def handed_over(recording: Recording, seen: Conversation) -> Departure | None:
    """Return how the agent of a policy's recording, which goes on, left the call to another one; None where not yet."""
    if not _rests(recording) or recording.mechanism is not Mechanism.POLICY or len(seen.agents) != 1:
        return None
    leg = seen.leg(recording.participant_id)
    return None if leg is None or not leg.over else Departure(leg.disconnect_type, seen.agents)


def left_paused(recording: Recording, seen: Conversation) -> bool:
    """Say whether the agent of a paused recording wraps up, and nobody is on the call who could need the pause."""
    leg = seen.leg(recording.participant_id)
    wraps_up = leg is not None and leg.wrapping_up and not seen.agents
    return wraps_up and not recording.in_doubt and recording.state is RecordingState.PAUSED


def unwanted(recording: Recording, seen: Conversation) -> bool:
    """Say whether the call is being recorded although our newest recording of it is over; a policy's is its own.

    So is an ad-hoc recording on the side of another agent than ours, where that is known.
    """
    if not recording.state.final or seen.recording is not CallRecording.ACTIVE or seen.mechanism is Mechanism.POLICY:
        return False
    agent = seen.adhoc_agent
    return agent is None or recording.participant_id in {None, agent.id}


@dataclass(frozen=True, slots=True)
class Observations:
    """Writes an entry and the recording's new state in one transaction, or nothing if the recording has changed."""

    store: RecordingStore
    clock: Clock
    follow: FollowTransfers = FollowTransfers.ASK

    async def changed_outside(self, recording: Recording, found: Drift) -> bool:
        """Record a change made in Genesys, or that an ad-hoc recording ended when its agent left the call."""
        after = _drifted(recording, found, self.clock.now())
        if found.departure is None:
            return await self._observe(recording, found.action, {"by": OUTSIDE}, after)
        others = other_recorders(recording.mechanism, found.departure.recorders)
        outcome = departure_facts(found.departure) | ({"other_recorders": others} if others else {})
        after = replace(self._after(after, found.departure), ended_by=outcome["by"], recorders=" ".join(others) or None)
        return await self._observe(recording, found.action, outcome, after, agents=found.departure.successors)

    def _after(self, recording: Recording, departure: Departure) -> Recording:
        """Return what is to be done about it, by the setting; the same transaction notes it, so no crash loses it."""
        follow_up: FollowUp | None = FollowUp.WATCH
        if self.follow is FollowTransfers.NEVER:
            follow_up = None
        elif self.follow is FollowTransfers.ASK and not is_person(recording.started_by):
            follow_up = None  # nobody whom a message would reach
        elif self.follow is FollowTransfers.ASK and departure.successors:
            follow_up = FollowUp.ASK
        return replace(
            recording,
            disconnect_type=departure.disconnect_type,
            follow_up=follow_up,
            successors=users(departure.successors),
        )

    async def agent_changed(self, recording: Recording, departure: Departure) -> bool:
        """Note that a policy's recording went on with another agent, whose news and card it has from now on.

        The queue stays the one of the call's start: it says who may control the recording.
        """
        (agent,) = departure.successors
        outcome = departure_facts(departure) | {"mechanism": Mechanism.POLICY.value, "goes_on": True}
        after = replace(
            recording,
            participant_id=agent.id,
            agent_user_id=agent.user_id,
            disconnect_type=departure.disconnect_type,
        )
        return await self._observe(recording, Verb.FOLLOW.action, outcome, after, agents=departure.successors)

    async def still_paused(self, recording: Recording) -> None:
        """Tell the person who paused that the agent wraps up, once for each pause. Nothing has changed."""

        def work(transaction: Transaction) -> None:
            current = transaction.recording(recording.id)
            if current is not None and current.version == recording.version:
                transaction.add_notices(of_wrap_up(current), self.clock.now())

        await self.store.write(work)

    async def call_ended(self, recording: Recording) -> bool:
        after = recording.call_ended(self.clock.now())
        return await self._observe(recording, CALL_ENDED, {"call": "ended"}, after)

    async def took_effect_late(self, recording: Recording, seen: Conversation, *, owner: str) -> PendingAction | None:
        """Note that a write which had been given up has landed, and ask, as the bot, for the recording to be stopped.

        The recording is live again until then. None where it has moved on, or another one is live on the call.
        """
        now = self.clock.now()
        agent = next((one for one in seen.agents if one.id == recording.participant_id), None)
        agent = agent or seen.adhoc_agent or next(iter(seen.agents), None)
        attempt = Attempt(uuid7(), Verb.STOP, BOT, recording.id, now, now + ACTION_LIMIT, recording.state, owner=owner)

        def work(transaction: Transaction) -> PendingAction | None:
            current = transaction.recording(recording.id)
            if current is None or current.version != recording.version:
                return None
            if transaction.live_recording(recording.conversation_id) is not None:
                return None
            transaction.append(_entry(recording, attempt.id, now, Phase.OBSERVED, START, {"late": True}))
            entry = transaction.append(
                _entry(recording, attempt.id, now, Phase.REQUESTED, attempt.verb.action, {}, LATER_LOOK.facts())
            )
            transaction.add_attempt(attempt, dedupe_key=None)
            after = replace(
                current.landed_late(),
                audit_seq=entry.seq,
                mechanism=seen.mechanism or recording.mechanism or Mechanism.ADHOC,
                session_id=seen.session_id or recording.session_id,
                participant_id=agent.id if agent else recording.participant_id,
            )
            changed = transaction.save(after, was=current)
            return PendingAction(Request(Principal(BOT), LATER_LOOK), attempt, changed, Reason(), entry.seq)

        return await self.store.write(work)

    async def _observe(
        self,
        recording: Recording,
        action: str,
        outcome: dict[str, Any],
        after: Recording,
        *,
        agents: tuple[Participant, ...] = (),
    ) -> bool:
        def work(transaction: Transaction) -> bool:
            current = transaction.recording(recording.id)
            if current is None or current.version != recording.version:
                return False
            entry = transaction.append(_entry(recording, uuid7(), self.clock.now(), Phase.OBSERVED, action, outcome))
            saved = transaction.save(replace(after, audit_seq=entry.seq), was=current)
            over = outcome.get("call") == "ended"
            transaction.add_notices(of_outcome(entry.seq, saved, call_over=over, was=current), entry.occurred_at)
            for agent in agents:
                remember_names(transaction, agent, entry.occurred_at)
            return True

        return await self.store.write(work)


def users(agents: tuple[Participant, ...]) -> str | None:
    """Return the agents' user ids as a recording keeps them."""
    return " ".join(sorted({agent.user_id for agent in agents})) or None


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
