"""The first of an action's two transactions: authorise, de-duplicate, and put the request into the trail."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import (
    AlreadyRecording,
    AuditUnavailable,
    Duplicate,
    MalformedId,
    NothingToStop,
    NotPermitted,
    RecordBotError,
    SeveralRecordings,
    ShuttingDown,
)
from bot.recording.models import Attempt, Reason, Recording, RecordingState, Verb
from bot.recording.policy import Caller, Permission, require, require_state, standing
from bot.recording.requests import Accepted, Asked, ReasonRules, conversation_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.ports import Clock, RecordingStore, Transaction

ACTION_LIMIT = timedelta(seconds=25)
"""After this an action is unknown, never failed."""

READ_ACTION = "recording:read"
EXPIRE_AGAIN_SECONDS = 1.0
EXPORT_ACTION = "audit:export"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a refusal's entry says beyond the error: the call, the recording, and the words that were typed."""

    action: str
    verb: str
    conversation_id: str | None = None
    recording_id: UUID | None = None
    typed: str | None = None


@dataclass
class Door:
    """Open while the bot takes new work; closed for good when it shuts down."""

    open: bool = True


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes requests, and puts each into the trail.

    Afterwards there is exactly one of three things: a ``requested`` entry (Accepted is returned), one entry of refusal
    (the error is raised, with its number), or nothing at all because the trail can't be written (AuditUnavailable is
    raised, and nothing may be done).
    """

    store: RecordingStore
    clock: Clock
    owner: str
    reasons: ReasonRules = field(default_factory=ReasonRules)
    door: Door = field(default_factory=Door)
    expire: Callable[[Accepted], Awaitable[None]] | None = None
    """Closes an attempt that was committed after its person had been told that nothing was done."""
    write_limit: float = 1.5
    """Seconds until the person is told that nothing was done; they are waiting for an answer within Slack's three."""
    expiring: set[UUID] = field(default_factory=set)
    """Attempts whose people have been told that nothing was done; nobody may carry them out."""
    _watched: set[asyncio.Future[None]] = field(default_factory=set)

    async def start(self, asked: Asked, typed_id: str | None, typed_reason: str | None) -> Accepted:
        """Ask for the call's recording to start. ``typed_id`` is an id or an interaction link."""
        call, problem = _read_id(typed_id)
        typed = typed_reason if problem is None else " ".join(filter(None, (typed_id, typed_reason)))
        facts = Facts(Verb.START.action, Verb.START.value, conversation_id=call, typed=typed or None)

        async def work(transaction: Transaction, attempt_id: UUID) -> Accepted:
            require(asked.caller, Permission.CONTROL)
            if call is None:
                raise problem or MalformedId
            reason = self.reasons.read(typed_reason)
            if live := await transaction.live_recording(call):
                raise AlreadyRecording(**standing(live))
            attempt = self._attempt(attempt_id, Verb.START, asked, uuid7(), None)
            recording = Recording(
                id=attempt.recording_id,
                conversation_id=call,
                state=RecordingState.STARTING,
                version=1,
                started_by=asked.caller.actor,
                requested_at=attempt.requested_at,
                reason_code=reason.code,
                reason=reason.text,
            )
            await transaction.add_recording(recording, channel=asked.origin.channel, asked_by=asked.caller.actor)
            return await self._requested(transaction, asked, attempt, recording, reason)

        return await self._take(asked, facts, work)

    async def change(
        self, verb: Verb, asked: Asked, *, recording_id: UUID | None = None, typed_id: str | None = None
    ) -> Accepted:
        """Ask for a live recording to be changed: the one with the id, the call's, or the caller's only one."""
        call, problem = (None, None) if typed_id is None else _read_id(typed_id)
        facts = Facts(verb.action, verb.value, call, recording_id, typed_id if problem else None)

        async def work(transaction: Transaction, attempt_id: UUID) -> Accepted:
            require(asked.caller, Permission.CONTROL)
            if problem is not None:
                raise problem
            before = await _find(transaction, asked.caller, recording_id, call)
            step = require_state(before, verb)
            attempt = self._attempt(attempt_id, verb, asked, before.id, before.state)
            recording = await transaction.change_recording(before, state=step.during, error=None)
            if recording is None:  # transactions run one after another, so nobody can have been faster
                raise AssertionError
            return await self._requested(transaction, asked, attempt, recording, Reason())

        return await self._take(asked, facts, work)

    async def read(self, asked: Asked, call: str | None = None) -> Entry:
        """Put into the trail that somebody looks at recordings, before they see anything."""
        facts = Facts(READ_ACTION, "read", conversation_id=call)

        async def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.READ)
            await self._count_once(transaction, asked, facts, attempt_id)
            draft = self._draft(asked, facts, attempt_id, Phase.REQUESTED if call else Phase.SUCCEEDED)
            return await transaction.append(draft)

        return await self._take(asked, facts, work)

    async def read_history(self, asked: Asked, call: str) -> Entry:
        """Put into the trail that somebody reads all that the trail holds about a call, before they see it."""
        facts = Facts(READ_ACTION, "read", conversation_id=call)

        async def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.READ)
            await self._count_once(transaction, asked, facts, attempt_id)
            return await transaction.append(
                self._draft(asked, facts, attempt_id, Phase.SUCCEEDED, outcome={"read": "history"})
            )

        return await self._take(asked, facts, work)

    async def export(self, asked: Asked, wanted: dict[str, str]) -> Entry:
        """Put into the trail that somebody wants entries of it as a file; ``wanted`` says which."""
        facts = Facts(EXPORT_ACTION, "export")

        async def work(transaction: Transaction, attempt_id: UUID) -> Entry:
            require(asked.caller, Permission.EXPORT)
            entry = await transaction.append(self._draft(asked, facts, attempt_id, Phase.REQUESTED, outcome=wanted))
            await self._count_once(transaction, asked, facts, attempt_id)
            return entry

        return await self._take(asked, facts, work)

    async def refuse_reading(self, asked: Asked, typed: str, error: RecordBotError) -> None:
        """Put into the trail that a look was asked for that can't be had, and raise why."""
        await self._refuse(asked, Facts(READ_ACTION, "read", typed=typed), Permission.READ, error)

    async def refuse_export(self, asked: Asked, typed: str, error: RecordBotError) -> None:
        """Put into the trail that an export was asked for that can't be had, and raise why."""
        await self._refuse(asked, Facts(EXPORT_ACTION, "export", typed=typed), Permission.EXPORT, error)

    async def _refuse(self, asked: Asked, facts: Facts, permission: Permission, error: RecordBotError) -> None:
        async def work(_transaction: Transaction, _attempt_id: UUID) -> None:
            require(asked.caller, permission)
            raise error

        await self._take(asked, facts, work)

    async def _take(self, asked: Asked, facts: Facts, work: Callable[[Transaction, UUID], Awaitable[T]]) -> T:
        attempt_id = uuid7()

        async def transaction(transaction: Transaction) -> T | RecordBotError:
            key = asked.origin.dedupe_key
            if key and (earlier := await transaction.attempt_with_key(key)):
                return Duplicate(earlier)
            try:
                if not self.door.open:
                    raise ShuttingDown
                return await work(transaction, attempt_id)
            except RecordBotError as refusal:
                refusal.audit_seq = await self._refused(transaction, asked, facts, attempt_id, refusal)
                return refusal

        result = await self._write_in_time(attempt_id, transaction)
        if isinstance(result, RecordBotError):
            raise result
        return result

    async def _write_in_time(self, attempt_id: UUID, transaction: Callable[[Transaction], Awaitable[T]]) -> T:
        """Write, or say within the limit that nothing was done; a commit that comes later is never sent to Genesys."""
        given_up = asyncio.Event()

        async def unless_given_up(inner: Transaction) -> T:
            result = await transaction(inner)
            if given_up.is_set():
                raise AuditUnavailable(cause="the database was too slow")
            return result

        writing = asyncio.ensure_future(self.store.write(unless_given_up))
        try:
            return await asyncio.wait_for(asyncio.shield(writing), self.write_limit)
        except TimeoutError:
            given_up.set()  # rolls the transaction back, unless it is already being committed
            self.expiring.add(attempt_id)
            self._watched.add(watch := asyncio.ensure_future(self._expire_if_written(attempt_id, writing)))
            watch.add_done_callback(self._watched.discard)
            raise AuditUnavailable(cause="the database was too slow") from None

    async def _expire_if_written(self, attempt_id: UUID, writing: asyncio.Future[T]) -> None:
        try:
            with contextlib.suppress(AuditUnavailable):
                late = await writing
                if isinstance(late, Accepted):
                    await self._expire(late)
        finally:
            self.expiring.discard(attempt_id)

    async def _expire(self, late: Accepted) -> None:
        while self.expire is not None:
            try:
                await self.expire(late)
            except AuditUnavailable:  # the same slow database; it has to take it sooner or later
                await self.clock.sleep(EXPIRE_AGAIN_SECONDS)
            else:
                return

    async def settled(self, seconds: float) -> None:
        """Wait, at most so long, until what was given up has been closed."""
        if self._watched:
            await asyncio.wait(self._watched, timeout=seconds)

    def _attempt(
        self, attempt_id: UUID, verb: Verb, asked: Asked, recording_id: UUID, before: RecordingState | None
    ) -> Attempt:
        now = self.clock.now()
        return Attempt(
            attempt_id, verb, asked.caller.actor, recording_id, now, now + ACTION_LIMIT, before, owner=self.owner
        )

    async def _requested(
        self, transaction: Transaction, asked: Asked, attempt: Attempt, recording: Recording, reason: Reason
    ) -> Accepted:
        digest = await transaction.keep_text(attempt.id, reason.text, attempt.requested_at) if reason.text else None
        entry = await transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=attempt.id,
                occurred_at=attempt.requested_at,
                phase=Phase.REQUESTED,
                action=attempt.verb.action,
                actor=asked.caller.actor,
                conversation_id=recording.conversation_id,
                participant_id=recording.participant_id,
                recording_id=recording.id,
                reason_code=reason.code,
                reason_digest=digest,
                origin=asked.origin.facts(),
            )
        )
        await transaction.add_attempt(attempt, dedupe_key=asked.origin.dedupe_key)
        numbers = {"audit_seq": entry.seq}
        if attempt.verb is Verb.START:
            numbers["requested_seq"] = entry.seq
        numbered = await transaction.change_recording(recording, **numbers)
        if numbered is None:
            raise AssertionError
        return Accepted(asked, attempt, numbered, reason, entry.seq)

    async def _refused(
        self, transaction: Transaction, asked: Asked, facts: Facts, attempt_id: UUID, refusal: RecordBotError
    ) -> int:
        phase = Phase.DENIED if isinstance(refusal, NotPermitted) else Phase.FAILED
        outcome = {"error": refusal.kind}
        if isinstance(refusal, NotPermitted):
            outcome["cause"] = refusal.cause
        now = self.clock.now()
        digest = await transaction.keep_text(attempt_id, facts.typed, now) if facts.typed else None
        draft = self._draft(asked, facts, attempt_id, phase, outcome=outcome, digest=digest)
        entry = await transaction.append(draft)
        await self._count_once(transaction, asked, facts, attempt_id)
        return entry.seq

    async def _count_once(self, transaction: Transaction, asked: Asked, facts: Facts, attempt_id: UUID) -> None:
        """Keep the request's key, so that a second delivery of it is known; the reconciler has nothing to do here."""
        await transaction.add_closed_attempt(
            attempt_id,
            verb=facts.verb,
            actor=asked.caller.actor,
            at=self.clock.now(),
            dedupe_key=asked.origin.dedupe_key,
        )

    def _draft(
        self,
        asked: Asked,
        facts: Facts,
        attempt_id: UUID,
        phase: Phase,
        *,
        outcome: dict[str, str] | None = None,
        digest: str | None = None,
    ) -> Draft:
        return Draft(
            id=uuid7(),
            attempt_id=attempt_id,
            occurred_at=self.clock.now(),
            phase=phase,
            action=facts.action,
            actor=asked.caller.actor,
            conversation_id=facts.conversation_id,
            recording_id=facts.recording_id,
            reason_digest=digest,
            origin=asked.origin.facts(),
            outcome=outcome or {},
        )


def _read_id(typed: str | None) -> tuple[str | None, MalformedId | None]:
    try:
        return conversation_id(typed or ""), None
    except MalformedId as problem:
        return None, problem if typed else MalformedId("No call was named.")


async def _find(transaction: Transaction, caller: Caller, recording_id: UUID | None, call: str | None) -> Recording:
    if recording_id is not None:
        found = await transaction.recording(recording_id)
    elif call is not None:
        found = await transaction.live_recording(call)
    else:
        own = await transaction.live_recordings_of(caller.actor)
        if len(own) > 1:
            raise SeveralRecordings(recording_ids=tuple(one.id for one in own))
        found = next(iter(own), None)
    if found is None:
        raise NothingToStop
    return found
