"""Follows transfers: finds the agent who took over, and asks the person, or records that agent's side.

The pending follow-up is in the database (``Recording.follow_up``), so a crash costs only one more read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bot.errors import AuditUnavailable, CallEnded, CallNotFound, GenesysError, RecordBotError
from bot.recording.caller import BOT, Principal, Role, Scope
from bot.recording.control.intake import follow
from bot.recording.control.outcomes import remember_names
from bot.recording.handover import FollowTransfers, FollowUp
from bot.recording.models import Target
from bot.recording.monitoring.observations import users
from bot.recording.monitoring.reconciler import LOOK_LIMIT
from bot.recording.ports import Priority, tell_nobody
from bot.recording.requests import Request, RequestSource

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.call import Participant
    from bot.recording.control.service import RecordingService
    from bot.recording.models import Conversation, Recording
    from bot.recording.ports import Clock, Transaction

log = structlog.get_logger(__name__)

READ_EVERY_SECONDS = 3.0
"""Between two readings of a call that nobody has taken over yet."""
WAITS_AT_MOST = {FollowTransfers.ASK: timedelta(seconds=20), FollowTransfers.ALWAYS: timedelta(minutes=5)}
"""How long to wait after the transfer for an agent to take over, before asking the person anyway."""
SOURCE = "transfer"


@dataclass(frozen=True, slots=True)
class TransferMonitor:
    """Watches the calls whose ad-hoc recordings ended when their agents left, until an agent takes over."""

    service: RecordingService
    clock: Clock
    mode: FollowTransfers = FollowTransfers.ASK
    _not_before: dict[UUID, float] = field(default_factory=dict)

    async def check_all(self) -> float | None:
        """Check each call whose turn it is; one that can't be checked keeps no other from it.

        Return in how many seconds the next one's turn is; None without one.
        """
        watched = await self.service.store.recordings_to_follow()
        for gone in self._not_before.keys() - {recording.id for recording in watched}:
            del self._not_before[gone]
        for recording in watched:
            if self.clock.monotonic() < self._not_before.get(recording.id, 0.0):
                continue
            self._not_before[recording.id] = self.clock.monotonic() + READ_EVERY_SECONDS
            try:
                await self._check(recording)
            except AuditUnavailable:
                log.warning("transfer_monitor_write_failed")
            except Exception:
                log.exception("transfer_monitor_failed", recording_id=str(recording.id))
        now = self.clock.monotonic()
        return min((max(0.0, self._not_before[one.id] - now) for one in watched), default=None)

    async def _check(self, recording: Recording) -> None:
        if self.mode is FollowTransfers.NEVER:  # noted before the setting was changed
            await self._decide(recording, None)
            return
        newest = await self.service.store.newest_recording(recording.conversation_id)
        if newest is not None and newest.id != recording.id:
            await self._after_a_start(recording, newest)
            return
        deadline = self.clock.monotonic() + LOOK_LIMIT
        try:
            seen = await self.service.control.read_call(
                Target(recording.conversation_id), deadline=deadline, progress=tell_nobody, priority=Priority.LOOP
            )
        except (CallEnded, CallNotFound):
            await self._decide(recording, None)
        except GenesysError as error:
            log.warning("transferred_call_read_failed", conversation_id=recording.conversation_id, error=error.kind)
            if self._waited_enough(recording):
                await self._decide(recording, FollowUp.ASK)
        else:
            await self._take_over(recording, seen)

    async def _after_a_start(self, recording: Recording, newest: Recording) -> None:
        """Accept a start that succeeded, by anyone; if one failed, ask the person."""
        if newest.in_doubt or not (newest.state.final or newest.started_at):
            return  # it is not known yet
        await self._decide(recording, None if newest.started_at else FollowUp.ASK)

    async def _take_over(self, recording: Recording, seen: Conversation) -> None:
        if not seen.agents:
            if self._waited_enough(recording):
                await self._decide(recording, FollowUp.ASK, ())
        elif self.mode is FollowTransfers.ALWAYS:
            await self._follow(recording, seen.agents)
        else:
            await self._decide(recording, FollowUp.ASK, seen.agents)

    async def _follow(self, recording: Recording, agents: tuple[Participant, ...]) -> None:
        """Record the new agent's side on behalf of the one who started, within the calls that they may record."""
        if not self.service.intake.shutdown_gate.open:
            return
        scope = await self.service.store.scope_of(recording.id) or Scope()
        caller = Principal(BOT, frozenset({Role.SUPERVISOR}), scope=scope)
        asked = Request(caller, RequestSource(SOURCE, trigger=str(recording.id)))
        try:
            accepted = await follow(self.service.intake, asked, recording.id)
        except AuditUnavailable:
            raise
        except RecordBotError as refusal:
            log.info("transfer_follow_refused", recording_id=str(recording.id), error=refusal.kind)
            newest = await self.service.store.newest_recording(recording.conversation_id)
            if newest is not None and newest.id == recording.id:  # no other replica or click was faster
                await self._decide(recording, FollowUp.ASK, agents)
            return
        settled = await self.service.carry_out(accepted)
        if settled.error is not None and settled.recording.state.final:
            await self._decide(recording, FollowUp.ASK, agents)

    def _waited_enough(self, recording: Recording) -> bool:
        since = recording.ended_at or recording.requested_at
        return self.clock.now() - since >= WAITS_AT_MOST.get(self.mode, timedelta(0))

    async def _decide(
        self, recording: Recording, follow_up: FollowUp | None, agents: tuple[Participant, ...] | None = None
    ) -> None:
        """Store the decision; ``agents`` are those on the call, None if that is already known."""

        def work(transaction: Transaction) -> None:
            current = transaction.recording(recording.id)
            if current is not None and current.follow_up is FollowUp.WATCH:
                successors = current.successors if agents is None else users(agents)
                transaction.save(replace(current, follow_up=follow_up, successors=successors), was=current)
                for agent in agents or ():
                    remember_names(transaction, agent, self.clock.now())

        await self.service.store.write(work)
