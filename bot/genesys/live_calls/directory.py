"""The calls that agents are on now, and the names of agents and queues."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from bot.errors import (
    GenesysError,
    GenesysUnavailable,
    NotFound,
    PermissionMissing,
    RequestRejected,
    RequestTooLarge,
)
from bot.genesys.json_fields import listed, text
from bot.genesys.live_calls.activity_query import by_activity
from bot.genesys.live_calls.call_list import PageSize
from bot.genesys.live_calls.details_query import by_details
from bot.genesys.transport.deadline import RequestOptions, unattended
from bot.genesys.transport.request import GenesysRequest
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.genesys.transport.client import GenesysClient
    from bot.recording.call import LiveCall, LiveList

log = structlog.get_logger(__name__)

NAMED_BY = {"user": "UsersApi.get_users", "queue": "RoutingApi.get_routing_queues"}
SECOND_CHOICE_SECONDS = 30.0
AFTER_REFUSAL_SECONDS = 600.0
"""How long to use only the second query after the first failed or was refused: one fetch must not cost two."""
REFUSALS = (PermissionMissing, RequestRejected, NotFound)
"""What will be the answer again: a permission, or a gateway that has no such thing."""


@dataclass(slots=True)
class _Refused:
    until: float = 0.0

    def note(self, error: GenesysError, now: float) -> None:
        self.until = now + (AFTER_REFUSAL_SECONDS if isinstance(error, REFUSALS) else SECOND_CHOICE_SECONDS)


@dataclass(frozen=True, slots=True)
class GenesysDirectory:
    """ConversationDirectory and NameDirectory over the platform's analytics, users and queues."""

    client: GenesysClient
    _activity: _Refused = field(default_factory=_Refused)
    _details: _Refused = field(default_factory=_Refused)
    """Whether what is being recorded can be asked for, beside the list."""
    _activity_size: PageSize = field(default_factory=PageSize)
    _details_size: PageSize = field(default_factory=PageSize)
    _names_size: PageSize = field(default_factory=PageSize)

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """List by the activity query, else by the details query. Raise the first one's error where neither answers."""
        return await self._listed(unattended(deadline, priority))

    async def live_calls_of(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """List the calls that one agent is talking on, by the same two queries; other agents of them may be missing."""
        return await self._listed(unattended(deadline, priority), user_id)

    async def _listed(self, options: RequestOptions, user_id: str | None = None) -> LiveList:
        if self.client.clock.monotonic() < self._activity.until:
            return await self._by_details(options, user_id)
        try:
            return (await by_activity(self.client, options, self._activity_size, user_id=user_id)).live_list()
        except GenesysError as refusal:
            found = await self._second_choice(refusal, options, user_id)
        return found

    async def _by_details(self, options: RequestOptions, user_id: str | None) -> LiveList:
        found = (await by_details(self.client, options, self._details_size, user_id=user_id)).live_list()
        if user_id is None:
            return found
        # the filter is about segments: somebody who has left the call had one as well
        return replace(found, calls=tuple(call for call in found.calls if _has(call, user_id)))

    async def _second_choice(self, refusal: GenesysError, options: RequestOptions, user_id: str | None) -> LiveList:
        try:
            found = await self._by_details(options, user_id)
        except GenesysError as second:
            if isinstance(refusal, (NotFound, RequestRejected)):
                raise GenesysUnavailable(
                    "This organization or gateway has no list of live calls.", evidence=refusal.evidence
                ) from second
            raise refusal from second
        self._activity.note(refusal, self.client.clock.monotonic())
        log.info("live_calls_query_replaced", cause=str(refusal))
        return found

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        """Return the list with the details query's recording states; unchanged if the query fails."""
        if seen.tells_recording or not seen.calls or self.client.clock.monotonic() < self._details.until:
            return seen
        try:
            told = await by_details(self.client, unattended(deadline, priority), self._details_size)
        except GenesysError as error:
            self._details.note(error, self.client.clock.monotonic())
            log.info("recording_states_omitted", cause=str(error))
            return seen
        calls = tuple(replace(call, recording=told.recording_of(call)) for call in seen.calls)
        return replace(seen, calls=calls, requests=seen.requests + told.requests, tells_recording=True)

    async def names(
        self, kind: str, ids: frozenset[str], *, deadline: float, priority: Priority = Priority.PERSON
    ) -> dict[str, str]:
        """Fetch names, a hundred ids a request, or as many as Genesys accepts."""
        options, found = unattended(deadline, priority), dict[str, str]()
        waiting = sorted(ids)
        while waiting:
            these = waiting[: self._names_size.entries]
            try:
                answer = await self.client.read(names_request(kind, these), options)
            except RequestTooLarge as refusal:
                self._names_size.reduced(refusal)
                continue
            waiting = waiting[len(these) :]
            for entity in listed(answer.document().get("entities")):
                entity_id, name = text(entity.get("id")), text(entity.get("name"))
                if entity_id in ids and name is not None:
                    found[entity_id] = name
        return found


def _has(call: LiveCall, user_id: str) -> bool:
    return any(agent.user_id.casefold() == user_id.casefold() for agent in call.agents)


def names_request(kind: str, ids: Sequence[str]) -> GenesysRequest:
    return GenesysRequest(f"look up names ({kind})", NAMED_BY[kind], {"id": list(ids), "page_size": max(len(ids), 1)})
