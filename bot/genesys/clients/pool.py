"""Several OAuth clients of one organization, each with its own token, limit, circuit breaker, and health."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.errors import GenesysError, GenesysUnavailable, LoginRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.health import GenesysHealth

CALLS_REMEMBERED = 20_000
AGENTS_REMEMBERED = 20_000

Found = TypeVar("Found")
log = structlog.get_logger(__name__)


class GenesysClients:
    """The bot's OAuth clients, one or several, and which of them has found which call.

    A call is found by reading it. Its writes, and the readings that confirm them, go through the client that found it.
    """

    def __init__(self, clients: Sequence[GenesysClient]) -> None:
        self.clients = tuple(clients)
        self.first = self.clients[0]
        self.clock = self.first.clock
        self._calls: OrderedDict[str, GenesysClient] = OrderedDict()
        self._agents: OrderedDict[str, GenesysClient] = OrderedDict()

    @property
    def several(self) -> bool:
        return len(self.clients) > 1

    def found(self, conversation_id: str, client: GenesysClient) -> None:
        """Remember which client has found a call."""
        _remember(self._calls, conversation_id.casefold(), client, CALLS_REMEMBERED)

    def found_agent(self, user_id: str, client: GenesysClient) -> None:
        """Remember through which client an agent's call was recorded: it may follow that agent."""
        _remember(self._agents, user_id, client, AGENTS_REMEMBERED)

    def of_call(self, conversation_id: str) -> GenesysClient | None:
        """Return the client that has found a call; None if none has, or this process doesn't know."""
        return self._calls.get(conversation_id.casefold())

    def of_agent(self, user_id: str) -> GenesysClient | None:
        return self._agents.get(user_id)

    def candidates(self, conversation_id: str | None = None) -> list[GenesysClient]:
        """Return the clients in the order in which to look for a call.

        First the one that has found it, then those with the most requests left, last those that can't log in.
        """
        home = None if conversation_id is None else self.of_call(conversation_id)

        def order(client: GenesysClient) -> tuple[bool, bool, int]:
            health = client.health()
            return client is not home, refused(health), health.requests_waiting - health.requests_left

        return sorted(self.clients, key=order)

    async def first_with(
        self,
        conversation_id: str,
        ask: Callable[[GenesysClient], Awaitable[Found]],
        good: Callable[[Found], bool],
    ) -> Found:
        """Ask the client that found the call, else each until an answer is good; that one has then found it.

        Raise the first error if none is: a client that could not say leaves it open. Else return the first answer.
        """
        home = self.of_call(conversation_id)
        answers, errors = list[Found](), list[GenesysError]()
        for client in [home] if home is not None else self.candidates():
            try:
                found = await ask(client)
            except GenesysError as error:
                errors.append(error)
                continue
            if good(found):
                self.found(conversation_id, client)
                return found
            answers.append(found)
        if errors:
            raise errors[0]
        return answers[0]

    def relieving(self, home: GenesysClient) -> list[GenesysClient]:
        """Return clients that may find the calls of one that has no requests left; none while it has some."""
        if home.health().requests_left > 0:
            return []
        divisions = home.account.divisions
        return [
            client
            for client in self.candidates()
            if client is not home
            and client.account.covers(divisions)
            and client.health().requests_left > 0
            and not refused(client.health())
        ]

    async def login(self) -> None:
        """Log all of them in. Raise LoginRefused or GenesysUnavailable if none can."""
        errors = [error for error in await asyncio.gather(*map(_logged_in, self.clients)) if error is not None]
        if len(errors) < len(self.clients):
            return
        raise next((error for error in errors if not isinstance(error, LoginRefused)), errors[0])

    async def close(self) -> None:
        await asyncio.gather(*(client.close() for client in self.clients))

    async def check_health(self) -> None:
        """Probe those that are not usable."""
        await asyncio.gather(*(client.check_health() for client in self.clients))

    def healths(self) -> Mapping[str, GenesysHealth]:
        """Return the health of each client by its label."""
        return {client.account.label: client.health() for client in self.clients}

    def health(self) -> GenesysHealth:
        """Return the health of all together: usable if each is, and down if all are."""
        healths = list(self.healths().values())
        worst = next((one for one in healths if not one.usable), healths[0])
        down = [one.down_since for one in healths if one.down_since is not None]
        return replace(
            worst,
            last_contact=max((one.last_contact for one in healths if one.last_contact is not None), default=None),
            requests_left=sum(one.requests_left for one in healths),
            requests_waiting=sum(one.requests_waiting for one in healths),
            held=_longest(one.held for one in healths),
            down_since=max(down) if len(down) == len(healths) else None,
        )


def refused(health: GenesysHealth) -> bool:
    """Whether Genesys has refused the client's login."""
    return health.last_error == LoginRefused.kind


async def _logged_in(client: GenesysClient) -> LoginRefused | GenesysUnavailable | None:
    try:
        await client.login()
    except (LoginRefused, GenesysUnavailable) as error:
        log.warning("client_login_failed", client=client.account.label, error=error.kind)
        return error
    except GenesysError as error:
        return GenesysUnavailable(str(error), evidence=error.evidence)
    return None


def _longest(held: Iterable[Mapping[str, float]]) -> dict[str, float]:
    longest: dict[str, float] = {}
    for one in held:
        for operation, seconds in one.items():
            longest[operation] = max(seconds, longest.get(operation, 0.0))
    return longest


def _remember(known: OrderedDict[str, GenesysClient], key: str, client: GenesysClient, most: int) -> None:
    known[key] = client
    known.move_to_end(key)
    if len(known) > most:
        known.popitem(last=False)
