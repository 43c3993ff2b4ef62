"""Recording control by agent from a terminal: an agent's call, and an agent's next call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.audit.storable import storable
from bot.cli.control.recording import Result, Terminal, voice
from bot.errors import AgentNotFound, NotOnACall, NotWaiting, SeveralCalls
from bot.recording.agents.named_agent import named_agent
from bot.recording.agents.next_call import ARMED, CANCELLED
from bot.recording.control.agents.next_calls import NextCalls
from bot.recording.models import Verb
from bot.recording.monitoring.call_monitor import NoCallEvents

if TYPE_CHECKING:
    from bot.recording.agents.next_call import CallEventSource
    from bot.recording.agents.people import Person
    from bot.recording.control.agents.agent_lookup import AgentsFound
    from bot.runtime.container import Control


class _Unasked:
    """A terminal subscribes to nothing: the serving bot does, and says what Genesys refuses."""

    def denies(self, _user_id: str, /) -> str | None:
        """Return that nothing is known to be refused."""
        return None


@dataclass(frozen=True, slots=True)
class AgentTerminal:
    """Commands that name an agent in place of a call."""

    terminal: Terminal

    async def start(self, agent: str, reason: str | None) -> Result:
        """Record the call that an agent is on."""

        async def run(control: Control) -> Result:
            found = await self._found(control, agent, Verb.START.action)
            if len(found.agents) > 1 or len(found.calls) > 1:
                raise SeveralCalls
            if not found.calls:
                raise NotOnACall
            person, call = found.calls[0]
            accepted = await control.service.intake.start(
                self.terminal.request, call.conversation_id, storable(reason), agent_user_id=person.user_id
            )
            return await self.terminal.carry_out(control.service, accepted)

        return await self.terminal.with_control(run)

    async def next_call(self, agent: str, reason: str | None, *, cancel: bool) -> Result:
        """Have the serving bot record an agent's next call, or end the wait for it."""

        async def run(control: Control) -> Result:
            person = self._one(await self._found(control, agent, CANCELLED if cancel else ARMED))
            settings = self.terminal.settings
            gateway = settings.genesys_recording_api == "sessions"
            events: CallEventSource = NoCallEvents() if gateway else _Unasked()
            next_calls = NextCalls(control.requests, control.agents.calls, events, settings.recording_next_within)
            request = self.terminal.request
            if cancel:
                over = await next_calls.cancel(request, agent_user_id=person.user_id)
                text = f"No longer waiting for {person.name}'s next call. (#{over.audit_seq})"
                return Result(ok=True, text=text, facts={"id": str(over.id), "outcome": "cancelled"})
            waiting = await next_calls.wait_for(
                request, person.user_id, reason=storable(reason), agent_name=person.name
            )
            until = voice().time(waiting.expires_at)
            text = f"record-bot serve records {person.name}'s next call, until {until}. (#{waiting.audit_seq})"
            facts = {
                "id": str(waiting.id),
                "agent_user_id": person.user_id,
                "expires_at": waiting.expires_at.isoformat(),
                "audit_seq": waiting.audit_seq,
            }
            return Result(ok=True, text=text, facts=facts)

        return await self.terminal.with_control(run)

    async def _found(self, control: Control, agent: str, action: str) -> AgentsFound:
        named = named_agent(storable(agent))
        if named is None:
            raise AgentNotFound
        lookup = await control.agents.look_up(self.terminal.request, named, action)
        return await control.agents.find(lookup, named.text)

    @staticmethod
    def _one(found: AgentsFound) -> Person:
        if len(found.agents) > 1:
            raise SeveralCalls
        if not found.agents:
            raise NotWaiting
        return found.agents[0].person
