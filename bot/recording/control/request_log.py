"""Accepts every request: in one transaction, once, in time, and never without an entry."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from structlog.contextvars import bind_contextvars
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AuditUnavailable, Duplicate, NotPermitted, RecordBotError, ShuttingDown, TooManyRequests
from bot.recording.control.user_rate_limit import LIMITED, LIMITED_TOO, PersonalLimit
from bot.recording.requests import AwaitsConfirmation, PendingAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from bot.recording.models import Recording
    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import Request

EXPIRE_AGAIN_SECONDS = 1.0

T = TypeVar("T")


@dataclass(slots=True)
class AuditContext:
    """What a refusal's entry says beyond the error, as far as known by then."""

    action: str
    verb: str
    conversation_id: str | None = None
    recording_id: UUID | None = None
    typed: str | None = None

    def about(self, recording: Recording) -> None:
        """Note which recording the request turned out to be about."""
        self.conversation_id, self.recording_id = recording.conversation_id, recording.id


@dataclass
class ShutdownGate:
    """Open while the bot takes new work; closed permanently at shutdown."""

    open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLog:
    """Takes requests and records each in the trail.

    Afterwards there is exactly one of three things: the entry of what was asked for, one entry of refusal (the error is
    raised, with its number), or nothing at all because the trail can't be written (AuditUnavailable is raised, and
    nothing may be done).
    """

    store: RecordingStore
    clock: Clock
    owner: str
    door: ShutdownGate = field(default_factory=ShutdownGate)
    expire: Callable[[PendingAction | AwaitsConfirmation], Awaitable[None]] | None = None
    """Closes a request that was committed after the person was told that nothing was done."""
    write_limit: float = 1.5
    """Seconds until the person is told that nothing was done; they are waiting for an answer within Slack's three."""
    expiring: set[UUID] = field(default_factory=set)
    """Attempts whose requesters were told that nothing was done; they must not be carried out."""
    limit: PersonalLimit = field(default_factory=PersonalLimit)
    _watched: set[asyncio.Future[None]] = field(default_factory=set)

    async def settled(self, seconds: float) -> None:
        """Wait, at most so long, until what was given up has been closed."""
        if self._watched:
            await asyncio.wait(self._watched, timeout=seconds)

    async def _take(self, asked: Request, facts: AuditContext, work: Callable[[Transaction, UUID], T]) -> T:
        attempt_id = uuid7()
        bind_contextvars(attempt_id=str(attempt_id))  # what is logged from here on belongs to it

        known = replace(facts)

        def transaction(transaction: Transaction) -> T | RecordBotError:
            # an earlier run, whose transaction the database ended, may have found another recording
            facts.conversation_id, facts.recording_id = known.conversation_id, known.recording_id
            key = asked.origin.dedupe_key
            if key and (earlier := transaction.attempt_with_key(key)):
                return Duplicate(earlier)
            try:
                if not self.door.open:
                    raise ShuttingDown
                self.limit.check(transaction, asked.caller.actor, facts.verb, self.clock.now())
                return work(transaction, attempt_id)
            except TooManyRequests as refusal:
                refusal.audit_seq = self._too_many(transaction, asked, facts, attempt_id, refusal)
                return refusal
            except RecordBotError as refusal:
                refusal.audit_seq = self._refused(transaction, asked, facts, attempt_id, refusal)
                return refusal

        result = await self._write_in_time(asked, attempt_id, transaction)
        if isinstance(result, RecordBotError):
            raise result
        return result

    async def _write_in_time(self, asked: Request, attempt_id: UUID, transaction: Callable[[Transaction], T]) -> T:
        """Write, or say within the limit that nothing was done; a commit that comes later is never sent to Genesys."""
        given_up = asyncio.Event()

        def require_in_time() -> None:
            if given_up.is_set():
                raise AuditUnavailable(cause=AuditUnavailable.TOO_SLOW)

        def unless_given_up(inner: Transaction) -> T:
            require_in_time()  # it may have waited for its turn
            result = transaction(inner)
            require_in_time()
            return result

        async def write() -> T:
            result = await self.store.write(unless_given_up, within=self.write_limit)
            if isinstance(result, TooManyRequests):  # only now: a transaction may run several times
                self.limit.count(asked.caller.actor, noted=result.audit_seq is not None)
            return result

        writing = asyncio.ensure_future(write())
        try:
            return await asyncio.wait_for(asyncio.shield(writing), self.write_limit)
        except TimeoutError:
            given_up.set()  # rolls the transaction back, unless it is already being committed
            self.expiring.add(attempt_id)
            self._watched.add(watch := asyncio.ensure_future(self._expire_if_written(attempt_id, writing)))
            watch.add_done_callback(self._watched.discard)
            raise AuditUnavailable(cause=AuditUnavailable.TOO_SLOW) from None

    async def _expire_if_written(self, attempt_id: UUID, writing: asyncio.Future[T]) -> None:
        try:
            with contextlib.suppress(AuditUnavailable):
                late = await writing
                if isinstance(late, (PendingAction, AwaitsConfirmation)):
                    await self._expire(late)
        finally:
            self.expiring.discard(attempt_id)

    async def _expire(self, late: PendingAction | AwaitsConfirmation) -> None:
        while self.expire is not None:
            try:
                await self.expire(late)
            except AuditUnavailable:  # the same slow database; it has to take it sooner or later
                await self.clock.sleep(EXPIRE_AGAIN_SECONDS)
            else:
                return

    def _refused(
        self, transaction: Transaction, asked: Request, facts: AuditContext, attempt_id: UUID, refusal: RecordBotError
    ) -> int:
        phase = Phase.DENIED if isinstance(refusal, NotPermitted) else Phase.FAILED
        outcome = {"error": refusal.kind}
        if isinstance(refusal, NotPermitted):
            outcome["cause"] = refusal.cause
        now = self.clock.now()
        digest = transaction.keep_text(attempt_id, facts.typed, now) if facts.typed else None
        draft = self._draft(asked, facts, attempt_id, phase, outcome=outcome, digest=digest)
        entry = transaction.append(draft)
        self._count_once(transaction, asked, facts, attempt_id)
        return entry.seq

    def _too_many(
        self, transaction: Transaction, asked: Request, facts: AuditContext, attempt_id: UUID, refusal: TooManyRequests
    ) -> int | None:
        """Write down the first refusal of a minute; the others are counted, or the trail could be flooded."""
        if not self.limit.deserves_entry(transaction, asked.caller.actor, self.clock.now()):
            if asked.origin.dedupe_key is not None:
                self._count_once(transaction, asked, replace(facts, verb=LIMITED_TOO), attempt_id)
            return None
        outcome = {"error": refusal.kind, "limit": refusal.limit}
        entry = transaction.append(self._draft(asked, facts, attempt_id, Phase.FAILED, outcome=outcome))
        self._count_once(transaction, asked, replace(facts, verb=LIMITED), attempt_id)
        return entry.seq

    def _count_once(self, transaction: Transaction, asked: Request, facts: AuditContext, attempt_id: UUID) -> None:
        """Keep the request's key, so that a second delivery of it is known; the reconciler has nothing to do here."""
        transaction.add_closed_attempt(
            attempt_id,
            verb=facts.verb,
            actor=asked.caller.actor,
            at=self.clock.now(),
            dedupe_key=asked.origin.dedupe_key,
        )

    def _draft(
        self,
        asked: Request,
        facts: AuditContext,
        attempt_id: UUID,
        phase: Phase,
        *,
        outcome: dict[str, Any] | None = None,
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
