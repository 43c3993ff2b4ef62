"""Starts a call's recording again: after a stop, or with the chosen one of several agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from bot.errors import MalformedId
from bot.recording.control.start_again import start_again
from bot.slack.blocks.agent_picker import START_AGENT
from bot.slack.blocks.card import START_AGAIN
from bot.slack.listeners.buttons import Click, Clicks

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.slack.listeners.context import ListenerContext


@dataclass(frozen=True, slots=True)
class StartAgain:
    """Handles the buttons that start a recording again, with the call and the reason of an earlier one.

    The earlier recording and its card stay as they are; the new one is a recording of its own.
    """

    desk: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.desk, self._take, shown=_shown).register(app, START_AGAIN, START_AGENT)

    async def _take(self, click: Click) -> None:
        again = _read(click)
        asked = await click.asked(channel=again.channel)
        intake = self.desk.service.intake
        accepted = await start_again(intake, asked, again.recording_id, agent_user_id=again.agent_user_id)
        self.desk.finish_later(accepted, click.reply)


@dataclass(frozen=True, slots=True)
class _Again:
    """A button's value: which recording, with which other agent, and where the new card goes."""

    recording_id: UUID
    agent_user_id: str | None = None
    channel: str | None = None


def _shown(click: Click) -> UUID:
    return _read(click).recording_id


def _read(click: Click) -> _Again:
    recording_id, *rest = str(click.action.get("value")).split(" ")[:3]
    try:
        return _Again(UUID(recording_id), *rest)
    except ValueError:
        raise MalformedId from None
