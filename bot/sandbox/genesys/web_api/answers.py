"""What goes over the wire, before it is HTTP: requests as seen, answers, and the platform's error bodies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(slots=True, eq=False)
class SimulatedRequest:
    """One API request as it arrived; ``status`` stays None until it is answered, and for ever when it never is."""

    method: str
    path: str
    operation: str
    """What is asked, then "(read)", "(write)" or "(subscription)": faults can be limited to a part of it."""

    at: float
    is_write: bool
    correlation_id: str
    ids: dict[str, str] = field(default_factory=dict)
    """The ids in the path, by name: conversation, participant, session, user, queue, channel."""

    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int | None = None

    @property
    def name(self) -> str:
        """The operation without its method and kind."""
        return self.operation.removeprefix(f"{self.method} ").rpartition(" (")[0]

    @property
    def entries(self) -> int:
        """How many entries a page may have that this asks for; 0 where it asks for no page."""
        body = self.body if isinstance(self.body, dict) else {}
        paging = body.get("paging")
        asked = paging.get("pageSize") if isinstance(paging, dict) else body.get("pageSize", self.query.get("pageSize"))
        if isinstance(self.body, list):
            asked = len(self.body)
        given = str(asked or "")
        return int(given) if given.isdecimal() else 0

    @property
    def conversation_id(self) -> str | None:
        """The conversation that this is about, from the path or from the body."""
        named = self.ids.get("conversation")
        if named is None and isinstance(self.body, dict):
            named = self.body.get("conversationId")
        return named if isinstance(named, str) else None

    def snapshot(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "conversation_id": self.conversation_id,
            "is_write": self.is_write,
            "status": self.status,
            "at": self.at,
            "correlation_id": self.correlation_id,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; ``empty`` sends no body at all, as a 202 to a PATCH does."""

    status: int = 200
    body: Any = None
    empty: bool = False
    headers: dict[str, str] = field(default_factory=dict)


ACCEPTED = Answer(status=202, empty=True)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API: where it is, who may call it, and what answers."""

    method: str
    path: str
    operation: str
    handler: Callable[[SimulatedRequest], Answer | Awaitable[Answer]]
    kind: str = "read"
    """read, write (it changes a conversation) or subscription."""

    permission: str = ""
    any_of: tuple[str, ...] = ()
    """Where one of several permissions is enough; the first of them need not be the one that is meant."""

    shows_state: bool = False
    """Whether its answer carries recording states, which the fault ``null_state`` can blank out."""


class Problem(Exception):
    """An answer of the platform with an ``ErrorBody``."""

    def __init__(
        self,
        status: int,
        code: str,
        template: str,
        *,
        headers: dict[str, str] | None = None,
        **params: str,
    ) -> None:
        message = template.format(**params)
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.template = template
        self.params = params
        self.headers = headers or {}

    def answer(self, context_id: str) -> Answer:
        body = {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageWithParams": self.template,
            "messageParams": self.params,
            "contextId": context_id,
            "details": [],
            "errors": [],
        }
        return Answer(status=self.status, body=body, headers=self.headers)


def iso(at: float | None) -> str | None:
    """Write an epoch time the way the platform does: UTC, milliseconds, ``Z``."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bad_request(message: str = "The request could not be understood by the server due to malformed syntax.") -> Problem:
    return Problem(400, "bad.request", message.replace("{", "{{").replace("}", "}}"))


def invalid_value(value: object, field_type: str, allowed: str) -> Problem:
    return Problem(
        400,
        "invalid.value",
        "Value [{value}] is not valid for field type [{fieldType}]. Allowable values are: {allowed}",
        value=str(value),
        fieldType=field_type,
        allowed=allowed,
    )


def not_found() -> Problem:
    return Problem(404, "not.found", "The requested resource was not found.")


def conversation_not_found() -> Problem:
    return Problem(404, "conversation.error.conversation.not.found", "The conversation does not exist.")


