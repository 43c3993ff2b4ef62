"""Tells every open page that something has changed, no faster than a page can use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class ChangeFeed:
    """Counts changes; followers hear of the newest one, and once of several within ``interval`` seconds."""

    interval: float = 0.1
    heartbeat: float = 15.0
    _version: int = field(init=False, default=1)
    _closed: bool = field(init=False, default=False)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def changed(self) -> None:
        """Note a change. Call it from the event loop's thread."""
        self._version += 1
        self._wake()

    def close(self) -> None:
        """End every following: a server that stops waits for its open answers."""
        self._closed = True
        self._wake()

    async def follow(self) -> AsyncIterator[bool]:
        """Yield True at once and after changes, and False when nothing has changed for ``heartbeat`` seconds."""
        seen = 0
        while not self._closed:
            fresh = seen != self._version
            seen = self._version
            yield fresh
            await asyncio.sleep(self.interval)
            if seen == self._version and not self._closed:
                await self._next_change()

    async def _next_change(self) -> None:
        try:
            async with asyncio.timeout(self.heartbeat):
                await self._changed.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        # Tasks that wait hold the old event; the next one to wait gets the new one.
        self._changed.set()
        self._changed = asyncio.Event()
