"""``/record next``, and the buttons about agents' next calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import AgentNotFound, Duplicate, NotWaiting, RecordBotError
from bot.recording.agents.next_call import ARMED, CANCELLED
from bot.recording.agents.people import Person
from bot.slack.blocks.agents.agent_calls import NEXT, Choice, agent_calls
from bot.slack.blocks.agents.next_calls import (
    NEXT_CANCEL,
    cancelled_text,
    may_see,
    next_call_rows,
    waiting_blocks,
    waiting_text,
)
from bot.slack.blocks.mrkdwn import escape
from bot.slack.command_text import agent_in
from bot.slack.listeners.buttons import Clicks
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncApp

    from bot.recording.agents.next_call import NextCallStore
    from bot.recording.control.agents.agent_lookup import Lookup
    from bot.recording.control.agents.next_calls import NextCalls
    from bot.recording.live_calls.names import NameBook
    from bot.recording.requests import Request
    from bot.slack.blocks.card import Block
    from bot.slack.listeners.agents.agent_calls import AgentCalls
    from bot.slack.listeners.buttons import Click

CANCEL = "cancel"
NAME_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class NextCallCommands:
    """Has an agent's next call recorded, lists who waits for one, and ends a wait."""

    context: ListenerContext
    agents: AgentCalls
    next_calls: NextCalls
    store: NextCallStore
    names: NameBook

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._wait).register(app, NEXT)
        Clicks(self.context, self._cancel).register(app, NEXT_CANCEL)

    async def answer(self, request: Request, text: str, reply: Reply) -> Answer:
        """Answer ``/record next …``; ``text`` is what follows, with Slack's marks."""
        first, _, rest = text.strip().partition(" ")
        cancels = first.casefold() == CANCEL and bool(rest.strip())
        named = agent_in(rest if cancels else text)
        if named is None:
            words = self.context.words_for(request)
            return ephemeral(words("next.usage", usage=escape(words("help.next_usage"))))
        lookup = await self.agents.search.look_up(request, named, CANCELLED if cancels else ARMED)
        work = self._cancel_found if cancels else self._wait_found
        self.context.work.start(self._later(work, lookup, reply))
        return ephemeral(self.context.words_for(request)("agents.searching", seq=lookup.entry.seq))

    async def rows(self, request: Request) -> tuple[list[str], list[Block]]:
        """Return the waits that the person may see, for a list."""
        found = [one for one in await self.store.named() if may_see(request.caller, one.next_call)]
        return next_call_rows(found, request.caller, self.context.style_for(request))

    async def begin(
        self, request: Request, person: Person, reason: str | None, reply: Reply, *, reason_code: str | None = None
    ) -> None:
        """Begin to wait, and tell the person who asked."""
        waiting = await self.next_calls.wait_for(
            request, person.user_id, reason=reason, reason_code=reason_code, agent_name=person.name or None
        )
        words, name = self.context.words_for(request), person.name or await self._name(person.user_id)
        text = waiting_text(waiting, name, words, on_call=bool(waiting.before))
        if request.origin.shared_channel:
            text = f"{text}\n{words('shared.start')}"
        await self.context.tell(reply, text, waiting_blocks(text, waiting, name, words))

    def begin_later(
        self, request: Request, agent_user_id: str, reason: str | None, reply: Reply, *, reason_code: str | None = None
    ) -> None:
        """Begin to wait after the acknowledgement, and tell the person."""

        async def wait() -> None:
            person = await self._person(agent_user_id)
            await self.begin(request, person, reason, reply, reason_code=reason_code)

        self.context.work.start(answered("next_calls", wait(), partial(self._refuse, reply)))

    async def _later(self, work: Callable[[Lookup, Reply], Awaitable[None]], lookup: Lookup, reply: Reply) -> None:
        await answered("next_calls", work(lookup, reply), partial(self.context.refuse, reply))

    async def _wait_found(self, lookup: Lookup, reply: Reply) -> None:
        found = await self.agents.found(lookup)
        if len(found.agents) == 1:
            await self.begin(lookup.request, found.agents[0].person, lookup.named.reason, reply)
            return
        words, request = self.context.words_for(lookup.request), lookup.request
        choice = Choice("", None, request.origin.channel, lookup.named.reason)
        nobody_calls = tuple(replace(one, calls=()) for one in found.agents)
        text, blocks = agent_calls(replace(found, agents=nobody_calls), choice, words, self.context.service.clock.now())
        await self.context.tell(reply, text, blocks)

    async def _cancel_found(self, lookup: Lookup, reply: Reply) -> None:
        """End the person's wait for an agent whom they named; of several who fit, the one for whom they wait."""
        found, request = await self.agents.found(lookup), lookup.request
        people = {one.person.user_id: one.person for one in found.agents}
        own = [one for one in await self.store.open() if one.asked_by == request.caller.actor]
        mine = [one for one in own if one.agent_user_id in people]
        if len(mine) > 1:
            raise AgentNotFound(cause="several_next")
        if not mine:
            raise NotWaiting
        over = await self.next_calls.cancel(request, next_call_id=mine[0].id)
        name = people[over.agent_user_id].name
        await self.context.tell(reply, cancelled_text(over, name, self.context.words_for(request)))

    async def _wait(self, click: Click) -> None:
        choice = Choice.read(str(click.action.get("value")))
        request = await click.request(channel=choice.channel)
        self.begin_later(request, choice.user_id, choice.reason, replace(click.reply, replaces=click.in_ephemeral))

    async def _cancel(self, click: Click) -> None:
        request = await click.request()
        over = await self.next_calls.cancel(request, next_call_id=click.id())
        name = await self._name(over.agent_user_id)
        reply = replace(click.reply, replaces=click.in_ephemeral)
        self.context.work.start(self.context.tell(reply, cancelled_text(over, name, self.context.words_for(request))))

    async def _refuse(self, reply: Reply, error: RecordBotError) -> None:
        if not isinstance(error, Duplicate):
            await self.context.refuse(replace(reply, replaces=False), error)

    async def _person(self, user_id: str) -> Person:
        return Person(user_id, await self._name(user_id) or "")

    async def _name(self, user_id: str) -> str | None:
        key = ("user", user_id)
        known = await self.names.store.known(frozenset({key}))
        if not known:
            clock = self.context.service.clock
            await self.names.learn(frozenset({key}), deadline=clock.monotonic() + NAME_SECONDS)
            known = await self.names.store.known(frozenset({key}))
        return known.get(key)