def participant_not_found() -> Problem:
    return Problem(404, "conversation.error.participant.not.found", "The participant does not exist.")


def no_user_on_the_call() -> Problem:
    """Refuse a PATCH of a participant: the user behind the token is not on the call (the description's words)."""
    return Problem(
        404, "conversation.error.not.conversation.participant", "User is not a participant in the conversation."
    )


def no_active_user() -> Problem:
    """Refuse a change of ``recordingstate``: the same, with that operation's own code and status."""
    return Problem(
        403,
        "conversation.error.forbidden.not.active.participant",
        "User is not active on conversation and cannot alter recordingState",
    )


def no_token() -> Problem:
    return Problem(
        401,
        "authentication.required",
        "No authentication bearer token specified in authorization header.",
    )


def bad_token() -> Problem:
    return Problem(401, "bad.credentials", "Invalid login credentials.")


def missing_permission(*permissions: str) -> Problem:
    """Refuse for want of a permission, or of any one of several."""
    if len(permissions) > 1:
        return Problem(
            403,
            "missing.any.permissions",
            "Unable to perform the requested action. "
            "You must have at least one of the following permissions assigned: {permissions}",
            permissions=f"[{', '.join(permissions)}]",
        )
    return Problem(
        403,
        "missing.permissions",
        "Unable to perform the requested action. You are missing the following permission(s): {permissions}",
        permissions=f"[{', '.join(permissions)}]",
    )


def not_a_user() -> Problem:
    return Problem(
        400,
        "not.a.user",
        "This request requires a user context. Client credentials cannot be used for requests to this resource.",
    )


def conflict() -> Problem:
    return Problem(409, "request.conflict", "The request conflicts with the current state of the target resource.")


def unavailable() -> Problem:
    return Problem(
        503,
        "service.unavailable",
        "Service Unavailable - The server is currently unavailable (because it is overloaded or down for maintenance).",
    )


def too_many_requests(retry_after: float) -> Problem:
    """Refuse with ``Retry-After``: whole seconds, rounded up, as the platform sends them."""
    seconds = str(math.ceil(retry_after))
    return Problem(
        429,
        "too.many.requests.retry.after",
        "Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds",
        headers={"Retry-After": seconds},
        seconds=seconds,
    )


def too_many_requests_bare(allowed: int) -> Problem:
    return Problem(
        429,
        "too.many.requests",
        "Rate limit exceeded the maximum [{allowed}] requests within [{seconds}] seconds",
        allowed=str(allowed),
        seconds="60",
    )


def request_too_large() -> Problem:
    """Refuse a request, or the page that it asks for: no rate limit, and nothing to wait for."""
    return Problem(
        413,
        "request.entity.too.large",
        "The request is over the size limit. Maximum bytes: {bytes}",
        bytes="1048576",
    )


def answer_too_large() -> Problem:
    return Problem(
        400,
        "response.entity.too.large",
        "The response is over the size limit. Reduce pageSize or expand list to reduce response size if applicable",
    )


def page(request: SimulatedRequest, default_size: int) -> tuple[int, int]:
    """Read ``pageSize`` and ``pageNumber`` from the query; raise the platform's 400 for anything but numbers from 1."""
    values = []
    for name, default in (("pageSize", default_size), ("pageNumber", 1)):
        given = request.query.get(name, str(default))
        if not given.isdecimal() or int(given) < 1:
            raise Problem(
                400,
                "invalid.query.param.value",
                "Value [{value}] is not valid for parameter [{parameter}]. Allowable values are: {allowed}",
                value=given,
                parameter=name,
                allowed="numbers from 1",
            )
        values.append(int(given))
    return values[0], values[1]


def no_recorded_conversation() -> Problem:
    """Refuse to list the files of a conversation that is not there, in that operation's own code."""
    return Problem(404, "conversation.not.found", "The conversation does not exist.")
