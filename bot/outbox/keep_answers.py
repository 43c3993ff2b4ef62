"""The relay that tells people how their request to keep a call's recordings ended, where no card can tell them.

It is stateless: the database says who knows. A message whose arrival was never confirmed is sent again, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.outbox.relay import GAP_SECONDS, DeliveryMarks, deliver, refused_alone, run_to_completion
from bot.slack.blocks.keeping.keep_answers import keep_answer
from bot.slack.blocks.mrkdwn import slack_user

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.outbox.keep_answers import SqlKeepAnswers
    from bot.outbox.relay import Backoff
    from bot.recording.keeping.keep import Keep
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

DOING = "keep_answer"


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
        """Send what is due; return in how many seconds the next one is, None where nobody waits.

        A message that Slack refuses, perhaps for its own reason, doesn't delay the others.
        """
        refused: Exception | None = None
        for keep in await self.untold.due(self.clock.now()):
            error = await run_to_completion(self._send(keep))
            if error is not None:
                refused = error
                if not refused_alone(error):
                    break
            await self.clock.sleep(GAP_SECONDS)
        if refused is not None:
            await self.pace.wait_after(refused, DOING)
            return 0.0
        return await self.untold.seconds_to_next(self.clock.now())

    async def _send(self, keep: Keep) -> Exception | None:
        """Return what Slack says that is worth another try."""
        user = slack_user(keep.asked_by)
        if user is None:  # a terminal or the bot: no message can reach it
            await self.untold.told(keep.id)
            return None
        style = self.style_for(user, keep.language)
        text = keep_answer(keep, style)
        if keep.answers_begun:
            text = f"{text}\n_{style.words('notices.sent_again')}_"
        post = partial(
            self.client.chat_postMessage,
            channel=user,
            text=text,
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
        )
        marks = DeliveryMarks(
            begun=lambda: self.untold.begun(keep.id),
            refused=lambda: self.untold.refused(keep.id),
            over=lambda _delivered: self.untold.told(keep.id),
        )
        return await deliver(post, marks, self.pace, DOING)
