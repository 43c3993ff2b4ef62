"""The people, groups, channels and messages of the simulated workspace."""

from __future__ import annotations

import itertools
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.state.people import SLACKBOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.sandbox.slack.state.changes import Changes
    from bot.sandbox.slack.state.grid import Enterprise
    from bot.sandbox.slack.state.people import Group, Person

BOT_USER = "U0RECBOT"
BOT_ID = "B0RECBOT"
APP_ID = "A0RECBOT"


@dataclass
class SimulatedMessage:
    """A message as it is now; ``ephemeral_to`` names the only person who sees it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edited: dict[str, str] | None = None
    ephemeral_to: str | None = None
    deleted: bool = False

    def visible_to(self, user_id: str) -> bool:
        return self.ephemeral_to in {None, user_id}

    def as_sent(self, team_id: str) -> dict[str, Any]:
        """Return the message object that Slack's answers and payloads carry."""
        body: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "team": team_id,
            "text": self.text,
        }
        if self.user == BOT_USER:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID}
            body["bot_profile"] = {"id": BOT_ID, "app_id": APP_ID, "name": "record-bot", "team_id": team_id}
        for name in ("blocks", "attachments", "files", "metadata", "thread_ts", "edited"):
            value = getattr(self, name)
            if value:
                body[name] = deepcopy(value)
        return body

    def snapshot(self) -> dict[str, Any]:
        return {
            "ts": self.ts,
            "user": self.user,
            "text": self.text,
            "blocks": deepcopy(self.blocks),
            "attachments": deepcopy(self.attachments),
            "files": deepcopy(self.files),
            "metadata": deepcopy(self.metadata),
            "thread_ts": self.thread_ts,
            # Slack marks an edited text, but not an edited message that is drawn from blocks.
            "edited": self.edited is not None and not self.blocks,
            "edited_at": self.edited and self.edited["ts"],
            "ephemeral_to": self.ephemeral_to,
            "deleted": self.deleted,
        }


@dataclass
class Channel:
    """A public or private channel, or a direct message between one person and the bot."""

    id: str
    name: str
    members: list[str]
    kind: str = "channel"
    archived: bool = False
    refuses: str = ""
    """The error that every post of the app is answered with, such as ``restricted_action_read_only_channel``."""
    created: int = 0
    shared: bool = False
    """Whether Slack Connect shares it with another organization."""
    invited: bool = False
    """Whether another organization is invited to it, and has not accepted yet."""
    messages: list[SimulatedMessage] = field(default_factory=list)

    @property
    def private(self) -> bool:
        return self.kind != "channel"

    def find(self, ts: str) -> SimulatedMessage | None:
        return next((m for m in reversed(self.messages) if m.ts == ts and not m.deleted), None)

    def snapshot(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "members": list(self.members),
            "bot_present": BOT_USER in self.members,
            "archived": self.archived,
            "shared": self.shared,
        }


@dataclass
class Workspace:
    """Everything that one team holds. ``clock`` gives seconds since 1970.

    ``enterprise``: the organization that it is a workspace of. ``global_ids``: the ids that people have had since, by
    those that they had before the workspace joined it.
    """

    team_id: str
    clock: Callable[[], float]
    changes: Changes
    people: dict[str, Person] = field(init=False, default_factory=dict)
    groups: dict[str, Group] = field(init=False, default_factory=dict)
    channels: dict[str, Channel] = field(init=False, default_factory=dict)
    enterprise: Enterprise | None = field(init=False, default=None)
    global_ids: dict[str, str] = field(init=False, default_factory=dict)
    no_user_groups: bool = field(init=False, default=False)
    """Whether the plan has no user groups: https://docs.slack.dev/reference/methods/usergroups.list (errors)."""
    groups_in_page: int = field(init=False, default=0)
    """How many user groups ``usergroups.list`` tells at once; 0: all, as far as is known of Slack."""
    _last_micros: int = field(init=False, default=0)
    _numbers: itertools.count[int] = field(init=False, default_factory=lambda: itertools.count(1))

    def next_ts(self) -> str:
        """Return a message time stamp: unique in the workspace and always later than the one before."""
        self._last_micros = max(int(self.clock() * 1_000_000), self._last_micros + 1)
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        return f"{prefix}0SIM{next(self._numbers):06d}"

    def person(self, user_id: str) -> Person:
        user_id = self.global_ids.get(user_id, user_id)
        if user_id not in self.people:
            raise SlackError("user_not_found")
        return self.people[user_id]

    def add_channel(self, channel_id: str, name: str, members: Iterable[str], *, private: bool) -> Channel:
        kind = "group" if private else "channel"
        channel = Channel(channel_id, name, list(members), kind, created=int(self.clock()))
        self.channels[channel_id] = channel
        self.changes.announce()
        return channel

    def direct_message(self, user_id: str) -> Channel:
        """Return the channel between the bot and this person, made when there is none."""
        person = self.person(user_id)
        if person.is_bot or user_id == SLACKBOT:
            raise SlackError("cannot_dm_bot")
        if person.deleted:
            raise SlackError("user_disabled")
        if (existing := self.find_direct_message(user_id)) is not None:
            return existing
        channel = Channel(f"D{user_id[1:]}", f"@{person.handle}", [user_id, BOT_USER], "im", created=int(self.clock()))
        self.channels[channel.id] = channel
        self.changes.announce()
        return channel

    def find_direct_message(self, user_id: str) -> Channel | None:
        mine = (c for c in self.channels.values() if c.kind == "im" and user_id in c.members)
        return next(mine, None)

    def seen_by_bot(self, channel_id: str) -> Channel:
        """Return a channel that the bot may know of; a private one without the bot is ``channel_not_found``."""
        channel = self.channels.get(channel_id)
        if channel is None or (channel.private and BOT_USER not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def place_to_post(self, address: str, *, anywhere_public: bool) -> Channel:
        """Return the channel that a posting goes to: by id, by a person's id, or by ``#name``."""
        if address in self.people:
            return self.direct_message(address)
        named = next((c.id for c in self.channels.values() if c.name == address.removeprefix("#")), address)
        channel = self.seen_by_bot(named)
        if channel.archived:
            raise SlackError("is_archived")
        if channel.refuses:
            raise SlackError(channel.refuses)
        if BOT_USER not in channel.members and not anywhere_public:
            raise SlackError("not_in_channel")
        return channel

    def put(self, channel: Channel, message: SimulatedMessage) -> SimulatedMessage:
        channel.messages.append(message)
        self.changes.announce()
        return message

    def say(self, channel_id: str, text: str, *, user: str, ephemeral_to: str | None = None) -> SimulatedMessage:
        """Put a plain message into a channel, as a person or as Slack itself."""
        channel = self.channels[channel_id]
        message = SimulatedMessage(channel_id, self.next_ts(), user, text, ephemeral_to=ephemeral_to)
        return self.put(channel, message)

    def edit(self, message: SimulatedMessage, **new: Any) -> None:
        for name, value in new.items():
            setattr(message, name, value)
        message.edited = {"user": message.user, "ts": self.next_ts()}
        self.changes.announce()

    def remove(self, message: SimulatedMessage) -> None:
        message.deleted = True
        self.changes.announce()

    def messages(
        self, channel_id: str, *, seen_by: str | None = None, with_deleted: bool = False
    ) -> list[SimulatedMessage]:
        if channel_id.startswith("D") and channel_id not in self.channels:
            return []
        return [
            message
            for message in self.channels[channel_id].messages
            if (with_deleted or not message.deleted) and (seen_by is None or message.visible_to(seen_by))
        ]
