"""The answer to a request, or why there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.audit.storable import storable
from bot.errors import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping


class Unsent(Exception):
    """No connection could be made, so the request was not sent."""

    kind = "not_connected"


class NoTimeLeft(Unsent):
    """The deadline passed while the request waited for its turn."""


class Unanswered(Exception):
    """The request may have arrived, and no answer came back."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind
        """``timeout`` or ``dropped``."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status; header names are lower case. Its body is not to be changed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  HTTP's own figures

    def json(self) -> Any:
        """Return the body as JSON, None if it isn't JSON."""
        return self._body

    @cached_property  # a call's is long, and is asked for its error as often as for what it says
    def _body(self) -> Any:
        try:
            return storable(json.loads(self.text))
        except (ValueError, RecursionError):  # or is too deep to be one of Genesys's
            return None

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object, an empty one if it is something else."""
        body = self.json()
        return body if isinstance(body, dict) else {}

    @property
    def code(self) -> str | None:
        """Genesys's error code; the login host calls it ``error``."""
        body = self.document()
        return _text(body.get("code")) or _text(body.get("error"))

    @property
    def message(self) -> str:
        body = self.document()
        return _text(body.get("message")) or _text(body.get("description")) or ""

    @property
    def correlation_id(self) -> str | None:
        """By which Genesys finds the request again."""
        return self.headers.get("inin-correlation-id")

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            http_status=self.status,
            code=self.code,
            context_id=_text(self.document().get("contextId")),
            correlation_id=self.correlation_id,
        )


class Unusable(Exception):
    """The answer leaves open what happened, or is not in the expected form."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
