"""People and user groups, as Slack describes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

STRANGERS_TEAM = "T0ELSEWHERE"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True)
class Person:
    """A member of the workspace, a guest, a stranger from a connected workspace, or a bot."""

    id: str
    name: str
    handle: str
    team_id: str
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    tz: str = "Europe/Berlin"
    locale: str = "en-US"
    role: str = ""
    teams: tuple[str, ...] = ()
    """The workspaces of an organization that the person belongs to; none named: ``team_id`` alone."""
    enterprise_id: str | None = None
    """The person's organization; None: that of the workspace, if it has one."""
    email: str | None = None
    """None: as the name has it; empty: the person has none."""

    @property
    def address(self) -> str:
        """The e-mail address; bots have none."""
        if self.is_bot or self.id == SLACKBOT:
            return ""
        return f"{self.name.lower().replace(' ', '.')}@example.com" if self.email is None else self.email

    def as_sent(self, now: float, *, with_locale: bool = False, with_email: bool = False) -> dict[str, Any]:
        """Return the user object of ``users.info``; a deleted person comes without time zone and roles.

        ``with_email``: the app has ``users:read.email`` (https://docs.slack.dev/reference/scopes/users.read.email).
        """
        body: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.handle,
            "deleted": self.deleted,
            "color": "9f69e7",
            "real_name": self.name,
            "profile": self._profile(),
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": int(now),
        }
        if with_email and self.address:
            body["profile"]["email"] = self.address
        if not self.deleted:
            body |= self._zone(now) | {
                "is_admin": False,
                "is_owner": False,
                "is_primary_owner": False,
                "is_restricted": self.is_restricted or self.is_ultra_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
                "is_email_confirmed": not self.is_bot,
            }
        if self.is_stranger:
            body["is_stranger"] = True
        if with_locale:
            body["locale"] = self.locale
        return body

    def snapshot(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "handle": self.handle,
            "role": self.role or self._kind(),
            "team_id": self.team_id,
            # Slackbot, whom users.info calls no bot, is nobody to type as.
            "is_bot": self.is_bot or self.id == SLACKBOT,
            "deleted": self.deleted,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.is_stranger,
            "tz": self.tz,
            "locale": self.locale,
        }

    def _kind(self) -> str:
        kinds = {
            "deactivated": self.deleted,
            "bot": self.is_bot,
            "single-channel guest": self.is_ultra_restricted,
            "guest": self.is_restricted,
            "other organization": self.is_stranger,
        }
        return next((kind for kind, applies in kinds.items() if applies), "member")

    def _profile(self) -> dict[str, Any]:
        first, _, last = self.name.partition(" ")
        return {
            "real_name": self.name,
            "real_name_normalized": self.name,
            "display_name": self.handle,
            "display_name_normalized": self.handle,
            "first_name": first,
            "last_name": last,
            "team": self.team_id,
        }

    def _zone(self, now: float) -> dict[str, Any]:
        try:
            local = datetime.fromtimestamp(now, ZoneInfo(self.tz))
        except ZoneInfoNotFoundError:
            # A machine without time zone data: Slack itself always knows them.
            local = datetime.fromtimestamp(now, UTC)
        offset = local.utcoffset()
        return {
            "tz": self.tz,
            "tz_label": local.tzname(),
            "tz_offset": int(offset.total_seconds()) if offset else 0,
        }


@dataclass(frozen=True)
class Group:
    """A user group; a disabled one has a ``date_delete``, and can be enabled again."""

    id: str
    handle: str
    members: tuple[str, ...]
    team_id: str
    date_delete: int = 0

    def as_sent(self, *, with_users: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team_id,
            "is_usergroup": True,
            "name": self.handle.capitalize(),
            "handle": self.handle,
            "description": "",
            "date_delete": self.date_delete,
            "user_count": len(self.members),
        }
        if with_users:
            body["users"] = list(self.members)
        return body
