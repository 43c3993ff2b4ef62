"""What the relays share: back-off after what Slack says, and steps that are not cut off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.slack.api_errors import DeliveryFailure, code, retry_after, verdict
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bot.recording.ports import Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)

GAP_SECONDS = 1.2
"""Between two messages: Slack takes about one posting a second in a channel, and 50 edits a minute."""
END_SECONDS = 10.0
"""How long a message that is on its way when its loop is cancelled may still take; more than the client's time-out."""


def is_final(error: Exception) -> bool:
    """Say whether sending the same message to the same place again can't help."""
    return verdict(error) in {DeliveryFailure.GONE, DeliveryFailure.UNREACHABLE, DeliveryFailure.UNACCEPTABLE}


def refused_alone(error: Exception) -> bool:
    """Say whether Slack refused a message perhaps for its own reason, so that it must not delay others."""
    return verdict(error) is DeliveryFailure.LATER and retry_after(error) is None


@dataclass
class Backoff:
    """How long a publisher waits before it goes on: as Slack asks, or longer from failure to failure."""

    clock: Clock
    longest: float = 30.0
    problem: str | None = None
    """What keeps messages from arriving now; shown by ``/readyz``."""
    _failures: int = field(default=0)

    def went_well(self) -> None:
        self.problem = None
        self._failures = 0

    async def wait_after(self, error: Exception, doing: str) -> None:
        await self.clock.sleep(self.seconds_after(error, doing))

    def seconds_after(self, error: Exception, doing: str) -> float:
        """Note the error, and return how long to wait."""
        self.problem = code(error)
        self._failures += 1
        seconds = retry_after(error)
        if seconds is None:
            seconds = min(self.longest, 0.5 * 2**self._failures)
        log.warning("slack_delivery_failed", doing=doing, error=self.problem, wait=seconds)
        return seconds


@dataclass(frozen=True, slots=True)
class DeliveryMarks:
    """What the database is told about one message while it is sent."""

    begun: Callable[[], Awaitable[None]]
    """Before the post: it may arrive without our knowing."""
    refused: Callable[[], Awaitable[None]]
    """Slack plainly did not take it, and it is sent again later."""
    over: Callable[[bool], Awaitable[None]]
    """It is not sent again; whether it was delivered."""


async def deliver(
    post: Callable[[], Awaitable[object]], marks: DeliveryMarks, pace: Backoff, doing: str
) -> Exception | None:
    """Post a message once, and mark what is known about it; return what Slack says that is worth another try."""
    await marks.begun()
    delivered = True
    try:
        await post()
    except WEB_API_ERRORS as error:
        if not is_final(error):
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await marks.refused()
            return error
        log.warning("message_delivery_abandoned", doing=doing, error=code(error))
        delivered = False
    pace.went_well()
    await marks.over(delivered)
    return None


async def run_to_completion(step: Coroutine[None, None, T]) -> T:
    """Run a step to its end even if the caller is canceled meanwhile, and only then cancel.

    A message that is on its way when the bot stops arrives all the same; without its note it would be sent again. A
    cancelled step has END_SECONDS left: as long as one request to Slack and its notes may take.
    """
    task = asyncio.ensure_future(step)
    latest: float | None = None
    while not task.done():
        try:
            left = None if latest is None else latest - asyncio.get_running_loop().time()
            if left is not None and left <= 0:
                task.cancel()
            await asyncio.wait({task}, timeout=left if left is None or left > 0 else END_SECONDS)
        except asyncio.CancelledError:
            latest = latest or asyncio.get_running_loop().time() + END_SECONDS
    if latest is None:
        return task.result()
    if not task.cancelled() and task.exception() is not None:
        log.error("relay_step_failed", exc_info=task.exception())
    raise asyncio.CancelledError
