"""Spreads the subscriptions to agents over the OAuth clients, each with a notification channel of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from bot.genesys.notifications.channel import MOST_TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.genesys.clients.pool import GenesysClients
    from bot.genesys.notifications.dispatcher import OnGap, OnNews
    from bot.genesys.notifications.subscriber import Notifications
    from bot.genesys.transport.client import GenesysClient


class ClientsNotifications:
    """CallEvents over several clients.

    An agent is followed by the client through which the agent's call was recorded, else by the one that follows the
    fewest. If Genesys refuses that, because the agent is in another division, the next client is asked.
    """

    def __init__(self, clients: GenesysClients, parts: Mapping[GenesysClient, Notifications]) -> None:
        self._clients = clients
        self._parts = parts
        self._followed_by: dict[str, GenesysClient] = {}
        self._refused: dict[str, set[GenesysClient]] = {}
        self._flowing_parts = [part.flowing for part in parts.values()]
        self._flowing = frozenset[str]().union(*self._flowing_parts)

    @property
    def problem(self) -> str | None:
        """Why news of all who are followed don't flow; None while they do, or nobody is followed."""
        problems = [f"{client.account.label}: {part.problem}" for client, part in self._parts.items() if part.problem]
        return " ".join(problems) or None

    @property
    def flowing(self) -> frozenset[str]:
        """The agents whose news arrive now. The call monitor asks for each of thousands of recordings."""
        parts = [part.flowing for part in self._parts.values()]
        if any(now is not before for now, before in zip(parts, self._flowing_parts, strict=True)):
            self._flowing_parts, self._flowing = parts, frozenset().union(*parts)
        return self._flowing

    def followed_by(self, user_id: str) -> GenesysClient | None:
        """Return the client that follows an agent."""
        return self._followed_by.get(user_id)

    def denies(self, user_id: str) -> str | None:
        """Return why Genesys tells none of the clients of an agent's calls; None if one is told, or nobody asked."""
        reasons = [part.denies(user_id) for part in self._parts.values()]
        return None if None in reasons else next(iter(reasons), None)

    async def follow(self, user_ids: frozenset[str]) -> None:
        """Subscribe to the calls of these agents from now on, and to no others. Returns at once."""
        for gone in self._followed_by.keys() - user_ids:
            del self._followed_by[gone]
            self._refused.pop(gone, None)
        for client, part in self._parts.items():
            for user_id in part.refused & user_ids:
                self._refused.setdefault(user_id, set()).add(client)
        load = Counter(self._followed_by.values())
        for user_id in sorted(user_ids):
            chosen, now = self._choose(user_id, load), self._followed_by.get(user_id)
            if chosen is not now:
                self._followed_by[user_id] = chosen
                load[chosen] += 1
                if now is not None:
                    load[now] -= 1
        for client, part in self._parts.items():
            await part.follow(frozenset(user for user, by in self._followed_by.items() if by is client))

    async def run(self, on_news: OnNews, on_gap: OnGap) -> None:
        """Dispatch the events of all clients forever."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts.values():
                group.create_task(part.run(on_news, on_gap))

    def _choose(self, user_id: str, load: Counter[GenesysClient]) -> GenesysClient:
        now, refused = self._followed_by.get(user_id), self._refused.get(user_id, set())
        if now is not None and (now not in refused or len(refused) == len(self._parts)):
            return now  # it follows the agent, or asks for it again from time to time
        home = self._clients.of_agent(user_id)
        if home is not None and home not in refused and load[home] < MOST_TOPICS:
            return home
        open_ones = [client for client in self._parts if client not in refused] or list(self._parts)
        return min(open_ones, key=lambda client: load[client])
