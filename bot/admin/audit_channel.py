"""Checks whether the bot may write to a channel, and whether another organization reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.outbox.relay import run_to_completion
from bot.slack.api_errors import code
from bot.slack.people.users import WEB_API_ERRORS
from bot.slack.shared_channels import REFUSAL, channel_info, may_ask

if TYPE_CHECKING:
    from datetime import datetime

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.slack.shared_channels import ChannelInfo

PROBE = "record-bot check: scheduled to see whether the bot may write here. It should be gone; you can ignore it."
PROBE_BEGINS = "record-bot check"
"""How the text of every probe begins, also that of earlier versions."""
AHEAD_SECONDS = 100 * 24 * 3600
"""So far ahead that the next check removes a probe that was left; Slack takes 120 days."""


@dataclass(frozen=True, slots=True)
class ChannelUse:
    """What the bot uses a channel for, and what to do if it can't."""

    setting: str
    """The setting with the channel's id."""
    name: str
    may_be_shared: bool = False
    """Whether another organization may read what the bot posts there."""

    def advice(self, problem: str) -> str:
        match problem:
            case "channel_not_found":
                return (
                    f"Slack can't find the channel (channel_not_found). Check {self.setting}; if the channel is "
                    "private, invite the bot."
                )
            case "missing_scope":
                return "A scope is missing (missing_scope). Add the scopes from the manifest and reinstall the app."
            case "is_archived":
                return "The channel is archived (is_archived). Unarchive it, or use another channel."
            case "restricted_action_read_only_channel":
                return (
                    "Only some people may post in the channel (restricted_action_read_only_channel). Let apps post "
                    f"there, or use another channel in {self.setting}."
                )
            case "not_in_channel":
                return f"The bot is not in {self.name} (not_in_channel). Type /invite @record-bot there."
            case _:
                return f"Slack says {problem}. Check {self.setting}."


AUDIT_TRAIL = ChannelUse("SLACK_AUDIT_CHANNEL", "the audit channel")
ROUTE = ChannelUse("the policy file", "that channel", may_be_shared=True)
UNTOLD = (
    "Couldn't be checked whether another organization can read it (Slack Connect): the app lacks the optional scopes "
    "channels:read and groups:read."
)
NO_POSTS = "The channel takes no posts from the bot (read-only, threads only, or frozen)"
PENDING = "Another organization is invited to it; once it accepts, the bot posts nothing there."
SHARED = "Another organization can read it (Slack Connect); each card there says so."
PENDING_CARDS = "Another organization is invited to it; once it accepts, its members can read the cards."
LEFT = (
    "A scheduled message that asked whether the bot may write could not be removed ({code}); the next check removes it."
)


@dataclass(frozen=True, slots=True)
class ChannelFinding:
    """The result: ``problem`` is empty if the channel is usable; ``notes`` name what is unknown or was left behind."""

    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditChannelCheck:
    """Calls ``conversations.info``, which changes nothing; without its scope, schedules and removes a message."""

    client: AsyncWebClient
    channel: str
    scopes: frozenset[str]
    use: ChannelUse = AUDIT_TRAIL

    async def run(self, now: datetime) -> ChannelFinding:
        left = await self._remove_probes()
        info, untold = await self._info()
        if info is None:
            problem, left_now = await self._probe(now)
            notes = filter(None, (untold, left_now or left))
            return ChannelFinding(problem, () if problem else tuple(notes))
        if info.shared and not self.use.may_be_shared:
            return ChannelFinding(REFUSAL)
        if problem := self._not_writable(info):
            return ChannelFinding(problem)
        return ChannelFinding(notes=tuple(filter(None, (self._sharing(info), left))))

    async def _info(self) -> tuple[ChannelInfo | None, str]:
        """Return what Slack says about the channel, or why it doesn't."""
        if not may_ask(self.scopes):
            return None, UNTOLD
        try:
            return await channel_info(self.client, self.channel), ""
        except WEB_API_ERRORS as error:
            why = UNTOLD if code(error) == "missing_scope" else ""
            return (
                None,
                why or f"Couldn't be checked whether another organization can read it: Slack says {code(error)}.",
            )

    async def _probe(self, now: datetime) -> tuple[str, str]:
        """Schedule a message and remove it; return what prevents the bot from writing, and what was left behind.

        Also a check that is cancelled, or never hears whether Slack has scheduled the message, removes it.
        """
        problem, left = "", ""
        later = int(now.timestamp()) + AHEAD_SECONDS
        try:
            await self.client.chat_scheduleMessage(channel=self.channel, post_at=later, text=PROBE, parse="none")
        except WEB_API_ERRORS as error:
            problem = self.use.advice(code(error))
        finally:
            left = await run_to_completion(self._remove_probes())
        return problem, left

    async def _remove_probes(self) -> str:
        """Remove the scheduled messages of this check and of earlier ones; say so if that fails."""
        try:
            listed = await self.client.chat_scheduledMessages_list(channel=self.channel)
            for one in listed["scheduled_messages"]:
                if str(one.get("text", "")).startswith(PROBE_BEGINS):
                    await self.client.chat_deleteScheduledMessage(
                        channel=self.channel, scheduled_message_id=str(one["id"])
                    )
        except WEB_API_ERRORS as error:
            return LEFT.format(code=code(error))
        return ""

    def _sharing(self, info: ChannelInfo) -> str:
        if info.shared:
            return SHARED
        if not info.invited:
            return ""
        return PENDING_CARDS if self.use.may_be_shared else PENDING

    def _not_writable(self, info: ChannelInfo) -> str:
        if info.archived:
            return self.use.advice("is_archived")
        if not info.member:
            return self.use.advice("not_in_channel")
        if info.read_only:
            return "The bot can't post in the channel (read-only, threads only, or frozen). Let apps post there."
        return ""
