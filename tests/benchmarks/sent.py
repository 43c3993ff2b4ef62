"""What a start, a stop and a minute of a live recording cost in requests: counted while the bot serves, with its loops.

``tests/costs`` holds the same of each step alone, and of statements and commits, in each test run.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Figure
from tests.benchmarks.load import CHANNEL, OK
from tests.benchmarks.soak import AUDIT, OPEN

if TYPE_CHECKING:
    from tests.benchmarks.load import Lines
    from tests.benchmarks.stage import Served, Stage

MINUTE = 60.0
QUIET_SECONDS = 5.0
"""So long nothing is asked once the agent's news flow."""
BEHIND = 60
"""Commands at once, each with a line in the audit channel."""
LINES_EACH = 5
"""So many lines have to share a message, at least, for "batched"."""
WITH_MESSAGES = "chat.postMessage", "chat.update"


@dataclass(frozen=True)
class Counter:
    """Counts what arrives at the simulators."""

    stage: Stage
    lines: Lines

    async def asked_for(self, text: str, call: str) -> tuple[int, int]:
        """Have it done; return Genesys's requests about the call, and Slack's about the card."""
        genesys, slack = len(self.stage.genesys.requests), len(self.stage.slack.requests)
        answered = await self.lines.command(text)
        if answered.status != OK:
            raise AssertionError(answered)
        await self.at_rest()
        about = [one for one in self.stage.genesys.requests[genesys:] if call in one.path]
        return len(about), len(self._messages(slack, CHANNEL))

    async def at_rest(self) -> None:
        """Wait until all is settled, shown and delivered."""
        with closing(sqlite3.connect(f"file:{self.stage.database}?mode=ro", uri=True)) as outside:
            await self.stage.until("at rest", lambda: outside.execute(OPEN).fetchone() == (0,))

    async def until_quiet(self) -> int:
        """Wait until the loops follow the call; return what they asked to begin with, once for an agent or a queue."""
        first = last = len(self.stage.genesys.requests)
        while True:
            await asyncio.sleep(QUIET_SECONDS)
            if len(self.stage.genesys.requests) == last:
                return last - first
            last = len(self.stage.genesys.requests)

    async def in_a_minute(self) -> int:
        """Return all requests to Genesys of a minute in which nothing happens."""
        before = len(self.stage.genesys.requests)
        await asyncio.sleep(MINUTE)
        return len(self.stage.genesys.requests) - before

    async def lines_in_a_message(self) -> tuple[int, int]:
        """Have many lines written at once; return them, and the messages in which they came."""
        before = len(self.stage.slack.requests)
        await asyncio.gather(*(self.lines.command("list") for _ in range(BEHIND)))
        await self.at_rest()
        return BEHIND, len(self._messages(before, AUDIT))

    def _messages(self, first: int, channel: str) -> list[str]:
        sent = self.stage.slack.requests[first:]
        return [one.method for one in sent if one.method in WITH_MESSAGES and one.payload.get("channel") == channel]


async def requests_sent(stage: Stage, bot: Served) -> list[Figure]:
    """Count one start, one minute, one stop, and many lines at once."""
    (call,) = stage.add_calls(1)
    async with stage.lines(bot) as lines:
        counter = Counter(stage, lines)
        start = await counter.asked_for(f"start {call} complaint", call)
        to_follow = await counter.until_quiet()
        minute = await counter.in_a_minute()
        stop = await counter.asked_for(f"stop {call}", call)
        written, messages = await counter.lines_in_a_message()
    return [
        Figure(
            "Genesys requests for a start, a stop, a minute of a live recording",
            "",
            "4, 1, 0 for an agent who was not recorded before",
            f"{start[0]}, {stop[0]}, {minute}; {to_follow} once, as the bot begins to follow the call",
            start[0] <= 4 and stop[0] <= 1 and minute == 0,  # notifications begin with the start
        ),
        Figure(
            "Slack requests for the card: a start, a stop",
            "",
            "1, 2; 1 more if a name arrives later",
            f"{start[1]}, {stop[1]}",
            max(start[1], stop[1]) <= 2,
        ),
        Figure(
            "audit lines that are written faster than Slack takes messages",
            "",
            f"at least {LINES_EACH} in a message",
            f"{written} in {messages} messages",
            written >= LINES_EACH * messages,
        ),
    ]
