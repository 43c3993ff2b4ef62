"""The calls that agents are on now, from memory while that is fresh enough, so that a list opens at once."""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from bot.errors import GenesysError, GenesysUnavailable
from bot.recording.call import CallRecording, LiveCall, LiveList, Participant
from bot.recording.models import RecordingState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.recording.caller import Scope
    from bot.recording.live_calls.names import NameBook
    from bot.recording.models import Recording
    from bot.recording.ports import Clock, ConversationDirectory, RecordingStore

log = structlog.get_logger(__name__)

FRESH_SECONDS = 3.0
"""Maximum age of a list, for each request that it took: a large contact center is fetched less often."""
LOOK_SECONDS = 10.0
"""Time limit of a fetch from Genesys; nobody waits that long."""
AFTER_FAILURE_SECONDS = 3.0
ALL = 10_000

SHOWN = {
    RecordingState.ACTIVE: CallRecording.ACTIVE,
    RecordingState.PAUSING: CallRecording.ACTIVE,
    RecordingState.STOPPING: CallRecording.ACTIVE,
    RecordingState.PAUSED: CallRecording.PAUSED,
    RecordingState.RESUMING: CallRecording.PAUSED,
}
"""What a recording of ours says about its call; nothing while it starts."""


@dataclass(frozen=True, slots=True)
class CallList:
    """Live calls, longest first, as of ``as_of``; None if Genesys has not reported any yet.

    ``problem`` is why it is not newer. Our own recordings are in it whatever Genesys says.
    """

    calls: tuple[LiveCall, ...] = ()
    as_of: datetime | None = None
    problem: GenesysError | None = None
    complete: bool = True
    """Whether these are all calls; if there are too many, the rest can be named by id."""

    def within(self, scope: Scope) -> CallList:
        """Return those that a person with this scope may control."""
        return replace(self, calls=tuple(call for call in self.calls if covers(scope, call)))


@dataclass(slots=True)
class _Memory:
    seen: LiveList = field(default_factory=lambda: LiveList(()))
    as_of: datetime | None = None
    at: float = 0.0
    problem: GenesysError | None = None
    failed_at: float | None = None
    looking: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class LiveCalls:
    """Asks Genesys when someone opens a list, once at a time for all viewers, and never otherwise."""

    directory: ConversationDirectory
    names: NameBook
    store: RecordingStore
    clock: Clock
    _memory: _Memory = field(default_factory=_Memory)

    async def current(self, *, wait: float = 1.0) -> CallList:
        """Return the calls as of a few seconds ago; what is older only where Genesys takes more than ``wait`` seconds.

        ``wait`` is in real seconds, 0 for what is in memory. Never raises; ``problem`` says what is wrong.
        """
        memory = self._memory
        if not self._fresh() and (memory.looking is None or memory.looking.done()):
            memory.looking = asyncio.create_task(self._fetch())
        if memory.looking is not None and not memory.looking.done() and wait > 0:
            await asyncio.wait({memory.looking}, timeout=wait)
        # a snapshot of the list: a fetch may end while our own recordings are read
        seen, as_of, problem = memory.seen, memory.as_of, memory.problem
        if problem is None and as_of is None:
            problem = GenesysUnavailable("Genesys has not told yet which calls are live.")
        return CallList(await self._with_ours(seen.calls), as_of, problem, seen.complete)

    @staticmethod
    def search(calls: Iterable[LiveCall], text: str) -> tuple[LiveCall, ...]:
        """Return the calls in which each word of ``text`` is found, those that begin with it first, then the longest.

        It is looked for in agents, queue, direction and at the beginning of the id; case and accents don't matter.
        """
        wanted = folded(text)
        words = wanted.split()
        found = [call for call in calls if all(_has(call, word) for word in words)]
        return tuple(sorted(found, key=lambda call: (not _begins(call, wanted), *_longest(call))))

    async def close(self) -> None:
        """Cancel the running fetch."""
        if (looking := self._memory.looking) is not None:
            looking.cancel()
            await asyncio.wait({looking})

    def _fresh(self) -> bool:
        memory, now = self._memory, self.clock.monotonic()
        if memory.failed_at is not None and now - memory.failed_at < AFTER_FAILURE_SECONDS:
            return True  # nothing newer is available
        age = FRESH_SECONDS * max(1, memory.seen.requests)
        return memory.as_of is not None and memory.failed_at is None and now - memory.at <= age

    async def _fetch(self) -> None:
        memory = self._memory
        asked_at, asked_on = self.clock.monotonic(), self.clock.now()
        deadline = asked_at + LOOK_SECONDS
        try:
            seen = await self.directory.live_calls(deadline=deadline)
            known = {call.conversation_id: call for call in memory.seen.calls}
            calls = tuple(_since_first_seen(call, known.get(call.conversation_id)) for call in seen.calls)
            said = tuple(_as_said_before(call, known.get(call.conversation_id)) for call in calls)
            memory.seen = replace(seen, calls=await self.names.named_from_store(said))
            memory.as_of, memory.at, memory.problem, memory.failed_at = asked_on, asked_at, None, None
            # people who can't wait for the names see the calls without them
            _, told = await asyncio.gather(
                self.names.named(said, deadline=deadline),
                self.directory.with_recording(replace(seen, calls=calls), deadline=deadline),
            )
            memory.seen = replace(told, calls=await self.names.named_from_store(told.calls))
        except GenesysError as error:
            memory.problem, memory.failed_at = error, self.clock.monotonic()
        except Exception:
            log.exception("live_calls_fetch_failed")
            memory.problem, memory.failed_at = GenesysError(), self.clock.monotonic()

    async def _with_ours(self, calls: tuple[LiveCall, ...]) -> tuple[LiveCall, ...]:
        """Merge with our own records, which are newer than what Genesys's analytics say of the same call."""
        try:
            ours = {one.conversation_id: one for one in await self.store.live_recordings(limit=ALL)}
        except Exception:
            log.exception("live_recordings_read_failed")
            ours = {}
        told = frozenset(call.conversation_id for call in calls if call.recording is not CallRecording.UNKNOWN)
        over = await self._recorded_before(told - ours.keys())
        merged = [_as_recorded(call, ours.pop(call.conversation_id, None), over) for call in calls]
        missing = await self.names.named_from_store(tuple(map(_call_of, ours.values())))
        return tuple(sorted((*merged, *missing), key=_longest))

    async def _recorded_before(self, conversation_ids: frozenset[str]) -> frozenset[str]:
        try:
            return await self.store.recorded_before(conversation_ids) if conversation_ids else frozenset()
        except Exception:
            log.exception("earlier_recordings_read_failed")
            return conversation_ids


