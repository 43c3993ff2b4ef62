"""The relay that tells people how their request to keep a call's recordings ended, where no card can tell them.

It is stateless: the database says who knows. A message whose arrival was never confirmed is sent again, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.outbox.relay import is_final, run_to_completion
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.keep_answers import keep_answer
from bot.slack.users import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.queries.keep_answers import SqlKeepAnswers
    from bot.outbox.relay import Backoff
    from bot.recording.keep import Keep
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

log = structlog.get_logger(__name__)

GAP_SECONDS = 1.2
"""Between two messages: Slack takes about one posting a second in a channel."""


@dataclass(frozen=True, slots=True)
class KeepAnswers:
    """Sends direct messages; ``style_for`` returns the style in a user's language, given one that was noted."""

    client: AsyncWebClient
    untold: SqlKeepAnswers
    style_for: Callable[[str, str | None], CardStyle]
    changes: asyncio.Event
    clock: Clock
    pace: Backoff

    async def step(self) -> float | None:
        """Send what is due; return in how many seconds the next one is, None where nobody waits."""
        for keep in await self.untold.due(self.clock.now()):
            error = await run_to_completion(self._send(keep))
            if error is not None:
                await self.pace.wait_after(error, "keep_answer")
                return 0.0
            await self.clock.sleep(GAP_SECONDS)
        return await self.untold.seconds_to_next(self.clock.now())

    async def _send(self, keep: Keep) -> Exception | None:
        """Return what Slack says that is worth another try."""
        user = keep.asked_by.rpartition(":")[2]
        style = self.style_for(user, keep.language)
        text = keep_answer(keep, style)
        if keep.answers_begun:
            text = f"{text}\n_{style.words('notices.sent_again')}_"
        await self.untold.begun(keep.id)
        try:
            await self.client.chat_postMessage(
                channel=user, text=text, parse="none", unfurl_links=False, unfurl_media=False
            )
        except WEB_API_ERRORS as error:
            if not is_final(error):
                if verdict(error) is not DeliveryFailure.UNKNOWN:
                    await self.untold.refused(keep.id)
                return error
            log.warning("keep_answer_abandoned", error=code(error))
        self.pace.went_well()
        await self.untold.told(keep.id)
        return None
