"""Finds agents by name or e-mail address, and says whether they are at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.errors import GenesysUnavailable
from bot.genesys.json_fields import listed, part, text, word
from bot.genesys.live_calls.call_list import PageSize
from bot.genesys.transport.deadline import unattended
from bot.genesys.transport.permissions import needing
from bot.genesys.transport.request import GenesysRequest
from bot.recording.agents.people import AgentStatus, PeopleFound, Person
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

VIEW = "directory:user:view"
ACTIVE = "active"
MOST_WORDS = 5
"""Words of a name that are searched for: Genesys limits the criteria of a search, and names no figure."""
MOST_PEOPLE = 100
"""As many as a menu in Slack can offer."""


def search_request(criteria: list[dict[str, Any]], page: int, size: int) -> GenesysRequest:
    body = {
        "query": [*criteria, {"type": "EXACT", "fields": ["state"], "value": ACTIVE, "operator": "AND"}],
        "sortBy": "name",
        "sortOrder": "ASC",
        "pageSize": size,
        "pageNumber": page,
    }
    return GenesysRequest("search users", "UsersApi.post_users_search", {"body": body}, asks=True)


def status_request(user_id: str) -> GenesysRequest:
    return GenesysRequest(
        "read agent status", "UsersApi.get_user", {"user_id": user_id, "expand": ["routingStatus", "presence"]}
    )


@dataclass(frozen=True, slots=True)
class GenesysPeople:
    """Searches the users of the organization. ``deadline`` is a reading of the clock's ``monotonic``."""

    client: GenesysClient
    _size: PageSize = field(default_factory=PageSize)

    async def find(self, words: str, *, deadline: float, priority: Priority = Priority.PERSON) -> PeopleFound:
        """Return the active users whom a name or an e-mail address may mean.

        An address has to match whole. Of a name each word has to occur; where somebody's whole name is the text, only
        they are returned. Raise the GenesysError branch, PermissionMissing with ``directory:user:view``.
        """
        wanted = " ".join(words.split())
        if not wanted:
            return PeopleFound(())
        by_address = "@" in wanted
        criteria = [_exact_address(wanted)] if by_address else [_contains(one) for one in wanted.split()[:MOST_WORDS]]
        with needing(VIEW):
            people, complete = await self._all(criteria, unattended(deadline, priority))
        if by_address:
            people = [person for person in people if (person.email or "").casefold() == wanted.casefold()]
        same = [person for person in people if person.name.casefold() == wanted.casefold()]
        return PeopleFound(tuple(_by_name(same or people)), complete or bool(same))

    async def status(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> AgentStatus:
        """Return whether an agent is at work. Raise NotFound for a user whom Genesys doesn't know."""
        answer = await self.client.read(status_request(user_id), unattended(deadline, priority))
        user = answer.document()
        definition = part(part(user.get("presence")).get("presenceDefinition"))
        return AgentStatus(
            routing=word(part(user.get("routingStatus")).get("status")),
            presence=word(definition.get("systemPresence")),
        )

    async def _all(self, criteria: list[dict[str, Any]], options: RequestOptions) -> tuple[list[Person], bool]:
        """Read the pages of a search, up to as many people as can be offered."""
        people: dict[str, Person] = {}
        async for answer in self._size.pages(
            lambda page, entries: self.client.read(search_request(criteria, page, entries), options)
        ):
            body = answer.document()
            if not isinstance(body.get("results"), list) and body.get("total") != 0:
                raise GenesysUnavailable("Genesys's answer has no list of users.", evidence=answer.evidence)
            results = listed(body.get("results"))
            people |= {person.user_id: person for person in _people(results)}
            total = body.get("total")
            more = len(people) < total if isinstance(total, int) else len(results) >= self._size.entries
            if not results or not more:
                return list(people.values()), True
            if len(people) >= MOST_PEOPLE:
                break
        return list(people.values())[:MOST_PEOPLE], False


def _people(results: Iterable[dict[str, Any]]) -> Iterable[Person]:
    for user in results:
        user_id, name = text(user.get("id")), text(user.get("name"))
        if user_id is not None and name is not None and word(user.get("state")) in {None, ACTIVE}:
            yield Person(user_id, name, text(user.get("email")))


def _exact_address(address: str) -> dict[str, Any]:
    return {"type": "EXACT", "fields": ["email"], "value": address}


def _contains(one_word: str) -> dict[str, Any]:
    return {"type": "CONTAINS", "fields": ["name"], "value": one_word, "operator": "AND"}


def _by_name(people: list[Person]) -> list[Person]:
    return sorted(people, key=lambda person: (person.name.casefold(), person.user_id))
