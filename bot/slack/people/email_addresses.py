"""The e-mail address of a person of the workspace, which Slack shows with the optional scope ``users:read.email``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from bot.slack.api_errors import code
from bot.slack.client import WEB_API_ERRORS
from bot.slack.people.users import NOT_HERE, denial_reason

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.i18n.catalog import Catalog

log = structlog.get_logger(__name__)

SCOPE = "users:read.email"
NOBODYS = frozenset({"foreign_team", "stranger", "bot", "deleted"})
"""Why somebody has no address here; a guest may well be an agent."""


class NoAddress(StrEnum):
    """Why a person's address is not known; the value is the key of a sentence, below ``agents``."""

    SCOPE_DECLINED = "scope_declined"
    NOT_A_MEMBER = "not_a_member"
    NONE_KNOWN = "no_address"
    UNAVAILABLE = "address_unavailable"

    def sentence(self, words: Catalog) -> str:
        return words(f"agents.{self.value}")


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """The address of a person."""

    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmailAddresses:
    """Asks Slack for addresses; keeps none. ``scopes`` are those of the bot's token."""

    client: AsyncWebClient
    team_id: str
    scopes: frozenset[str]
    enterprise_id: str | None = None

    async def of(self, user_id: str) -> EmailAddress | NoAddress:
        """Return a person's address, or why it is not known. Raises nothing of Slack's."""
        if SCOPE not in self.scopes:
            return NoAddress.SCOPE_DECLINED
        try:
            user = (await self.client.users_info(user=user_id))["user"]
        except WEB_API_ERRORS as error:
            why = code(error)
            if why in NOT_HERE:
                return NoAddress.NOT_A_MEMBER
            log.warning("email_address_undetermined", error=why)
            return NoAddress.SCOPE_DECLINED if why == "missing_scope" else NoAddress.UNAVAILABLE
        if denial_reason(user, self.team_id, self.enterprise_id) in NOBODYS:
            return NoAddress.NOT_A_MEMBER
        address = (user.get("profile") or {}).get("email")
        return EmailAddress(address) if isinstance(address, str) and address else NoAddress.NONE_KNOWN
