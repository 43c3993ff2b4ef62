"""The relay of messages to people who wait for an agent's next call: each arrives once, whatever happens in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.outbox.relay import is_final, run_to_completion
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.next_calls import is_known, next_call_message
from bot.slack.users import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.queries.next_calls import SqlNextCalls
    from bot.outbox.relay import Backoff
    from bot.recording.next_call import DueNotice
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

log = structlog.get_logger(__name__)

GAP_SECONDS = 1.2
"""Between two messages: Slack takes about one posting a second in a channel."""


@dataclass(frozen=True, slots=True)
class NextCallNotifier:
    """Sends the messages. ``style_for`` returns the style in a user's language, given the one that they had before."""

    client: AsyncWebClient
    next_calls: SqlNextCalls
    style_for: Callable[[str, str | None], CardStyle]
    changes: asyncio.Event
    clock: Clock
    pace: Backoff

    async def step(self) -> float | None:
        """Post the first message that can be; return 0 if another may wait, None if none does."""
        for one in await self.next_calls.due():
            if not is_known(one):
                continue  # the outcome's write wakes this relay
            error = await run_to_completion(self._send(one))
            if error is None:
                return GAP_SECONDS
            return self.pace.seconds_after(error, "next_call_notice")
        return None

    async def _send(self, one: DueNotice) -> Exception | None:
        """Return what Slack says that is worth another try."""
        user = one.next_call.asked_by.rpartition(":")[2]
        message = next_call_message(one, self.style_for(user, one.next_call.language))
        await self.next_calls.begun(one)
        try:
            await self.client.chat_postMessage(channel=user, **message, unfurl_links=False, unfurl_media=False)
        except WEB_API_ERRORS as error:
            if is_final(error):
                log.warning("notice_delivery_abandoned", kind=one.kind.value, error=code(error))
                await self.next_calls.over(one, self.clock.now(), delivered=False)
                return None
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.next_calls.refused(one)
            return error
        self.pace.went_well()
        await self.next_calls.over(one, self.clock.now(), delivered=True)
        return None
