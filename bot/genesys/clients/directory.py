"""Lists and names from several OAuth clients, each of which shows only its divisions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from bot.errors import GenesysError
from bot.recording.call import LiveList
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.genesys.clients.pool import GenesysClients
    from bot.genesys.live_calls.directory import GenesysDirectory
    from bot.genesys.recording_files.metadata import GenesysSavedRecordings
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.call import LiveCall
    from bot.recording.keeping.recording_files import SavedRecording

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClientsDirectory:
    """ConversationDirectory and NameDirectory over several clients.

    Clients that are for the same divisions show the same calls, so one of them is asked.
    """

    clients: GenesysClients
    directories: Mapping[GenesysClient, GenesysDirectory]
    _shown_by: dict[str, GenesysClient] = field(default_factory=dict)
    """Which client showed a call of the newest list."""

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """List the calls of all divisions. A client that can't be asked leaves the list incomplete.

        Raise its error if none can.
        """

        async def fetch(client: GenesysClient) -> LiveList:
            return await self.directories[client].live_calls(deadline=deadline, priority=priority)

        found, shown_by = await self._listed(fetch)
        self._shown_by.clear()
        self._shown_by.update(shown_by)
        return found

    async def live_calls_of(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """List the calls that one agent is talking on, in all divisions."""

        async def fetch(client: GenesysClient) -> LiveList:
            return await self.directories[client].live_calls_of(user_id, deadline=deadline, priority=priority)

        found, _ = await self._listed(fetch)
        return found

    async def _listed(
        self, fetch: Callable[[GenesysClient], Awaitable[LiveList]]
    ) -> tuple[LiveList, dict[str, GenesysClient]]:
        """Put the lists of all divisions together; return which client shows which call as well."""
        asked = self._representatives()
        answers = await self._each(asked, fetch)
        calls: dict[str, LiveCall] = {}
        shown_by: dict[str, GenesysClient] = {}
        for client, found in answers.items():
            alone = self._alone(client)
            for call in found.calls:
                if calls.setdefault(call.conversation_id, call) is call:
                    shown_by[call.conversation_id] = client
                    if alone:
                        self.clients.found(call.conversation_id, client)
        ordered = sorted(calls.values(), key=lambda call: "~" if call.since is None else call.since.isoformat())
        listed = LiveList(
            tuple(ordered),
            complete=len(answers) == len(asked) and all(one.complete for one in answers.values()),
            requests=sum(one.requests for one in answers.values()),
            tells_recording=all(one.tells_recording for one in answers.values()),
        )
        return listed, shown_by

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        """Ask each client about the calls that it showed."""

        async def ask(client: GenesysClient) -> LiveList:
            calls = tuple(call for call in seen.calls if self._shown_by.get(call.conversation_id) is client)
            part = replace(seen, calls=calls, requests=0)
            return await self.directories[client].with_recording(part, deadline=deadline, priority=priority)

        known = set(self._shown_by.values())
        showing = [client for client in self.clients.clients if client in known]
        if seen.tells_recording or not showing:
            return seen
        answers = await self._each(showing, ask)
        told = {call.conversation_id: call for one in answers.values() for call in one.calls}
        return replace(
            seen,
            calls=tuple(told.get(call.conversation_id, call) for call in seen.calls),
            requests=seen.requests + sum(one.requests for one in answers.values()),
            tells_recording=all(one.tells_recording for one in answers.values()),
        )

    async def names(
        self, kind: str, ids: frozenset[str], *, deadline: float, priority: Priority = Priority.PERSON
    ) -> dict[str, str]:
        """Fetch names from one client after the other, until all are known. Raise an error if none answers."""
        found, errors = dict[str, str](), list[GenesysError]()
        candidates = self.clients.candidates()
        for client in candidates:
            if not (missing := ids - found.keys()):
                break
            try:
                found |= await self.directories[client].names(kind, missing, deadline=deadline, priority=priority)
            except GenesysError as error:
                errors.append(error)
        if len(errors) == len(candidates):
            raise errors[0]
        return found

    def _representatives(self) -> list[GenesysClient]:
        """Return one client for each set of divisions, the one with the most requests left."""
        chosen: dict[frozenset[str], GenesysClient] = {}
        for client in self.clients.candidates():
            chosen.setdefault(client.account.divisions, client)
        return list(chosen.values())

    def _alone(self, client: GenesysClient) -> bool:
        divisions = client.account.divisions
        return sum(one.account.divisions == divisions for one in self.clients.clients) == 1

    @staticmethod
    async def _each(
        clients: list[GenesysClient], ask: Callable[[GenesysClient], Awaitable[LiveList]]
    ) -> dict[GenesysClient, LiveList]:
        """Ask all at once. Raise the first error if none answers."""

        async def asked(client: GenesysClient) -> LiveList | GenesysError:
            try:
                return await ask(client)
            except GenesysError as error:
                log.warning("live_calls_omitted", client=client.account.label, error=error.kind)
                return error

        answers = dict(zip(clients, await asyncio.gather(*map(asked, clients)), strict=True))
        found = {client: answer for client, answer in answers.items() if isinstance(answer, LiveList)}
        if not found:
            raise next(answer for answer in answers.values() if isinstance(answer, GenesysError))
        return found


@dataclass(frozen=True, slots=True)
class ClientsSavedRecordings:
    """SavedRecordings over several clients: the one that found the call, else each until one has something."""

    clients: GenesysClients
    saved_recordings: Mapping[GenesysClient, GenesysSavedRecordings]

    async def saved(
        self, conversation_id: str, *, deadline: float, priority: Priority = Priority.LOOP
    ) -> tuple[SavedRecording, ...]:
        async def ask(client: GenesysClient) -> tuple[SavedRecording, ...]:
            return await self.saved_recordings[client].saved(conversation_id, deadline=deadline, priority=priority)

        return await self.clients.first_with(conversation_id, ask, bool)
