"""Ends pauses and recordings whose time is up, and announces it shortly before.

The end is in the database, so a process that starts later carries it out; the state in the same row decides that it
is carried out once. A process that watches a time counts it on its own steady clock, so that no wall clock that is set
back or forward can stretch or shorten a pause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog

from bot.errors import AuditUnavailable, RecordBotError
from bot.recording.notices import of_ending
from bot.recording.time_limits.limits import ANNOUNCED, Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from uuid import UUID

    from bot.recording.control.service import RecordingService
    from bot.recording.models import Recording
    from bot.recording.ports import Clock, Transaction
    from bot.recording.requests import PendingAction

log = structlog.get_logger(__name__)

AGAIN_SECONDS, AGAIN_AT_MOST = 5.0, 300.0
"""Between a failed attempt to end something and the next one; twice as long each time."""


class Timed(NamedTuple):
    """One time that runs. A pause that was extended, or that began since, is another one."""

    recording_id: UUID
    limit: Limit
    until: datetime


@dataclass(slots=True)
class Progress:
    """What this process knows of a time that runs; all of it may be lost."""

    ends: float
    """When it is up, on this process's steady clock."""
    announced: bool = False
    busy: bool = False
    wait: float = AGAIN_SECONDS
    not_before: float = 0.0

    def seconds_to_next(self, now: float) -> float:
        """Return in how many seconds to look at it again."""
        if self.busy:
            return AGAIN_SECONDS
        due = self.ends if self.announced else self.ends - ANNOUNCED.total_seconds()
        return max(0.0, due - now, self.not_before - now)


@dataclass(frozen=True, slots=True)
class TimeLimitGuard:
    """Watches every time that runs. ``start`` runs what takes longer, such as a request to Genesys, beside it."""

    service: RecordingService
    clock: Clock
    start: Callable[[Coroutine[object, object, object]], None]
    _known: dict[Timed, Progress] = field(default_factory=dict)

    async def check_all(self) -> float | None:
        """Announce and end what is due; what can't be written now stays for the next time.

        Return in how many seconds the next one is due; None without one.
        """
        running = list(map(_timed, await self.service.store.limited_recordings()))
        found = {timed: recording for one in running for timed, recording in one}
        for gone in self._known.keys() - found.keys():
            del self._known[gone]
        for timed, recording in found.items():
            known = self._known.setdefault(timed, Progress(self._ends(timed, recording)))
            try:
                await self._check(timed, recording, known)
            except AuditUnavailable:
                log.warning("time_limit_write_failed")
            except Exception:  # one that can't be ended keeps no other from being ended
                log.exception("time_limit_check_failed", recording_id=str(timed.recording_id))
                self._put_off(known)
        now = self.clock.monotonic()
        waiting = [self._known[timed] for timed, recording in found.items() if _possible(timed, recording)]
        return min((one.seconds_to_next(now) for one in waiting), default=None)

    def _ends(self, timed: Timed, recording: Recording) -> float:
        """Return when the time is up; never later than its whole length from now, however the wall clock was set."""
        left, since = timed.until - self.clock.now(), timed.limit.since(recording)
        if since is not None:
            left = min(left, timed.until - since)
        return self.clock.monotonic() + left.total_seconds()

    async def _check(self, timed: Timed, recording: Recording, known: Progress) -> None:
        now = self.clock.monotonic()
        if not _possible(timed, recording) or known.busy or now < known.not_before:
            return
        if now >= known.ends:
            await self._end(timed, known)
        elif now >= known.ends - ANNOUNCED.total_seconds() and not known.announced:
            await self._announce(timed)
            known.announced = True

    async def _announce(self, timed: Timed) -> None:
        def work(transaction: Transaction) -> None:
            current = transaction.recording(timed.recording_id)
            if current is not None and timed.limit.until(current) == timed.until:
                transaction.add_notices(of_ending(current, timed.limit), self.clock.now())

        await self.service.store.write(work)

    async def _end(self, timed: Timed, known: Progress) -> None:
        if not self.service.intake.shutdown_gate.open:
            return
        try:
            accepted = await self.service.intake.end_by_itself(*timed)
        except AuditUnavailable:
            raise
        except RecordBotError as refusal:
            log.warning("time_limit_refused", recording_id=str(timed.recording_id), error=refusal.kind)
            accepted = None
        if accepted is None:
            self._put_off(known)
            return
        known.busy = True
        self.start(self._carry_out(accepted, known))

    async def _carry_out(self, accepted: PendingAction, known: Progress) -> None:
        """Do it in Genesys. If it fails for sure, try again later; if that is unknown, the reconciler finds out."""
        try:
            settled = await self.service.carry_out(accepted)
            if settled.error is not None:
                log.warning("time_limit_action_failed", error=settled.error.kind, verb=accepted.attempt.verb.value)
        except AuditUnavailable:
            log.warning("time_limit_write_failed")  # the attempt stays open, and is settled later
        finally:
            known.busy = False
            self._put_off(known)

    def _put_off(self, known: Progress) -> None:
        known.not_before = self.clock.monotonic() + known.wait
        known.wait = min(known.wait * 2, AGAIN_AT_MOST)


def _possible(timed: Timed, recording: Recording) -> bool:
    """Whether it can be ended now; otherwise the change that makes it possible wakes the guard."""
    return recording.state in timed.limit.states and not recording.in_doubt


def _timed(recording: Recording) -> list[tuple[Timed, Recording]]:
    """Return the times of a recording that run, the recording's own before its pause's."""
    ends = [(limit, limit.until(recording)) for limit in (Limit.RECORDING, Limit.PAUSE)]
    return [(Timed(recording.id, limit, until), recording) for limit, until in ends if until is not None]
