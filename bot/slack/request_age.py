"""How old a request of Slack's is: nobody wants a recording to begin minutes after Slack said that it failed.

Over HTTP, Slack signs the time of each request (https://docs.slack.dev/authentication/verifying-requests-from-slack).
In Socket Mode there is no such header. Clicks and shortcuts carry ``action_ts`` there (the payload of a shortcut:
https://github.com/slackapi/bolt-python/issues/772). A slash command or a modal carries no time: a ``trigger_id`` begins
with a sequence number, not with a time. For those, the bot knows how long its own process stood still, and so for how
long a request may have waited unread.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.slack.slack_clock import SlackClock

log = structlog.get_logger(__name__)

TIMESTAMP = "x-slack-request-timestamp"
BEAT_SECONDS = 0.5
STALL_SECONDS = 3.0
"""From when a late beat counts as a stall: Slack waits so long for an answer."""
BACKLOG_SECONDS = 1.0
"""How long after a stall the requests that are read may come from it; one that is new is refused too, and said so."""

_current: ContextVar[Callable[[], float] | None] = ContextVar("request_age", default=None)


def age_of_current_request() -> Callable[[], float] | None:
    """Return what tells the age in seconds of the request that is being handled; None if nothing does."""
    return _current.get()


def sent_at(headers: Mapping[str, Sequence[str]], body: Mapping[str, Any]) -> float | None:
    """Return when Slack says that the request was sent, in seconds since the epoch; None if it doesn't say."""
    actions = body.get("actions")
    told = [*headers.get(TIMESTAMP, ()), body.get("action_ts")]
    told += [one.get("action_ts") for one in actions if isinstance(one, dict)] if isinstance(actions, list) else []
    for text in told:
        if isinstance(text, str) and (found := _seconds(text)) is not None:
            return found
    return None


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(slots=True)
class RequestAges:
    """Finds out the age of each request, and notices when this process stood still."""

    clock: SlackClock
    machine: Callable[[], float] = time.time
    """Counts while the process or the machine is suspended, unlike a steady clock."""
    _beat: float | None = field(default=None)
    _stalled_from: float = 0.0
    _stalled_until: float = float("-inf")

    async def run(self) -> None:
        """Note, for ever, that the process runs."""
        while True:
            self._note_beat()
            await asyncio.sleep(BEAT_SECONDS)

    def note(self, headers: Mapping[str, Sequence[str]], body: Mapping[str, Any]) -> None:
        """Note the age of the request that is handled from here on."""
        now = self._note_beat()
        sent = sent_at(headers, body)
        if sent is not None:
            _current.set(lambda: max(0.0, self.clock.now() - sent))
        elif now - self._stalled_until <= BACKLOG_SECONDS:
            earliest = self._stalled_from
            _current.set(lambda: max(0.0, self.machine() - earliest))
        else:
            _current.set(lambda: max(0.0, self.machine() - now))

    def _note_beat(self) -> float:
        """Return the time, and note a stall if the last beat was long ago."""
        now, before = self.machine(), self._beat
        self._beat = now
        if before is not None and now - before > STALL_SECONDS:
            self._stalled_from, self._stalled_until = before, now
            log.warning("process_stalled", seconds=round(now - before, 1))
        return now
