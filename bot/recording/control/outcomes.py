"""The second of an action's two transactions: writes the new state and its entry together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import CallEnded, GenesysError, NotInEffect, OutcomeUnknown, OutOfScope, TooLate
from bot.recording.caller import BOT, is_bot, rule_label
from bot.recording.handover import AGENT_LEFT, POLICY_RECORDER, TRANSFER
from bot.recording.models import LATE, Mechanism, Recording, RecordingState, Verb
from bot.recording.notices import of_outcome
from bot.recording.requests import ActionResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from bot.errors import Evidence, NotPermitted, RecordBotError
    from bot.recording.call import Participant
    from bot.recording.handover import Departure
    from bot.recording.models import Attempt, ConfirmedChange
    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import PendingAction

    Change = Callable[[Recording], Recording]

REACHED = {
    Verb.STOP: RecordingState.STOPPED,
    Verb.PAUSE: RecordingState.PAUSED,
    Verb.RESUME: RecordingState.ACTIVE,
}
"""The state of a recording once a change of it is in force."""
CONCLUDING = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.OBSERVED})
"""The phases after which nothing is open; who has to know of them gets a message."""
CONFIRMED = frozenset({Phase.SUCCEEDED, Phase.OBSERVED})
"""The phases that can say that a change took effect."""
LONG_SECONDS = 10
"""When the entry of a rule's start says how long it took: people who ask are told of a wait while it lasts."""
LATER_LOOKS = 4
"""How often a call is checked again after a doubtful attempt was settled: a write that timed out may land late."""


def no_limit(_recording: Recording) -> timedelta | None:
    """Let a recording run until somebody stops it."""
    return None


