"""Finds agents through several OAuth clients, each of which sees only its divisions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import GenesysError
from bot.recording.agents.people import PeopleFound
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.genesys.clients.pool import GenesysClients
    from bot.genesys.people.search import GenesysPeople
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.agents.people import AgentStatus


@dataclass(frozen=True, slots=True)
class ClientsPeople:
    """PeopleDirectory over several clients. As with one, a whole name wins over a part of one."""

    clients: GenesysClients
    adapters: Mapping[GenesysClient, GenesysPeople]

    async def find(self, words: str, *, deadline: float, priority: Priority = Priority.PERSON) -> PeopleFound:
        """Return everybody whom one of the clients finds. Raise the first error if none can search.

        The result is incomplete where a client could not search: the person may be in its divisions.
        """

        async def asked(client: GenesysClient) -> PeopleFound | GenesysError:
            try:
                return await self.adapters[client].find(words, deadline=deadline, priority=priority)
            except GenesysError as error:
                return error

        answers = await asyncio.gather(*map(asked, self.clients.candidates()))  # at once: a person waits
        errors = [answer for answer in answers if isinstance(answer, GenesysError)]
        found = [answer for answer in answers if isinstance(answer, PeopleFound)]
        if not found:
            raise errors[0]
        people = {person.user_id: person for answer in found for person in answer.people}
        wanted = " ".join(words.split()).casefold()
        whole = [person for person in people.values() if person.name.casefold() == wanted]
        ordered = sorted(whole or people.values(), key=lambda person: (person.name.casefold(), person.user_id))
        return PeopleFound(tuple(ordered), not errors and all(answer.complete for answer in found))

    async def status(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> AgentStatus:
        """Return what the first client says that sees the agent. Raise the first error if none does."""
        errors = list[GenesysError]()
        for client in self.clients.candidates():
            try:
                return await self.adapters[client].status(user_id, deadline=deadline, priority=priority)
            except GenesysError as error:
                errors.append(error)
        raise errors[0]
