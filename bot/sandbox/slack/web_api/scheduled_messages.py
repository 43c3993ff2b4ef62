"""``chat.scheduleMessage`` and taking it back. Nothing is ever posted from here: a sandbox does not live that long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.web_api.chat import CHAT, POST_CHARACTERS
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from bot.sandbox.slack.web_api.chat import ChatMethods

FARTHEST_SECONDS = 120 * 24 * 3600


@dataclass(frozen=True)
class ScheduleMethods:
    """Messages for later. ``scheduled`` holds those not taken back: what was asked for, by id."""

    chat: ChatMethods
    scheduled: dict[str, dict[str, Any]] = field(default_factory=dict)

    def table(self) -> dict[str, Method]:
        return {
            "chat.scheduleMessage": Method(self.schedule, CHAT, tier=3),
            "chat.deleteScheduledMessage": Method(self.take_back, CHAT, tier=3),
            "chat.scheduledMessages.list": Method(self.pending, tier=3),
        }

    def schedule(self, arguments: Arguments) -> dict[str, Any]:
        channel = self.chat.place(arguments)
        content = self.chat.content(arguments, POST_CHARACTERS, f"chat.scheduleMessage to {channel.id}")
        post_at = self._post_at(arguments)
        message_id = self.chat.workspace.next_id("Q")
        now = int(self.chat.workspace.clock())
        self.scheduled[message_id] = {
            "channel": channel.id,
            "post_at": post_at,
            "text": content["text"],
            "date_created": now,
        }
        return {
            "channel": channel.id,
            "scheduled_message_id": message_id,
            "post_at": post_at,
            "message": {"type": "delayed_message", "text": content["text"]},
        }

    def take_back(self, arguments: Arguments) -> dict[str, Any]:
        channel = self.chat.workspace.seen_by_bot(arguments.wanted("channel", "channel_not_found"))
        message_id = arguments.wanted("scheduled_message_id", "invalid_scheduled_message_id")
        if self.scheduled.get(message_id, {}).get("channel") != channel.id:
            raise SlackError("invalid_scheduled_message_id")
        del self.scheduled[message_id]
        return {}

    def pending(self, arguments: Arguments) -> dict[str, Any]:
        """Return the app's messages for later, of one channel where one is named.

        Source: https://docs.slack.dev/reference/methods/chat.scheduledMessages.list, which wants no scope.
        """
        only = arguments.text("channel")
        if only:
            self.chat.workspace.seen_by_bot(only)
        found = [
            {
                "id": message_id,
                "channel_id": one["channel"],
                "post_at": one["post_at"],
                "date_created": one["date_created"],
                "text": one["text"],
            }
            for message_id, one in self.scheduled.items()
            if only in {"", one["channel"]}
        ]
        return {"scheduled_messages": found, "response_metadata": {"next_cursor": ""}}

    def _post_at(self, arguments: Arguments) -> int:
        try:
            post_at = int(arguments.wanted("post_at", "invalid_time"))
        except ValueError:
            raise SlackError("invalid_time") from None
        ahead = post_at - self.chat.workspace.clock()
        if ahead <= 0:
            raise SlackError("time_in_past")
        if ahead > FARTHEST_SECONDS:
            raise SlackError("time_too_far")
        return post_at
