"""The relay of the audit channel: stateless, it posts every entry of the trail, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from bot.audit.entry import Phase
from bot.outbox.relay import Backoff, run_to_completion
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.audit.line import NO_NAMES, grouped, message, plain_message
from bot.slack.client import WEB_API_ERRORS
from bot.slack.shared_channels import AuditChannelShared

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.audit.entry import Entry
    from bot.database.outbox.deliveries import SqlOutbox
    from bot.outbox.audit_names import LineNameLookup
    from bot.recording.ports import Clock
    from bot.slack.blocks.audit.line import Group
    from bot.slack.blocks.card import CardStyle
    from bot.slack.shared_channels import SharedChannels

POST_GAP_SECONDS = 1.0
"""Slack allows about one message a second in a channel."""
LINES_IN_A_MESSAGE = 20
"""Entries in one message, at most; lines may stand for several of them."""
REQUEST_HELD_SECONDS = 1.0
"""How long a request waits for its outcome; most of Genesys's answers take less."""
READS_HELD_SECONDS = 3.0
"""How long reads wait for more of them, if nothing else is to be posted."""
ANSWERED_SOON = frozenset(
    {"recording:start", "recording:follow", "recording:stop", "recording:pause", "recording:resume"}
)
log = structlog.get_logger(__name__)


@dataclass
class Progress:
    """When the next message may go out, on the clock's ``monotonic``, and how many entries it may hold."""

    earliest: float = 0.0
    entries: int = LINES_IN_A_MESSAGE


@dataclass(frozen=True, slots=True)
class AuditPublisher:
    """Posts every audit entry to the audit channel, in order; several in one message when it is behind.

    Nothing is ever left out: a message that Slack takes nowhere is cut in half, and cut again, down to one entry, which
    goes out as plain text.
    """

    client: AsyncWebClient
    outbox: SqlOutbox
    style: CardStyle
    channel: str
    changes: asyncio.Event
    clock: Clock
    pace: Backoff
    progress: Progress = field(default_factory=Progress)
    shared_channels: SharedChannels | None = None
    names: LineNameLookup | None = None

    async def step(self) -> float | None:
        """Post the next message; return after how long lines that are held back are due.

        A request gets some time for its outcome, so that both are one line.
        """
        await self._gap()  # first, so that what comes meanwhile goes into the same message
        waiting = await self.outbox.undelivered(limit=self.progress.entries)
        if not waiting:
            return None
        left = self._hold(waiting)
        if left > 0:
            return left
        await self._publish(waiting)
        return 0.0

    def _hold(self, waiting: Sequence[tuple[Entry, bool]]) -> float:
        """Return for how many seconds these may still wait; never long, even if the clock was set back."""
        if len(waiting) == self.progress.entries:
            return 0.0
        groups = grouped(waiting)
        if all(group.reads for group in groups):
            longest = READS_HELD_SECONDS
        elif _open(groups[-1]):
            longest = REQUEST_HELD_SECONDS
        else:
            return 0.0
        age = (self.clock.now() - waiting[0][0].occurred_at).total_seconds()
        return longest - age if age >= 0 else 0.0

    async def publish_next(self) -> bool:
        """Post one message with the next entries, whatever they wait for; False if there are none."""
        waiting = await self.outbox.undelivered(limit=self.progress.entries)
        if not waiting:
            return False
        await self._gap()
        await self._publish(waiting)
        return True

    async def _gap(self) -> None:
        await self.clock.sleep(max(0.0, self.progress.earliest - self.clock.monotonic()))

    async def _publish(self, waiting: Sequence[tuple[Entry, bool]]) -> None:
        if self.shared_channels is not None and await self.shared_channels.ask(self.channel):
            await self.pace.wait_after(AuditChannelShared(), "audit")  # another organization would read the trail
            return
        await self._post(waiting)

    async def _post(self, waiting: Sequence[tuple[Entry, bool]]) -> None:
        names = NO_NAMES if self.names is None else await self.names.of([entry for entry, _ in waiting])
        cut = await self.outbox.cut_off(self.channel)
        if cut is not None:
            log.error("audit_gap_found", last_shown=cut[0], next=waiting[0][0].seq)
        error = await run_to_completion(self._send(waiting, message(waiting, self.style, names, cut=cut)))
        if error is not None and verdict(error) is DeliveryFailure.UNACCEPTABLE:
            log.error("audit_message_rejected", entries=len(waiting), first=waiting[0][0].seq, error=code(error))
            if len(waiting) > 1:
                self.progress.entries = len(waiting) // 2
                return
            entry, again = waiting[0]
            plain = plain_message(entry, self.style, names, again=again, cut=cut)
            error = await run_to_completion(self._send(waiting, plain))
        if error is not None:
            await self.pace.wait_after(error, "audit")

    async def _send(self, waiting: Sequence[tuple[Entry, bool]], content: dict[str, Any]) -> Exception | None:
        """Post the lines; return why Slack did not take them, or may not have."""
        seqs = [entry.seq for entry, _ in waiting]
        fresh = [entry.seq for entry, again in waiting if not again]
        await self.outbox.delivery_begun(seqs, self.clock.now())
        try:
            answer = await self.client.chat_postMessage(channel=self.channel, **content)
        except WEB_API_ERRORS as error:
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.outbox.delivery_refused(fresh)
            return error
        self.pace.went_well()
        self.progress.entries = LINES_IN_A_MESSAGE
        self.progress.earliest = self.clock.monotonic() + POST_GAP_SECONDS
        await self.outbox.delivered(seqs, at=self.clock.now(), channel=str(answer["channel"]), ts=str(answer["ts"]))
        return None


def _open(group: Group) -> bool:
    """Return whether the line ends with a request that has no outcome yet, and is to get one soon."""
    last = group.entries[-1]
    return last.phase is Phase.REQUESTED and last.action in ANSWERED_SOON
