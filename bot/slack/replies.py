"""Every error in the supervisor's words, in one place: what happened, how the call stands now, and what to do.

The texts hold no markup, so that Slack and a terminal can show the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import (
    AboutRecording,
    AuditUnavailable,
    GenesysError,
    GenesysUnavailable,
    MalformedId,
    NotPermitted,
    PermissionMissing,
    RateLimited,
    ReasonRefused,
    RecordBotError,
    RequestRejected,
    SeveralRecordings,
)
from bot.recording.models import RecordingState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.recording.models import Recording


@dataclass(frozen=True, slots=True)
class Sentence:
    """What happened, and what to do about it."""

    what: str
    do: str


SENTENCES = {
    "not_permitted": Sentence(
        "You can't control recordings.", "Ask an administrator to put you on the bot's list of supervisors."
    ),
    "identity_unconfirmed": Sentence(
        "Slack could not confirm who you are just now, and nobody acts on a guess.", "Try again in a moment."
    ),
    "malformed_id": Sentence(
        "That is not the id of a call.",
        "Copy the conversation's id or its link from Genesys and type: /record start <id or link> [reason]",
    ),
    "reason_refused": Sentence("The reason can't be taken.", "Type a shorter or a listed one."),
    "malformed_period": Sentence(
        "That is not a period of the trail.",
        "Type one of these: today, yesterday, 7d, 30d, or a day that is not in the future, such as 2026-01-31.",
    ),
    "already_recording": Sentence("This call is already being recorded.", "There is nothing to do."),
    "nothing_to_stop": Sentence(
        "There is no live recording of the bot's that this could act on.", "See the live ones with: /record list"
    ),
    "several_recordings": Sentence(
        "You have several live recordings.",
        "Say which call, or use the button on its card; see them with: /record list",
    ),
    "wrong_state": Sentence(
        "The recording is not in a state for that.", "Look at its card, or ask: /record status <id>"
    ),
    "shutting_down": Sentence("The bot is restarting and takes no new work.", "Try again in a minute."),
    "too_late": Sentence("The request could not be written down in time, so it was not sent.", "Try again."),
    "duplicate": Sentence("This request has been received already; it counts once.", "Look at the card."),
    "audit_unavailable": Sentence(
        "The audit trail can't be written, so nothing was done.",
        "Try again; tell an administrator if it stays like this.",
    ),
    "call_not_found": Sentence(
        "Genesys knows no such call in this organisation and region.",
        "Check the id; copy it from the interaction itself.",
    ),
    "call_ended": Sentence("The call has ended.", "There is nothing left to record."),
    "not_a_voice_call": Sentence("This conversation is not a voice call.", "Only voice calls can be recorded."),
    "no_agent_connected": Sentence(
        "No agent is connected to this call, so there is nothing to record yet.",
        "Try again once an agent has answered.",
    ),
    "several_agents": Sentence(
        "Several agents are connected to this call, and the bot can't tell whose side to record.",
        "Try again when one of them has left.",
    ),
    "call_on_hold": Sentence(
        "The call is on hold; its recording goes on by itself when it is taken off hold.", "There is nothing to do."
    ),
    "permission_missing": Sentence(
        "Genesys does not let the bot do this.",
        "An administrator has to grant the permission to a role of the bot's OAuth client (Admin, Roles/Permissions).",
    ),
    "user_context_needed": Sentence(
        "Genesys wants a user behind this request, and the bot is none.",
        "An administrator has to give the bot's OAuth client another permission, or set GENESYS_RECORDING_API.",
    ),
    "login_refused": Sentence(
        "Genesys refuses the bot's login.",
        "An administrator has to check PURECLOUD_CLIENT_ID, PURECLOUD_CLIENT_SECRET and PURECLOUD_ENVIRONMENT.",
    ),
    "request_rejected": Sentence(
        "Genesys rejects the request as not valid.", "Check that this is the id of a voice call."
    ),
    "conflict": Sentence("Something else changed this call at the same moment.", "Look at the call, then try again."),
    "rate_limited": Sentence("Genesys's request limit is used up.", "Try again when the limit has passed."),
    "genesys_unavailable": Sentence("Genesys does not answer.", "Nothing was changed. Try again in a moment."),
    "outcome_unknown": Sentence(
        "The request was sent to Genesys, but it is not known yet whether it took effect.",
        "The bot keeps looking and will say how it ended.",
    ),
    "took_effect_late": Sentence(
        "A start that had been given up began after all, and the bot has the recording stopped.",
        "Listen to what was recorded in between, if it matters.",
    ),
    "genesys_error": Sentence(
        "Genesys answered with an error.", "Try again; tell an administrator if it stays like this."
    ),
    "database_unusable": Sentence("The bot's database can't be used.", "Tell an administrator."),
    "refused": Sentence("The request can't be carried out.", "Nothing was done."),
    "error": Sentence(
        "Something went wrong in the bot itself.", "Tell an administrator, and look at the call in Genesys."
    ),
}

CAUSES = {
    "not_compliance": Sentence(
        "Totals and exports of the trail are for compliance only.",
        "Ask an administrator to put you on the bot's list of compliance (SLACK_COMPLIANCE).",
    ),
    "unconfirmed": SENTENCES["identity_unconfirmed"],
    "guest": Sentence("Guests can't control recordings.", "Ask a supervisor."),
    "bot": Sentence("Bots can't control recordings.", "A person has to ask."),
    "deleted": Sentence("This account has been deactivated.", "Ask an administrator."),
    "stranger": Sentence("Only members of this workspace can control recordings.", "Ask a supervisor here."),
    "foreign_team": Sentence("Only members of this workspace can control recordings.", "Ask a supervisor here."),
}

NOW = {
    RecordingState.ACTIVE: "The call is being recorded.",
    RecordingState.PAUSED: "The recording is paused.",
    RecordingState.STARTING: "The recording is being started.",
    RecordingState.PAUSING: "The recording is being paused.",
    RecordingState.RESUMING: "The recording is being resumed.",
    RecordingState.STOPPING: "The recording is being stopped.",
    RecordingState.STOPPED: "The bot is not recording this call.",
    RecordingState.FAILED: "The bot is not recording this call.",
    RecordingState.ENDED: "The bot is not recording this call.",
}
STANDING = {
    RecordingState.STARTING: "This call's recording is already being started by {by}, since {at}.",
    RecordingState.ACTIVE: "This call is being recorded since {at} by {by}.",
    RecordingState.PAUSED: "This call is being recorded since {at} by {by}; it is paused now.",
    RecordingState.PAUSING: "Another request for this recording is being carried out just now.",
    RecordingState.RESUMING: "Another request for this recording is being carried out just now.",
    RecordingState.STOPPING: "This recording is already being stopped.",
    RecordingState.STOPPED: "This recording was already stopped by {by} at {at}.",
    RecordingState.FAILED: "This recording never began.",
    RecordingState.ENDED: "This recording ended with its call at {at}.",
}
"""How the recording stands that is in the way of a request."""
IN_DOUBT_NOW = "Whether the call is being recorded now is being checked."


@dataclass(frozen=True, slots=True)
class Voice:
    """How people and times are named where the text is shown."""

    person: Callable[[str], str]
    time: Callable[[datetime], str]
    plain: Callable[[str], str] = str
    """Makes plain text fit to be shown; Slack's three control characters are escaped."""


