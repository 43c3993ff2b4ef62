"""The direct messages about recordings, and which of them Slack has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Text, and_, func, or_, select, type_coerce, update

from bot.database.mapping import notice_row, recording_from, upsert
from bot.database.outbox.due_notices import AT_ONCE, RECORDED_SINCE, pause
from bot.database.replicas import noop
from bot.database.schema.tables import approvals, attempts, cards, names, notice_progress, notices, recordings
from bot.database.statements import approvals as approval_rows
from bot.database.transaction import ASKED_FOR
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.reminders import NEWS_LASTS, OpenNotice
from bot.recording.notices import Notice, NoticeKind, Result
from bot.recording.time_limits.snooze import Snooze

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from bot.database.engine import Engines
    from bot.recording.models import Approval

PROGRESS = "endings"
OWN = tuple(column.name for column in recordings.columns)
agents = names.alias("agents")
queues = names.alias("queues")
successors = names.alias("successors")
ID_LENGTH = 36
"""The occasion of a waiting stop begins with the approval's id, followed by the number of the repetition."""
STILL_SO = or_(
    and_(notices.c.kind == NoticeKind.LONG_RECORDING, recordings.c.state == RecordingState.ACTIVE),
    and_(
        notices.c.kind == NoticeKind.LONG_PAUSE,
        recordings.c.state == RecordingState.PAUSED,
        notices.c.occasion == func.coalesce(pause, ""),
    ),
    and_(notices.c.kind == NoticeKind.TRANSFERRED, ~RECORDED_SINCE),
    and_(
        notices.c.kind == NoticeKind.PAUSE_ENDS,
        recordings.c.state == RecordingState.PAUSED,
        notices.c.occasion == func.coalesce(type_coerce(recordings.c.pause_until, Text), ""),
    ),
    and_(
        notices.c.kind == NoticeKind.RECORDING_ENDS,
        recordings.c.state.in_((RecordingState.ACTIVE, RecordingState.PAUSED)),
        notices.c.occasion == func.coalesce(type_coerce(recordings.c.run_until, Text), ""),
    ),
    and_(
        notices.c.kind == NoticeKind.STOP_WAITS,
        select(approvals.c.id)
        .where(type_coerce(approvals.c.id, Text) == func.substr(notices.c.occasion, 1, ID_LENGTH), approval_rows.OPEN)
        .exists(),
    ),
)
"""Of a reminder: nothing has come of it yet."""
IN_A_MESSAGE = (notices.c.noted_at, recordings.c.requested_seq, notices.c.person)
"""The order of the notices that share a message."""
SEEN = select(notice_progress.c.seq).where(notice_progress.c.name == PROGRESS).scalar_subquery()
UNSEEN = and_(
    notices.c.closed_at.is_(None),
    notices.c.kind.in_((NoticeKind.CALL_ENDED, NoticeKind.OUTCOME_SETTLED, NoticeKind.PAUSE_LEFT_ON)),
    notices.c.audit_seq > func.coalesce(SEEN, 0),
)
"""Of an outcome: the relay has not looked at it yet."""


