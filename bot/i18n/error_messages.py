"""Every error as a sentence: what happened, the state of the call, what to do, and the audit number.

The sentences are in the text files, ``errors.<kind>_what`` and ``errors.<kind>_do``. They hold no markup, so that Slack
and a terminal can show the same ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import (
    AboutRecording,
    AgentNotFound,
    AlreadyExtended,
    AlreadyKept,
    AlreadySnoozed,
    AlreadyWaitingForCall,
    ApprovalClosed,
    AuditUnavailable,
    CallOnHold,
    GenesysError,
    GenesysUnavailable,
    KeepUnavailable,
    MalformedId,
    MalformedPeriod,
    NoCallEvents,
    NotInEffect,
    NotPermitted,
    OutcomeUnknown,
    OutOfScope,
    PermissionMissing,
    RateLimited,
    ReasonRefused,
    RecordBotError,
    RequestRejected,
    SeveralRecordings,
    TooLate,
    TooManyRequests,
)
from bot.i18n.shorten import shorten
from bot.recording.keeping.keep import KeepVerb
from bot.recording.models import RecordingState, Verb
from bot.recording.time_limits.limits import running_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording

LABELS_SHOWN = 600
WITH_REASON = frozenset({Verb.START, KeepVerb.KEEP, KeepVerb.RELEASE})
"""Commands that take a reason; the others are about live recordings, which ``/record list`` shows."""


@dataclass(frozen=True, slots=True)
class MessageFormatter:
    """The language, and how people and times are named where the text is shown."""

    words: Catalog
    person: Callable[[str], str]
    time: Callable[[datetime], str]
    plain: Callable[[str], str] = str
    """Makes plain text fit to be shown; Slack's three control characters are escaped."""


def explain(
    error: RecordBotError, voice: MessageFormatter, recording: Recording | None = None, *, read: bool = False
) -> str:
    """Explain in a few sentences what happened, the state of the call, what to do, and the audit number.

    ``read``: the person only asked for information, so there is nothing to say about a change.
    """
    words = voice.words
    what = _standing(error, voice) or voice.plain(_what(error, words))
    number = f"(#{error.audit_seq})" if error.audit_seq else ""
    state = "" if read else _now(error, recording, words)
    rest = [_details(error, words), state, _do(error, words), number]
    return " ".join([what, *(voice.plain(part) for part in rest if part)])


def what_happened(kind: str, words: Catalog) -> str:
    """Return the sentence for an error of this kind, as plain text."""
    return words(_known(f"errors.{kind}_what", words, "errors.error_what"))


def what_went_wrong(recording: Recording, words: Catalog) -> str:
    """Return the sentence for the error that a recording ended with, as plain text; empty if there is none.

    Older versions kept ``outcome_unknown`` for a request that was found not to have taken effect.
    """
    if recording.error is None:
        return ""
    settled = recording.error == OutcomeUnknown.kind and not recording.in_doubt
    return what_happened(NotInEffect.kind if settled else recording.error, words)


def now(recording: Recording, words: Catalog) -> str:
    """Say whether the call is being recorded now, as far as is known."""
    return words("now.in_doubt") if recording.in_doubt else words(f"now.{recording.state.value}")


def ends_by_itself(recording: Recording, words: Catalog, time: Callable[[datetime], str]) -> str:
    """Say until when a pause, or a recording, lasts that ends by itself; empty if it doesn't."""
    limit = running_limit(recording)
    until = None if limit is None else limit.until(recording)
    return "" if limit is None or until is None else words(f"limits.{limit.value}_ends", time=time(until))


def granted_calls(grants: Sequence[str], words: Catalog) -> str:
    """Name the calls that a person is limited to, by the labels of their grants, as plain text."""
    return words("approval.grants", names=shorten(", ".join(grants), LABELS_SHOWN)) if grants else ""


def _what(error: RecordBotError, words: Catalog) -> str:
    if isinstance(error, NotPermitted) and words.has(key := f"denied.{error.cause}_what"):
        return words(key)
    if isinstance(error, (AgentNotFound, NoCallEvents)):
        return _what_of_agent(error, words)
    if isinstance(error, MalformedId) and not error.named:
        return words("details.no_call_named")
    if isinstance(error, ReasonRefused):
        return _reason(error, words)
    return _what_in_detail(error, words)


def _what_in_detail(error: RecordBotError, words: Catalog) -> str:
    if isinstance(error, KeepUnavailable) and error.cause:
        return words(f"details.keep_{error.cause}")
    if isinstance(error, TooLate) and error.age is not None:
        return words("details.request_too_old", seconds=round(error.age))
    return what_happened(error.kind, words)


def _what_of_agent(error: AgentNotFound | NoCallEvents, words: Catalog) -> str:
    if isinstance(error, NoCallEvents):
        return words("next.no_events", why=error.cause) if error.cause else what_happened(error.kind, words)
    keys = (f"agents.{error.cause}_what", f"agents.{error.cause}")
    key = next((key for key in keys if words.has(key)), None)
    return what_happened(error.kind, words) if key is None else words(key)


