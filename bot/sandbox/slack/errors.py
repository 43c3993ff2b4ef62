"""What the simulated Slack refuses, in Slack's own words."""

from __future__ import annotations

from typing import Any


class SlackError(Exception):
    """An answer with ``ok: false``; ``code`` is Slack's error, ``more`` goes into the answer beside it."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more

    @classmethod
    def invalid(cls, code: str, findings: list[str]) -> SlackError:
        """Return the error that names each place where blocks or a view break a rule."""
        marked = [f"[ERROR] {finding}" for finding in findings]
        return cls(code, errors=findings, response_metadata={"messages": marked})


class NothingThere(LookupError):
    """A person cannot do this: there is no such channel, message, button or view for them."""
