"""Dispatches call events: in order for each call, and concurrently for different ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from bot.genesys.notifications.channel import CallEvent
    from bot.recording.models import Conversation

log = structlog.get_logger(__name__)

OnNews = Callable[[str, "Conversation | None"], Awaitable[None]]
"""Called with a call's id and its current state, None when everyone has left it."""

OnGap = Callable[[frozenset[str]], None]
"""Gets the agents about whose calls something may have been missed."""


class Inbox:
    """Of several events about one call that arrive while an earlier one is handled, only the newest counts."""

    def __init__(self, on_news: OnNews, on_gap: OnGap) -> None:
        self._on_news = on_news
        self._on_gap = on_gap
        self._newest: dict[str, CallEvent] = {}
        self._working: dict[str, asyncio.Task[None]] = {}

    def put(self, news: CallEvent) -> None:
        """Have the news passed on; returns at once."""
        self._newest[news.conversation_id] = news
        if news.conversation_id not in self._working:
            self._working[news.conversation_id] = asyncio.ensure_future(self._work(news.conversation_id))

    async def close(self) -> None:
        working = list(self._working.values())
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, conversation_id: str) -> None:
        try:
            while (news := self._newest.pop(conversation_id, None)) is not None:
                await self._pass_on(news)
        finally:
            del self._working[conversation_id]

    async def _pass_on(self, news: CallEvent) -> None:
        try:
            await self._on_news(news.conversation_id, news.seen)
        except Exception:
            log.exception("call_event_lost", conversation_id=news.conversation_id)
            self._on_gap(frozenset({news.user_id}))
