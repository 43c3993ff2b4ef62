"""The relay of notices: sends people the direct messages that the database says are due.

It is stateless. A notice is stored before it is posted and updated once Slack has it, so that each arrives once,
whatever happens in between. A notice whose arrival was never confirmed is posted once more, and says so. Reminders for
one person that wait to be posted share a message; it is edited whenever one of them is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.outbox.relay import GAP_SECONDS, is_final, refused_alone, run_to_completion
from bot.recording.monitoring.reminders import (
    SILENCE,
    TOGETHER_AT_MOST,
    NoticeStatus,
    notice_status,
    of_approval,
    of_long_pause,
    of_long_recording,
    of_silent_attempt,
    of_transfer,
)
from bot.recording.notices import Notice
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.notice import SharedReminder, answered, notice, reminders
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.outbox.due_notices import SqlOccasions
    from bot.database.outbox.notices import SqlNotices
    from bot.database.queries.pending_work import PendingWork, SqlPendingWork
    from bot.outbox.relay import Backoff
    from bot.recording.models import Attempt, Recording
    from bot.recording.monitoring.ownership import Presence
    from bot.recording.monitoring.reminders import OpenNotice, ReminderTimes
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle

SOON_SECONDS = 5.0
"""When to look again while a request is open or a stop waits."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends notices to people as direct messages, and to a channel if anyone there can act.

    ``style_for`` returns the style in a user's language, given the language of the card. ``busy`` holds the attempts
    that this process, ``owner``, works on. Each live process reports how its attempts end, so those of other live
    processes get more time.
    """

    client: AsyncWebClient
    occasions: SqlOccasions
    notices: SqlNotices
    pending: SqlPendingWork
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
        await self.note_due()
        if await self.send_next():
            return 0.0
        return await self._seconds_to_next()

    async def _seconds_to_next(self) -> float | None:
        found = await self.pending.read()
        if found.approvals or found.attempts_since is not None:
            return SOON_SECONDS
        if found.running_since is None and found.paused_since is None:
            return None
        return await self.occasions.seconds_to_next(self.clock.now(), self.times)

    async def note_due(self) -> None:
        """Store the reminders that are due; the notices of outcomes are there already, some perhaps outdated."""
        await self.notices.confirm()
        now, found = self.clock.now(), await self.pending.read()
        if found.notices:
            await self.notices.close_outdated(now)
        if due := await self._reminders(now, found):
            await self.notices.note(due, at=now)

    async def _reminders(self, now: datetime, found: PendingWork) -> list[Notice]:
        """Return the reminders that are due; what nothing in the database can call for is not read."""
        due = await self._of_waiting_stops(now) if found.approvals else []
        if found.transfer_questions:
            for recording in await self.occasions.transfers():
                due += of_transfer(recording, now)
        due += await self._of_lengths(now, found)
        if _lasts(found.attempts_since, now, SILENCE):
            for attempt, recording in await self._cut_off(now):
                due += of_silent_attempt(attempt, recording, now)
        return due

    async def _of_waiting_stops(self, now: datetime) -> list[Notice]:
        due = list[Notice]()
        for approval, recording, channels in await self.occasions.waiting_stops():
            due += of_approval(approval, recording, channels)
        for approval, recording, channels, number in await self.occasions.repeated_stops(now):
            due += of_approval(approval, recording, channels, repetition=number)
        return due

    async def _of_lengths(self, now: datetime, found: PendingWork) -> list[Notice]:
        times, due = self.times, list[Notice]()
        if times.recording is not None and _lasts(found.running_since, now, times.recording):
            for recording, before in await self.occasions.long_recordings(now - times.recording, now):
                due += of_long_recording(recording, times, now, number=before + 1)
        if times.pause is not None and _lasts(found.paused_since, now, times.pause):
            for recording, paused_by in await self.occasions.long_pauses(now - times.pause):
                due += of_long_pause(recording, paused_by, times, now)
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
        tried = set[Notice]()
        found = await self.notices.open() if (await self.pending.read()).notices else ()
        for one in found:
            if one.notice in tried:
                continue
            status = _status(one)
            if status is NoticeStatus.OVER and one.ts is None:
                await self.notices.close(one.notice, at=self.clock.now(), outcome="over")
                continue
            together: Sequence[OpenNotice]
            if status is NoticeStatus.OVER:
                together = await self.notices.sharing(one)
                sent = await self._answer(together)
            elif status is NoticeStatus.HOLDS and one.ts is None:
                together = _together(one, found)
                sent = await self._post(together)
            else:
                continue
            if sent:
                return True
            tried |= {each.notice for each in together}  # perhaps for its own reason: it must not delay other notices
        return bool(tried)

    async def _post(self, together: Sequence[OpenNotice]) -> bool:
        """Post a message; False where Slack plainly did not take it, and asked for no patience."""
        return await self._after(await run_to_completion(self._send(together)))

    async def _answer(self, together: Sequence[OpenNotice]) -> bool:
        """Edit reminders to show their results, and remove the buttons of those; False as in ``_post``."""
        return await self._after(await run_to_completion(self._edit(together)))

    async def _after(self, error: Exception | None) -> bool:
        if error is None:
            await self.clock.sleep(GAP_SECONDS)
            return True
        await self.pace.wait_after(error, "notice")
        return not refused_alone(error)

    async def _send(self, together: Sequence[OpenNotice]) -> Exception | None:
        """Return what Slack says that is worth another try."""
        first, now = together[0], self.clock.now()
        user, told = _user(first), [one.notice for one in together]
        style = self.style_for(user, first.language)
        if len(together) > 1:
            message = reminders([SharedReminder(one) for one in together], style, now)
        else:
            message = notice(first, style, now, self.escalate)
        await self.notices.begun(*told)
        try:
            answer = await self.client.chat_postMessage(
                channel=first.notice.channel or user, **message, unfurl_links=False, unfurl_media=False
            )
        except WEB_API_ERRORS as error:
            if verdict(error) is DeliveryFailure.UNACCEPTABLE and len(together) > 1:
                await self.notices.refused(*told)  # perhaps because of one of them: each comes by itself
                return await self._send(together[:1])
            if is_final(error):
                log.warning("notice_delivery_abandoned", kind=first.notice.kind.value, error=code(error))
                await self.notices.close(*told, at=self.clock.now(), outcome="undeliverable")
                return None
            if verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.notices.refused(*told)
            return error
        self.pace.went_well()
        channel, ts = str(answer["channel"]), str(answer["ts"])
        await self.notices.delivered(*told, at=self.clock.now(), channel=channel, ts=ts)
        return None

    async def _edit(self, together: Sequence[OpenNotice]) -> Exception | None:
        first = together[0]
        style = self.style_for(_user(first), first.language)
        shown = [await self._shared(one) for one in together]
        alone = len(shown) == 1
        message = answered(first, shown[0].deed, style) if alone else reminders(shown, style, self.clock.now())
        lost = False
        try:
            await self.client.chat_update(channel=str(first.channel), ts=str(first.ts), **message)
        except WEB_API_ERRORS as error:
            if not is_final(error):
                return error
            lost = True
        self.pace.went_well()
        for one in shown:
            if one.done and not one.notice.closed:
                outcome = "lost" if lost else "answered" if one.notice.snooze is None else "snoozed"
                await self.notices.close(one.notice.notice, at=self.clock.now(), outcome=outcome)
        return None

    async def _shared(self, one: OpenNotice) -> SharedReminder:
        """Return a notice as its message shows it now: with its buttons, or with its result."""
        if not one.closed and _status(one) is not NoticeStatus.OVER:
            return SharedReminder(one)
        return SharedReminder(one, done=True, deed=await self.occasions.deed(one.recording))


def _lasts(since: datetime | None, now: datetime, length: timedelta) -> bool:
    return since is not None and since <= now - length


def _status(one: OpenNotice) -> NoticeStatus:
    return notice_status(
        one.notice,
        one.recording,
        attempt_open=one.attempt_open,
        approval=one.approval,
        recorded_since=one.recorded_since,
        snoozed=one.snooze is not None,
    )


def _together(first: OpenNotice, found: Sequence[OpenNotice]) -> list[OpenNotice]:
    """Return the reminders that go into one message: those for the same person that are still to be posted."""
    if not first.notice.kind.groups:
        return [first]
    alike = [
        one
        for one in found
        if one.notice.kind.groups
        and one.notice.person == first.notice.person
        and one.ts is None
        and _status(one) is NoticeStatus.HOLDS
    ]
    return alike[:TOGETHER_AT_MOST]


def _user(one: OpenNotice) -> str:
    return one.notice.person.rpartition(":")[2]
