"""Starts a call's recording again, from an earlier recording of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.control.commands import Intake
    from bot.recording.requests import PendingAction, Request


async def start_again(
    intake: Intake, asked: Request, recording_id: UUID, *, agent_user_id: str | None = None
) -> PendingAction:
    """Ask for a new recording of the same call, with the same reason and agent, or with another agent.

    Raise WrongState where the recording is not the newest of its call, or ended with it; and what ``Intake.start``
    raises.
    """
    earlier = await intake.store.recording(recording_id)
    if earlier is None:
        return await intake.start(asked, None, None)  # refused for what it is: no call was named
    return await intake.start(
        asked,
        earlier.conversation_id,
        earlier.reason,
        reason_code=earlier.reason_code,
        agent_user_id=agent_user_id or earlier.agent_user_id,
        again=earlier.id,
    )
