"""Tells everyone who waits or watches that something in the simulated workspace has changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def nobody_watches() -> None:
    """Do nothing with a change."""


@dataclass
class Changes:
    """One place where every change is announced."""

    on_change: Callable[[], None] = nobody_watches
    _waiting: set[asyncio.Event] = field(init=False, default_factory=set)

    def announce(self) -> None:
        self.on_change()
        for event in self._waiting:
            event.set()

    async def wait_for(self, predicate: Callable[[], object], timeout: float) -> None:  # noqa: ASYNC109  the public face says so
        """Return once ``predicate`` is true; it is asked again after every change. Raises TimeoutError."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(timeout):
                while not predicate():
                    event.clear()
                    await event.wait()
        except TimeoutError:
            message = f"what was waited for did not happen within {timeout:g} s"
            raise TimeoutError(message) from None
        finally:
            self._waiting.discard(event)
