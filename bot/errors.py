"""Every error that the bot raises on purpose, as facts.

::

    RecordBotError
    ├── NotPermitted              the person may not do this
    ├── IdentityUnconfirmed       Slack could not say who somebody is; nobody acts on a guess
    ├── Refused                   the request can't be carried out; nothing was sent to Genesys
    │   ├── MalformedId
    │   ├── ReasonRefused
    │   ├── MalformedPeriod
    │   ├── AboutRecording
    │   │   ├── AlreadyRecording
    │   │   └── WrongState
    │   ├── NothingToStop
    │   ├── SeveralRecordings
    │   ├── ShuttingDown
    │   └── TooLate
    ├── Duplicate                 the same request was delivered twice; the first one counts
    ├── AuditUnavailable          the trail can't be written, so nothing was done
    ├── GenesysError              what Genesys answered, or didn't; carries the evidence
    │   ├── CallNotFound
    │   ├── CallEnded
    │   ├── NotAVoiceCall
    │   ├── NoAgentConnected
    │   ├── SeveralAgents
    │   ├── CallOnHold
    │   ├── PermissionMissing
    │   ├── UserContextNeeded
    │   ├── LoginRefused
    │   ├── RequestRejected
    │   ├── Conflict
    │   ├── RateLimited
    │   ├── GenesysUnavailable    nothing had been sent that changes anything
    │   └── OutcomeUnknown        a change was sent, and nobody knows yet whether it took effect
    ├── SettingsError             a setting is wrong or missing
    └── DatabaseUnusable          the database can't be opened, or isn't ours

An error carries facts; ``bot.slack.replies`` and the command line turn them into sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Evidence:
    """What vendor support asks for when a Genesys request went wrong; it goes into the audit entry."""

    http_status: int | None = None
    code: str | None = None
    context_id: str | None = None
    correlation_id: str | None = None


class RecordBotError(Exception):
    """The root of all errors raised on purpose."""

    kind: ClassVar[str] = "error"
    """A stable word for the audit entry, the metrics and ``--json``."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or self.kind).partition("\n")[0])
        self.audit_seq: int | None = None
        """The number of the audit entry that records this error, once there is one."""


class NotPermitted(RecordBotError):
    """This person may not do this."""

    kind = "not_permitted"

    def __init__(self, message: str = "", *, cause: str = "not_a_supervisor") -> None:
        super().__init__(message)
        self.cause = cause


class IdentityUnconfirmed(RecordBotError):
    """Slack could not confirm who this person is."""

    kind = "identity_unconfirmed"


class Refused(RecordBotError):
    """The request can't be carried out; nothing was sent to Genesys."""

    kind = "refused"


class MalformedId(Refused):
    """That is not the id of a conversation."""

    kind = "malformed_id"


class ReasonRefused(Refused):
    """The reason is missing, unknown, or too long."""

    kind = "reason_refused"

    def __init__(self, message: str = "", *, length: int = 0, limit: int = 0) -> None:
        super().__init__(message)
        self.length = length
        self.limit = limit


class MalformedPeriod(Refused):
    """That is not a period whose entries could be looked at."""

    kind = "malformed_period"


class AboutRecording(Refused):
    """A refusal because of how a recording stands; it says which, in what state, since when and by whom."""

    def __init__(
        self,
        message: str = "",
        *,
        recording_id: UUID,
        conversation_id: str,
        state: str,
        actor: str,
        since: datetime,
    ) -> None:
        super().__init__(message)
        self.recording_id = recording_id
        self.conversation_id = conversation_id
        self.state = state
        self.actor = actor
        self.since = since


class AlreadyRecording(AboutRecording):
    """This call is already being recorded."""

    kind = "already_recording"


class WrongState(AboutRecording):
    """The recording is in a state in which this can't be done."""

    kind = "wrong_state"


class NothingToStop(Refused):
    """There is no recording that this could act on."""

    kind = "nothing_to_stop"


