"""The relay of the audit channel: stateless, it posts every entry of the trail, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bot.outbox.relay import Backoff, run_relay, run_to_completion
from bot.slack.api_errors import DeliveryFailure, verdict
from bot.slack.blocks.audit_line import message
from bot.slack.client import WEB_API_ERRORS
from bot.slack.shared_channels import AuditChannelShared

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from datetime import datetime

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.audit.entry import Entry
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle
    from bot.slack.shared_channels import SharedChannels

POST_GAP_SECONDS = 1.0
"""Slack allows about one message a second in a channel."""
LINES_IN_A_MESSAGE = 20


class AuditOutbox(Protocol):
    """Which entries the audit channel lacks, and which of them it was given."""

    async def undelivered(self, *, limit: int = 50) -> tuple[tuple[Entry, bool], ...]: ...

    async def delivery_begun(self, seqs: Sequence[int], at: datetime) -> None: ...

    async def delivery_refused(self, seqs: Sequence[int]) -> None: ...

    async def delivered(self, seqs: Sequence[int], *, at: datetime, channel: str, ts: str) -> None: ...


@dataclass
class Progress:
    """When the next message may go out, on the clock's ``monotonic``."""

    earliest: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditPublisher:
    """Posts every audit entry to the audit channel, in order; several in one message when it is behind."""

    client: AsyncWebClient
    outbox: AuditOutbox
    style: CardStyle
    channel: str
    changes: asyncio.Event
    clock: Clock
    pace: Backoff
    progress: Progress = field(default_factory=Progress)
    shared_channels: SharedChannels | None = None

    async def run(self) -> None:
        await run_relay("audit", self.publish_next, self.changes, self.pace)

    async def publish_next(self) -> bool:
        """Post one message with the next entries; False if there are none."""
        waiting = await self.outbox.undelivered(limit=LINES_IN_A_MESSAGE)
        if not waiting:
            return False
        if self.shared_channels is not None and await self.shared_channels.ask(self.channel):
            await self.pace.wait_after(AuditChannelShared(), "audit")  # another organization would read the trail
            return True
        await self.clock.sleep(max(0.0, self.progress.earliest - self.clock.monotonic()))
        if self.progress.earliest:  # entries that came while it waited go into the same message
            waiting = await self.outbox.undelivered(limit=LINES_IN_A_MESSAGE)
        await self._post(waiting)
        return True

    async def _post(self, waiting: Sequence[tuple[Entry, bool]]) -> None:
        if (error := await run_to_completion(self._send(waiting))) is not None:
            await self.pace.wait_after(error, "audit")

    async def _send(self, waiting: Sequence[tuple[Entry, bool]]) -> Exception | None:
        """Post the lines; return why Slack did not take them, or may not have."""
        seqs = [entry.seq for entry, _ in waiting]
        fresh = [entry.seq for entry, again in waiting if not again]
        await self.outbox.delivery_begun(seqs, self.clock.now())
        try:
            answer = await self.client.chat_postMessage(channel=self.channel, **message(waiting, self.style))
        except WEB_API_ERRORS as error:
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.outbox.delivery_refused(fresh)
            return error
        self.pace.went_well()
        self.progress.earliest = self.clock.monotonic() + POST_GAP_SECONDS
        await self.outbox.delivered(seqs, at=self.clock.now(), channel=str(answer["channel"]), ts=str(answer["ts"]))
        return None
