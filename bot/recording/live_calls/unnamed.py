"""Fetches missing names of the agents and queues of live recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from bot.recording.live_calls.names import NameBook
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

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
