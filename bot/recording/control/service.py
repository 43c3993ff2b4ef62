"""Recording control for Slack and the command line. The order of its steps is the product's promise."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AuditUnavailable, CallEnded, GenesysError, NotPermitted, OutcomeUnknown, RecordBotError
from bot.recording.caller import rule_label
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.control.outcomes import facts
from bot.recording.control.reads import READ_ACTION
from bot.recording.models import Conversation, Recording, Target, Verb
from bot.recording.permissions import lists, require_agent, require_reading
from bot.recording.ports import ChangeOptions, Priority, TakenOver, tell_nobody
from bot.recording.requests import ActionResult, conversation_id

if TYPE_CHECKING:
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.call import Participant
    from bot.recording.caller import Principal
    from bot.recording.control.intake import Intake
    from bot.recording.control.outcomes import OutcomeRecorder
    from bot.recording.models import Attempt, ConfirmedChange
    from bot.recording.ports import Clock, Progress, RecordingControl, RecordingStore, Transaction
    from bot.recording.requests import PendingAction, Request

log = structlog.get_logger(__name__)

OLDEST_SECONDS = 10.0
"""The age from which a start or resume is not carried out: Slack told the person after 3 s that it failed.

Nobody wants a recording to begin late. A stop or a pause is carried out however old it is.
"""
ALL_LIVE = 10_000
"""How many live recordings are searched for those that a limited person may see."""
GUARD_SECONDS = 2.0
"""How much longer than its deadline an adapter may take before it is left to itself."""


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """A status request that is in the trail and may now be answered."""

    conversation_id: str
    entry: Entry
    caller: Principal


@dataclass(frozen=True, slots=True)
class CallStatus:
    """The state of one call: our newest record of it, and what Genesys reports now."""

    conversation_id: str
    audit_seq: int
    recording: Recording | None
    seen: Conversation | None
    error: GenesysError | None


def _too_old(accepted: PendingAction) -> float | None:
    """Return the request's age in seconds if it is too old to be carried out.

    Checked after the commit: the process may also have stood still between the two.
    """
    age = accepted.request.origin.age
    if age is None or accepted.attempt.verb not in {Verb.START, Verb.FOLLOW, Verb.RESUME}:
        return None
    seconds = age()
    return seconds if seconds > OLDEST_SECONDS else None


@dataclass(slots=True)
class _Side:
    """Whose side of the call a start is sent for, once the call was read: the card of a start in doubt names them."""

    caller: Principal
    agent: Participant | None = None

    def permit(self, agent: Participant | None) -> None:
        """Raise NotPermitted unless the caller may control this side; the last one that is asked for is written to."""
        require_agent(self.caller, agent)
        self.agent = agent


@dataclass(frozen=True, slots=True)
class RecordingService:
    """Start, stop, pause, resume, and status, the same for every surface.

    An action is ``intake.start`` or ``intake.change`` (the request is on disk), then ``carry_out`` (Genesys, then the
    outcome is on disk). Surfaces acknowledge between the two.
    """

    intake: Intake
    outcomes: OutcomeRecorder
    control: RecordingControl
    store: RecordingStore
    clock: Clock
    working: set[UUID] = field(default_factory=set)
    """The attempts that this process is carrying out now; nobody else may settle them."""

    @property
    def owner(self) -> str:
        """The name of this process, in the attempts that it works on."""
        return self.intake.log.owner

    def works_on(self, attempt_id: UUID) -> bool:
        """Return whether this process carries the attempt out, or is about to close it as too late."""
        return attempt_id in self.working or attempt_id in self.intake.log.expiring

    async def carry_out(self, accepted: PendingAction, progress: Progress = tell_nobody) -> ActionResult:
        """Do in Genesys what was accepted, and write down how it ended. Return errors of Genesys; don't raise them.

        Raise AuditUnavailable when the outcome can't be written; the attempt then stays open and is settled later.
        """
        attempt = accepted.attempt
        self.working.add(attempt.id)
        try:
            if (age := _too_old(accepted)) is not None:
                return await self.outcomes.too_old(accepted, age)
            return await self._carry_out(accepted, progress)
        except TakenOver:
            log.warning("attempt_lost", attempt_id=str(attempt.id))
            return await self.outcomes.taken_over(attempt)
        finally:
            self.working.discard(attempt.id)

    async def _carry_out(self, accepted: PendingAction, progress: Progress) -> ActionResult:
        limit, side = ACTION_LIMIT.total_seconds(), _Side(accepted.request.caller)
        deadline = self.clock.monotonic() + limit
        try:
            async with asyncio.timeout(limit + GUARD_SECONDS):
                effect = await self._send(accepted, deadline, progress, side)
        except OutcomeUnknown as error:
            return await self.outcomes.unknown(accepted, error, side.agent)
        except GenesysError as error:
            return await self.outcomes.failed(accepted, error)
        except NotPermitted as refusal:
            return await self.outcomes.denied(accepted, refusal)
        except TimeoutError:
            return await self.outcomes.unknown(accepted, OutcomeUnknown(), side.agent)
        except (TakenOver, AuditUnavailable):
            raise  # nothing was sent, and another process or the reconciler records the outcome
        except Exception:
            # A fault of ours says nothing about the call: the request may have got through.
            log.exception("action_failed", attempt_id=str(accepted.attempt.id))
            return await self.outcomes.unknown(accepted, OutcomeUnknown(), side.agent)
        return await self.outcomes.succeeded(accepted.attempt, effect)

    async def _send(self, accepted: PendingAction, deadline: float, progress: Progress, side: _Side) -> ConfirmedChange:
        target, attempt = accepted.recording.target, accepted.attempt
        how = ChangeOptions(deadline, progress, partial(self.require_own, attempt))
        match attempt.verb:
            case Verb.START | Verb.FOLLOW:
                return await self.control.start(
                    replace(target, agent_user_id=accepted.agent_user_id),
                    how if rule_label(attempt.actor) is None else replace(how, priority=Priority.LOOP),
                    reason_code=accepted.reason.code,
                    permit=side.permit,
                )
            case Verb.STOP:
                return await self.control.stop(target, how)
            case Verb.PAUSE:
                return await self.control.pause(target, how)
            case Verb.RESUME:
                return await self.control.resume(target, how)

    async def require_own(self, attempt: Attempt) -> None:
        """Raise TakenOver unless the attempt is open and still its owner's, as the database says at this moment.

        Raise AuditUnavailable if it can't be read; but a stop or a pause is then sent all the same. A late one does
        little harm, and recording on while card data is read out does much.
        """
        try:
            own = await self.store.still_owned(attempt)
        except AuditUnavailable as unread:
            if attempt.verb not in {Verb.STOP, Verb.PAUSE}:
                raise
            log.warning("attempt_owner_not_found", attempt_id=str(attempt.id), cause=unread.cause)
        else:
            if not own:
                raise TakenOver

    async def live(self, request: Request) -> tuple[Recording, ...]:
        """Return the recordings that are live now and in the caller's scope, oldest first."""
        await self.intake.read(request)
        limit = 200 if request.caller.scope.everything else ALL_LIVE
        live = await self.store.live_recordings(limit=limit)
        return tuple(one for one in live if lists(request.caller, one))

    async def ask_status(self, request: Request, typed_id: str) -> StatusAsked:
        """Record in the trail that a person asks for a call's status. Raise MalformedId, NotPermitted."""
        try:
            call = conversation_id(typed_id)
        except RecordBotError as error:
            await self.intake.refuse_reading(request, typed_id, error)
            raise
        return StatusAsked(call, await self.intake.read(request, call), request.caller)

    async def status(self, request: StatusAsked, progress: Progress = tell_nobody) -> CallStatus:
        """Return a call's status, from our records and from Genesys.

        Raise NotPermitted where the reading shows that the call, of which we have no record, is not in the scope.
        """
        call = request.conversation_id
        recording = await self.store.newest_recording(call)
        target = recording.target if recording is not None and not recording.state.final else Target(call)
        deadline = self.clock.monotonic() + ACTION_LIMIT.total_seconds()
        seen, problem = None, None
        try:
            seen = await self.control.read_call(target, deadline=deadline, progress=progress)
        except GenesysError as error:
            problem = error
        except Exception:
            log.exception("status_read_failed")
            problem = GenesysError()
        newest = await self.store.newest_recording(call)
        try:
            require_reading(request.caller, newest, seen)
        except NotPermitted as refusal:
            refusal.audit_seq = await self._answered(request.entry, refusal)
            raise
        seq = await self._answered(request.entry, problem)
        return CallStatus(call, seq, newest, seen, problem)

    async def _answered(self, request: Entry, problem: GenesysError | NotPermitted | None) -> int:
        answered = problem is None or isinstance(problem, CallEnded)
        phase = Phase.DENIED if isinstance(problem, NotPermitted) else Phase.FAILED

        def work(transaction: Transaction) -> int:
            outcome = _problem_facts(problem)
            draft = Draft(
                id=uuid7(),
                attempt_id=request.attempt_id,
                occurred_at=self.clock.now(),
                phase=Phase.SUCCEEDED if answered else phase,
                action=READ_ACTION,
                actor=request.actor,
                conversation_id=request.conversation_id,
                outcome=outcome,
            )
            return transaction.append(draft).seq

        return await self.store.write(work)


def _problem_facts(problem: GenesysError | NotPermitted | None) -> dict[str, Any]:
    if problem is None:
        return {}
    if isinstance(problem, NotPermitted):
        return {"error": problem.kind, "cause": problem.cause}
    return {"error": problem.kind, **facts(problem.evidence)}
