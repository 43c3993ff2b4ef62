"""Writes how a try to keep or to release a call's recordings went: the request's new state and its entry together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.audit.entry import Phase
from bot.errors import GenesysError, NotPermitted, OutcomeUnknown, PermissionMissing, RateLimited, TooLate
from bot.recording.control.keeping.commands import outcome_draft, supersede
from bot.recording.control.outcomes import facts
from bot.recording.keeping.keep import GIVEN_UP_AFTER, RETRY_SECONDS, Keep, KeepState, KeepVerb, PendingKeep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import AwaitsConfirmation, PendingAction


@dataclass(frozen=True, slots=True)
class Later:
    """A try that did nothing yet: try again ``at``, or once our recording of the call is over."""

    at: datetime | None
    ended_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A try that took effect, or found that it already had."""

    outcome: dict[str, Any]
    ended_at: datetime | None = None
    annotation: str | None = None
    annotation_permission: str | None = None


@dataclass(frozen=True, slots=True)
class KeepOutcomes:
    """Each method returns the request as it stands then; nothing is written if another process took it over."""

    store: RecordingStore
    clock: Clock

    def _again(self, keep: Keep, error: GenesysError) -> Later:
        wait = RETRY_SECONDS[min(keep.tries, len(RETRY_SECONDS)) - 1]
        if isinstance(error, RateLimited):
            wait = max(wait, error.retry_after)
        return Later(self.clock.now() + timedelta(seconds=wait), keep.ended_at, error.kind)

    async def unanswered(self, keep: Keep, error: GenesysError) -> Keep:
        """Try again later, since nothing was sent; not if it was tried for a day."""
        if self.clock.now() - keep.asked_at >= GIVEN_UP_AFTER:
            return await self.failed(keep, error)
        return await self.put_off(keep, self._again(keep, error))

    async def put_off(self, keep: Keep, later: Later) -> Keep:
        """Try again later, unless a later request of the other kind waits."""
        now = self.clock.now()

        def work(transaction: Transaction) -> Keep:
            current = transaction.keeps.get(keep.id)
            if current is None or not _ours(current, keep):
                return current or keep
            newer = [one for one in transaction.keeps.waiting(keep.conversation_id) if one.id != keep.id]
            if newer and not current.in_doubt:
                last = newer[-1]
                if last.verb is KeepVerb.RELEASE:
                    transaction.keeps.save(replace(last, cancels=last.cancels + 1), was=last)
                return supersede(transaction, current, by=last.audit_seq, now=now)
            put_off = replace(
                current,
                owner=None,
                claimed_at=None,
                next_at=later.at,
                ended_at=later.ended_at or current.ended_at,
                error=later.error,
            )
            transaction.keeps.save(put_off, was=current)
            if put_off.error != current.error or put_off.ended_at != current.ended_at:
                transaction.keeps.redraw(keep.conversation_id)
            return put_off

        return await self.store.write(work)

    async def unknown(self, keep: Keep, error: OutcomeUnknown) -> Keep:
        """Record once that the result is unknown; a reading settles it."""
        if self.clock.now() - keep.asked_at >= GIVEN_UP_AFTER:
            outcome = {"error": error.kind, **facts(error.evidence)}
            return await self._settle(keep, KeepState.UNKNOWN, Phase.UNKNOWN, outcome, error=error.kind)
        later = self._again(keep, error)

        def work(transaction: Transaction) -> Keep:
            current = transaction.keeps.get(keep.id)
            if current is None or not _ours(current, keep):
                return current or keep
            if current.error != error.kind:
                outcome = {"error": error.kind, **facts(error.evidence)}
                transaction.append(outcome_draft(keep, Phase.UNKNOWN, self.clock.now(), outcome))
            doubted = replace(current, owner=None, claimed_at=None, in_doubt=True, next_at=later.at, error=error.kind)
            transaction.keeps.save(doubted, was=current)
            transaction.keeps.redraw(keep.conversation_id)
            return doubted

        return await self.store.write(work)

    async def failed(self, keep: Keep, error: GenesysError | NotPermitted) -> Keep:
        outcome: dict[str, Any] = {"error": error.kind}
        phase = Phase.OBSERVED if keep.in_doubt else Phase.FAILED
        permission = None
        if isinstance(error, NotPermitted):
            outcome["cause"], phase = error.cause, Phase.DENIED
        elif isinstance(error, GenesysError):
            outcome |= facts(error.evidence)
        if isinstance(error, PermissionMissing) and error.permission:
            permission = error.permission
            outcome["permission"] = permission
        if phase is Phase.OBSERVED:
            outcome["in_effect"] = False
        return await self._settle(keep, KeepState.FAILED, phase, outcome, error=error.kind, permission=permission)

    async def done(self, keep: Keep, done: Done) -> Keep:
        phase = Phase.OBSERVED if keep.in_doubt else Phase.SUCCEEDED
        return await self._settle(
            keep,
            KeepState.DONE,
            phase,
            done.outcome,
            ended_at=done.ended_at or keep.ended_at,
            annotation=done.annotation,
            annotation_permission=done.annotation_permission,
            error=None,
        )

    async def _settle(
        self, keep: Keep, state: KeepState, phase: Phase, outcome: dict[str, Any], **changes: Any
    ) -> Keep:
        """Write the result and its entry, unless another process has."""
        now = self.clock.now()

        def work(transaction: Transaction) -> Keep:
            current = transaction.keeps.get(keep.id)
            if current is None or not _ours(current, keep):
                return current or keep
            entry = transaction.append(outcome_draft(keep, phase, now, outcome))
            over = replace(
                current,
                state=state,
                owner=None,
                next_at=None,
                settled_at=now,
                settled_seq=entry.seq,
                **changes,
            )
            over = replace(over, told=not over.needs_answer)
            transaction.keeps.save(over, was=current)
            transaction.keeps.redraw(keep.conversation_id)
            return over

        return await self.store.write(work)


def _ours(current: Keep, keep: Keep) -> bool:
    """Say whether nobody has tried or settled the request since this try began."""
    return not current.settled and (current.tries, current.owner) == (keep.tries, keep.owner)


def closing_late_keeps(
    store: RecordingStore, clock: Clock, others: Callable[[PendingAction | AwaitsConfirmation], Awaitable[None]]
) -> Callable[[PendingAction | AwaitsConfirmation | PendingKeep], Awaitable[None]]:
    """Return what closes a request that was written after the person was told that nothing was done."""

    async def close(late: PendingAction | AwaitsConfirmation | PendingKeep) -> None:
        if not isinstance(late, PendingKeep):
            await others(late)
            return
        keep, now = late.keep, clock.now()

        def work(transaction: Transaction) -> None:
            current = transaction.keeps.get(keep.id)
            if current is None or current.settled:
                return
            entry = transaction.append(outcome_draft(keep, Phase.FAILED, now, {"error": TooLate.kind}))
            over = replace(
                current,
                state=KeepState.FAILED,
                owner=None,
                next_at=None,
                settled_at=now,
                settled_seq=entry.seq,
                error=TooLate.kind,
                told=True,
            )
            transaction.keeps.save(over, was=current)
            transaction.keeps.redraw(keep.conversation_id)

        await store.write(work)

    return close
