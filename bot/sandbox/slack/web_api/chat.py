"""``chat.*``: posting, editing and deleting messages, and answers to a response URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.autolink import AutoLink
from bot.sandbox.slack.block_kit.blocks import with_ids, wrong_with_blocks
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.state.workspace import BOT_USER, SimulatedMessage
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from bot.sandbox.slack.state.trigger_ids import ResponseUrl
    from bot.sandbox.slack.state.workspace import Channel, Workspace

POST_CHARACTERS = 40_000
UPDATE_CHARACTERS = 4_000
CHAT = ("chat:write",)
EVENT_TYPE = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class ChatMethods:
    """Messages of the app. ``warnings`` collects what Slack allows and a good app avoids."""

    workspace: Workspace
    scopes: set[str]
    warnings: list[str]

    def table(self) -> dict[str, Method]:
        return {
            "chat.postMessage": Method(self.post, CHAT),
            "chat.postEphemeral": Method(self.post_ephemeral, CHAT, tier=4),
            "chat.update": Method(self.update, CHAT, tier=3),
            "chat.delete": Method(self.delete, CHAT, tier=3),
            "chat.getPermalink": Method(self.permalink),
        }

    def post(self, arguments: Arguments) -> dict[str, Any]:
        channel = self.place(arguments)
        content = self.content(arguments, POST_CHARACTERS, f"chat.postMessage to {channel.id}")
        thread = arguments.text("thread_ts")
        if thread and channel.find(thread) is None:
            raise SlackError("thread_not_found")
        message = self.put(channel, content | {"thread_ts": thread or None})
        return {
            "channel": channel.id,
            "ts": message.ts,
            "message": message.as_sent(self.workspace.team_id),
        }

    def post_ephemeral(self, arguments: Arguments) -> dict[str, Any]:
        channel = self.place(arguments)
        user = arguments.wanted("user", "user_not_found")
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        content = self.content(arguments, POST_CHARACTERS, f"chat.postEphemeral to {channel.id}")
        message = self.put(channel, content | {"ephemeral_to": user})
        return {"message_ts": message.ts}

    def update(self, arguments: Arguments) -> dict[str, Any]:
        channel, message = self._mine(arguments, "cant_update_message")
        if channel.archived:
            raise SlackError("is_archived")
        content = self.content(arguments, UPDATE_CHARACTERS, f"chat.update in {channel.id}", parse="client")
        for kept in ("metadata", "attachments"):
            if kept not in arguments:
                del content[kept]
        # Text alone takes the blocks away; blocks alone leave the old text behind as the fallback.
        if "text" not in arguments:
            del content["text"]
        self.workspace.edit(message, **content)
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": message.text,
            "message": message.as_sent(self.workspace.team_id),
        }

    def delete(self, arguments: Arguments) -> dict[str, Any]:
        channel, message = self._mine(arguments, "cant_delete_message")
        self.workspace.remove(message)
        return {"channel": channel.id, "ts": message.ts}

    def permalink(self, arguments: Arguments) -> dict[str, Any]:
        channel = self.workspace.seen_by_bot(arguments.wanted("channel", "channel_not_found"))
        ts = arguments.wanted("message_ts", "message_not_found")
        if channel.find(ts) is None:
            raise SlackError("message_not_found")
        link = f"https://sandbox.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": link}

    def content(self, arguments: Arguments, characters: int, where: str, parse: str = "") -> dict[str, Any]:
        """Return what a message consists of, after Slack's checks of it.

        ``parse`` is the method's own default: ``client`` also links the names of channels, any but ``none`` addresses.
        """
        text = arguments.text("text")
        blocks = arguments.parsed("blocks", "invalid_blocks_format") or []
        attachments = arguments.parsed("attachments", "invalid_attachments") or []
        if len(text) > characters:
            raise SlackError("msg_too_long")
        if not (text.strip() or blocks or attachments):
            raise SlackError("no_text")
        if findings := wrong_with_blocks(blocks):
            raise SlackError.invalid("invalid_blocks", findings)
        for attachment in attachments:
            if findings := wrong_with_blocks(attachment.get("blocks", [])):
                raise SlackError.invalid("invalid_blocks", findings)
        if blocks and not text.strip():
            self.warnings.append(f"{where}: blocks without text")
        parse = arguments.text("parse") or parse
        link = AutoLink({one.name: one.id for one in self.workspace.channels.values() if one.kind != "im"})
        return {
            "text": text if parse == "none" else link.text(text, names=parse in {"client", "full"}),
            "blocks": with_ids(link.blocks(blocks)),
            "attachments": attachments,
            "metadata": self._metadata(arguments),
        }

    def put(self, channel: Channel, content: dict[str, Any]) -> SimulatedMessage:
        message = SimulatedMessage(channel.id, self.workspace.next_ts(), BOT_USER, **content)
        return self.workspace.put(channel, message)

    def answer(self, url: ResponseUrl, body: dict[str, Any]) -> None:
        """Do what an app asked for at a response URL. It need not be a member of the channel."""
        channel = self.workspace.channels[url.channel]
        original = channel.find(url.message_ts) if url.message_ts else None
        arguments = Arguments(body)
        if arguments.flag("delete_original"):
            if original is None:
                raise SlackError("message_not_found")
            self.workspace.remove(original)
            return
        replace = arguments.flag("replace_original")
        if replace and url.message_ts is None:
            self.warnings.append("response_url of a command: there is no original to replace")
        elif replace and original is None:
            raise SlackError("message_not_found")
        content = self.content(arguments, POST_CHARACTERS, f"response_url in {channel.id}")
        content["thread_ts"] = arguments.text("thread_ts") or None
        if replace and original is not None:
            del content["thread_ts"]  # an edited message stays where it is
            self.workspace.edit(original, **content)
        else:
            seen_by = None if arguments.text("response_type") == "in_channel" else url.user
            self.put(channel, content | {"ephemeral_to": seen_by})

    def place(self, arguments: Arguments) -> Channel:
        """Return the channel that a posting is for, where the app may post."""
        address = arguments.wanted("channel", "channel_not_found")
        return self.workspace.place_to_post(address, anywhere_public="chat:write.public" in self.scopes)

    def _mine(self, arguments: Arguments, refusal: str) -> tuple[Channel, SimulatedMessage]:
        channel = self.workspace.seen_by_bot(arguments.wanted("channel", "channel_not_found"))
        message = channel.find(arguments.wanted("ts", "message_not_found"))
        if message is None or message.ephemeral_to:
            raise SlackError("message_not_found")
        if message.user != BOT_USER:
            raise SlackError(refusal)
        return channel, message

    def _metadata(self, arguments: Arguments) -> dict[str, Any] | None:
        metadata = arguments.parsed("metadata", "invalid_metadata_format")
        if not metadata:
            return None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
            raise SlackError("invalid_metadata_format")
        if not isinstance(metadata.get("event_type"), str) or not EVENT_TYPE.fullmatch(metadata["event_type"]):
            raise SlackError("invalid_metadata_format")
        if not all(map(_may_be_metadata, metadata["event_payload"].values())):
            raise SlackError("invalid_metadata_format")
        return metadata


def _may_be_metadata(value: Any) -> bool:
    """Say whether Slack's published type takes this as a member of ``event_payload``.

    Texts, numbers, booleans, flat objects of these, and lists of such objects: ``MessageMetadata`` in ``@slack/types``,
    https://docs.slack.dev/tools/node-slack-sdk/reference/types/interfaces/MessageMetadata.
    """
    if isinstance(value, list):
        return all(isinstance(one, dict) and _may_be_metadata(one) for one in value)
    if isinstance(value, dict):
        return all(isinstance(one, str | int | float) for one in value.values())
    return isinstance(value, str | int | float)
