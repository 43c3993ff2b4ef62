"""Who and what there is in the simulated workspace, as somebody arranges it before or while people act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.sandbox.slack.errors import NothingThere
from bot.sandbox.slack.state.people import Group, Person
from bot.sandbox.slack.state.workspace import BOT_USER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.sandbox.slack.state.changes import Changes
    from bot.sandbox.slack.state.grid import Enterprise
    from bot.sandbox.slack.state.workspace import Workspace


class Premises:
    """People, user groups and channels. Everybody who watches hears of each change."""

    def __init__(self, workspace: Workspace, changes: Changes) -> None:
        self.workspace = workspace
        self._changes = changes

    def add_person(
        self,
        user_id: str,
        name: str,
        handle: str,
        *,
        is_bot: bool = False,
        deleted: bool = False,
        is_restricted: bool = False,
        is_ultra_restricted: bool = False,
        is_stranger: bool = False,
        team_id: str | None = None,
        tz: str = "Europe/Berlin",
        locale: str = "en-US",
        role: str = "",
        teams: Iterable[str] = (),
        enterprise_id: str | None = None,
        email: str | None = None,
    ) -> Person:
        """Add a person, or put another in the place of the one with this id."""
        person = Person(
            id=user_id,
            name=name,
            handle=handle,
            team_id=team_id or self.workspace.team_id,
            is_bot=is_bot,
            deleted=deleted,
            is_restricted=is_restricted,
            is_ultra_restricted=is_ultra_restricted,
            is_stranger=is_stranger,
            tz=tz,
            locale=locale,
            role=role,
            teams=tuple(teams),
            enterprise_id=enterprise_id,
            email=email,
        )
        self.workspace.people[user_id] = person
        self._changes.announce()
        return person

    def add_group(self, group_id: str, handle: str, members: Iterable[str]) -> None:
        """Add a user group, or give it other members."""
        self.workspace.groups[group_id] = Group(group_id, handle, tuple(members), self.workspace.team_id)
        self._changes.announce()

    def disable_group(self, group_id: str, *, on: bool = True) -> None:
        """Disable a user group, or enable it again; to Slack that is what deleting one does."""
        group = self.workspace.groups[group_id]
        deleted = int(self.workspace.clock()) if on else 0
        self.workspace.groups[group_id] = replace(group, date_delete=deleted)
        self._changes.announce()

    def join_enterprise(self, enterprise: Enterprise | None) -> None:
        """Make the workspace one of an organization's, or one of its own again."""
        self.workspace.enterprise = enterprise
        self._changes.announce()

    def give_global_id(self, user_id: str, global_id: str) -> None:
        """Give a person an organization's id (``W…``); Slack goes on to answer to the old one with the new."""
        person = self.workspace.people.pop(user_id)
        self.workspace.people[global_id] = replace(person, id=global_id)
        self.workspace.global_ids[user_id] = global_id
        for channel in self.workspace.channels.values():
            channel.members[:] = [global_id if member == user_id else member for member in channel.members]
        for group in list(self.workspace.groups.values()):
            members = tuple(global_id if member == user_id else member for member in group.members)
            self.workspace.groups[group.id] = replace(group, members=members)
        self._changes.announce()

    def refuse_posts(self, channel_id: str, error: str = "restricted_action_read_only_channel") -> None:
        """Let a channel take no post of the app; an empty error lets it take them again.

        https://docs.slack.dev/reference/methods/chat.postMessage lists the errors.
        """
        self.workspace.channels[channel_id].refuses = error
        self._changes.announce()

    def add_channel(self, channel_id: str, name: str, members: Iterable[str], private: bool = False) -> None:  # noqa: FBT001, FBT002  as in the interface
        self.workspace.add_channel(channel_id, name, members, private=private)

    def archive(self, channel_id: str) -> None:
        self.workspace.channels[channel_id].archived = True
        self._changes.announce()

    def share(self, channel_id: str, *, on: bool = True) -> None:
        """Share a channel with another organization, by Slack Connect, or end that."""
        self.workspace.channels[channel_id].shared = on
        self._changes.announce()

    def invite_organization(self, channel_id: str) -> None:
        """Invite another organization to a channel, which it has not accepted yet."""
        self.workspace.channels[channel_id].invited = True
        self._changes.announce()

    def remove_bot(self, channel_id: str) -> None:
        members = self.workspace.channels[channel_id].members
        if BOT_USER in members:
            members.remove(BOT_USER)
        self._changes.announce()

    def invite_bot(self, channel_id: str) -> None:
        members = self.workspace.channels[channel_id].members
        if BOT_USER not in members:
            members.append(BOT_USER)
        self._changes.announce()

    def set_locale(self, user_id: str, locale: str) -> None:
        """Let a person use Slack in another language, such as ``de-DE``. Raises NothingThere."""
        if user_id not in self.workspace.people:
            raise NothingThere(f"there is no person {user_id}")
        self.workspace.people[user_id] = replace(self.workspace.people[user_id], locale=locale)
        self._changes.announce()