class SeveralRecordings(Refused):
    """Several recordings of this person are live, and one has to be named."""

    kind = "several_recordings"

    def __init__(self, message: str = "", *, recording_ids: tuple[UUID, ...]) -> None:
        super().__init__(message)
        self.recording_ids = recording_ids


class ShuttingDown(Refused):
    """The bot is restarting and takes no new work."""

    kind = "shutting_down"


class TooLate(Refused):
    """The request waited too long before it could be sent, so it was not sent."""

    kind = "too_late"


class Duplicate(RecordBotError):
    """The same request was delivered before; the first one counts."""

    kind = "duplicate"

    def __init__(self, attempt_id: UUID) -> None:
        super().__init__()
        self.attempt_id = attempt_id


class AuditUnavailable(RecordBotError):
    """The audit trail can't be written, so nothing was done."""

    kind = "audit_unavailable"

    def __init__(self, message: str = "", *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class GenesysError(RecordBotError):
    """What Genesys answered, or that it did not."""

    kind = "genesys_error"

    def __init__(self, message: str = "", *, evidence: Evidence | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence or Evidence()


class CallNotFound(GenesysError):
    """There is no such call in this organisation and region."""

    kind = "call_not_found"


class CallEnded(GenesysError):
    """The call has ended."""

    kind = "call_ended"


class NotAVoiceCall(GenesysError):
    """The conversation is not a voice call."""

    kind = "not_a_voice_call"


class NoAgentConnected(GenesysError):
    """No agent is connected to the call."""

    kind = "no_agent_connected"


class SeveralAgents(GenesysError):
    """Several agents are connected, and one has to be chosen."""

    kind = "several_agents"

    def __init__(
        self, message: str = "", *, participant_ids: tuple[str, ...] = (), evidence: Evidence | None = None
    ) -> None:
        super().__init__(message, evidence=evidence)
        self.participant_ids = participant_ids


class CallOnHold(GenesysError):
    """The call is on hold; its recording resumes by itself."""

    kind = "call_on_hold"


class PermissionMissing(GenesysError):
    """The bot's OAuth client lacks a permission in Genesys."""

    kind = "permission_missing"

    def __init__(self, message: str = "", *, permission: str | None = None, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.permission = permission


class UserContextNeeded(GenesysError):
    """This organisation wants a user behind the request (Genesys says ``not.a.user``)."""

    kind = "user_context_needed"


class LoginRefused(GenesysError):
    """Genesys refuses the OAuth client's id or secret."""

    kind = "login_refused"


class RequestRejected(GenesysError):
    """Genesys rejects the request as not valid."""

    kind = "request_rejected"


class Conflict(GenesysError):
    """Something else changed the call at the same moment."""

    kind = "conflict"


class RateLimited(GenesysError):
    """Genesys's request limit is used up for longer than the request may wait."""

    kind = "rate_limited"

    def __init__(self, message: str = "", *, retry_after: float, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.retry_after = retry_after
        """Seconds."""


class GenesysUnavailable(GenesysError):
    """Genesys did not answer; nothing that changes the call had been sent."""

    kind = "genesys_unavailable"

    def __init__(
        self,
        message: str = "",
        *,
        since: datetime | None = None,
        next_trial: float | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__(message, evidence=evidence)
        self.since = since
        """Since when Genesys has been down, where nothing is sent for that reason."""
        self.next_trial = next_trial
        """Seconds until the bot tries whether it is back."""


class OutcomeUnknown(GenesysError):
    """A change was sent to Genesys, and nobody knows yet whether it took effect."""

    kind = "outcome_unknown"


class SettingsError(RecordBotError):
    """One or more settings are wrong or missing; one sentence for each."""

    kind = "settings"

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class DatabaseUnusable(RecordBotError):
    """The database can't be opened, is locked, or is not the bot's."""

    kind = "database_unusable"
