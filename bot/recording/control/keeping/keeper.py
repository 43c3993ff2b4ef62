"""Carries out requests to keep and to release a call's recordings, as often as it takes, and records the result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bot.errors import (
    AuditUnavailable,
    Conflict,
    GenesysError,
    GenesysUnavailable,
    LoginRefused,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
)
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.control.keeping.commands import KeepCall
from bot.recording.control.keeping.outcomes import Later
from bot.recording.control.service import GUARD_SECONDS
from bot.recording.keeping.keep import LEASE, Keep, KeepVerb, PendingKeep
from bot.recording.keeping.keep_mode import KeepMode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from bot.recording.control.intake import Intake
    from bot.recording.control.keeping.attempt import KeepAttempt
    from bot.recording.control.keeping.outcomes import KeepOutcomes
    from bot.recording.keeping.keep import KeepQueue
    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import Request

log = structlog.get_logger(__name__)

TRANSIENT = (GenesysUnavailable, RateLimited, LoginRefused, Conflict)
"""After these nothing was sent that changes anything, and a later try may get through."""
OWN_PATIENCE = timedelta(seconds=5)
"""How long a request of this process may take from its entry to its first try."""
SOONEST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps and releases recordings; ``attempt`` is None where Genesys stores none (``GENESYS_RECORDING_API``)."""

    intake: Intake
    store: RecordingStore
    queue: KeepQueue
    attempt: KeepAttempt | None
    outcomes: KeepOutcomes
    clock: Clock
    mode: KeepMode = KeepMode.ASK
    working: set[UUID] = field(default_factory=set)
    """The requests that this process is trying now."""

    @property
    def unavailable(self) -> str:
        """Why nothing can be kept; empty if it can."""
        if self.attempt is None:
            return "sessions"
        return "never" if self.mode is KeepMode.NEVER else ""

    async def ask(
        self,
        verb: KeepVerb,
        request: Request,
        *,
        recording_id: UUID | None = None,
        typed_id: str | None = None,
        reason: str | None = None,
    ) -> PendingKeep:
        """Put the request into the trail. Raise what refuses it."""
        releasing = verb is KeepVerb.RELEASE and self.attempt is not None  # what was kept before can be released
        command = KeepCall(verb, recording_id, typed_id, reason, "" if releasing else self.unavailable)
        return await self.intake.log.submit(request, command)

    async def carry_out(self, accepted: PendingKeep) -> Keep:
        """Try once now, and return the request as it stands then; the worker goes on with what has to wait.

        Raise AuditUnavailable when the result can't be written; the worker then finds out.
        """
        return accepted.keep if accepted.queued else await self._try(accepted.keep)

    async def note_told(self, keep: Keep) -> None:
        """Note that the person knows how it ended."""
        await self.store.write(lambda transaction: transaction.keeps.note_told(keep.id))

    async def step(self, absent_of: Callable[[frozenset[str]], Awaitable[frozenset[str]]]) -> float | None:
        """Try what is due; return in how many seconds the next one is, None: not before something is written.

        ``absent_of`` returns which of some owners serve no more.
        """
        if self.attempt is None:
            return None
        found = await self.queue.due(self.clock.now())
        absent = await absent_of(frozenset(one.owner for one in found if one.owner))
        held = 0.0
        for keep in found:
            if not self._free(keep, absent):
                held = SOONEST_SECONDS
                continue
            try:
                if (mine := await self._claim(keep)) is not None:
                    await self._try(mine)
            except AuditUnavailable:
                log.warning("keep_write_failed")
                held = SOONEST_SECONDS
            except Exception:  # one that can't be carried out keeps no other from it
                log.exception("keep_crashed", attempt_id=str(keep.id))
        next_at = await self.queue.next_at()
        waits = None if next_at is None else max(SOONEST_SECONDS, (next_at - self.clock.now()).total_seconds())
        return min(filter(None, (waits, held)), default=None)

    def _free(self, keep: Keep, absent: frozenset[str]) -> bool:
        """Say whether nobody is trying the request now."""
        if keep.id in self.working or keep.id in self.intake.log.expiring:
            return False
        if keep.owner is None or keep.owner in absent or keep.claimed_at is None:
            return True
        patience = OWN_PATIENCE if keep.owner == self.intake.log.owner else LEASE
        return self.clock.now() - keep.claimed_at >= patience

    async def _claim(self, keep: Keep) -> Keep | None:
        """Make the request this process's own; None if another one was faster, or an earlier request comes first."""

        def work(transaction: Transaction) -> Keep | None:
            current = transaction.keeps.get(keep.id)
            if current is None or current.settled or (current.tries, current.owner) != (keep.tries, keep.owner):
                return None
            first, *_ = transaction.keeps.waiting(keep.conversation_id)
            if first.id != keep.id:
                return None
            # a try that never ended may have been sent
            claimed = replace(
                current,
                owner=self.intake.log.owner,
                claimed_at=self.clock.now(),
                tries=current.tries + 1,
                next_at=None,
                in_doubt=current.in_doubt or current.owner is not None,
            )
            return claimed if transaction.keeps.save(claimed, was=current) else None

        return await self.store.write(work)

    async def _try(self, keep: Keep) -> Keep:
        self.working.add(keep.id)
        try:
            return await self._tried(keep)
        finally:
            self.working.discard(keep.id)

    async def _tried(self, keep: Keep) -> Keep:
        if self.attempt is None:
            raise AssertionError
        outcomes = self.outcomes
        try:
            async with asyncio.timeout(ACTION_LIMIT.total_seconds() + GUARD_SECONDS):
                result = await self.attempt(keep)
        except (OutcomeUnknown, TimeoutError) as error:
            return await outcomes.unknown(keep, error if isinstance(error, OutcomeUnknown) else OutcomeUnknown())
        except TRANSIENT as error:
            return await outcomes.unanswered(keep, error)
        except (GenesysError, NotPermitted) as error:
            return await outcomes.failed(keep, error)
        except AuditUnavailable:
            raise
        except Exception:
            # a fault of ours says nothing about what Genesys did
            log.exception("keep_failed", attempt_id=str(keep.id))
            return await outcomes.unknown(keep, OutcomeUnknown())
        if isinstance(result, Later):
            return await outcomes.put_off(keep, result)
        return await outcomes.done(keep, result)
