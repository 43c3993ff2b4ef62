"""Which failures of a request are worth another attempt, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, retry_if_exception_type

from bot.errors import RateLimited
from bot.genesys.transport.answer import Unanswered, Unsent, Unusable
from bot.recording.ports import Waiting

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from bot.genesys.transport.deadline import Within
    from bot.recording.ports import Clock

REPEAT_AFTER = (0.2, 0.6)
"""Seconds before a request that failed is sent again."""


@dataclass(frozen=True, slots=True)
class Retries:
    """After which failures a request is sent again. A refusal with 429 is always followed by another attempt."""

    after: tuple[type[Exception], ...]
    needs_json: bool = False
    """Whether an answer that is no JSON object or array is a failure, too."""


READ = Retries((Unsent, Unanswered, Unusable), needs_json=True)
WRITE = Retries((Unsent,))
"""A refused connection is the only failure after which a write certainly was not carried out."""

PROBE = Retries(())


def retrying(retries: Retries, within: Within, clock: Clock) -> AsyncRetrying:
    """Return the loop around a request's attempts. It ends when the next attempt would come after the deadline."""
    delays = iter(REPEAT_AFTER)

    def wait(state: RetryCallState) -> float:
        failure = _failure(state)
        return failure.retry_after if isinstance(failure, RateLimited) else next(delays, math.inf)

    async def inform(state: RetryCallState) -> None:
        if isinstance(failure := _failure(state), RateLimited):
            await within.progress(Waiting(failure.retry_after))

    return AsyncRetrying(
        retry=retry_if_exception_type((RateLimited, *retries.after)),
        wait=wait,
        stop=lambda state: clock.monotonic() + state.upcoming_sleep >= within.deadline,
        before_sleep=inform,
        sleep=clock.sleep,
        reraise=True,
    )


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()
