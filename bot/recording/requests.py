"""What people ask for: who, from where, and the words they typed turned into ids and reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.errors import MalformedId, ReasonRefused
from bot.recording.models import Attempt, Reason, Recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.errors import GenesysError
    from bot.recording.models import Effect
    from bot.recording.policy import Caller

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
LINK = re.compile(r"https?://\S+?/(?:interactions|conversations|calls)/(?P<id>[^/?#\s|>]+)", re.IGNORECASE)
REASON_LIMIT = 3000
"""Characters; what fits into one Slack text field."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request was made. ``dedupe_key`` is the same for every delivery of the same request."""

    source: str
    channel: str | None = None
    trigger: str | None = None

    @property
    def dedupe_key(self) -> str | None:
        return None if self.trigger is None else f"{self.source}:{self.trigger}"

    def facts(self) -> dict[str, Any]:
        facts = {"source": self.source, "channel": self.channel, "trigger": self.trigger}
        return {key: value for key, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Asked:
    """A person, and where they asked."""

    caller: Caller
    origin: Origin


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that is in the trail, on disk, and may now go to Genesys."""

    asked: Asked
    attempt: Attempt
    recording: Recording
    reason: Reason
    audit_seq: int


@dataclass(frozen=True, slots=True)
class Settled:
    """How a request ended: the recording as it stands now, with the error where there was one."""

    recording: Recording
    audit_seq: int
    effect: Effect | None = None
    error: GenesysError | None = None


@dataclass(frozen=True, slots=True)
class ReasonRules:
    """Which reasons the settings know (code to label), and whether one has to be given."""

    labels: Mapping[str, str] = field(default_factory=dict)
    required: bool = False

    def read(self, typed: str | None) -> Reason:
        """Split what a person typed into a known code and words of their own. Raise ReasonRefused."""
        words = (typed or "").strip()
        if len(words) > REASON_LIMIT:
            raise ReasonRefused(
                f"The reason has {len(words):,} characters; at most {REASON_LIMIT:,} fit. Shorten it.",
                length=len(words),
                limit=REASON_LIMIT,
            )
        code, text = self._split(words)
        if self.required and not (code if self.labels else words):
            known = ", ".join(f"`{one}` ({label})" for one, label in self.labels.items())
            raise ReasonRefused(
                f"A reason is required here. Add one of these: {known}." if known else "A reason is required here."
            )
        return Reason(code=code, text=text or None)

    def _split(self, words: str) -> tuple[str | None, str]:
        names = [(name, code) for code, label in self.labels.items() for name in (code, label)]
        for name, code in sorted(names, key=lambda one: -len(one[0])):  # a label may begin with its code
            rest = words[len(name) :]
            if words.casefold().startswith(name.casefold()) and (not rest or not rest[0].isalnum()):
                return code, rest.lstrip(" :,;-")
        return None, words


def conversation_id(typed: str) -> str:
    """Return the conversation's id from an id or an interaction link, in lower case. Raise MalformedId."""
    candidate = typed.strip().strip("<>").partition("|")[0]
    if link := LINK.match(candidate):
        candidate = link["id"]
    if not UUID.fullmatch(candidate):
        raise MalformedId
    return candidate.lower()
