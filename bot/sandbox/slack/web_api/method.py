"""What a Web API method is: its arguments, its scopes, its rate limit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bot.sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Arguments:
    """The arguments of one call. In a form everything is text, and lists and objects are JSON in it."""

    values: dict[str, Any]

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str) -> str:
        """Return the argument as text, empty where it is missing."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def wanted(self, name: str, error: str = "invalid_arguments") -> str:
        value = self.text(name)
        if not value:
            finding = f"missing required field: {name}"
            raise SlackError(error, response_metadata={"messages": [f"[ERROR] {finding}"]})
        return value

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "1"}

    def parsed(self, name: str, error: str) -> Any:
        """Return a list or an object, from JSON where it came as text; None where it is missing or empty."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise SlackError(error) from None


@dataclass(frozen=True)
class Method:
    """A Web API method. Any one of ``scopes`` is enough; ``tier`` is Slack's rate limit class."""

    run: Callable[[Arguments], dict[str, Any]]
    scopes: tuple[str, ...] = ()
    tier: int | None = None
    token: Literal["none", "bot", "app", "any"] = "bot"  # noqa: S105  a kind of token, not a token
