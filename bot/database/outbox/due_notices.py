"""The direct messages that time or state calls for: long recordings and pauses, waiting stops, interrupted requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, func, or_, select, type_coerce

from bot.audit.entry import Phase
from bot.database.mapping import attempt_from, recording_from
from bot.database.schema.tables import approvals, attempts, audit_entries, cards, notices, recordings
from bot.database.statements import approvals as approval_rows
from bot.database.transaction import LIVE
from bot.recording.handover import FollowUp
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.observations import CALL_ENDED
from bot.recording.monitoring.reminders import SILENCE, LastAction, repetition
from bot.recording.notices import REPETITION, NoticeKind
from bot.recording.time_limits.limits import EXTEND_ACTION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from bot.database.engine import Engines
    from bot.recording.models import Approval, Attempt, Recording
    from bot.recording.monitoring.reminders import ReminderTimes

AT_ONCE = 200
CONTROL = tuple(verb.action for verb in Verb)
TOOK_EFFECT = (Phase.SUCCEEDED, Phase.OBSERVED)
PERSON = "slack:%"
earlier = audit_entries.alias("earlier")
later = recordings.alias("later")
LAST_SNOOZE = (
    select(func.max(notices.c.snoozed_until))
    .where(notices.c.kind == NoticeKind.LONG_RECORDING, notices.c.recording_id == recordings.c.id)
    .scalar_subquery()
    .label("snoozed_until")
)
LIVE_TIMES = select(recordings.c.state, recordings.c.started_at, recordings.c.paused_at, LAST_SNOOZE).where(LIVE)
RECORDED_SINCE = (
    select(later.c.id)
    .where(
        later.c.conversation_id == recordings.c.conversation_id,
        later.c.requested_seq > recordings.c.requested_seq,
        later.c.started_at.is_not(None),
    )
    .exists()
)
"""Of a recording: a later one of its call came about."""
pause = type_coerce(recordings.c.paused_at, Text)
"""The occasion of a reminder of a pause."""


@dataclass(frozen=True, slots=True)
class SqlOccasions:
    """Computes each time which reminders are due, from recordings, attempts, and approvals."""

    engines: Engines

    async def long_recordings(self, since: datetime, now: datetime) -> tuple[tuple[Recording, int], ...]:
        """Return those that have been running since before a moment, with the number of reminders so far.

        One that a person was reminded of comes again once each reminder was answered and the time until the next is up.
        """
        reminded = (notices.c.kind == NoticeKind.LONG_RECORDING, notices.c.recording_id == recordings.c.id)
        waits = or_(notices.c.snoozed_until.is_(None), notices.c.snoozed_until > now)
        found = await self._recordings(
            LIVE,
            recordings.c.state == RecordingState.ACTIVE,
            recordings.c.started_at <= since,
            recordings.c.started_by.like(PERSON),
            ~select(notices.c.person).where(*reminded, waits).exists(),
        )
        if not found:
            return ()
        counted = (
            select(notices.c.recording_id, func.count())
            .where(notices.c.kind == NoticeKind.LONG_RECORDING, notices.c.recording_id.in_([one.id for one in found]))
            .group_by(notices.c.recording_id)
        )
        rows = await self.engines.read(lambda connection: connection.execute(counted).all())
        numbers = {row[0]: row[1] for row in rows}
        return tuple((one, numbers.get(one.id, 0)) for one in found)

    async def long_pauses(self, since: datetime) -> tuple[tuple[Recording, str | None], ...]:
        """Return those that have been paused since before a moment, with who paused them; None: not through the bot."""
        known = _known(NoticeKind.LONG_PAUSE, pause, recordings.c.id)
        found = await self._recordings(
            LIVE, recordings.c.state == RecordingState.PAUSED, recordings.c.paused_at <= since, ~known
        )
        if not found:
            return ()
        return await self.engines.read(lambda connection: tuple((one, _paused_by(connection, one)) for one in found))

    async def seconds_to_next(self, now: datetime, times: ReminderTimes) -> float | None:
        """Return in how many seconds a live recording may call for a notice without a write before; None: never."""
        if not (times.recording or times.pause):
            return None
        rows = await self.engines.read(lambda connection: connection.execute(LIVE_TIMES).all())
        moments = [row.snoozed_until for row in rows if row.snoozed_until is not None and times.recording]
        moments += [
            since + after
            for row in rows
            for state, since, after in (
                (RecordingState.ACTIVE, row.started_at, times.recording),
                (RecordingState.PAUSED, row.paused_at, times.pause),
            )
            if row.state == state and since is not None and after is not None
        ]
        return min(((at - now).total_seconds() for at in moments if at > now), default=None)

    async def silent_attempts(self, now: datetime) -> tuple[tuple[Attempt, Recording], ...]:
        """Return the open attempts of which nothing can have been said: too old, and with no entry but the first."""
        doubt = select(earlier.c.seq).where(earlier.c.attempt_id == attempts.c.id, earlier.c.phase == Phase.UNKNOWN)
        known = _known(NoticeKind.OUTCOME_UNKNOWN, type_coerce(attempts.c.id, Text), attempts.c.recording_id)
        statement = select(attempts).where(
            attempts.c.settled_at.is_(None),
            attempts.c.requested_at <= now - SILENCE,
            attempts.c.recording_id.is_not(None),
            attempts.c.actor.like(PERSON),
            ~doubt.exists(),
            ~known,
        )
        oldest = statement.limit(AT_ONCE)
        found = await self.engines.read(lambda connection: tuple(map(attempt_from, connection.execute(oldest))))
        if not found:
            return ()
        about = {
            one.id: one for one in await self._recordings(recordings.c.id.in_([one.recording_id for one in found]))
        }
        return tuple((one, about[one.recording_id]) for one in found)

    async def waiting_stops(self) -> tuple[tuple[Approval, Recording, tuple[str | None, ...]], ...]:
        """Return the stops that wait for a second supervisor and have no notice yet.

        With each, the channels that could be told: those of the recording's cards, and the one where it was asked for.
        """
        known = _known(NoticeKind.STOP_WAITS, type_coerce(approvals.c.id, Text), approvals.c.recording_id)

        def read(connection: Connection) -> list[tuple[Approval, tuple[str | None, ...]]]:
            waiting = approval_rows.find(connection, approval_rows.OPEN, ~known)[:AT_ONCE]
            return [(one, _channels(connection, one)) for one in waiting]

        found = await self.engines.read(read)
        if not found:
            return ()
        about = {
            one.id: one for one in await self._recordings(recordings.c.id.in_([one.recording_id for one, _ in found]))
        }
        return tuple((one, about[one.recording_id], channels) for one, channels in found)

    async def repeated_stops(
        self, now: datetime
    ) -> tuple[tuple[Approval, Recording, tuple[str | None, ...], int], ...]:
        """Return the stops that wait and are to be said again, with the channels as above and how often it was said.

        One that Slack has not taken yet is not said again.
        """

        def read(connection: Connection) -> list[tuple[Approval, tuple[str | None, ...], int]]:
            due: list[tuple[Approval, tuple[str | None, ...], int]] = []
            for approval in approval_rows.find(connection, approval_rows.OPEN)[:AT_ONCE]:
                number = repetition(approval, now) if approval.waits(now) else 0
                if number and _said_before(connection, approval, number):
                    due.append((approval, _channels(connection, approval), number))
            return due

        due = await self.engines.read(read)
        if not due:
            return ()
        about = {
            one.id: one for one in await self._recordings(recordings.c.id.in_([one.recording_id for one, _, _ in due]))
        }
        return tuple((one, about[one.recording_id], channels, number) for one, channels, number in due)

    async def transfers(self) -> tuple[Recording, ...]:
        """Return recordings that ended with their agent, if the person who started them was not asked yet."""
        known = _known(NoticeKind.TRANSFERRED, "", recordings.c.id)
        return await self._recordings(recordings.c.follow_up == FollowUp.ASK, ~RECORDED_SINCE, ~known)

    async def deed(self, recording: Recording) -> LastAction | None:
        """Return what last happened to a recording, by whomever."""
        entry = audit_entries.c
        statement = (
            select(
                entry.seq,
                entry.occurred_at,
                entry.phase,
                entry.action,
                entry.actor,
                entry.outcome,
                attempts.c.actor.label("requester"),
            )
            .select_from(audit_entries.outerjoin(attempts, attempts.c.id == entry.attempt_id))
            .where(
                entry.conversation_id == recording.conversation_id,
                entry.recording_id == recording.id,
                entry.action.in_((*CONTROL, EXTEND_ACTION, CALL_ENDED)),
                entry.phase != Phase.REQUESTED,
            )
            .order_by(entry.seq.desc())
        )
        rows = await self.engines.read(lambda connection: connection.execute(statement).mappings().all())
        return next(filter(None, map(_last_action, rows)), None)

    async def _recordings(self, *conditions: ColumnElement[bool]) -> tuple[Recording, ...]:
        statement = select(recordings).where(*conditions).order_by(recordings.c.requested_seq).limit(AT_ONCE)
        return await self.engines.read(
            lambda connection: tuple(map(recording_from, connection.execute(statement).mappings()))
        )


def _paused_by(connection: Connection, recording: Recording) -> str | None:
    statement = (
        select(attempts.c.actor)
        .select_from(audit_entries.outerjoin(attempts, attempts.c.id == audit_entries.c.attempt_id))
        .where(
            audit_entries.c.conversation_id == recording.conversation_id,
            audit_entries.c.recording_id == recording.id,
            audit_entries.c.action == Verb.PAUSE.action,
            audit_entries.c.phase.in_((Phase.SUCCEEDED, Phase.OBSERVED)),
        )
        .order_by(audit_entries.c.seq.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar_one_or_none()


def _said_before(connection: Connection, approval: Approval, number: int) -> bool:
    """Say whether all that was noted of a stop has been said, and this repetition was not noted yet."""
    noted = connection.execute(
        select(notices.c.occasion, notices.c.delivered_at, notices.c.closed_at).where(
            notices.c.kind == NoticeKind.STOP_WAITS,
            notices.c.recording_id == approval.recording_id,
            notices.c.occasion.startswith(str(approval.id)),
        )
    )
    rows = noted.all()
    said = all(row.delivered_at is not None or row.closed_at is not None for row in rows)
    return bool(rows) and said and f"{approval.id}{REPETITION}{number}" not in {row.occasion for row in rows}


def _channels(connection: Connection, approval: Approval) -> tuple[str | None, ...]:
    shown = select(func.coalesce(cards.c.posted_channel, cards.c.channel))
    on_cards = connection.execute(shown.where(cards.c.recording_id == approval.recording_id).order_by(cards.c.routed))
    asked = connection.execute(
        select(audit_entries.c.origin).where(
            audit_entries.c.attempt_id == approval.id, audit_entries.c.phase == Phase.REQUESTED
        )
    )
    origins = [json.loads(origin).get("channel") for origin in asked.scalars()]
    return (*on_cards.scalars(), *origins)


def _known(kind: NoticeKind, occasion: Any, recording_id: Any) -> ColumnElement[bool]:
    return (
        select(notices.c.person)
        .where(notices.c.kind == kind, notices.c.recording_id == recording_id, notices.c.occasion == occasion)
        .exists()
    )


def _last_action(row: Mapping[Any, Any]) -> LastAction | None:
    """Read an entry; None if it reports nothing that happened: a failed action, or one that had no effect."""
    outcome = json.loads(row["outcome"])
    call_over = outcome.get("call") == "ended"
    if outcome.get("in_effect") is False or not (call_over or row["phase"] in TOOK_EFFECT):
        return None
    actor = row["requester"] or outcome.get("by") or row["actor"]
    return LastAction(row["seq"], row["occurred_at"], CALL_ENDED if call_over else row["action"], actor)
