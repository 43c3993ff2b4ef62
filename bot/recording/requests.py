"""Requests: who asks, from where, and the typed text parsed into ids and reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.audit.storable import visible
from bot.errors import MalformedId, ReasonRefused
from bot.recording.models import Attempt, Reason, Recording, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.errors import GenesysError, NotPermitted, TooLate
    from bot.recording.caller import Principal
    from bot.recording.models import Approval, ConfirmedChange
    from bot.recording.time_limits.limits import Limit

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
LINK = re.compile(r"https?://\S+?/(?:interactions|conversations|calls)/(?P<id>[^/?#\s|>]+)", re.IGNORECASE)
REASON_LIMIT = 3000
"""Characters; what fits into one Slack text field."""


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Where a request was made. ``dedupe_key`` is the same for all deliveries of a request."""

    source: str
    channel: str | None = None
    trigger: str | None = None
    language: str | None = None
    """The person's language; None if unknown."""
    shared_channel: bool = False
    """Whether Slack says that another organization can read the channel."""
    late_seconds: int | None = None
    """Of what the bot does because of a rule: how long ago the call had connected, if that is long."""
    age: Callable[[], float] | None = field(default=None, compare=False, repr=False)
    """Returns how many seconds ago the person sent the request; None if nothing tells."""

    @property
    def dedupe_key(self) -> str | None:
        return None if self.trigger is None else f"{self.source}:{self.trigger}"

    def facts(self) -> dict[str, Any]:
        shared = self.shared_channel or None
        facts: dict[str, Any] = {"source": self.source, "channel": self.channel, "trigger": self.trigger}
        facts |= {"shared_channel": shared, "late_seconds": self.late_seconds}
        return {key: value for key, value in facts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Request:
    """A person, and where they made the request."""

    caller: Principal
    origin: RequestSource


@dataclass(frozen=True, slots=True)
class PendingAction:
    """A request that is in the trail, on disk, and may now go to Genesys."""

    request: Request
    attempt: Attempt
    recording: Recording
    reason: Reason
    audit_seq: int
    agent_user_id: str | None = None
    """Whose side to record, if the person chose; a claim until a reading of the call confirms it."""
    confirmed: Approval | None = None
    """The other supervisor's request that this one confirms."""
    longer: Approval | None = None
    """Of a pause that one supervisor may not make longer: the request for more, which waits for a second one."""


@dataclass(frozen=True, slots=True)
class AwaitsConfirmation:
    """A stop, or a longer pause, in the trail that a second supervisor has to confirm before it has any effect.

    ``again``: the same person asked before; ``approval`` is that earlier request, and its time goes on.
    """

    request: Request
    approval: Approval
    recording: Recording
    audit_seq: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A stop, or a longer pause, that no longer waits for a second supervisor: the requester withdrew it."""

    recording: Recording
    audit_seq: int
    verb: Verb


@dataclass(frozen=True, slots=True)
class Extended:
    """A pause, or a recording, that ends by itself later than before."""

    recording: Recording
    limit: Limit
    until: datetime | None
    """None: it no longer ends by itself."""
    audit_seq: int
    confirmed: Approval | None = None
    """The other supervisor's request that this one confirms."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """How a request ended: the recording's current state, and the error if there was one."""

    recording: Recording
    audit_seq: int
    effect: ConfirmedChange | None = None
    error: GenesysError | NotPermitted | TooLate | None = None
    """NotPermitted if the reading showed that the call isn't in the person's scope; nothing was sent.

    TooLate if the request was too old; nothing was sent either.
    """


@dataclass(frozen=True, slots=True)
class ReasonRules:
    """The known reasons of the settings (code to label), and whether one is required."""

    labels: Mapping[str, str] = field(default_factory=dict)
    required: bool = False

    def read(self, typed: str | None, *, chosen: str | None = None) -> Reason:
        """Return the reason: a code that was ``chosen`` from a list, or one at the beginning of the typed text.

        Raise ReasonRefused.
        """
        words = visible(typed or "").strip()
        if chosen is not None and chosen not in self.labels:
            raise ReasonRefused("The chosen reason is not one of the listed ones any more.")
        if len(words) > REASON_LIMIT:
            raise ReasonRefused(
                f"The reason has {len(words):,} characters; at most {REASON_LIMIT:,} fit. Shorten it.",
                length=len(words),
                limit=REASON_LIMIT,
            )
        code, text = self._split(words) if chosen is None else (chosen, words)
        if self.required and not (code if self.labels else words):
            raise ReasonRefused("A reason is required here.", required=True, known=self.labels)
        return Reason(code=code, text=text or None)

    def _split(self, words: str) -> tuple[str | None, str]:
        names = [(name, code) for code, label in self.labels.items() for name in (code, label)]
        for name, code in sorted(names, key=lambda one: -len(one[0])):  # a label may begin with its code
            rest = words[len(name) :]
            if words.casefold().startswith(name.casefold()) and (not rest or not rest[0].isalnum()):
                return code, rest.lstrip(" :,;-")
        return None, words


def is_person(actor: str | None) -> bool:
    """Return whether a message can reach this actor: a person in Slack, not a terminal or the bot."""
    return actor is not None and actor.startswith("slack:")


def conversation_id(typed: str) -> str:
    """Return the conversation's id from an id or an interaction link, in lower case. Raise MalformedId."""
    if not typed:
        raise MalformedId("No call was named.", named=False)
    candidate = typed.strip().strip("<>").partition("|")[0]
    if link := LINK.match(candidate):
        candidate = link["id"]
    if not UUID.fullmatch(candidate):
        raise MalformedId
    return candidate.lower()


def split_pause(typed: str) -> tuple[str | None, str | None]:
    """Divide what was typed after ``pause`` into the call and the length, in either order; each may be missing."""
    words = typed.split()
    if not words:
        return None, None
    for call, rest in ((words[0], words[1:]), (words[-1], words[:-1])):
        if _names_call(call):
            return call, " ".join(rest) or None
    if _means_length(words[0]):
        return None, typed.strip()
    return words[0], " ".join(words[1:]) or None


def _names_call(word: str) -> bool:
    try:
        conversation_id(word)
    except MalformedId:
        return False
    return True


def _means_length(word: str) -> bool:
    """Say whether a word was meant as a length and not as an id: an id, or the beginning of one, is longer."""
    return word.casefold() == "for" or re.fullmatch(r"[+-]?[0-9][0-9a-z.,:]{0,6}", word, re.IGNORECASE) is not None
