"""Refusals by the bot itself; nothing was sent to Genesys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bot.errors.root import RecordBotError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID


class NotPermitted(RecordBotError):
    """This person may not do this."""

    def __init__(self, message: str = "", *, cause: str = "not_a_supervisor") -> None:
        super().__init__(message)
        self.cause = cause


class OutOfScope(NotPermitted):
    """This call is not among those that the person may control."""

    def __init__(self, message: str = "", *, cause: str = "out_of_scope", grants: tuple[str, ...] = ()) -> None:
        super().__init__(message, cause=cause)
        self.grants = grants
        """The labels of what the person may control."""


class IdentityUnconfirmed(RecordBotError):
    """Slack could not confirm who this person is."""


class Refused(RecordBotError):
    """The request can't be carried out; nothing was sent to Genesys."""


class MalformedId(Refused):
    """That is not the id of a conversation."""

    def __init__(self, message: str = "", *, named: bool = True) -> None:
        super().__init__(message)
        self.named = named
        """False where nothing was typed at all."""
        self.verb: str | None = None
        """The command to type with an id; None where the advice is only where to find one."""


class ReasonRefused(Refused):
    """The reason is missing, unknown, or too long."""

    def __init__(
        self,
        message: str = "",
        *,
        length: int = 0,
        limit: int = 0,
        required: bool = False,
        known: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.length = length
        self.limit = limit
        self.required = required
        """One has to be given, and wasn't."""
        self.known = dict(known or {})
        """The settings' reasons, code to label."""


class MalformedPeriod(Refused):
    """That is not a period whose entries could be looked at."""


class MalformedLength(Refused):
    """That is not a length for which a pause can last."""


class AboutRecording(Refused):
    """A refusal because of how a recording stands; it says which, in what state, since when and by whom."""

    kind = Refused.kind

    def __init__(
        self,
        message: str = "",
        *,
        recording_id: UUID,
        conversation_id: str,
        state: str,
        actor: str,
        since: datetime,
        taken_over: bool = False,
    ) -> None:
        super().__init__(message)
        self.recording_id = recording_id
        self.conversation_id = conversation_id
        self.state = state
        self.actor = actor
        self.since = since
        self.taken_over = taken_over
        """Whether it runs, and Genesys had begun it before: then ``since`` is not since when it runs."""


class AlreadyRecording(AboutRecording):
    """This call is already being recorded."""


class WrongState(AboutRecording):
    """The recording is in a state in which this can't be done."""


class NothingToStop(Refused):
    """There is no recording that this could act on."""


class AgentNotFound(Refused):
    """Nobody in Genesys is the agent whom the person named."""

    def __init__(self, message: str = "", *, cause: str = "nobody") -> None:
        super().__init__(message)
        self.cause = cause
        """``nobody``; of a mention also ``no_user``, or why Slack shows no address."""


class SeveralCalls(Refused):
    """Several agents, or several calls of an agent, may be meant, and one call has to be chosen."""


class NotOnACall(Refused):
    """The agent is not talking on any call now."""


class AlreadyWaitingForCall(Refused):
    """This person already waits for the agent's next call."""

    def __init__(self, message: str = "", *, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class NotWaiting(Refused):
    """Nobody waits for that agent's next call any more."""


class NoCallEvents(Refused):
    """Genesys doesn't tell the bot when this agent's calls connect."""

    def __init__(self, message: str = "", *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        """Genesys's words, such as the missing permission."""


class SeveralRecordings(Refused):
    """Several recordings of this person are live, and one has to be named."""

    def __init__(self, message: str = "", *, recording_ids: tuple[UUID, ...]) -> None:
        super().__init__(message)
        self.recording_ids = recording_ids


class ShuttingDown(Refused):
    """The bot is restarting and takes no new work."""


class ApprovalClosed(Refused):
    """That stop does not wait for a second supervisor any more."""

    def __init__(self, message: str = "", *, outcome: str = "unknown", recording_id: UUID | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        """``confirmed``, ``withdrawn``, ``expired``, ``over`` (the recording ended without it), or ``unknown``."""
        self.recording_id = recording_id


class AlreadySnoozed(Refused):
    """Someone has already said that this recording is still needed."""

    def __init__(self, message: str = "", *, by: str = "", until: datetime | None = None) -> None:
        super().__init__(message)
        self.by = by
        self.until = until
        """When the next reminder comes; None: never, because reminders are turned off."""


class ApprovalPending(Refused):
    """Another request about this recording waits for a second supervisor, and only one can."""


class AlreadyExtended(Refused):
    """The time was extended before, so it ends later than the person's message says."""

    def __init__(self, message: str = "", *, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until
        """When it ends now; None: it no longer ends by itself."""


class TooManyRequests(Refused):
    """This person has asked for more within a minute than is taken from one."""

    def __init__(self, message: str = "", *, limit: int, retry_after: float) -> None:
        super().__init__(message)
        self.limit = limit
        """Requests a minute."""
        self.retry_after = retry_after
        """Seconds until the next one is taken."""


class TooLate(Refused):
    """The request waited too long before it could be sent, so it was not sent."""

    def __init__(self, message: str = "", *, age: float | None = None) -> None:
        super().__init__(message)
        self.age = age
        """How many seconds ago the person sent it, if that was the reason."""


class Duplicate(RecordBotError):
    """The same request was delivered before; the first one counts."""

    def __init__(self, attempt_id: UUID) -> None:
        super().__init__()
        self.attempt_id = attempt_id


class AuditUnavailable(RecordBotError):
    """The audit trail can't be written, so nothing was done."""

    TOO_SLOW: ClassVar[str] = "the database was too slow"
    REPLACED: ClassVar[str] = "the database was deleted or replaced"
    """The causes that the bot names itself; any other is the database's own."""

    def __init__(self, message: str = "", *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
