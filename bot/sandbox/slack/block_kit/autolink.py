"""What Slack turns into links by itself: plain addresses and channel names, unless an app asks it not to.

Sources: ``verbatim`` in https://docs.slack.dev/reference/block-kit/composition-objects/text-object, and ``parse`` in
https://docs.slack.dev/reference/methods/chat.update: it "defaults to ``client``, unlike ``chat.postMessage``".
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKED = re.compile(r"(<[^<>\n]+>|`[^`\n]+`)")
"""Markup and code, which Slack leaves as they are."""
ADDRESS = re.compile(r"https?://[^\s<>|]+")
CHANNEL = re.compile(r"(?<![\w&])#([\w-]+)")


@dataclass(frozen=True)
class AutoLink:
    """``channels`` maps the names of channels to their ids."""

    channels: Mapping[str, str]

    def text(self, text: str, *, names: bool) -> str:
        """Link the addresses of a text, and with ``names`` its channel names."""
        parts = MARKED.split(text)
        return "".join(part if MARKED.fullmatch(part) else self._plain(part, names=names) for part in parts)

    def blocks(self, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return a copy in which each mrkdwn object without ``verbatim: true`` is linked."""
        copy = deepcopy(blocks)
        self._walk(copy)
        return copy

    def _walk(self, value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                self._walk(one)
        elif isinstance(value, dict):
            if value.get("type") == "mrkdwn" and value.get("verbatim") is not True:
                value["text"] = self.text(value["text"], names=True)
            for one in value.values():
                self._walk(one)

    def _plain(self, text: str, *, names: bool) -> str:
        linked = ADDRESS.sub(lambda found: f"<{found[0]}>", text)
        return CHANNEL.sub(self._channel, linked) if names else linked

    def _channel(self, found: re.Match[str]) -> str:
        known = self.channels.get(found[1])
        return f"<#{known}|{found[1]}>" if known else found[0]