def _do(error: RecordBotError, words: Catalog) -> str:
    if isinstance(error, NotPermitted) and words.has(key := f"denied.{error.cause}_do"):
        return words(key)
    if isinstance(error, AgentNotFound) and words.has(f"agents.{error.cause}"):
        return ""  # that says what to do as well
    if isinstance(error, AgentNotFound) and words.has(key := f"agents.{error.cause}_do"):
        return words(key)
    if isinstance(error, ReasonRefused) and (error.limit or error.required):
        return ""
    if isinstance(error, MalformedId) and error.verb is not None:
        return _where_to_find_an_id(error.verb, words)
    return words(_known(f"errors.{error.kind}_do", words, "errors.error_do"))


def _where_to_find_an_id(verb: str, words: Catalog) -> str:
    return words("details.copy_id_reason" if verb in WITH_REASON else "details.copy_id_live", verb=verb)


def _known(key: str, words: Catalog, otherwise: str) -> str:
    return key if words.has(key) else otherwise


def _reason(error: ReasonRefused, words: Catalog) -> str:
    if error.limit:
        return words("details.reason_too_long", length=error.length, limit=error.limit)
    if error.required and error.known:
        known = ", ".join(f"`{code}` ({label})" for code, label in error.known.items())
        return words("details.reason_required_of", known=known)
    return words("details.reason_required") if error.required else what_happened(error.kind, words)


def _standing(error: RecordBotError, voice: MessageFormatter) -> str:
    if isinstance(error, GenesysUnavailable) and error.since is not None:
        return voice.words("details.away_since", at=voice.time(error.since))
    if isinstance(error, (AlreadySnoozed, AlreadyExtended, AlreadyKept, AlreadyWaitingForCall)):
        return _already(error, voice)
    if not isinstance(error, AboutRecording):
        return ""
    key = "taken_over" if error.taken_over else RecordingState(error.state).value
    return voice.words(f"standing.{key}", by=voice.person(error.actor), at=voice.time(error.since))


def _already(
    error: AlreadySnoozed | AlreadyExtended | AlreadyKept | AlreadyWaitingForCall, voice: MessageFormatter
) -> str:
    """Say who did it, and until when it holds, as far as the error knows."""
    match error:
        case AlreadySnoozed(until=until) if until is not None:
            return voice.words("details.snoozed", by=voice.person(error.by), at=voice.time(until))
        case AlreadyExtended(until=until) if until is not None:
            return voice.words("details.extended", at=voice.time(until))
        case AlreadyKept(since=since) if since is not None:
            return voice.words("details.already_kept", by=voice.person(error.by), at=voice.time(since))
        case AlreadyWaitingForCall(until=until) if until is not None:
            return voice.words("next.already", until=voice.time(until))
        case _:
            return ""


def _details(error: RecordBotError, words: Catalog) -> str:
    if isinstance(error, OutOfScope):
        return granted_calls(error.grants, words)
    if isinstance(error, ApprovalClosed) and words.has(key := f"approval.was_{error.outcome}"):
        return words(key)
    if isinstance(error, AuditUnavailable) and error.cause:
        if error.cause == AuditUnavailable.REPLACED:
            return words("details.database_replaced")
        slow = error.cause == AuditUnavailable.TOO_SLOW
        return words("details.database_slow") if slow else words("details.database", cause=error.cause)
    return _details_of_genesys(error, words)


def _details_of_genesys(error: RecordBotError, words: Catalog) -> str:
    if isinstance(error, PermissionMissing) and error.permission:
        return words("details.permission", permission=error.permission)
    if isinstance(error, TooManyRequests):
        return words("details.too_many_requests", limit=error.limit, seconds=max(1, math.ceil(error.retry_after)))
    if isinstance(error, RateLimited):
        return words("details.wait", seconds=max(1, round(error.retry_after)))
    if isinstance(error, GenesysUnavailable) and error.next_trial is not None:
        return words("details.next_trial", seconds=max(1, round(error.next_trial)))
    if isinstance(error, RequestRejected) and words.has(key := f"details.{error.cause}"):
        return words(key)
    return ""


def _now(error: RecordBotError, recording: Recording | None, words: Catalog) -> str:
    if isinstance(error, (CallOnHold, MalformedPeriod, AlreadySnoozed, AlreadyExtended)):
        return ""  # on hold, the call is recorded already; and the others are not about a change
    if recording is not None:
        return now(recording, words)
    if isinstance(error, (AboutRecording, SeveralRecordings, GenesysError, AuditUnavailable)):
        return ""
    if type(error) is RecordBotError:  # a fault of our own, and how far it let the request come is not known
        return ""
    return words("now.unchanged")
