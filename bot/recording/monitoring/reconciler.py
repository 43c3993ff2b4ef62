"""Settles what is in doubt from the call's real state; never repeats a write without reading first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from bot.audit.entry import Phase
from bot.errors import AuditUnavailable, CallEnded, CallNotFound, GenesysError, NotInEffect, OutOfScope
from bot.recording.call import CallRecording
from bot.recording.caller import BOT
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.models import ConfirmedChange, Mechanism, Verb
from bot.recording.ports import ChangeOptions, Priority, TakenOver, tell_nobody

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.caller import Scope
    from bot.recording.control.service import RecordingService
    from bot.recording.models import Attempt, Conversation, Recording
    from bot.recording.monitoring.ownership import Presence
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

PATIENCE = ACTION_LIMIT.total_seconds() + 5.0
"""How long an attempt of a process that may still live is watched before it is taken over; until then its write may
land. Counted on this process's own steady clock, so that no wall clock can shorten or stretch it."""
OWN_PATIENCE = 5.0
"""The same for an attempt of this very process that nothing in it works on: it has run out of time already, or is about
to be begun. What lands after it was settled is found by the later looks."""
RECONCILE_SECONDS = 2.0
"""Between two looks at open attempts."""
LOOK_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Finds attempts without an outcome and without a live owner, and determines how they ended."""

    service: RecordingService
    clock: Clock
    owner: str
    presence: Presence
    _first_seen: dict[UUID, float] = field(default_factory=dict)

    async def settle_all(self) -> float | None:
        """Settle what can be settled now; what can't be read stays for the next time.

        Return after how many seconds to look again; None: not before something is written.
        """
        attempts = await self.service.store.open_attempts()
        self._forget_all_but({attempt.id for attempt in attempts})
        absent = await self.presence.absent(frozenset(attempt.owner for attempt in attempts))
        for attempt in attempts:
            if not self._abandoned(attempt, absent):
                continue
            try:
                await self._take_over(attempt)
            except AuditUnavailable:
                log.warning("reconciler_write_failed")
            except Exception:  # one that can't be settled keeps no other from being settled
                log.exception("attempt_reconciliation_crashed", attempt_id=str(attempt.id))
        return RECONCILE_SECONDS if attempts else None

    def _abandoned(self, attempt: Attempt, absent: frozenset[str]) -> bool:
        if self.service.works_on(attempt.id):
            return False
        seen_for = self.clock.monotonic() - self._first_seen.setdefault(attempt.id, self.clock.monotonic())
        if attempt.owner == self.owner:
            return seen_for >= OWN_PATIENCE
        return attempt.owner in absent or seen_for >= PATIENCE

    def _forget_all_but(self, attempt_ids: set[UUID]) -> None:
        for gone in self._first_seen.keys() - attempt_ids:
            del self._first_seen[gone]

    async def _take_over(self, attempt: Attempt) -> None:
        """Make the attempt this process's own first: from then on its former owner can't write the outcome."""
        with bound_contextvars(attempt_id=str(attempt.id)):  # the log goes on under the attempt's id
            if await self.service.store.write(lambda transaction: transaction.claim_attempt(attempt, self.owner)):
                await self._settle(replace(attempt, owner=self.owner))

    async def _settle(self, attempt: Attempt) -> None:
        recording = await self.service.store.recording(attempt.recording_id)
        if recording is None:
            raise AssertionError
        deadline = self.clock.monotonic() + LOOK_LIMIT
        outcomes = self.service.outcomes
        try:
            seen = await self.service.control.read_call(
                recording.target, deadline=deadline, progress=tell_nobody, priority=Priority.LOOP
            )
        except (CallEnded, CallNotFound) as gone:
            ended = gone if isinstance(gone, CallEnded) else CallEnded(evidence=gone.evidence)
            await outcomes.call_over(attempt, ended, phase=Phase.OBSERVED, actor=BOT)
            return
        except GenesysError as error:
            log.warning("reconciler_read_failed", attempt_id=str(attempt.id), error=error.kind)
            return
        state = seen.recorder(recording.mechanism, recording.participant_id)
        if state is CallRecording.UNKNOWN:
            return  # nothing is concluded from what is not said; the end of the call settles it at the latest
        if _as_wanted(attempt, recording, seen):
            if attempt.scope is not None and _outside(attempt.scope, seen):
                # The start was cut off before the call was read. What runs is somebody else's: not to be taken over by
                # it, and not to be stopped because of it.
                await outcomes.not_in_effect(attempt, OutOfScope(), look_again=False)
                return
            await outcomes.succeeded(attempt, _effect(attempt, recording, seen), phase=Phase.OBSERVED, actor=BOT)
        elif attempt.verb in {Verb.START, Verb.FOLLOW, Verb.RESUME} or state is CallRecording.NONE:
            # Nobody wants a recording to begin late; and what doesn't run can't be paused.
            await outcomes.not_in_effect(attempt, NotInEffect())
        else:
            await self._drive_again(attempt, recording)

    async def _drive_again(self, attempt: Attempt, recording: Recording) -> None:
        """Send a stop or a pause again: the call was read just now, and it is not in force."""
        act = self.service.control.stop if attempt.verb is Verb.STOP else self.service.control.pause
        own = partial(self.service.require_own, attempt)
        how = ChangeOptions(self.clock.monotonic() + LOOK_LIMIT, tell_nobody, own, Priority.LOOP)
        try:
            effect = await act(recording.target, how)
        except CallEnded as ended:
            await self.service.outcomes.call_over(attempt, ended, phase=Phase.OBSERVED, actor=BOT)
        except GenesysError as error:
            log.warning("reconciler_action_failed", attempt_id=str(attempt.id), error=error.kind)
        except TakenOver:
            log.warning("attempt_lost", attempt_id=str(attempt.id))
        else:
            await self.service.outcomes.succeeded(attempt, effect, phase=Phase.OBSERVED, actor=BOT)


def _outside(scope: Scope, seen: Conversation) -> bool:
    """Say whether nobody on the call is in the scope; a reading that names nobody tells nothing."""
    covered = [scope.covers(agent_user_id=one.user_id, queue_id=one.queue_id) for one in seen.agents]
    return bool(covered) and not any(covered)


def _as_wanted(attempt: Attempt, recording: Recording, seen: Conversation) -> bool:
    # A hold pauses a recording only for as long as it lasts: so it counts as running, and not as in secure pause.
    state = seen.recorder(recording.mechanism, recording.participant_id)
    held = state is CallRecording.PAUSED and seen.on_hold
    runs = state is CallRecording.ACTIVE or held
    rests = state is CallRecording.PAUSED and not held
    match attempt.verb:
        case Verb.START | Verb.FOLLOW | Verb.RESUME:
            return runs
        case Verb.PAUSE:
            return rests
        case Verb.STOP:
            return state is CallRecording.NONE or (rests and recording.mechanism is Mechanism.POLICY)


def _effect(attempt: Attempt, recording: Recording, seen: Conversation) -> ConfirmedChange:
    mechanism = recording.mechanism or seen.mechanism or Mechanism.ADHOC
    # A start in doubt is known by its recorder, no matter for whose side it was sent.
    agent = seen.adhoc_agent if attempt.verb.begins and mechanism is Mechanism.ADHOC else None
    agent = agent or next((one for one in seen.agents if one.id == recording.participant_id), None)
    if agent is None and recording.participant_id is None:
        agent = seen.agents[0] if len(seen.agents) == 1 else None
    return ConfirmedChange(
        mechanism=mechanism,
        agent=agent,
        session_id=recording.session_id or seen.session_id,
        created=not (attempt.verb.begins and mechanism is Mechanism.POLICY),  # no start of the bot begins a policy's
        recorders=seen.recorders,
    )
