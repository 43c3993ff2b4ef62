"""Finds the agent whom ``/record start`` names in place of a call, and records their call or offers a choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import AgentNotFound
from bot.recording.agents.named_agent import NamedBy
from bot.recording.control.agents.agent_lookup import LOOKUP_SECONDS, AgentsFound
from bot.recording.models import Verb
from bot.slack.blocks.agents.agent_calls import START_CALL, Choice, agent_calls
from bot.slack.blocks.answers import under_way
from bot.slack.listeners.buttons import Clicks
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered
from bot.slack.people.email_addresses import EmailAddresses, NoAddress

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.recording.agents.named_agent import AgentFound, NamedAgent
    from bot.recording.control.agents.agent_lookup import AgentSearch, Lookup
    from bot.recording.live_calls.names import NameBook
    from bot.recording.requests import Request
    from bot.slack.listeners.buttons import Click


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """Starts recordings by agent; ``addresses`` turns a mention into an agent."""

    context: ListenerContext
    search: AgentSearch
    names: NameBook
    addresses: EmailAddresses

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take).register(app, START_CALL)

    async def start(self, request: Request, named: NamedAgent, reply: Reply) -> Answer:
        """Put the search into the trail, and make it after the acknowledgement."""
        lookup = await self.search.look_up(request, named, Verb.START.action)
        self.context.work.start(self._answer_later(lookup, reply))
        return ephemeral(self.context.words_for(request)("agents.searching", seq=lookup.entry.seq))

    async def found(self, lookup: Lookup) -> AgentsFound:
        """Search for the agent who was named. Raise why there is nobody, with the number of the entry."""
        named = lookup.named
        try:
            text = await self._address(named.text) if named.by is NamedBy.MENTION else named.text
        except AgentNotFound as nobody:
            nobody.audit_seq = await self.search.refuse(lookup, nobody)
            raise
        try:
            return await self.search.find(lookup, text)
        except AgentNotFound as nobody:
            if named.by is NamedBy.MENTION:
                nobody.cause = "no_user"
            raise

    async def offer(self, found: AgentsFound, lookup: Lookup, reply: Reply) -> None:
        """Show the calls and the next calls that can be chosen."""
        words, request = self.context.words_for(lookup.request), lookup.request
        choice = Choice("", None, request.origin.channel, lookup.named.reason)
        clock = self.context.service.clock
        deadline = clock.monotonic() + LOOKUP_SECONDS
        agents = [replace(one, calls=await self.names.named(one.calls, deadline=deadline)) for one in found.agents]
        text, blocks = agent_calls(replace(found, agents=tuple(agents)), choice, words, clock.now())
        await self.context.tell(reply, text, blocks)

    async def _answer_later(self, lookup: Lookup, reply: Reply) -> None:
        await answered("agent_search", self._carry_out(lookup, reply), partial(self.context.refuse, reply))

    async def _carry_out(self, lookup: Lookup, reply: Reply) -> None:
        found = await self.found(lookup)
        if len(found.agents) == 1 and len(found.calls) == 1:
            await self._start(lookup, found.agents[0], reply)
        else:
            await self.offer(found, lookup, reply)

    async def _start(self, lookup: Lookup, agent: AgentFound, reply: Reply) -> None:
        request = lookup.request
        accepted = await self.context.service.intake.start(
            request, agent.calls[0].conversation_id, lookup.named.reason, agent_user_id=agent.person.user_id
        )
        self.context.finish_later(accepted, reply)
        await self.context.tell(reply, under_way(accepted, self.context.style_for(request)))

    async def _take(self, click: Click) -> None:
        """Record the call that was chosen; the click is authorized like a command."""
        choice = Choice.read(str(click.action.get("value")))
        request = await click.request(channel=choice.channel)
        accepted = await self.context.service.intake.start(
            request, choice.conversation_id, choice.reason, agent_user_id=choice.user_id
        )
        reply = replace(click.reply, replaces=True)
        self.context.work.start(self.context.tell(reply, under_way(accepted, self.context.style_for(request))))
        self.context.finish_later(accepted, reply)

    async def _address(self, user_id: str) -> str:
        found = await self.addresses.of(user_id)
        if isinstance(found, NoAddress):
            raise AgentNotFound(cause=found.value)
        return found.email
