"""Who and where: ``auth``, ``users``, ``usergroups``, ``conversations`` and ``bots``."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.state.people import STRANGERS_TEAM
from bot.sandbox.slack.state.workspace import APP_ID, BOT_ID, BOT_USER
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from bot.sandbox.slack.state.people import Person
    from bot.sandbox.slack.state.workspace import Channel, Workspace

READ_CHANNELS = ("channels:read", "groups:read", "mpim:read", "im:read")
OPEN_CHANNELS = ("channels:manage", "groups:write", "im:write", "mpim:write")
PAGE = 200
T = TypeVar("T")


@dataclass(frozen=True)
class PeopleMethods:
    """What an app may ask about its workspace."""

    workspace: Workspace
    scopes: set[str]
    """Those of the app's token; may be changed at any time."""

    def table(self) -> dict[str, Method]:
        return {
            "api.test": Method(self.test, token="none"),  # noqa: S106  a kind of token
            "auth.test": Method(self.who_am_i, token="any"),  # noqa: S106  a kind of token
            "bots.info": Method(self.bot, ("users:read",), tier=3),
            "users.info": Method(self.user, ("users:read",), tier=4),
            "users.list": Method(self.users, ("users:read",), tier=2),
            "usergroups.list": Method(self.groups, ("usergroups:read",), tier=2),
            "usergroups.users.list": Method(self.group_members, ("usergroups:read",), tier=2),
            "conversations.info": Method(self.channel, READ_CHANNELS, tier=3),
            "conversations.members": Method(self.channel_members, READ_CHANNELS, tier=4),
            "conversations.open": Method(self.open_channel, OPEN_CHANNELS, tier=3),
        }

    def test(self, arguments: Arguments) -> dict[str, Any]:
        if error := arguments.text("error"):
            raise SlackError(error, args=arguments.values)
        return {"args": arguments.values}

    def who_am_i(self, _arguments: Arguments) -> dict[str, Any]:
        return {
            "url": "https://sandbox.slack.com/",
            "team": "Sandbox",
            "user": self.workspace.people[BOT_USER].handle,
            "team_id": self.workspace.team_id,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        } | (self.workspace.enterprise.in_auth_test() if self.workspace.enterprise else {})

    def bot(self, arguments: Arguments) -> dict[str, Any]:
        if arguments.text("bot") != BOT_ID:
            raise SlackError("bot_not_found")
        name = self.workspace.people[BOT_USER].handle
        return {
            "bot": {"id": BOT_ID, "deleted": False, "name": name, "app_id": APP_ID, "user_id": BOT_USER},
        }

    def user(self, arguments: Arguments) -> dict[str, Any]:
        person = self.workspace.person(arguments.wanted("user", "user_not_found"))
        return {"user": self._sent(person, with_locale=arguments.flag("include_locale"))}

    def users(self, arguments: Arguments) -> dict[str, Any]:
        with_locale = arguments.flag("include_locale")
        people = [self._sent(person, with_locale=with_locale) for person in self.workspace.people.values()]
        page, after = _page(people, arguments)
        return {
            "members": page,
            "cache_ts": int(self.workspace.clock()),
            "response_metadata": {"next_cursor": after},
        }

    def _sent(self, person: Person, *, with_locale: bool) -> dict[str, Any]:
        with_email = "users:read.email" in self.scopes
        body = person.as_sent(self.workspace.clock(), with_locale=with_locale, with_email=with_email)
        enterprise = self.workspace.enterprise
        if enterprise is not None and not person.is_bot and not (person.is_stranger and person.enterprise_id is None):
            body |= enterprise.in_user(person, self.workspace.team_id)
        return {name: value for name, value in body.items() if name != "team_id" or value is not None}

    def groups(self, arguments: Arguments) -> dict[str, Any]:
        """Return the user groups, disabled ones only where they are asked for.

        https://docs.slack.dev/reference/methods/usergroups.list names no pages, but the error ``invalid_cursor``.
        """
        if self.workspace.no_user_groups:
            raise SlackError("plan_upgrade_required")
        with_users, with_disabled = arguments.flag("include_users"), arguments.flag("include_disabled")
        found = [group for group in self.workspace.groups.values() if with_disabled or not group.date_delete]
        sent = [group.as_sent(with_users=with_users) for group in found]
        if not self.workspace.groups_in_page:
            return {"usergroups": sent}
        page, after = _page(sent, arguments, self.workspace.groups_in_page)
        return {"usergroups": page, "response_metadata": {"next_cursor": after}}

    def group_members(self, arguments: Arguments) -> dict[str, Any]:
        group = self.workspace.groups.get(arguments.text("usergroup"))
        if group is None or (group.date_delete and not arguments.flag("include_disabled")):
            raise SlackError("no_such_subteam")
        return {"users": list(group.members)}

    def channel(self, arguments: Arguments) -> dict[str, Any]:
        return {"channel": self._described(self._seen(arguments))}

    def channel_members(self, arguments: Arguments) -> dict[str, Any]:
        page, after = _page(self._seen(arguments).members, arguments)
        return {"members": page, "response_metadata": {"next_cursor": after}}

    def open_channel(self, arguments: Arguments) -> dict[str, Any]:
        users = [user for user in arguments.text("users").split(",") if user]
        if arguments.text("channel"):
            channel = self._seen(arguments)
        elif len(users) != 1:
            raise SlackError("method_not_supported_for_channel_type" if users else "users_list_not_supplied")
        else:
            channel = self.workspace.direct_message(users[0])
        whole = arguments.flag("return_im")
        return {"channel": self._described(channel) if whole else {"id": channel.id}}

    def _seen(self, arguments: Arguments) -> Channel:
        return self.workspace.seen_by_bot(arguments.wanted("channel", "channel_not_found"))

    def _described(self, channel: Channel) -> dict[str, Any]:
        common = {
            "id": channel.id,
            "created": channel.created,
            "is_archived": channel.archived,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_im": channel.kind == "im",
            "is_mpim": False,
            "context_team_id": self.workspace.team_id,
        }
        if channel.kind == "im":
            return common | {"user": next(user for user in channel.members if user != BOT_USER)}
        return common | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_private": channel.private,
            "is_general": False,
            # https://docs.slack.dev/reference/objects/conversation-object: shared is either of the two kinds
            "is_shared": channel.shared,
            "is_org_shared": False,
            "is_ext_shared": channel.shared,
            "is_pending_ext_shared": channel.invited,
            "connected_team_ids": [STRANGERS_TEAM] if channel.shared else [],
            "is_member": BOT_USER in channel.members,
            "creator": BOT_USER,
            "num_members": len(channel.members),
        }


def _page(items: list[T], arguments: Arguments, most: int = 1000) -> tuple[list[T], str]:
    """Return one page and the cursor of the next, as Slack's cursors work: opaque, empty at the end."""
    try:
        start = int(base64.b64decode(arguments.text("cursor") or b"MA==").decode())
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    size = min(int(arguments.text("limit") or PAGE), most) or PAGE
    after = start + size
    return items[start:after], base64.b64encode(str(after).encode()).decode() if after < len(items) else ""
