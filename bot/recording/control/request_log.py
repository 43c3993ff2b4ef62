"""Accepts every request: in one transaction, once, in time, and never without an entry.

A request is a command: a value that says what to do inside that transaction. Only this module knows the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from structlog.contextvars import bind_contextvars
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AuditUnavailable, Duplicate, NotPermitted, RecordBotError, ShuttingDown, TooManyRequests
from bot.recording.control.user_rate_limit import LIMITED, LIMITED_TOO, PersonalLimit
from bot.recording.keeping.keep import PendingKeep
from bot.recording.policy import DualControl
from bot.recording.requests import AwaitsConfirmation, PendingAction, ReasonRules
from bot.recording.time_limits.limits import TimeLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.models import Recording
    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import Request

EXPIRE_AGAIN_SECONDS = 1.0
SLACK_WRITE_SECONDS = 1.5
"""How long a request may wait for the database: Slack shows an error if it isn't acknowledged within three seconds."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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


@dataclass(frozen=True, slots=True)
class RequestRules:
    """What the settings and the policy file say of requests."""

    reasons: ReasonRules = field(default_factory=ReasonRules)
    dual_control: DualControl = field(default_factory=DualControl)
    limits: TimeLimits = field(default_factory=TimeLimits)

    def run_limit(self, recording: Recording) -> timedelta | None:
        """Return how long a recording that was started by hand may run; where a stop takes two people, no end."""
        return None if self.dual_control.guards(recording) else self.limits.recording


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request inside its transaction. ``context`` is what the entry of a refusal would say by now."""

    transaction: Transaction
    request: Request
    attempt_id: UUID
    now: datetime
    owner: str
    rules: RequestRules
    context: AuditContext

    def append(
        self,
        phase: Phase,
        *,
        outcome: dict[str, Any] | None = None,
        text: str | None = None,
        reason_code: str | None = None,
    ) -> Entry:
        """Add an entry about the request itself. ``text`` is what the person typed: it is stored, and its digest here.

        Without one nothing is stored.
        """
        digest = self.transaction.keep_text(self.attempt_id, text, self.now) if text else None
        return self.transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=self.attempt_id,
                occurred_at=self.now,
                phase=phase,
                action=self.context.action,
                actor=self.request.caller.actor,
                conversation_id=self.context.conversation_id,
                recording_id=self.context.recording_id,
                reason_code=reason_code,
                reason_digest=digest,
                origin=self.request.origin.facts(),
                outcome=outcome or {},
            )
        )

    def close(self, verb: str | None = None) -> None:
        """Keep the request's key, so that a second delivery of it is known; the reconciler has nothing to do here."""
        self.transaction.add_closed_attempt(
            self.attempt_id,
            verb=verb or self.context.verb,
            actor=self.request.caller.actor,
            at=self.now,
            dedupe_key=self.request.origin.dedupe_key,
        )


class Command(Protocol[T_co]):
    """What a person asks for, as a value."""

    def context(self) -> AuditContext:
        """Return what is known of the request before its transaction."""

    def __call__(self, opened: OpenRequest) -> T_co:
        """Authorize the request and write it down; raise what refuses it. It may run several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLog:
    """Takes requests and records each in the trail."""

    store: RecordingStore
    clock: Clock
    owner: str
    rules: RequestRules = field(default_factory=RequestRules)
    shutdown_gate: ShutdownGate = field(default_factory=ShutdownGate)
    expire: Callable[[PendingAction | AwaitsConfirmation | PendingKeep], Awaitable[None]] | None = None
    """Closes a request that was committed after the person was told that nothing was done."""
    write_limit: float = SLACK_WRITE_SECONDS
    """Seconds until the person is told that nothing was done; they are waiting for an answer within Slack's three."""
    expiring: set[UUID] = field(default_factory=set)
    """Attempts whose requesters were told that nothing was done; they must not be carried out."""
    limit: PersonalLimit = field(default_factory=PersonalLimit)
    _watched: set[asyncio.Future[None]] = field(default_factory=set)

    async def submit(self, request: Request, command: Command[T]) -> T:
        """Run the command once, in one transaction.

        Afterwards there is exactly one of three things: the entry of what was asked for, one entry of refusal (the
        error is raised, with its number), or nothing at all because the trail can't be written (AuditUnavailable is
        raised, and nothing may be done).
        """
        attempt_id = uuid7()
        bind_contextvars(attempt_id=str(attempt_id))  # what is logged from here on belongs to it

        def transaction(transaction: Transaction) -> T | RecordBotError:
            key = request.origin.dedupe_key
            if key and (earlier := transaction.attempt_with_key(key)):
                return Duplicate(earlier)
            now, context = self.clock.now(), command.context()
            opened = OpenRequest(transaction, request, attempt_id, now, self.owner, self.rules, context)
            try:
                if not self.shutdown_gate.open:
                    raise ShuttingDown
                self.limit.check(transaction, request.caller.actor, context.verb, now)
                return command(opened)
            except TooManyRequests as refusal:
                refusal.audit_seq = self._too_many(opened, refusal)
                return refusal
            except RecordBotError as refusal:
                refusal.audit_seq = _refused(opened, refusal)
                return refusal

        result = await self._write_in_time(request, attempt_id, transaction)
        if isinstance(result, RecordBotError):
            raise result
        return result

    async def settled(self, seconds: float) -> None:
        """Wait, at most so long, until what was given up has been closed."""
        if self._watched:
            await asyncio.wait(self._watched, timeout=seconds)

    async def _write_in_time(self, request: Request, attempt_id: UUID, transaction: Callable[[Transaction], T]) -> T:
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
                self.limit.count(request.caller.actor, noted=result.audit_seq is not None)
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
                if isinstance(late, (PendingAction, AwaitsConfirmation, PendingKeep)):
                    await self._expire(late)
        finally:
            self.expiring.discard(attempt_id)

    async def _expire(self, late: PendingAction | AwaitsConfirmation | PendingKeep) -> None:
        while self.expire is not None:
            try:
                await self.expire(late)
            except AuditUnavailable:  # the same slow database; it has to take it sooner or later
                await self.clock.sleep(EXPIRE_AGAIN_SECONDS)
            else:
                return

    def _too_many(self, opened: OpenRequest, refusal: TooManyRequests) -> int | None:
        """Write down the first refusal of a minute; the others are counted, or the trail could be flooded."""
        if not self.limit.deserves_entry(opened.transaction, opened.request.caller.actor, opened.now):
            if opened.request.origin.dedupe_key is not None:
                opened.close(LIMITED_TOO)
            return None
        entry = opened.append(Phase.FAILED, outcome={"error": refusal.kind, "limit": refusal.limit})
        opened.close(LIMITED)
        return entry.seq


def _refused(opened: OpenRequest, refusal: RecordBotError) -> int:
    phase, outcome = Phase.FAILED, {"error": refusal.kind}
    if isinstance(refusal, NotPermitted):
        phase, outcome = Phase.DENIED, {**outcome, "cause": refusal.cause}
    entry = opened.append(phase, outcome=outcome, text=opened.context.typed)
    opened.close()
    return entry.seq
