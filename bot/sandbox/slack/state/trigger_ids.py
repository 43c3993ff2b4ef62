"""The short-lived things that Slack hands out with a payload: trigger ids and response URLs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass
class _Trigger:
    user: str
    at: float
    used: bool = False


@dataclass
class TriggerIds:
    """Trigger ids: each opens one view, within three seconds of the clock."""

    clock: Callable[[], float]
    lifetime: float = TRIGGER_SECONDS
    _given: dict[str, _Trigger] = field(init=False, default_factory=dict)

    def give(self, user_id: str) -> str:
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._given[trigger_id] = _Trigger(user_id, self.clock())
        return trigger_id

    def check(self, trigger_id: str) -> str:
        """Return whose trigger it is, without using it up; refuse one that is unknown, used or too old."""
        trigger = self._given.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.at > self.lifetime:
            raise SlackError("expired_trigger_id")
        return trigger.user

    def use(self, trigger_id: str) -> None:
        self._given[trigger_id].used = True


@dataclass
class ResponseUrl:
    """Where an app may answer an interaction; ``message_ts`` names the message it came from, if there is one."""

    channel: str
    user: str
    message_ts: str | None
    at: float
    uses: int = 0


@dataclass
class ResponseUrls:
    """Response URLs: five uses, thirty minutes."""

    clock: Callable[[], float]
    _given: dict[str, ResponseUrl] = field(init=False, default_factory=dict)

    def give(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """Return the path of a new response URL."""
        token = secrets.token_urlsafe(18)
        self._given[token] = ResponseUrl(channel, user, message_ts, self.clock())
        return f"/response/{token}"

    def use(self, token: str) -> ResponseUrl:
        given = self._given.get(token)
        if given is None:
            raise SlackError("no_such_url")
        if self.clock() - given.at > RESPONSE_SECONDS:
            raise SlackError("expired_url")
        if given.uses >= RESPONSE_USES:
            raise SlackError("used_url")
        given.uses += 1
        return given
