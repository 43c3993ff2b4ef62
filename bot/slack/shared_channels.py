"""Knows which channels Slack Connect shares with another organization, as far as Slack says so.

Slack says so in two places: with each slash command (``is_ext_shared_channel``), and in ``conversations.info``, which
needs a scope that the person who installs the app may decline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import SettingsError
from bot.slack.api_errors import code
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

SCOPES = ("channels:read", "groups:read")
"""The scopes for public and for private channels; both are optional."""
FRESH_SECONDS = 300.0
REFUSAL = (
    "SLACK_AUDIT_CHANNEL is a channel that Slack Connect shares with another organization, whose members would read "
    "the audit trail. Use a channel of your own organization, or end the sharing."
)


class AuditChannelShared(Exception):
    """The audit channel is shared with another organization; nothing is posted there."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """What ``conversations.info`` says about a channel."""

    shared: bool
    """Another organization is in it."""
    invited: bool
    """Another organization is invited to it, and may join at any time."""
    archived: bool
    member: bool
    """The bot is in it."""
    read_only: bool


async def channel_info(client: AsyncWebClient, channel: str) -> ChannelInfo:
    """Ask Slack about a channel. Raise what the Web API client raises, such as ``missing_scope``."""
    found: dict[str, Any] = (await client.conversations_info(channel=channel))["channel"]
    return ChannelInfo(
        shared=bool(found.get("is_ext_shared")),
        invited=bool(found.get("is_pending_ext_shared")),
        archived=bool(found.get("is_archived")),
        member=bool(found.get("is_member")),
        read_only=bool(found.get("is_read_only") or found.get("is_thread_only") or found.get("is_frozen")),
    )


def may_ask(scopes: frozenset[str]) -> bool:
    """Say whether the bot's token has one of the optional scopes; Slack says for each channel whether it is enough."""
    return not scopes.isdisjoint(SCOPES)


async def refuse_shared(client: AsyncWebClient, channel: str, scopes: frozenset[str]) -> None:
    """Raise SettingsError if another organization reads the audit channel; log if that is unknown."""
    if not may_ask(scopes):
        log.warning("audit_channel_sharing_undetermined", error="missing_scope", scopes=SCOPES)
        return
    try:
        info = await channel_info(client, channel)
    except WEB_API_ERRORS as error:
        log.warning("audit_channel_sharing_undetermined", error=code(error))
        return
    if info.shared:
        raise SettingsError((REFUSAL,))
    if info.invited:
        log.warning("audit_channel_sharing_requested")


@dataclass(frozen=True, slots=True)
class SharedChannels:
    """Caches Slack's answers for a few minutes. ``may_ask``: the bot has one of the optional scopes."""

    client: AsyncWebClient
    clock: Clock
    may_ask: bool
    _known: dict[str, tuple[bool | None, float]] = field(default_factory=dict)

    def heard(self, command: Mapping[str, Any]) -> None:
        """Note what a slash command says about the channel where it was typed."""
        channel, said = command.get("channel_id"), command.get("is_ext_shared_channel")
        if channel and said is not None:
            self._note(str(channel), shared=str(said).lower() == "true")

    def known(self, channel: str | None) -> bool | None:
        """Return what is known without asking; None if nothing is."""
        return None if channel is None else self._known.get(channel, (None, 0.0))[0]

    async def ask(self, channel: str) -> bool | None:
        """Return whether a channel is shared, asking Slack again after a few minutes; None if Slack doesn't say."""
        known, until = self._known.get(channel, (None, 0.0))
        if not self.may_ask or self.clock.monotonic() < until:
            return known
        try:
            info = await channel_info(self.client, channel)
        except WEB_API_ERRORS as error:
            log.info("channel_sharing_undetermined", channel=channel, error=code(error))
            self._note(channel, shared=known)
            return known
        self._note(channel, shared=info.shared)
        return info.shared

    async def learn(self, channel: str) -> None:
        """Bring what is known up to date; direct messages are between a person and the bot."""
        if not channel.startswith("D"):
            await self.ask(channel)

    def _note(self, channel: str, *, shared: bool | None) -> None:
        self._known[channel] = (shared, self.clock.monotonic() + FRESH_SECONDS)