def covers(scope: Scope, call: LiveCall) -> bool:
    """Say whether the scope covers the call: its queue, or any agent on it."""
    return (
        scope.everything
        or scope.covers(agent_user_id=None, queue_id=call.queue_id)
        or any(scope.covers(agent_user_id=one.user_id, queue_id=one.queue_id) for one in call.agents)
    )


def folded(text: str) -> str:
    """Return the text as it is compared: without case, accents, and spaces at its ends."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one)).strip()


def _longest(call: LiveCall) -> tuple[bool, datetime, str]:
    return call.since is None, call.since or datetime.max.replace(tzinfo=UTC), call.conversation_id


def _has(call: LiveCall, word: str) -> bool:
    return folded(call.conversation_id).startswith(word) or any(word in text for text in _texts(call))


def _begins(call: LiveCall, wanted: str) -> bool:
    return any(text.startswith(wanted) for text in (*_texts(call), folded(call.conversation_id)))


def _texts(call: LiveCall) -> tuple[str, ...]:
    said = [call.queue_name, None if call.direction is None else call.direction.value]
    said += [agent.name for agent in call.agents] + [agent.queue_name for agent in call.agents]
    return tuple(folded(one) for one in said if one)


def _since_first_seen(call: LiveCall, before: LiveCall | None) -> LiveCall:
    """Keep the earliest time: some organizations' lists report when a call was queried, not when it began."""
    if before is None or before.since is None or (call.since is not None and call.since <= before.since):
        return call
    return replace(call, since=before.since)


def _as_said_before(call: LiveCall, before: LiveCall | None) -> LiveCall:
    """Keep the last known recording state until Genesys is asked again."""
    if before is None or call.recording is not CallRecording.UNKNOWN:
        return call
    return replace(call, recording=before.recording)


def _as_recorded(call: LiveCall, ours: Recording | None, over: frozenset[str]) -> LiveCall:
    if ours is not None:
        return replace(call, recording=_shown(ours))
    # "a recording was started" stays true in analytics after we have stopped it
    return replace(call, recording=CallRecording.UNKNOWN) if call.conversation_id in over else call


def _shown(ours: Recording) -> CallRecording:
    return CallRecording.UNKNOWN if ours.in_doubt else SHOWN.get(ours.state, CallRecording.UNKNOWN)


def _call_of(ours: Recording) -> LiveCall:
    """Return what our record says of a call that Genesys's list doesn't have (yet)."""
    agent = Participant(ours.participant_id or "", ours.agent_user_id or "", queue_id=ours.queue_id)
    return LiveCall(
        ours.conversation_id,
        agents=(agent,) if ours.agent_user_id else (),
        queue_id=ours.queue_id,
        since=ours.started_at or ours.requested_at,
        recording=_shown(ours),
    )