@dataclass(frozen=True, slots=True)
class OutcomeRecorder:
    """Writes how an attempt ended. Only the first to settle an attempt writes; the others get the stored result."""

    store: RecordingStore
    clock: Clock
    run_limit: Callable[[Recording], timedelta | None] = no_limit
    """Returns how long a recording that was started by hand may run; None: until somebody stops it."""
    on_started: Callable[[Transaction, Recording, datetime], None] | None = None
    """Called in the transaction that notes that a recording has begun."""

    async def succeeded(
        self, attempt: Attempt, effect: ConfirmedChange, *, phase: Phase = Phase.SUCCEEDED, actor: str | None = None
    ) -> ActionResult:
        """Record that the change took effect; ``observed`` if a later read found it."""
        now, observed = self.clock.now(), phase is Phase.OBSERVED
        outcome = {"mechanism": effect.mechanism.value, "created": effect.created, **facts(effect.evidence)}
        if attempt.verb.begins and observed and effect.created:
            # Nobody saw it begin: that was after the request, and before now.
            outcome["began_between"] = [attempt.requested_at.isoformat(), now.isoformat()]
        if effect.recorders is not None and (others := other_recorders(effect.mechanism, effect.recorders)):
            outcome["other_recorders"] = others
        if effect.departure is not None:
            outcome |= departure_facts(effect.departure)
        took = round((now - attempt.requested_at).total_seconds())
        if rule_label(attempt.actor) is not None and attempt.verb.begins and took >= LONG_SECONDS:
            outcome["took_seconds"] = took

        def reached(recording: Recording) -> Recording:
            after = _confirmed(_reached(recording, attempt, effect, now, observed=observed), attempt, effect)
            return self._limited(after, now) if attempt.verb.begins else after

        settled = await self._settle(attempt, phase, reached, outcome, actor=actor, agent=effect.agent)
        return ActionResult(settled.recording, settled.audit_seq, effect=effect)

    async def failed(self, accepted: PendingAction, error: GenesysError) -> ActionResult:
        """Record an answer of Genesys that leaves no doubt: the change did not take effect."""
        attempt = accepted.attempt
        if isinstance(error, CallEnded):
            return await self.call_over(attempt, error)
        settled = await self._settle(
            attempt, Phase.FAILED, self._undone(attempt, error.kind), {"error": error.kind, **facts(error.evidence)}
        )
        return ActionResult(settled.recording, settled.audit_seq, error=error)

    async def taken_over(self, attempt: Attempt) -> ActionResult:
        """Return what another process has made of the attempt so far; write nothing, as it writes the outcome."""
        recording = await self.store.write(lambda transaction: _existing(transaction, attempt))
        return ActionResult(recording, recording.audit_seq, error=_shown_by(recording, attempt.verb))

    async def denied(self, accepted: PendingAction, refusal: NotPermitted) -> ActionResult:
        """Record that the reading of the call ruled the request out; nothing was sent to Genesys."""
        attempt = accepted.attempt
        outcome = {"error": refusal.kind, "cause": refusal.cause}
        settled = await self._settle(attempt, Phase.DENIED, self._undone(attempt, refusal.kind), outcome)
        return ActionResult(settled.recording, settled.audit_seq, error=refusal)

    async def unknown(
        self, accepted: PendingAction, error: OutcomeUnknown, agent: Participant | None = None
    ) -> ActionResult:
        """Record that the outcome is unknown; the attempt stays open until a read of the call settles it.

        ``agent`` is whose side of the call the change was sent for, where a start had read that.
        """

        def doubted(recording: Recording) -> Recording:
            return (recording if agent is None else _with_agent(recording, agent)).doubted()

        settled = await self._settle(
            accepted.attempt,
            Phase.UNKNOWN,
            doubted,
            {"error": error.kind, **facts(error.evidence)},
            close=False,
            agent=agent,
        )
        return ActionResult(settled.recording, settled.audit_seq, error=error)

    async def call_over(
        self, attempt: Attempt, error: CallEnded, *, phase: Phase | None = None, actor: str | None = None
    ) -> ActionResult:
        """Record that the call is over. A requested stop has thereby succeeded."""
        outcome: dict[str, Any] = {"call": "ended", **facts(error.evidence)}
        now = self.clock.now()

        def over(recording: Recording) -> Recording:
            return _marked(recording.call_ended(now), attempt)

        if phase is None:
            phase = Phase.SUCCEEDED if attempt.verb is Verb.STOP else Phase.FAILED
            if phase is Phase.FAILED:
                outcome["error"] = error.kind
        change = self._undone(attempt, error.kind) if attempt.verb.begins else over
        settled = await self._settle(attempt, phase, change, outcome, actor=actor)
        return ActionResult(settled.recording, settled.audit_seq, error=error)

    async def not_in_effect(self, attempt: Attempt, error: RecordBotError, *, look_again: bool = True) -> ActionResult:
        """Record that a later read found no effect. ``look_again``: the change may still take effect."""
        return await self._settle(
            attempt,
            Phase.OBSERVED,
            self._undone(attempt, error.kind),
            {"in_effect": False, "error": error.kind},
            actor=BOT,
            looks=LATER_LOOKS if look_again else 0,
        )

    async def too_old(self, accepted: PendingAction, age: float) -> ActionResult:
        """Record that the request is not carried out: it is so old that Slack has told the person that it failed."""
        error = TooLate(age=age)
        outcome = {"error": error.kind, "age_seconds": round(age)}
        undone = self._undone(accepted.attempt, error.kind)
        settled = await self._settle(accepted.attempt, Phase.FAILED, undone, outcome)
        return ActionResult(settled.recording, settled.audit_seq, error=error)

    async def expired(self, accepted: PendingAction) -> None:
        """Record that the request was written too late to be sent; the person was told that nothing was done."""
        error = TooLate()
        undone = self._undone(accepted.attempt, error.kind)
        await self._settle(accepted.attempt, Phase.FAILED, undone, {"error": error.kind})

    def _limited(self, recording: Recording, now: datetime) -> Recording:
        """Have a recording that was started by hand end by itself; what Genesys began is Genesys's to end."""
        by_hand = recording.mechanism is not Mechanism.POLICY and not recording.adopted
        limit = self.run_limit(recording) if by_hand and not is_bot(recording.started_by) else None
        if limit is None:
            return recording
        return replace(recording, run_seconds=round(limit.total_seconds()), run_until=now + limit)

    def _undone(self, attempt: Attempt, kind: str) -> Change:
        now, before = self.clock.now(), attempt.before
        if before is None:
            return lambda recording: recording.failed(kind, now)
        return lambda recording: recording.unchanged(kind, before)

    async def _settle(
        self,
        attempt: Attempt,
        phase: Phase,
        change: Change,
        outcome: dict[str, Any],
        *,
        close: bool = True,
        actor: str | None = None,
        agent: Participant | None = None,
        looks: int | None = None,
    ) -> ActionResult:
        now = self.clock.now()

        def work(transaction: Transaction) -> ActionResult:
            recording = _existing(transaction, attempt)
            later = looks if looks is not None else LATER_LOOKS if phase is Phase.OBSERVED else 0
            mine = (
                transaction.settle_attempt(attempt, now, looks=later)
                if close
                else transaction.claim_attempt(attempt, attempt.owner)
            )
            if not mine:
                return ActionResult(recording, recording.audit_seq)
            after = change(recording)
            entry = transaction.append(
                Draft(
                    id=uuid7(),
                    attempt_id=attempt.id,
                    occurred_at=now,
                    phase=phase,
                    action=attempt.verb.action,
                    actor=actor or attempt.actor,
                    conversation_id=recording.conversation_id,
                    participant_id=after.participant_id,
                    recording_id=recording.id,
                    reason_code=recording.reason_code,
                    outcome=outcome | (_until(after, attempt) if phase in CONFIRMED else {}),
                )
            )
            if agent is not None:
                remember_names(transaction, agent, now)
            saved = transaction.save(replace(after, audit_seq=entry.seq), was=recording)
            if self.on_started is not None and attempt.verb.begins and saved.state is RecordingState.ACTIVE:
                self.on_started(transaction, saved, now)
            if phase in CONCLUDING:
                due = of_outcome(
                    entry.seq,
                    saved,
                    attempt,
                    call_over=outcome.get("call") == "ended",
                    in_effect=phase is not Phase.FAILED and outcome.get("in_effect") is not False,
                    doubted=phase is Phase.OBSERVED or recording.in_doubt,
                    was=recording,
                )
                transaction.add_notices(due, now)
            return ActionResult(saved, entry.seq)

        return await self.store.write(work)


