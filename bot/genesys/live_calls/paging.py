"""Lists in pages, which become smaller once Genesys has found a page too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.errors import RequestTooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

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
