"""The choice that is offered if a stop, pause, or resume without an id could mean several recordings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.errors import NothingToStop, RecordBotError, SeveralRecordings
from bot.recording.card import Card
from bot.recording.permissions import ALLOWED_FROM
from bot.slack.blocks.call_options import agent_name
from bot.slack.blocks.card import about, control_buttons, state_words
from bot.slack.blocks.mrkdwn import inline, mrkdwn
from bot.slack.blocks.recording_line import state_since
from bot.slack.blocks.reports.digest import section
from bot.slack.listeners.context import Answer, ListenerContext, ephemeral

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.call import LiveCall
    from bot.recording.live_calls.call_list import CallList
    from bot.recording.models import Recording, Verb
    from bot.recording.requests import Request

ROWS = 20
NAME_SHOWN = 100
NAME_SECONDS = 0.5
"""How long the answer waits for the names of agents and queues."""


class NamedCalls(Protocol):
    """Returns the agents on recorded calls, as far as they are in memory."""

    async def current(self, *, wait: float = 1.0) -> CallList: ...


@dataclass(frozen=True, slots=True)
class RecordingChoice:
    """Answers an ambiguous verb with a row and a button for each recording."""

    context: ListenerContext
    calls: NamedCalls

    async def offer(
        self, verb: Verb, request: Request, refusal: RecordBotError, *, length: str | None = None
    ) -> Answer | None:
        """Return the choice; None if there is nothing to choose from and the refusal is enough.

        ``length`` is how long a pause is to last, as it was typed: the buttons keep it.
        """
        if isinstance(refusal, SeveralRecordings):
            own = [await self.context.service.store.recording(one) for one in refusal.recording_ids]
            return await self._answer(
                verb, request, f"choice.{verb.value}", [one for one in own if one], refusal, length
            )
        if not isinstance(refusal, NothingToStop) or not await self.context.service.store.live_recordings(limit=1):
            return None
        # Reading the others' recordings is a separate request in the trail, with a separate key.
        look = replace(request, origin=replace(request.origin, source="choice"))
        others = list(await self.context.service.live(look))
        lead = f"choice.{verb.value}_others"
        return await self._answer(verb, request, lead, others, refusal, length) if others else None

    async def _answer(
        self,
        verb: Verb,
        request: Request,
        lead: str,
        live: list[Recording],
        refusal: RecordBotError,
        length: str | None,
    ) -> Answer:
        words = self.context.words_for(request)
        fitting = [one for one in live if not one.in_doubt and one.state in ALLOWED_FROM[verb]]
        first = words(lead if fitting else f"choice.{verb.value}_none", seq=refusal.audit_seq)
        offered = fitting or live
        calls = {one.conversation_id: one for one in (await self.calls.current(wait=NAME_SECONDS)).calls}
        lines, blocks = [], [section(first)]
        for one in offered[:ROWS]:
            shown = _named(one, calls.get(one.conversation_id), words)
            lines.append(f"• {self._line(shown, words)}")
            row = section(lines[-1])
            blocks.append(row | {"accessory": _button(verb, shown, words, length)} if fitting else row)
        if len(offered) > ROWS:
            lines.append(words("choice.more", number=len(offered) - ROWS, verb=verb.value))
            blocks.append({"type": "context", "elements": [mrkdwn(lines[-1])]})
        return ephemeral("\n".join([first, *lines]), blocks)

    def _line(self, shown: Card, words: Catalog) -> str:
        recording = shown.recording
        parts = [
            f"*{inline(shown.agent_name, NAME_SHOWN)}*" if shown.agent_name else "",
            inline(shown.queue_name, NAME_SHOWN) if shown.queue_name else "",
            state_since(recording, state_words(recording, words)[1], words),
            words("choice.call", call=self.context.style.call(recording.conversation_id, short=True)),
        ]
        return " · ".join(part for part in parts if part)


def _named(recording: Recording, call: LiveCall | None, words: Catalog) -> Card:
    """Return the recording with the names of the agent and the queue in the list of live calls."""
    agents = () if call is None else call.agents
    agent = next((one for one in agents if one.user_id == recording.agent_user_id), next(iter(agents), None))
    return Card(
        recording,
        channel="",
        asked_by=recording.started_by,
        agent_name=agent_name(agent, words) if agent else None,
        queue_name=None if call is None else call.queue_name,
    )


def _button(verb: Verb, shown: Card, words: Catalog, length: str | None) -> dict[str, Any]:
    buttons = control_buttons(shown.recording, words, about=about(shown))
    found = next(one for one in buttons if one["action_id"] == f"recording_{verb.value}")
    return found | {"value": f"{found['value']} {length}"} if length else found
