"""Checks calls again after doubtful attempts were settled: a timed-out write can take effect even after a stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bot.errors import AuditUnavailable, CallEnded, CallNotFound, GenesysError
from bot.recording.control.outcomes import LATER_LOOKS
from bot.recording.models import Target
from bot.recording.monitoring.observations import Observations, unwanted
from bot.recording.monitoring.reconciler import LOOK_LIMIT
from bot.recording.ports import Priority, tell_nobody

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.control.service import RecordingService
    from bot.recording.models import Attempt, Conversation, Recording
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

AFTER_SECONDS = (1.0, 5.0, 15.0, 60.0)
"""When to check an attempt's call again after it was settled."""
AFTER_FAILURE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LaterLooks:
    """Finds recordings that run although ours are over, stops them, records that, and shows it on the card."""

    service: RecordingService
    observations: Observations
    clock: Clock
    _not_before: dict[UUID, float] = field(default_factory=dict)

    async def poll(self) -> float | None:
        """Check what is due; return in how many seconds the next check is, None without one."""
        waiting = await self.service.store.attempts_to_check()
        due = tuple(filter(self._due, waiting))
        for attempt in due:
            try:
                await self._check(attempt)
            except AuditUnavailable:
                log.warning("late_effect_write_failed")
            except Exception:  # one that can't be looked at keeps no other from being looked at
                log.exception("late_effect_check_crashed", attempt_id=str(attempt.id))
                self._not_before[attempt.id] = self.clock.monotonic() + AFTER_FAILURE_SECONDS
        if due:
            waiting = await self.service.store.attempts_to_check()
        return min(map(self._seconds_left, waiting), default=None)

    def _due(self, attempt: Attempt) -> bool:
        return self._seconds_left(attempt) <= 0

    def _seconds_left(self, attempt: Attempt) -> float:
        if attempt.settled_at is None:
            return math.inf
        put_off = self._not_before.get(attempt.id, 0.0) - self.clock.monotonic()
        waited = (self.clock.now() - attempt.settled_at).total_seconds()
        left = AFTER_SECONDS[LATER_LOOKS - attempt.looks_left] - waited if waited >= 0 else 0.0  # 0: a clock set back
        return max(put_off, left, 0.0)

    async def _check(self, attempt: Attempt) -> None:
        recording = await self.service.store.recording(attempt.recording_id)
        if recording is None:
            raise AssertionError
        newest = await self.service.store.newest_recording(recording.conversation_id)
        left = attempt.looks_left - 1
        if newest is not None and newest.id == recording.id:
            try:
                left = 0 if await self._compare(recording) else left
            except GenesysError as error:
                log.warning("late_effect_check_failed", conversation_id=recording.conversation_id, error=error.kind)
                self._not_before[attempt.id] = self.clock.monotonic() + AFTER_FAILURE_SECONDS
                return
        self._not_before.pop(attempt.id, None)
        await self.service.store.write(lambda transaction: transaction.note_check(attempt, left))

    async def _compare(self, recording: Recording) -> bool:
        """Read the call, and stop an unwanted recording; True if no further check is needed."""
        deadline = self.clock.monotonic() + LOOK_LIMIT
        try:
            seen = await self.service.control.read_call(
                Target(recording.conversation_id), deadline=deadline, progress=tell_nobody, priority=Priority.LOOP
            )
        except (CallEnded, CallNotFound):
            return True
        if unwanted(recording, seen):
            await self._correct(recording, seen)
        return False

    async def _correct(self, recording: Recording, seen: Conversation) -> None:
        """Stop an unwanted recording. If that fails, the next check tries again."""
        log.warning("late_effect_found", conversation_id=recording.conversation_id, recording_id=str(recording.id))
        accepted = await self.observations.took_effect_late(recording, seen, owner=self.service.owner)
        if accepted is not None:
            await self.service.carry_out(accepted)
