"""Errors from Genesys's answers, or from missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.errors.root import RecordBotError

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What vendor support asks for when a Genesys request went wrong; it goes into the audit entry."""

    http_status: int | None = None
    code: str | None = None
    context_id: str | None = None
    correlation_id: str | None = None


class ConnectedAgent(Protocol):
    """An agent whom a supervisor can choose: the participant's id, the user's, and the name where it is known."""

    @property
    def id(self) -> str: ...

    @property
    def user_id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


class GenesysError(RecordBotError):
    """What Genesys answered, or that it did not."""

    def __init__(self, message: str = "", *, evidence: Evidence | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence or Evidence()


class NotFound(GenesysError):
    """Genesys has not found what a request names, and does not say which part of it."""


class CallNotFound(NotFound):
    """There is no such call in this organization and region."""


class CallEnded(GenesysError):
    """The call has ended."""


class NotAVoiceCall(GenesysError):
    """The conversation is not a voice call."""


class NoAgentConnected(GenesysError):
    """No agent is connected to the call."""


class SeveralAgents(GenesysError):
    """Several agents are connected, and one has to be chosen."""

    def __init__(
        self, message: str = "", *, agents: tuple[ConnectedAgent, ...] = (), evidence: Evidence | None = None
    ) -> None:
        super().__init__(message, evidence=evidence)
        self.agents = agents


class AgentLeft(GenesysError):
    """The agent whom a request is about is not on the call any more; the call goes on."""

    def __init__(
        self, message: str = "", *, agents: tuple[ConnectedAgent, ...] = (), evidence: Evidence | None = None
    ) -> None:
        super().__init__(message, evidence=evidence)
        self.agents = agents
        """Those who are connected now."""


class CallOnHold(GenesysError):
    """The call is on hold; its recording resumes by itself."""


class PermissionMissing(GenesysError):
    """The bot's OAuth client lacks a permission in Genesys."""

    def __init__(self, message: str = "", *, permission: str | None = None, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.permission = permission


class UserContextNeeded(GenesysError):
    """Genesys wants a user behind the request, or one who is on the call; the bot's client is none.

    The codes are ``not.a.user``, ``conversation.error.not.conversation.participant`` and
    ``conversation.error.forbidden.not.active.participant``. None of them says anything about the call.
    """


class LoginRefused(GenesysError):
    """Genesys refuses the OAuth client's id or secret."""


class RequestRejected(GenesysError):
    """Genesys rejects the request as not valid."""

    def __init__(self, message: str = "", *, cause: str = "", evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.cause = cause
        """A word for what can't be, where that is known before Genesys is asked."""


class RequestTooLarge(RequestRejected):
    """Genesys wants fewer entries in one request or answer."""

    kind = RequestRejected.kind


class Conflict(GenesysError):
    """Something else changed the call at the same moment."""


class RateLimited(GenesysError):
    """Genesys's request limit is used up for longer than the request may wait."""

    def __init__(self, message: str = "", *, retry_after: float, evidence: Evidence | None = None) -> None:
        super().__init__(message, evidence=evidence)
        self.retry_after = retry_after
        """Seconds."""


class GenesysUnavailable(GenesysError):
    """Genesys did not answer; nothing that changes the call had been sent."""

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


class RecordingNotSaid(GenesysUnavailable):
    """Genesys answers, and does not say whether the call is being recorded; nothing was sent."""


class OutcomeUnknown(GenesysError):
    """A change was sent to Genesys, and nobody knows yet whether it took effect."""


class NotInEffect(GenesysError):
    """A change whose result was not known: a later reading of the call found that it did not take effect."""
