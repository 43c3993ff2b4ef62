"""Monitors live recordings: by Genesys's notifications, and by slow polling that uses little of the budget."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import AuditUnavailable, CallEnded, CallNotFound, GenesysError
from bot.recording.models import RecordingState
from bot.recording.monitoring.observations import Observations, drift, handed_over, left_paused
from bot.recording.monitoring.reconciler import LOOK_LIMIT
from bot.recording.ports import Priority, tell_nobody

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from bot.recording.models import Conversation, Recording
    from bot.recording.ports import CallEvents, Clock, RecordingControl, RecordingStore

log = structlog.get_logger(__name__)

LOOK_AT_MOST_EVERY = 30.0
"""Seconds between two reads of the same call, however few are live."""
LOOK_AGAIN_SECONDS = 10.0
"""The same after a failed read."""
LOOK_WITH_NEWS_EVERY = 600.0
"""The same where Genesys tells of the call by itself."""
EARLY_NEWS_SECONDS = 1.0
"""When to compare events again that came while their recordings were being changed."""
MISSED_LASTS = 60.0
"""How long a start may take during which events were missed: longer than any action."""
FOLLOWED = frozenset({RecordingState.ACTIVE, RecordingState.PAUSED})


NOTHING: Any = object()


class NoCallEvents:
    """An organization without notifications; polling has to suffice."""

    flowing: frozenset[str] = frozenset()
    problem: str | None = None

    async def follow(self, user_ids: frozenset[str]) -> None: ...

    def denies(self, _user_id: str) -> str | None:
        """Return why there are no events of an agent's calls."""
        return "GENESYS_RECORDING_API=sessions"

    async def run(self, on_news: object, on_gap: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Follower:
    """Compares live recordings with their calls. ``look_gap`` is the minimum number of seconds between two reads."""

    store: RecordingStore
    control: RecordingControl
    observations: Observations
    clock: Clock
    news: CallEvents
    look_gap: float = 2.0
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be something to do: after each write, and when events were missed."""
    awaited: Callable[[], Awaitable[frozenset[str]]] | None = None
    """Returns whose events are wanted besides: agents whose next calls people wait for, and what rules name."""
    _looked: dict[UUID, float] = field(default_factory=dict)
    _pace: list[float] = field(default_factory=lambda: [0.0])
    _missed: dict[str, float] = field(default_factory=dict)
    """Agents whose calls have to be read, because events about them may be missing, and until when that matters."""
    _early: dict[str, Conversation | None] = field(default_factory=dict)
    """The newest news of calls whose recordings were just being changed; compared once that is over."""
    _agent_gone: set[UUID] = field(default_factory=set)
    """Recordings whose agent has left the call: news of the call don't come by that agent any more."""
    _still_paused: dict[UUID, datetime | None] = field(default_factory=dict)
    """The pauses of which it was said that they are on while the agent wraps up."""

    async def poll(self) -> float | None:
        """Update the subscriptions to the agents of live recordings, and read the call that has waited longest.

        Return in how many seconds the next call is to be read; None: none is live.
        """
        try:
            live = [one for one in await self.store.live_recordings(limit=10_000) if one.state in FOLLOWED]
            self._forget_all_but({one.id for one in live})
            recorded = frozenset(one.agent_user_id for one in live if one.agent_user_id)
            await self.news.follow(recorded | (await self.awaited() if self.awaited else frozenset()))
            await self._read_early_news()
            self._make_up_for_missed_news(live)
            if due := self._due(live):
                await self._check(due)
            return self._seconds_to_next(live)
        except AuditUnavailable:
            log.warning("call_monitor_write_failed")
            return LOOK_AGAIN_SECONDS

    async def on_news(self, conversation_id: str, seen: Conversation | None) -> None:
        """Handle Genesys's notification about a call; None when everyone has left it.

        News can be older than our last write, so a difference is believed only after a look. So is the end of a call
        that was pushed while its recording was being changed: inside a callback the agent may have dialed again since.
        """
        self._early.pop(conversation_id, None)
        await self._read_news(conversation_id, seen)

    async def _read_news(self, conversation_id: str, seen: Conversation | None, *, old: bool = False) -> None:
        recording = await self.store.live_recording(conversation_id)
        if recording is None:
            return
        if recording.state not in FOLLOWED:
            self._early.setdefault(conversation_id, seen)
            return
        self._note_agent(recording, seen)
        if seen is None and not old:
            await self.observations.call_ended(recording)
        elif seen is None or self._differs(recording, seen):
            await self._check(recording)

    def _differs(self, recording: Recording, seen: Conversation) -> bool:
        changed = drift(recording, seen) is not None or handed_over(recording, seen) is not None
        return changed or self._left_paused(recording, seen)

    def missed_news(self, user_ids: frozenset[str]) -> None:
        """Have the calls of these agents read soon: an event may have been missed."""
        self._missed.update(dict.fromkeys(user_ids, self.clock.monotonic() + MISSED_LASTS))
        self.changes.set()

    async def _read_early_news(self) -> None:
        for conversation_id in list(self._early):
            if (seen := self._early.pop(conversation_id, NOTHING)) is NOTHING:
                continue
            try:
                await self._read_news(conversation_id, seen, old=True)
            except Exception:
                self._early.setdefault(conversation_id, seen)  # unless something newer has come meanwhile
                raise

    def _make_up_for_missed_news(self, live: list[Recording]) -> None:
        made_up = set[str]()
        for recording in live:
            if recording.agent_user_id in self._missed:
                self._looked[recording.id] = -math.inf
                made_up.add(recording.agent_user_id)
        now = self.clock.monotonic()  # the others may have a recording that is being started, and runs soon
        for user_id in [one for one, until in self._missed.items() if one in made_up or until <= now]:
            del self._missed[user_id]

    def _note_agent(self, recording: Recording, seen: Conversation | None) -> None:
        if seen is not None and recording.agent_user_id not in {agent.user_id for agent in seen.agents}:
            self._agent_gone.add(recording.id)
        else:
            self._agent_gone.discard(recording.id)

    async def _check(self, recording: Recording) -> None:
        self._looked[recording.id] = self._pace[0] = self.clock.monotonic()
        deadline = self.clock.monotonic() + LOOK_LIMIT
        try:
            seen = await self.control.read_call(
                recording.target, deadline=deadline, progress=tell_nobody, priority=Priority.LOOP
            )
        except (CallEnded, CallNotFound):
            await self.observations.call_ended(recording)
        except GenesysError as error:
            log.warning("call_read_failed", conversation_id=recording.conversation_id, error=error.kind)
            self._looked[recording.id] -= self._every(recording) - LOOK_AGAIN_SECONDS
        else:
            if found := drift(recording, seen):
                await self.observations.changed_outside(recording, found)
            elif departure := handed_over(recording, seen):
                await self.observations.agent_changed(recording, departure)
            elif self._left_paused(recording, seen):
                await self._say_still_paused(recording)

    def _left_paused(self, recording: Recording, seen: Conversation) -> bool:
        return self._still_paused.get(recording.id) != recording.paused_at and left_paused(recording, seen)

    async def _say_still_paused(self, recording: Recording) -> None:
        await self.observations.still_paused(recording)
        self._still_paused[recording.id] = recording.paused_at

    def _due(self, live: list[Recording]) -> Recording | None:
        now = self.clock.monotonic()
        if now - self._pace[0] < self.look_gap:
            return None
        waiting = [one for one in live if now - self._looked.setdefault(one.id, now) >= self._every(one)]
        return min(waiting, key=lambda one: self._looked[one.id], default=None)

    def _seconds_to_next(self, live: list[Recording]) -> float | None:
        if self._early:
            return EARLY_NEWS_SECONDS
        now = self.clock.monotonic()
        due = min((self._looked.get(one.id, now) + self._every(one) for one in live), default=None)
        if due is None:
            return None
        return min(max(due, self._pace[0] + self.look_gap) - now, LOOK_AGAIN_SECONDS)  # events may cease meanwhile

    def _every(self, recording: Recording) -> float:
        told = recording.agent_user_id in self.news.flowing and recording.id not in self._agent_gone
        return LOOK_WITH_NEWS_EVERY if told else LOOK_AT_MOST_EVERY

    def _forget_all_but(self, recording_ids: set[UUID]) -> None:
        self._agent_gone.intersection_update(recording_ids)
        for known in (self._looked, self._still_paused):
            for gone in known.keys() - recording_ids:
                del known[gone]