def explain(error: RecordBotError, voice: Voice, recording: Recording | None = None) -> str:
    """Say in a few sentences what happened, how the call stands now, what to do, and the audit number."""
    sentence = _sentence(error)
    what = _standing(error, voice) or voice.plain(sentence.what)
    rest = [_details(error), _now(error, recording), sentence.do, f"(#{error.audit_seq})" if error.audit_seq else ""]
    return " ".join([what, *(voice.plain(part) for part in rest if part)])


def now(recording: Recording) -> str:
    """Say whether the call is being recorded now, as far as is known."""
    return IN_DOUBT_NOW if recording.in_doubt else NOW[recording.state]


def _sentence(error: RecordBotError) -> Sentence:
    if isinstance(error, NotPermitted) and error.cause in CAUSES:
        return CAUSES[error.cause]
    if isinstance(error, MalformedId) and error.args[0] == "No call was named.":
        return Sentence("No call was named.", SENTENCES["malformed_id"].do)
    if isinstance(error, ReasonRefused):
        return Sentence(str(error), "")
    return SENTENCES.get(error.kind, SENTENCES["error"])


def _standing(error: RecordBotError, voice: Voice) -> str:
    if isinstance(error, GenesysUnavailable) and error.since is not None:
        return f"Genesys has not answered since {voice.time(error.since)}, so nothing was sent."
    if not isinstance(error, AboutRecording):
        return ""
    text = STANDING[RecordingState(error.state)]
    return text.format(by=voice.person(error.actor), at=voice.time(error.since))


def _details(error: RecordBotError) -> str:
    if isinstance(error, PermissionMissing) and error.permission:
        return f"The missing permission is {error.permission}."
    if isinstance(error, RateLimited):
        return f"Genesys asks to wait {max(1, round(error.retry_after))} s."
    if isinstance(error, GenesysUnavailable) and error.next_trial is not None:
        return f"The bot tries it again in {max(1, round(error.next_trial))} s."
    if isinstance(error, RequestRejected) and error.args[0] and error.evidence.http_status is None:
        return str(error)
    if isinstance(error, AuditUnavailable) and error.cause:
        return f"The database says: {error.cause}."
    return ""


def _now(error: RecordBotError, recording: Recording | None) -> str:
    if recording is not None:
        return now(recording)
    if isinstance(error, (AboutRecording, SeveralRecordings, GenesysError, AuditUnavailable)):
        return ""
    return "Nothing was changed."