@dataclass(frozen=True, slots=True)
class SqlNotices:
    """One row for each notice, identified by its key. The row is written before the post, and holds its progress."""

    engines: Engines
    confirm: Callable[[], Awaitable[None]] = noop
    """Waits until this process is the one that tells Slack; asked before each step, and once more before a post."""

    async def close_outdated(self, now: datetime) -> None:
        """Close the outcomes that nobody looked at for so long that they are no news any more.

        ``notice_progress`` holds the entry up to which they were looked at. What was seen in time goes out, however
        long Slack takes.
        """
        await self.confirm()
        newest = select(func.max(notices.c.audit_seq)).where(UNSEEN)
        upto = await self.engines.read(lambda connection: connection.execute(newest).scalar_one())
        if upto is None:
            return

        def work(connection: Connection) -> None:
            old = update(notices).where(UNSEEN, notices.c.audit_seq <= upto, notices.c.noted_at < now - NEWS_LASTS)
            connection.execute(old.values(closed_at=now, outcome="outdated"))
            progress = upsert(connection, notice_progress).values(name=PROGRESS, seq=upto)
            connection.execute(
                progress.on_conflict_do_update(index_elements=[notice_progress.c.name], set_={"seq": upto})
            )

        await self.engines.writer.transaction(work)

    async def note(self, due: Iterable[Notice], *, at: datetime) -> None:
        """Store reminders, each once."""
        rows = [notice_row(one) | {"noted_at": at} for one in due]
        await self.engines.writer.transaction(
            lambda connection: connection.execute(upsert(connection, notices).on_conflict_do_nothing(), rows)
        )

    async def open(self) -> tuple[OpenNotice, ...]:
        """Return the notices with something left to do, those that are still to be posted first."""
        await self.confirm()
        pending = or_(notices.c.delivered_at.is_(None), notices.c.snoozed_at.is_not(None), ~STILL_SO)
        return await self._found(
            _with_recordings()
            .where(notices.c.closed_at.is_(None), pending)
            .order_by(notices.c.delivered_at.is_not(None), *IN_A_MESSAGE)
            .limit(AT_ONCE)
        )

    async def sharing(self, notice: OpenNotice) -> tuple[OpenNotice, ...]:
        """Return the notices that share a message with one, itself included, in the order in which they stand there."""
        shared = (notices.c.channel == notice.channel, notices.c.ts == notice.ts)
        return await self._found(_with_recordings().where(*shared).order_by(*IN_A_MESSAGE))

    async def _found(self, statement: Select[Any]) -> tuple[OpenNotice, ...]:
        def read(connection: Connection) -> tuple[OpenNotice, ...]:
            rows = connection.execute(statement).mappings().all()
            about = {UUID(row["occasion"][:ID_LENGTH]) for row in rows if row["kind"] == NoticeKind.STOP_WAITS}
            found = approval_rows.find(connection, approvals.c.id.in_(about)) if about else ()
            stops = {str(one.id): one for one in found}
            return tuple(_open_from(row, stops.get(row["occasion"][:ID_LENGTH])) for row in rows)

        return await self.engines.read(read)

    async def begun(self, *together: Notice) -> None:
        """Note, before posting, that a message is on its way: after a crash it may or may not have arrived."""
        await self._change(together, posts_begun=notices.c.posts_begun + 1)
        await self.confirm()

    async def refused(self, *together: Notice) -> None:
        """Note that Slack plainly did not take it."""
        await self._change(together, posts_begun=notices.c.posts_begun - 1)

    async def delivered(self, *together: Notice, at: datetime, channel: str, ts: str) -> None:
        """Store where the message is; notices with buttons stay open until they are removed."""
        closing = {} if together[0].kind.reminds else {"closed_at": at, "outcome": "told"}
        await self._change(together, delivered_at=at, channel=channel, ts=ts, **closing)

    async def close(self, *together: Notice, at: datetime, outcome: str) -> None:
        """Note that nothing is left to do: ``answered``, ``snoozed``, ``over``, ``lost``, or ``undeliverable``."""
        await self._change(together, closed_at=at, outcome=outcome)

    async def _change(self, together: Sequence[Notice], **values: Any) -> None:
        """Change all notices of a message in one transaction."""
        await self.engines.execute(update(notices).where(or_(*map(_this, together))).values(**values))


def _with_recordings() -> Select[Any]:
    return (
        select(
            notices,
            *(recordings.c[name].label(f"own_{name}") for name in OWN),
            agents.c.name.label("agent_name"),
            queues.c.name.label("queue_name"),
            successors.c.name.label("successor_name"),
            RECORDED_SINCE.label("recorded_since"),
            cards.c.language,
            attempts.c.requested_at.label("asked_at"),
            and_(attempts.c.id.is_not(None), attempts.c.settled_at.is_(None)).label("attempt_open"),
        )
        .join(recordings, recordings.c.id == notices.c.recording_id)
        .outerjoin(agents, and_(agents.c.kind == "user", agents.c.id == recordings.c.agent_user_id))
        .outerjoin(queues, and_(queues.c.kind == "queue", queues.c.id == recordings.c.queue_id))
        .outerjoin(successors, and_(successors.c.kind == "user", successors.c.id == recordings.c.successors))
        .outerjoin(cards, and_(cards.c.recording_id == recordings.c.id, ASKED_FOR))
        .outerjoin(attempts, type_coerce(attempts.c.id, Text) == notices.c.occasion)
    )


def _open_from(row: Mapping[Any, Any], approval: Approval | None) -> OpenNotice:
    return OpenNotice(
        notice=Notice(
            kind=NoticeKind(row["kind"]),
            recording_id=row["recording_id"],
            occasion=row["occasion"],
            person=row["person"],
            audit_seq=row["audit_seq"],
            verb=None if row["verb"] is None else Verb(row["verb"]),
            result=None if row["result"] is None else Result(row["result"]),
            channel=row["channel"] if row["ts"] is None else None,
        ),
        recording=recording_from({name: row[f"own_{name}"] for name in OWN}),
        posts_begun=row["posts_begun"],
        attempt_open=bool(row["attempt_open"]),
        asked_at=row["asked_at"],
        channel=row["channel"],
        ts=row["ts"],
        agent_name=row["agent_name"],
        queue_name=row["queue_name"],
        successor_name=row["successor_name"],
        recorded_since=bool(row["recorded_since"]),
        language=row["language"],
        snooze=_snooze(row),
        closed=row["closed_at"] is not None,
        approval=approval,
    )


def _snooze(row: Mapping[Any, Any]) -> Snooze | None:
    return None if row["snoozed_at"] is None else Snooze(row["snoozed_at"], row["snoozed_until"], row["snoozed_by"])


def _this(notice: Notice) -> ColumnElement[bool]:
    key = (notices.c.kind, notices.c.recording_id, notices.c.occasion, notices.c.person)
    values = (notice.kind, notice.recording_id, notice.occasion, notice.person)
    return and_(*(column == value for column, value in zip(key, values, strict=True)))
