"""The relay of notices: sends people the direct messages that the database says are due.

It is stateless. A notice is stored before it is posted and updated once Slack has it, so that each arrives once,
whatever happens in between. A notice whose arrival was never confirmed is posted once more, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.outbox.relay import is_final, run_to_completion
from bot.recording.monitoring.reminders import (
    SILENCE,
    Notice,
    NoticeStatus,
    notice_status,
    of_approval,
    of_ending,
    of_long_pause,
    of_long_recording,
    of_silent_attempt,
    of_transfer,
    too_old,
)
from bot.slack.api_errors import DeliveryFailure, code, retry_after, verdict
from bot.slack.blocks.notice import answered, notice
from bot.slack.users import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.outbox.relay import Backoff
    from bot.recording.models import Approval, Attempt, Recording
    from bot.recording.monitoring.ownership import Presence
    from bot.recording.monitoring.reminders import LastAction, OpenNotice, Outcomes, ReminderTimes
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

log = structlog.get_logger(__name__)

GAP_SECONDS = 1.2
"""Between two messages: Slack takes about one posting a second in a channel, and 50 edits a minute."""


class Occasions(Protocol):
    """What calls for a notice."""

    async def endings(self, now: datetime) -> Outcomes: ...

    async def long_recordings(self, since: datetime) -> tuple[Recording, ...]: ...

    async def long_pauses(self, since: datetime) -> tuple[tuple[Recording, str | None], ...]: ...

    async def silent_attempts(self, now: datetime) -> tuple[tuple[Attempt, Recording], ...]: ...

    async def waiting_stops(self) -> tuple[tuple[Approval, Recording, tuple[str | None, ...]], ...]: ...

    async def transfers(self) -> tuple[Recording, ...]: ...
    async def repeated_stops(
        self, now: datetime
    ) -> tuple[tuple[Approval, Recording, tuple[str | None, ...], int], ...]: ...

    async def deed(self, recording: Recording) -> LastAction | None: ...

    async def seconds_to_next(self, now: datetime, times: ReminderTimes) -> float | None: ...


class Notices(Protocol):
    """The notices that there are, and what Slack has of them."""

    async def note(
        self, due: Iterable[Notice], *, at: datetime, outdated: Iterable[Notice] = (), upto: int | None = None
    ) -> None: ...

    async def open(self) -> tuple[OpenNotice, ...]: ...

    async def begun(self, notice: Notice) -> None: ...

    async def refused(self, notice: Notice) -> None: ...

    async def delivered(self, notice: Notice, *, at: datetime, channel: str, ts: str) -> None: ...

    async def close(self, notice: Notice, *, at: datetime, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends notices to people as direct messages, and to a channel if anyone there can act.

    ``style_for`` returns the style in a user's language, given the language of the card. ``busy`` holds the attempts
    that this process, ``owner``, works on. Each live process reports how its attempts end, so those of other live
    processes get more time.
    """

    client: AsyncWebClient
    occasions: Occasions
    notices: Notices
    style_for: Callable[[str, str | None], CardStyle]
    times: ReminderTimes
    busy: Collection[UUID]
    owner: str
    presence: Presence
    changes: asyncio.Event
    clock: Clock
    pace: Backoff
    escalate: str | None = None
    """The user group that a repeated message about a waiting stop names."""

    async def step(self) -> float | None:
        """Note and send; return in how many seconds the next one may be due, None where nothing waits for a time."""
        more = await self.note_due()
        if await self.send_next() or more:
            return 0.0
        return await self.occasions.seconds_to_next(self.clock.now(), self.times)

    async def note_due(self) -> bool:
        """Store the notices that are due; True if there is more to check."""
        now = self.clock.now()
        endings = await self.occasions.endings(now)
        due, outdated = list[Notice](), list[Notice]()
        for ending in endings.found:
            (outdated if too_old(ending.at, now) else due).extend(of_ending(ending))
        due += await self._reminders(now)
        if due or outdated or endings.upto is not None:
            await self.notices.note(due, at=now, outdated=outdated, upto=endings.upto)
        return endings.more

    async def _reminders(self, now: datetime) -> list[Notice]:
        times, due = self.times, list[Notice]()
        for approval, recording, channels in await self.occasions.waiting_stops():
            due += of_approval(approval, recording, channels)
        for recording in await self.occasions.transfers():
            due += of_transfer(recording, now)
        for approval, recording, channels, number in await self.occasions.repeated_stops(now):
            due += of_approval(approval, recording, channels, repetition=number)
        if times.recording is not None:
            for recording in await self.occasions.long_recordings(now - times.recording):
                due += of_long_recording(recording, times, now)
        if times.pause is not None:
            for recording, paused_by in await self.occasions.long_pauses(now - times.pause):
                due += of_long_pause(recording, paused_by, times, now)
        for attempt, recording in await self._cut_off(now):
            due += of_silent_attempt(attempt, recording, now)
        return due

    async def _cut_off(self, now: datetime) -> list[tuple[Attempt, Recording]]:
        """Return the attempts of which nobody says anything any more."""
        silent = [one for one in await self.occasions.silent_attempts(now) if one[0].id not in self.busy]
        if not silent:
            return []
        gone = {self.owner, *await self.presence.absent(frozenset(attempt.owner for attempt, _ in silent))}
        return [one for one in silent if one[0].owner in gone or one[0].requested_at <= now - 2 * SILENCE]

    async def send_next(self) -> bool:
        """Post, or remove the buttons of, the first notice that needs it and that Slack accepts; False if none does."""
        refused = False
        for one in await self.notices.open():
            found = notice_status(
                one.notice,
                one.recording,
                attempt_open=one.attempt_open,
                approval=one.approval,
                recorded_since=one.recorded_since,
            )
            if found is NoticeStatus.OVER and one.ts is None:
                await self.notices.close(one.notice, at=self.clock.now(), outcome="over")
                continue
            if found is NoticeStatus.OVER:
                sent = await self._answer(one)
            elif found is NoticeStatus.HOLDS and one.ts is None:
                sent = await self._post(one)
            else:
                continue
            if sent:
                return True
            refused = True  # perhaps for its own reason: it must not delay other notices
        return refused

    async def _post(self, one: OpenNotice) -> bool:
        """Post it; False where Slack plainly did not take it, and asked for no patience."""
        return await self._after(await run_to_completion(self._send(one)))

    async def _answer(self, one: OpenNotice) -> bool:
        """Edit a reminder to show its result, and remove its buttons; False as in ``_post``."""
        return await self._after(await run_to_completion(self._edit(one)))

    async def _after(self, error: Exception | None) -> bool:
        if error is None:
            await self.clock.sleep(GAP_SECONDS)
            return True
        await self.pace.wait_after(error, "notice")
        return not _refused_alone(error)

    async def _send(self, one: OpenNotice) -> Exception | None:
        """Return what Slack says that is worth another try."""
        user = _user(one)
        message = notice(one, self.style_for(user, one.language), self.escalate)
        await self.notices.begun(one.notice)
        try:
            answer = await self.client.chat_postMessage(
                channel=one.notice.channel or user, **message, unfurl_links=False, unfurl_media=False
            )
        except WEB_API_ERRORS as error:
            if is_final(error):
                log.warning("notice_delivery_abandoned", kind=one.notice.kind.value, error=code(error))
                await self.notices.close(one.notice, at=self.clock.now(), outcome="undeliverable")
                return None
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.notices.refused(one.notice)
            return error
        self.pace.went_well()
        channel, ts = str(answer["channel"]), str(answer["ts"])
        await self.notices.delivered(one.notice, at=self.clock.now(), channel=channel, ts=ts)
        return None

    async def _edit(self, one: OpenNotice) -> Exception | None:
        message = answered(one, await self.occasions.deed(one.recording), self.style_for(_user(one), one.language))
        outcome = "answered"
        try:
            await self.client.chat_update(channel=str(one.channel), ts=str(one.ts), **message)
        except WEB_API_ERRORS as error:
            if not is_final(error):
                return error
            outcome = "lost"
        self.pace.went_well()
        await self.notices.close(one.notice, at=self.clock.now(), outcome=outcome)
        return None


def _user(one: OpenNotice) -> str:
    return one.notice.person.rpartition(":")[2]


def _refused_alone(error: Exception) -> bool:
    return verdict(error) is DeliveryFailure.LATER and retry_after(error) is None
