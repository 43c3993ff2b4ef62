"""What an answer of Slack's Web API means for a message: taken, refused for now, refused for good, or nobody knows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bot.recording.ports import Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 5.0
END_SECONDS = 10.0
"""How long a message that is on its way when its loop is cancelled may still take; more than the client's time-out."""
TOO_MANY = 429
SERVER_ERROR = 500
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNREACHABLE = frozenset(
    {
        "access_denied",
        "cannot_dm_bot",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "method_not_supported_for_channel_type",
        "no_permission",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
    }
)
"""What ``chat.postMessage`` and ``chat.update`` say of a place: not here, and not later either."""
UNACCEPTABLE = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
"""What they say of a message that they take nowhere. ``invalid_auth`` is not among it: it concerns the token."""


class Verdict(Enum):
    """What to do with a message that Slack did not take."""

    LATER = auto()
    """Refused, and plainly not there: try again after a while."""
    UNKNOWN = auto()
    """It may have arrived all the same."""
    GONE = auto()
    """The message that was to be edited is no longer there."""
    UNREACHABLE = auto()
    """The bot can't write to that channel or person; somebody has to mend it."""
    UNACCEPTABLE = auto()
    """Slack takes this message nowhere, now or later."""


def verdict(error: Exception) -> Verdict:
    if not isinstance(error, SlackApiError):
        return Verdict.UNKNOWN
    response = error.response
    name = code(error)
    if getattr(response, "status_code", 200) >= SERVER_ERROR or name in {"internal_error", "fatal_error"}:
        return Verdict.UNKNOWN
    if name in GONE:
        return Verdict.GONE
    if name in UNACCEPTABLE:
        return Verdict.UNACCEPTABLE
    return Verdict.UNREACHABLE if name in UNREACHABLE else Verdict.LATER


def is_final(error: Exception) -> bool:
    """Say whether sending the same message to the same place again can't help."""
    return verdict(error) in {Verdict.GONE, Verdict.UNREACHABLE, Verdict.UNACCEPTABLE}


def code(error: Exception) -> str:
    """Return Slack's word for an error, or the kind of the exception."""
    if isinstance(error, SlackApiError):
        data = getattr(error.response, "data", error.response)  # words, not JSON, where a server breaks
        named = data.get("error") if isinstance(data, dict) else None
        return str(named or f"http_{getattr(error.response, 'status_code', 0)}")
    return type(error).__name__


def retry_after(error: Exception) -> float | None:
    """Return how many seconds Slack asks to wait, where it does."""
    if isinstance(error, SlackApiError) and getattr(error.response, "status_code", 200) == TOO_MANY:
        try:
            return float(error.response.headers.get("Retry-After", 1))
        except (TypeError, ValueError):
            return 1.0
    return None


@dataclass
class Pace:
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
        self.problem = code(error)
        self._failures += 1
        seconds = retry_after(error)
        if seconds is None:
            seconds = min(self.longest, 0.5 * 2**self._failures)
        log.warning("slack_delivery_failed", doing=doing, error=self.problem, wait=seconds)
        await self.clock.sleep(seconds)


async def to_the_end(step: Coroutine[None, None, T]) -> T:
    """Run a step to its end, also where the caller is cancelled meanwhile, and only then let it be cancelled.

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
        log.error("step_broke", exc_info=task.exception())
    raise asyncio.CancelledError


async def forever(
    name: str,
    step: Callable[[], Awaitable[bool]],
    changes: asyncio.Event,
    pace: Pace,
    sooner: Callable[[], float | None] | None = None,
) -> None:
    """Repeat ``step`` while it finds something to do; then wait for the next write, and look now and then anyway.

    ``sooner`` returns after how many of the clock's seconds there is something to do again, if that is known. Nothing
    that a step raises ends the loop: what is not yet sent stays in the database, and the next step finds it.
    """
    while True:
        changes.clear()
        try:
            busy = await step()
        except Exception as error:
            log.exception("publisher_broke", publisher=name)
            await pace.wait_after(error, name)
            continue
        if not busy:
            await _until_changed(changes, pace.clock, None if sooner is None else sooner())


async def _until_changed(changes: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    """Wait for a change: for LOOK_AGAIN_SECONDS at most, or for so many seconds on the clock."""
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(changes.wait())]
    if seconds is not None:
        waits.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
