"""The error boundary of all Slack listeners: whatever fails, the person gets an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.errors import RecordBotError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
log = structlog.get_logger(__name__)


async def answered(listener: str, work: Awaitable[T], refuse: Callable[[RecordBotError], Awaitable[T]]) -> T:
    """Return the answer of a listener, or the one that ``refuse`` makes of an error.

    An unexpected error is logged (``listener_failed``) and becomes a plain RecordBotError, of which ``refuse`` has to
    make an answer without reading anything.
    """
    try:
        try:
            return await work
        except RecordBotError as error:
            return await refuse(error)
    except Exception:
        log.exception("listener_failed", listener=listener)
        return await refuse(RecordBotError())
