"""The relay of messages to people who wait for an agent's next call: each arrives once, whatever happens in between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.outbox.relay import GAP_SECONDS, DeliveryMarks, deliver, refused_alone, run_to_completion
from bot.slack.blocks.agents.next_calls import is_known, next_call_message
from bot.slack.blocks.mrkdwn import slack_user

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.outbox.next_calls import SqlNextCalls
    from bot.outbox.relay import Backoff
    from bot.recording.agents.next_call import DueNotice
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

DOING = "next_call_notice"


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
        """Post the first message that Slack accepts; return in how many seconds to look again, None if none waits.

        After a post the rows are read again, so that each message says how it stands.
        """
        refused: Exception | None = None
        for one in await self.next_calls.due():
            if not is_known(one):
                continue  # the outcome's write wakes this relay
            error = await run_to_completion(self._send(one))
            if error is None:
                return GAP_SECONDS
            refused = error
            if not refused_alone(error):
                break
        return None if refused is None else self.pace.seconds_after(refused, DOING)

    async def _send(self, one: DueNotice) -> Exception | None:
        """Return what Slack says that is worth another try."""
        user = slack_user(one.next_call.asked_by)
        if user is None:  # a terminal: no message can reach it
            await self.next_calls.over(one, self.clock.now(), delivered=False)
            return None
        message = next_call_message(one, self.style_for(user, one.next_call.language))
        post = partial(self.client.chat_postMessage, channel=user, **message, unfurl_links=False, unfurl_media=False)
        marks = DeliveryMarks(
            begun=lambda: self.next_calls.begun(one),
            refused=lambda: self.next_calls.refused(one),
            over=lambda delivered: self.next_calls.over(one, self.clock.now(), delivered=delivered),
        )
        return await deliver(post, marks, self.pace, DOING)
