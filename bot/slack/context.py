"""What every Slack listener needs, gathered: who asks, what the bot can do, and how it answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import AuditUnavailable, RecordBotError
from bot.recording.requests import Asked, Origin
from bot.slack.people import WEB_API_ERRORS
from bot.slack.replies import Voice, explain
from bot.slack.text import actor_name, escape, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.context.respond.async_respond import AsyncRespond

    from bot.recording.models import Recording
    from bot.recording.ports import Waiting
    from bot.recording.requests import Accepted
    from bot.recording.service import RecordingService
    from bot.slack.blocks import CardStyle
    from bot.slack.people import SlackPeople
    from bot.slack.work import Work

log = structlog.get_logger(__name__)

Answer = dict[str, Any]
TELL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where Slack requests are handled: the listeners translate to it, and decide nothing themselves."""

    service: RecordingService
    people: SlackPeople
    work: Work
    style: CardStyle

    @property
    def voice(self) -> Voice:
        return Voice(person=lambda actor: actor_name(actor, self.style.team_id), time=moment, plain=escape)

    async def asked(
        self, source: str, *, user_id: str, team_id: str | None, channel: str | None, trigger: str | None
    ) -> Asked:
        caller = await self.people.caller(user_id, team_id)
        return Asked(caller, Origin(source, channel=channel, trigger=trigger))

    def explain(self, error: RecordBotError, recording: Recording | None = None) -> str:
        return explain(error, self.voice, recording)

    def finish_later(self, accepted: Accepted, respond: AsyncRespond) -> None:
        """Carry out what was accepted, after the acknowledgement."""
        self.work.start(self._finish(accepted, respond))

    async def _finish(self, accepted: Accepted, respond: AsyncRespond) -> None:
        async def progress(waiting: Waiting) -> None:
            seconds = max(1, round(waiting.seconds))
            text = f":hourglass: Genesys asks for patience. The next try comes in {seconds} s (#{accepted.audit_seq})."
            self.work.start(self.tell(respond, text))  # not awaited: a slow Slack must not use up the action's time

        try:
            settled = await self.service.carry_out(accepted, progress)
        except AuditUnavailable:
            await self.tell(
                respond,
                ":grey_question: How this ended can't be written into the audit trail just now, so the bot doesn't "
                f"show it as done. It looks at the call again as soon as it can (#{accepted.audit_seq}).",
            )
            return
        if settled.error is not None:
            settled.error.audit_seq = settled.audit_seq
            await self.tell(respond, f":warning: {self.explain(settled.error, settled.recording)}")

    @staticmethod
    async def tell(respond: AsyncRespond, text: str, blocks: list[dict[str, Any]] | None = None) -> None:
        """Send a message that only the person who asked can see; what matters is on the card and in the trail too."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                answer = await respond(text=text, blocks=blocks, response_type="ephemeral", replace_original=False)
        except (*WEB_API_ERRORS, ValueError) as error:  # ValueError: there is no response_url
            log.warning("reply_not_sent", error=str(error))
            return
        status = getattr(answer, "status_code", 200)
        if status != 200:  # noqa: PLR2004  respond() neither raises nor repeats
            log.warning("reply_not_sent", status=status)


def ephemeral(text: str, blocks: list[dict[str, Any]] | None = None) -> Answer:
    """Return an acknowledgement that only the person who asked can see."""
    answer: Answer = {"response_type": "ephemeral", "text": text}
    return answer | {"blocks": blocks} if blocks else answer


def team_of(payload: Mapping[str, Any]) -> str | None:
    """Return the team of the person behind a payload; in a shared channel it isn't the team of the channel."""
    user = payload.get("user")
    if isinstance(user, dict) and user.get("team_id"):
        return str(user["team_id"])
    team = payload.get("team")
    found = payload.get("team_id") or (team.get("id") if isinstance(team, dict) else None)
    return None if found is None else str(found)