def facts(evidence: Evidence) -> dict[str, Any]:
    """Return what an entry keeps of Genesys's answer."""
    kept = {
        "http_status": evidence.http_status,
        "code": evidence.code,
        "context_id": evidence.context_id,
        "correlation_id": evidence.correlation_id,
    }
    return {key: value for key, value in kept.items() if value is not None}


def other_recorders(mechanism: Mechanism | None, recorders: frozenset[str]) -> list[str]:
    """Name the recorders that run beside the one which a recording controls."""
    own = {POLICY_RECORDER} if mechanism is Mechanism.POLICY else set[str]()
    return sorted(recorders - own)


def departure_facts(departure: Departure) -> dict[str, Any]:
    """Return what an entry says of an agent who left a call that goes on."""
    facts: dict[str, Any] = {"by": TRANSFER if departure.transferred else AGENT_LEFT}
    if departure.disconnect_type is not None:
        facts["disconnect_type"] = departure.disconnect_type
    return facts | {"agents": sorted(agent.user_id for agent in departure.successors)}


def _shown_by(recording: Recording, verb: Verb) -> GenesysError | NotPermitted | None:
    """Return what the recording's state says of a change that another process has taken over; None: it was made.

    Somebody may have changed the recording again since. Where a state doesn't tell, the outcome is unknown; the message
    about what the other process found tells it.
    """
    if recording.error == OutOfScope.kind:
        return OutOfScope()
    if recording.error == CallEnded.kind or (recording.state is RecordingState.ENDED and not verb.begins):
        return CallEnded()
    if recording.state is RecordingState.FAILED:
        return NotInEffect()
    made = recording.state is not RecordingState.STARTING if verb.begins else recording.state is REACHED[verb]
    return None if made and not recording.in_doubt else OutcomeUnknown()


def _reached(
    recording: Recording, attempt: Attempt, effect: ConfirmedChange, now: datetime, *, observed: bool
) -> Recording:
    match attempt.verb:
        case Verb.START | Verb.FOLLOW if observed and effect.created:
            return recording.started(attempt.requested_at, seen_at=now)
        case Verb.START | Verb.FOLLOW:
            return recording.started(now)
        case Verb.STOP:
            return _marked(recording.stopped(now, attempt.actor), attempt)
        case Verb.PAUSE:
            return recording.paused(now)
        case Verb.RESUME:
            return recording.resumed(now)


def _until(recording: Recording, attempt: Attempt) -> dict[str, Any]:
    """Say when what the attempt began ends by itself, if it does."""
    until = recording.pause_until if attempt.verb is Verb.PAUSE else recording.run_until
    if until is None or recording.state.final or not (attempt.verb.begins or attempt.verb is Verb.PAUSE):
        return {}
    return {"until": until.astimezone(UTC).isoformat()}


def _marked(recording: Recording, attempt: Attempt) -> Recording:
    """Have the card say so if the bot stopped what began late; on its own, it stops nothing else."""
    return replace(recording, error=LATE) if attempt.actor == BOT and not attempt.verb.begins else recording


def _confirmed(recording: Recording, attempt: Attempt, effect: ConfirmedChange) -> Recording:
    """Return the recording with what the reading says about it."""
    session_id = recording.session_id if effect.session_id is None else effect.session_id
    recording = replace(recording, mechanism=effect.mechanism, session_id=session_id)
    if effect.agent is not None:
        recording = _with_agent(recording, effect.agent)
    if attempt.verb.begins:
        recording = replace(recording, adopted=not effect.created)
    if effect.recorders is not None:
        others = other_recorders(effect.mechanism, effect.recorders)
        recording = replace(recording, recorders=" ".join(others) or None)
    if effect.departure is not None:
        recording = replace(recording, disconnect_type=effect.departure.disconnect_type)
    return recording


def _with_agent(recording: Recording, agent: Participant) -> Recording:
    """Return the recording with its agent; of the same one, what is known stays: scopes and dual control go by it."""
    same = agent.id == recording.participant_id
    return replace(
        recording,
        participant_id=agent.id,
        agent_user_id=agent.user_id or (recording.agent_user_id if same else agent.user_id),
        queue_id=agent.queue_id or (recording.queue_id if same else agent.queue_id),
    )


def _existing(transaction: Transaction, attempt: Attempt) -> Recording:
    recording = transaction.recording(attempt.recording_id)
    if recording is None:  # recordings are never deleted while an attempt points at them
        raise AssertionError
    return recording


def remember_names(transaction: Transaction, agent: Participant, now: Any) -> None:
    """Keep what an agent and their queue are called, for cards and messages."""
    if agent.name:
        transaction.remember_name("user", agent.user_id, agent.name, now)
    if agent.queue_id and agent.queue_name:
        transaction.remember_name("queue", agent.queue_id, agent.queue_name, now)
