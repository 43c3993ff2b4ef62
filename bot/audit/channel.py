"""Reads anchors out of the audit channel: from lines that were copied and pasted, or from an export of the channel."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.audit.anchors import LEAST_DIGITS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTRY_EVENT, DIGEST_EVENT = "audit_entry", "audit_digest"
NUMBERS = re.compile(r"\*?#[1-9]\d{0,17}\*?(?:(?:, | \u2013 )\*?#[1-9]\d{0,17}\*?)*(?![\w#])")
"""The numbers at the beginning of a line; copied text has no asterisks."""
DIGEST = re.compile(rf"#([1-9]\d{{0,17}})\s+`?([0-9a-f]{{{WHOLE}}})`?")
HASH = re.compile(rf"(?<![0-9A-Za-z-])(?:[0-9a-f]{{{WHOLE}}}|[0-9a-f]{{{LEAST_DIGITS}}})(?![0-9A-Za-z-])")
REPOSTED = "reposted"
BEFORE_NUMBERS = 60
"""Characters in front of a line's numbers, at most: an icon, and when pasted the name and the time."""


@dataclass
class ChannelReading:
    """The anchors that were found, in the order in which the channel shows them."""

    anchors: dict[int, str] = field(default_factory=dict)
    newest: int = 0
    problems: list[str] = field(default_factory=list)
    """What doesn't fit within the channel itself: there, entries were removed or rewritten."""
    unread: list[str] = field(default_factory=list)
    """Lines that begin with a number, but whose hashes are missing or cut off."""

    def read(self, text: str) -> None:
        """Read pasted text, or the JSON of an export: an array of messages, or an object with ``messages``."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            self.read_lines(text.splitlines())
            return
        messages = found.get("messages", [found]) if isinstance(found, dict) else found
        usable = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
        for message in sorted(usable, key=lambda one: str(one.get("ts", ""))):
            if message.get("bot_id") or message.get("bot_profile"):  # people can write lines that look the same
                self._read_message(message)

    def read_lines(self, lines: Iterable[str]) -> None:
        """Read lines as the channel shows them."""
        for line in lines:
            if digest := DIGEST.search(line):
                self._saw(int(digest[1]), digest[2])
            elif (numbers := NUMBERS.search(line)) is not None and numbers.start() <= BEFORE_NUMBERS:
                self._read_line(line, [int(one) for one in re.findall(r"\d+", numbers[0])], numbers.end())

    def _read_line(self, line: str, seqs: list[int], begin: int) -> None:
        hashes = HASH.findall(line, begin)[-len(seqs) :]
        if len(hashes) != len(seqs):
            self.unread.append(line.strip())
            return
        self._follows(seqs[0], again=REPOSTED in line.rpartition(hashes[-1])[2])
        for seq, shown in zip(seqs, hashes, strict=True):
            self._saw(seq, shown)
        self.newest = max(self.newest, seqs[-1])

    def _read_message(self, message: dict[str, Any]) -> None:
        metadata = message.get("metadata")
        payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
        kind = metadata.get("event_type") if isinstance(metadata, dict) else None
        if not isinstance(payload, dict) or kind not in {ENTRY_EVENT, DIGEST_EVENT}:
            self.read_lines(str(message.get("text", "")).splitlines())
            return
        hashes = payload.get("hashes") or {payload.get("seq"): payload.get("hash")}
        seen = {int(seq): str(digest) for seq, digest in hashes.items() if str(seq).isdigit()}
        if kind == ENTRY_EVENT and seen:
            self._follows(min(seen), again=REPOSTED in str(message.get("text", "")))
            self.newest = max(self.newest, *seen)
        for seq, digest in sorted(seen.items()):
            self._saw(seq, digest)

    def _follows(self, seq: int, *, again: bool) -> None:
        if seq <= self.newest and not again:
            self.problems.append(
                f"#{seq} comes after #{self.newest} and isn't marked as reposted: entries were removed at the end, or "
                "the lines are out of order."
            )

    def _saw(self, seq: int, shown: str) -> None:
        known = self.anchors.setdefault(seq, shown)
        if known.startswith(shown) or shown.startswith(known):
            self.anchors[seq] = max(known, shown, key=len)
        else:
            self.problems.append(f"#{seq} has two hashes, {known} and {shown}: the trail was rewritten.")

    @property
    def missing(self) -> int:
        """Return how many numbers between the first and the last one have no line."""
        return max(self.anchors) - min(self.anchors) + 1 - len(self.anchors) if self.anchors else 0

    def text(self) -> str:
        """Return the anchors as ``audit verify --anchors`` takes them."""
        return "".join(f"#{seq} {shown}\n" for seq, shown in sorted(self.anchors.items()))
