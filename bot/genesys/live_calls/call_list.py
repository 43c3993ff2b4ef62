"""Reads the pages of analytics, and combines what they report of agents into one live call a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bot.errors import RequestTooLarge
from bot.recording.call import CallRecording, Direction, LiveCall, LiveList, Participant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from bot.genesys.transport.answer import Answer

log = structlog.get_logger(__name__)

MOST_ENTRIES = 100
FEWEST_ENTRIES = 10
LONGEST_LIST = 500
"""Entries; what is beyond them is cut off, and said to be."""


@dataclass(slots=True)
class PageSize:
    """The size of the pages of one list. A reduced size lasts until the process ends."""

    entries: int = MOST_ENTRIES

    def reduced(self, refusal: RequestTooLarge) -> None:
        """Halve the size. Raise ``refusal`` if it is already the smallest."""
        if self.entries <= FEWEST_ENTRIES:
            raise refusal
        self.entries = max(FEWEST_ENTRIES, self.entries // 2)
        log.info("page_size_reduced", entries=self.entries, cause=str(refusal))

    async def pages(self, read: Callable[[int, int], Awaitable[Answer]]) -> AsyncIterator[Answer]:
        """Read page after page, up to the longest list; ``read`` gets a page's number, from 1, and the page size.

        A page may repeat entries of the one before where the size has changed between them. Raise RequestTooLarge
        where the smallest page is too large.
        """
        seen = 0
        while seen < LONGEST_LIST:
            page = seen // self.entries + 1
            try:
                answer = await read(page, self.entries)
            except RequestTooLarge as refusal:
                self.reduced(refusal)
                continue
            seen = page * self.entries
            yield answer


DIRECTIONS = {direction.value: direction for direction in Direction}


@dataclass(slots=True)
class _Seen:
    agents: dict[str, Participant] = field(default_factory=dict)
    queue_id: str | None = None
    direction: Direction | None = None
    since: datetime | None = None
    recorded: dict[str, list[bool | None]] = field(default_factory=dict)
    """What was said of each agent's sessions."""


@dataclass(slots=True)
class Roster:
    """Agents on calls, as they are found. ``complete`` becomes False if something was left out."""

    requests: int = 0
    complete: bool = True
    tells_recording: bool = False
    _calls: dict[str, _Seen] = field(default_factory=dict)

    def note(
        self,
        conversation_id: str,
        *,
        user_id: str,
        participant_id: str | None = None,
        name: str | None = None,
        queue_id: str | None = None,
        direction: str | None = None,
        since: datetime | None = None,
        recorded: bool | None = None,
    ) -> None:
        """Note that an agent is on a call; ``participant_id`` is unknown to some queries, ``direction`` a plain word.

        ``recorded`` is whether Genesys says that a recording was started on that agent's side.
        """
        call = self._calls.setdefault(conversation_id.casefold(), _Seen())
        call.agents.setdefault(
            user_id,
            Participant(participant_id or "", user_id, name, queue_id),
        )
        call.queue_id = call.queue_id or queue_id
        call.direction = call.direction or DIRECTIONS.get(direction or "")
        if since is not None and (call.since is None or since < call.since):
            call.since = since
        call.recorded.setdefault(user_id, []).append(recorded)

    def live_list(self) -> LiveList:
        """Return the calls, longest first."""
        calls = [
            LiveCall(
                conversation_id,
                agents=tuple(sorted(seen.agents.values(), key=lambda agent: (agent.name or "", agent.user_id))),
                queue_id=seen.queue_id,
                direction=seen.direction,
                since=seen.since,
                recording=_recording([said for one in seen.recorded.values() for said in one]),
            )
            for conversation_id, seen in self._calls.items()
        ]
        calls.sort(key=lambda call: (call.since is None, "" if call.since is None else call.since.isoformat()))
        return LiveList(
            tuple(calls),
            complete=self.complete,
            requests=max(1, self.requests),
            tells_recording=self.tells_recording,
        )

    def recording_of(self, call: LiveCall) -> CallRecording:
        """Return the recording state of the agents in a newer list of this call; UNKNOWN if one is missing here."""
        seen = self._calls.get(call.conversation_id)
        if seen is None or not call.agents:
            return CallRecording.UNKNOWN
        return _recording([said for agent in call.agents for said in seen.recorded.get(agent.user_id, [None])])


def _recording(said: list[bool | None]) -> CallRecording:
    if True in said:
        return CallRecording.ACTIVE
    return CallRecording.UNKNOWN if None in said else CallRecording.NONE
