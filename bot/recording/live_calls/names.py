"""The names of agents and queues: from memory, then from our own table, and only then from Genesys."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from bot.errors import AuditUnavailable, GenesysError, NotFound, PermissionMissing
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.recording.call import LiveCall, Participant
    from bot.recording.ports import Clock, NameDirectory, NameStore

AGAIN_SECONDS = 3.0
LOOK_SECONDS = 15.0
AT_ONCE = 200
"""Names a tick: two requests of agents and two of queues at most."""


@dataclass(frozen=True, slots=True)
class UnnamedRecordings:
    """Works on the database, outside any action; cards, reminders, and Homes show the fetched names.

    A name that can't be had is asked for as rarely as the book does.
    """

    names: NameBook
    clock: Clock

    async def poll(self) -> float | None:
        """Look up what is missing; return when to look again, None where nothing may be asked for now."""
        missing = self.names.unknown(await self.names.store.unnamed())
        deadline = self.clock.monotonic() + LOOK_SECONDS
        if missing:
            await self.names.learn(frozenset(sorted(missing)[:AT_ONCE]), deadline=deadline)
        return AGAIN_SECONDS if missing else None


log = structlog.get_logger(__name__)

Key = tuple[str, str]

KEPT_SECONDS = 3600.0
AFTER_FAILURE_SECONDS = 60.0
USER, QUEUE = "user", "queue"
LASTING = (PermissionMissing, NotFound)
"""What will be the answer again: a permission, or a gateway that has no such thing."""


@dataclass(frozen=True, slots=True)
class NameBook:
    """Fills in names. A missing name is not an error: the id is shown until the next fetch."""

    directory: NameDirectory
    store: NameStore
    clock: Clock
    _names: dict[Key, tuple[str | None, float]] = field(default_factory=dict)
    """Each name, None if unknown, and the monotonic time until which it is valid."""
    _refused_until: dict[str, float] = field(default_factory=dict)
    """Kinds of which Genesys can't be asked for now."""

    async def named(self, calls: tuple[LiveCall, ...], *, deadline: float) -> tuple[LiveCall, ...]:
        """Return the calls with the names that could be found; remember those that the calls brought along."""
        learnt = _told(calls)
        missing = {key for call in calls for key in _keys(call)} - learnt.keys()
        await self._remember(learnt)
        await self._fetch(missing, deadline)
        return tuple(self._fill(call) for call in calls)

    async def learn(self, keys: frozenset[Key], *, deadline: float) -> None:
        """Fetch names in the background; those that are found are then in the store."""
        await self._fetch(set(keys), deadline, Priority.LOOP)

    def unknown(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Return those that may be asked for now."""
        now = self.clock.monotonic()
        return frozenset(key for key in keys if not self._known(key) and now >= self._refused_until.get(key[0], 0.0))

    async def named_from_store(self, calls: tuple[LiveCall, ...]) -> tuple[LiveCall, ...]:
        """Return the calls with the names that we know, and ask nobody for the others."""
        if wanted := frozenset(key for call in calls for key in _keys(call) if not self._known(key)):
            self._note(await self._kept(wanted), KEPT_SECONDS)
        return tuple(self._fill(call) for call in calls)

    def _known(self, key: Key) -> bool:
        return key in self._names and self.clock.monotonic() < self._names[key][1]

    async def _fetch(self, keys: set[Key], deadline: float, priority: Priority = Priority.PERSON) -> None:
        wanted = frozenset(key for key in keys if not self._known(key))
        if not wanted:
            return
        kept = await self._kept(wanted)
        self._note(kept, KEPT_SECONDS)
        for kind in (USER, QUEUE):
            ids = frozenset(name_id for one, name_id in wanted - kept.keys() if one == kind)
            if ids and self.clock.monotonic() >= self._refused_until.get(kind, 0.0):
                await self._ask(kind, ids, deadline, priority)

    async def _kept(self, wanted: frozenset[Key]) -> dict[Key, str]:
        try:
            return await self.store.known(wanted)
        except Exception:
            log.exception("names_read_failed")
            return {}

    async def _ask(self, kind: str, ids: frozenset[str], deadline: float, priority: Priority) -> None:
        try:
            found = await self.directory.names(kind, ids, deadline=deadline, priority=priority)
        except GenesysError as error:
            pause = KEPT_SECONDS if isinstance(error, LASTING) else AFTER_FAILURE_SECONDS
            self._refused_until[kind] = self.clock.monotonic() + pause
            log.warning("names_fetch_failed", kind=kind, error=error.kind, cause=str(error))
            return
        self._note({(kind, name_id): found.get(name_id) for name_id in ids}, KEPT_SECONDS)
        await self._write({(kind, name_id): name for name_id, name in found.items()})

    async def _remember(self, learnt: dict[Key, str]) -> None:
        """Keep the names that a list brought along, once an hour each and whenever they change."""
        news = {key: name for key, name in learnt.items() if not self._known(key) or self._names[key][0] != name}
        self._note(news, KEPT_SECONDS)
        await self._write(news)

    async def _write(self, news: dict[Key, str]) -> None:
        if not news:
            return
        try:
            await self.store.remember(news, self.clock.now())
        except AuditUnavailable:
            log.warning("names_write_failed")  # they are only there to be shown
            self._note(news, AFTER_FAILURE_SECONDS)

    def _note(self, names: dict[Key, str] | dict[Key, str | None], seconds: float) -> None:
        now = self.clock.monotonic()
        for key in [key for key, (_, until) in self._names.items() if until <= now]:
            del self._names[key]
        self._names.update({key: (name, now + seconds) for key, name in names.items()})

    def _fill(self, call: LiveCall) -> LiveCall:
        return replace(
            call,
            agents=tuple(self._filled(agent) for agent in call.agents),
            queue_name=call.queue_name or self._name(QUEUE, call.queue_id),
        )

    def _filled(self, agent: Participant) -> Participant:
        return replace(
            agent,
            name=agent.name or self._name(USER, agent.user_id),
            queue_name=agent.queue_name or self._name(QUEUE, agent.queue_id),
        )

    def _name(self, kind: str, name_id: str | None) -> str | None:
        return self._names.get((kind, name_id), (None, 0.0))[0] if name_id else None


def _keys(call: LiveCall) -> Iterable[Key]:
    if call.queue_id:
        yield QUEUE, call.queue_id
    for agent in call.agents:
        if agent.user_id:
            yield USER, agent.user_id
        if agent.queue_id:
            yield QUEUE, agent.queue_id


def _told(calls: tuple[LiveCall, ...]) -> dict[Key, str]:
    told: dict[Key, str] = {}
    for call in calls:
        if call.queue_id and call.queue_name:
            told[QUEUE, call.queue_id] = call.queue_name
        for agent in call.agents:
            if agent.user_id and agent.name:
                told[USER, agent.user_id] = agent.name
            if agent.queue_id and agent.queue_name:
                told[QUEUE, agent.queue_id] = agent.queue_name
    return told
