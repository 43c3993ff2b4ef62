"""What people may ask for, the same for every surface: each method submits one command to the request log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.audit.entry import Phase
from bot.recording.caller import BOT
from bot.recording.control.commands import ChangeRecording, ConfirmApproval, StartRecording, WithdrawApproval
from bot.recording.control.reads import EXPORT_ACTION, LISTEN_ACTION, READ_ACTION, REPORT_ACTION, Read, Refuse
from bot.recording.control.still_needed import StillNeeded
from bot.recording.control.time_limits import BY_ITSELF, EndByItself, Extend
from bot.recording.models import Verb

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.errors import RecordBotError
    from bot.recording.control.request_log import RequestLog, ShutdownGate
    from bot.recording.control.still_needed import Snoozed
    from bot.recording.ports import Clock
    from bot.recording.requests import AwaitsConfirmation, Extended, PendingAction, ReasonRules, Request, Withdrawn
    from bot.recording.time_limits.limits import Limit


@dataclass(frozen=True, slots=True)
class Intake:
    """Submits requests. Each method raises what refuses the request, with the number of the refusal's entry."""

    log: RequestLog

    @property
    def clock(self) -> Clock:
        return self.log.clock

    @property
    def shutdown_gate(self) -> ShutdownGate:
        return self.log.shutdown_gate

    @property
    def reasons(self) -> ReasonRules:
        return self.log.rules.reasons

    async def start(
        self,
        request: Request,
        typed_id: str | None,
        typed_reason: str | None,
        *,
        reason_code: str | None = None,
        agent_user_id: str | None = None,
        participant_id: str | None = None,
    ) -> PendingAction:
        command = StartRecording(typed_id, typed_reason, reason_code, agent_user_id, participant_id)
        return await self.log.submit(request, command)

    async def change(
        self,
        verb: Verb,
        request: Request,
        *,
        recording_id: UUID | None = None,
        typed_id: str | None = None,
        typed_length: str | None = None,
    ) -> PendingAction | AwaitsConfirmation | Extended:
        return await self.log.submit(request, ChangeRecording(verb, recording_id, typed_id, typed_length))

    async def extend(
        self,
        request: Request,
        *,
        recording_id: UUID | None = None,
        typed_id: str | None = None,
        limit: Limit | None = None,
        until: datetime | None = None,
    ) -> PendingAction | AwaitsConfirmation | Extended:
        return await self.log.submit(request, Extend(recording_id, limit, until, typed_id))

    async def end_by_itself(self, recording_id: UUID, limit: Limit, until: datetime) -> PendingAction | None:
        """Ask, as the bot, for the end of what has had its time; None if nothing is to be done any more."""
        return await self.log.submit(BY_ITSELF, EndByItself(recording_id, limit, until))

    async def confirm(self, request: Request, approval_id: UUID) -> PendingAction | Extended:
        return await self.log.submit(request, ConfirmApproval(approval_id))

    async def withdraw(self, request: Request, approval_id: UUID) -> Withdrawn:
        return await self.log.submit(request, WithdrawApproval(approval_id))

    async def still_needed(self, request: Request, recording_id: UUID, *, remind_after: timedelta | None) -> Snoozed:
        return await self.log.submit(request, StillNeeded(recording_id, remind_after))

    async def read(self, request: Request, call: str | None = None) -> Entry:
        """Record in the trail that a person reads the live recordings, or a call, before they see anything."""
        phase = Phase.SUCCEEDED if call is None else Phase.REQUESTED
        return await self.log.submit(request, Read(conversation_id=call, phase=phase, unrecorded=True))

    async def read_history(self, request: Request, call: str) -> Entry:
        """Record in the trail that a person reads a call's history, before they see it."""
        return await self.log.submit(request, Read(conversation_id=call, outcome={"read": "history"}))

    async def read_home(self, request: Request) -> Entry:
        """Record in the trail that a person opens the overview of live recordings, before they see it."""
        return await self.log.submit(request, Read(outcome={"read": "home"}))

    async def export(self, request: Request, wanted: dict[str, str], call: str | None = None) -> Entry:
        """Record in the trail that a person requests entries as a file; ``wanted`` says which, ``call`` whose."""
        return await self.log.submit(request, Read(EXPORT_ACTION, call, phase=Phase.REQUESTED, outcome=wanted))

    async def read_report(self, request: Request, wanted: dict[str, str]) -> Entry:
        """Record in the trail that a person reads a report of recordings, before they see it."""
        return await self.log.submit(request, Read(REPORT_ACTION, outcome=wanted))

    async def listen(self, request: Request, call: str) -> Entry:
        """Record in the trail that a person asks for links to a call's recordings, before Genesys is asked."""
        return await self.log.submit(request, Read(LISTEN_ACTION, call, phase=Phase.REQUESTED))

    async def refuse_listening(self, request: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that a link was requested and refused, and raise the reason."""
        await self.log.submit(request, Refuse(LISTEN_ACTION, typed, error))

    async def refuse_reading(self, request: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that a read was requested and refused, and raise the reason."""
        await self.log.submit(request, Refuse(READ_ACTION, typed, error))

    async def refuse_export(self, request: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that an export was requested and refused, and raise the reason."""
        await self.log.submit(request, Refuse(EXPORT_ACTION, typed, error))

    async def refuse_report(self, request: Request, typed: str, error: RecordBotError) -> None:
        """Record in the trail that a report was requested and refused, and raise the reason."""
        await self.log.submit(request, Refuse(REPORT_ACTION, typed, error))


async def start_again(
    intake: Intake, request: Request, recording_id: UUID, *, agent_user_id: str | None = None
) -> PendingAction:
    """Ask for a new recording of the same call, with the same reason and agent, or with another agent.

    Raise WrongState where the recording is not the newest of its call, or ended with it.
    """
    earlier = await intake.log.store.recording(recording_id)
    if earlier is None:
        return await intake.log.submit(request, StartRecording(None))  # refused for what it is: no call was named
    command = StartRecording(
        earlier.conversation_id,
        earlier.reason,
        earlier.reason_code,
        agent_user_id=agent_user_id or earlier.agent_user_id,
        again=earlier.id,
    )
    return await intake.log.submit(request, command)


async def follow(intake: Intake, request: Request, recording_id: UUID) -> PendingAction:
    """Ask for a new recording of the call, on the side of the agent who took over, with the same reason.

    Raise WrongState where the call has been recorded again since.
    """
    earlier = await intake.log.store.recording(recording_id)
    if earlier is None:
        return await intake.log.submit(request, StartRecording(None, verb=Verb.FOLLOW))
    command = StartRecording(
        earlier.conversation_id,
        earlier.reason,
        earlier.reason_code,
        again=earlier.id,
        verb=Verb.FOLLOW,
        started_by=earlier.started_by if request.caller.actor == BOT else None,
    )
    return await intake.log.submit(request, command)
