"""Maps an answer of Genesys to one of ``bot.errors``."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from bot.errors import (
    AgentLeft,
    CallEnded,
    CallNotFound,
    Conflict,
    GenesysError,
    GenesysUnavailable,
    LoginRefused,
    NotFound,
    PermissionMissing,
    RateLimited,
    RequestRejected,
    RequestTooLarge,
    UserContextNeeded,
)

if TYPE_CHECKING:
    from bot.genesys.transport.answer import Answer

TOO_MANY_REQUESTS = 429
TOO_LARGE = 413
TOO_LARGE_CODES = frozenset({"request.entity.too.large", "response.entity.too.large", "payload.too.large"})
"""The first two as documented for each operation: 413, and 400 for an answer that would be too large."""
PERMISSION = re.compile(r"\b[A-Za-z]\w*:[A-Za-z]\w*:[A-Za-z]\w*\b")
ASKED_FOR = frozenset({"conversation:call:record", "recording:recording:view"})
CALL_OVER = frozenset({"conversation.error.conversation.disconnected"})
CALL_UNKNOWN = frozenset({"conversation.error.conversation.not.found", "conversation.not.found"})
AGENT_GONE = frozenset(
    {
        "conversation.error.call.disconnected",  # of a request about a participant: that one's part in the call
        "conversation.error.participant.no.active.conversations",
        "conversation.error.participant.not.found",
    }
)
NO_USER = frozenset(
    {
        "not.a.user",
        "not.a.participant",
        "conversation.error.not.conversation.participant",
        "conversation.error.forbidden.not.active.participant",
        "conversation.error.user.not.party",
    }
)
"""Codes of the OpenAPI description, by their subject: the call, a participant of it, or the user behind the token.

The status alone names none, and an error about a participant or a user says nothing about the call.
"""
NAMES_A_SUBJECT = frozenset({400, 403, 404})
LONGEST_WAIT = 3600.0
"""Seconds; one that names more has miscounted, and is asked again after so many."""
LONGEST_QUOTE = 200
"""Characters of Genesys's own message in ours."""


class OtherDivision(PermissionMissing):
    """The call is in a division that the settings don't give to this OAuth client."""

    kind = PermissionMissing.kind


def transient(answer: Answer) -> bool:
    """Say whether the answer leaves open what happened (408 and 5xx)."""
    return answer.status == 408 or answer.status >= 500  # noqa: PLR2004  HTTP's own figures


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that a 429 asks for; None if it names none."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None


def error_for(answer: Answer) -> GenesysError:
    """Return the error of an unsuccessful answer: by its code, else by its status."""
    evidence = answer.evidence
    if transient(answer):
        return GenesysUnavailable(f"Genesys can't answer at the moment (HTTP {answer.status}).", evidence=evidence)
    if answer.status == TOO_LARGE or (answer.code or "") in TOO_LARGE_CODES:
        return RequestTooLarge(f"That is too large for one request: {quoted(answer)}", evidence=evidence)
    if answer.status == TOO_MANY_REQUESTS:
        return RateLimited(retry_after=retry_after(answer) or 0.0, evidence=evidence)
    if answer.status in NAMES_A_SUBJECT and (about := _about(answer)):
        return about
    meaning = {401: _unauthorised, 403: _forbidden, 404: _gone, 409: _conflict}
    return meaning.get(answer.status, _rejected)(answer)


def login_error_for(answer: Answer) -> GenesysError:
    """Return the error of the login host's answer without a token."""
    if transient(answer) or answer.ok:
        return GenesysUnavailable(
            f"Genesys's login can't answer at the moment (HTTP {answer.status}).", evidence=answer.evidence
        )
    return LoginRefused(f"Genesys rejected the login of the OAuth client: {quoted(answer)}", evidence=answer.evidence)


def quoted(answer: Answer) -> str:
    """Return Genesys's own message, shortened, with the status and code."""
    named = f"HTTP {answer.status}" + (f" {answer.code}" if answer.code else "")
    message = " ".join(answer.message.split())[:LONGEST_QUOTE]
    return f"{message} ({named})" if message else f"{named}."


def _rejected(answer: Answer) -> GenesysError:
    return RequestRejected(f"Genesys rejects the request: {quoted(answer)}", evidence=answer.evidence)


def _about(answer: Answer) -> GenesysError | None:
    """Return the error of a code that names its subject."""
    code = (answer.code or "").casefold()
    if code in CALL_OVER:
        return CallEnded(evidence=answer.evidence)
    if code in CALL_UNKNOWN:
        return CallNotFound(evidence=answer.evidence)
    if code in AGENT_GONE:
        return AgentLeft(evidence=answer.evidence)
    return UserContextNeeded(evidence=answer.evidence) if code in NO_USER else None


def _gone(answer: Answer) -> GenesysError:
    return NotFound(f"Genesys has not found what the request names: {quoted(answer)}", evidence=answer.evidence)


def _conflict(answer: Answer) -> GenesysError:
    return Conflict(evidence=answer.evidence)


def _unauthorised(answer: Answer) -> GenesysError:
    """Read a 401 that stayed after a new login."""
    return LoginRefused(f"Genesys rejected the bot's token: {quoted(answer)}", evidence=answer.evidence)


def _forbidden(answer: Answer) -> GenesysError:
    permission = _named_permission(answer)
    sentence = (
        f"The bot's OAuth client in Genesys lacks the permission {permission}."
        if permission
        else f"Genesys does not permit this to the bot's OAuth client: {quoted(answer)}"
    )
    return PermissionMissing(sentence, permission=permission, evidence=answer.evidence)


def _named_permission(answer: Answer) -> str | None:
    params = answer.document().get("messageParams")
    values = params.values() if isinstance(params, dict) else ()
    for text in (*map(str, values), answer.message):
        if found := PERMISSION.findall(text):
            # of several, any of which is enough, the one that the bot asks its operators for
            return next((one for one in found if one in ASKED_FOR), str(found[0]))
    return None
