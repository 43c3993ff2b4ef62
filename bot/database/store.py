"""The storage of recordings and their trail: write transactions that survive a canceled caller, and plain reads."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from sqlalchemy import bindparam, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.database import card_answers
from bot.database.identity.file_identity import DatabaseReplaced
from bot.database.identity.restore_detection import RestoreDetector
from bot.database.mapping import attempt_from, recording_from
from bot.database.postgresql import engine as postgresql
from bot.database.retries import Retries, is_transient
from bot.database.schema.tables import attempts, audit_entries, recordings
from bot.database.statements import approvals
from bot.database.transaction import LIVE, LIVE_OF_CALL, STILL_OWNED, SqlTransaction
from bot.errors import AuditUnavailable
from bot.recording.handover import FollowUp
from bot.recording.models import RecordingState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from bot.audit.entry import Entry
    from bot.database.engine import Engines
    from bot.recording.caller import Scope
    from bot.recording.card import Card
    from bot.recording.models import Approval, Attempt, Recording

T = TypeVar("T")
log = structlog.get_logger(__name__)

A_WRITE = {"postgresql": text("SELECT pg_current_xact_id()"), "sqlite": text("PRAGMA user_version = 0")}
"""Changes nothing, and yet has to go to the disk: the transaction's number, a page that says what it said before."""
TO_FOLLOW = select(recordings).where(recordings.c.follow_up == FollowUp.WATCH).order_by(recordings.c.requested_seq)
LIMITED = (
    select(recordings)
    .where(LIVE, or_(recordings.c.pause_until.is_not(None), recordings.c.run_until.is_not(None)))
    .order_by(recordings.c.requested_seq)
)
LIVE_ONES = select(recordings).where(LIVE).order_by(recordings.c.requested_seq).limit(bindparam("limit"))
IDS_PER_QUERY = 500
ASK_TIMES = 60
ASK_AGAIN_SECONDS = 0.5
RETRY_SECONDS = 5.0
"""How long a write is tried again that no person waits for."""


@dataclass(slots=True)
class _OneRun(Generic[T]):
    """The newest run of a transaction, up to its commit."""

    work: Callable[[SqlTransaction], T]
    routes: Mapping[str, tuple[str, ...]]
    restored: RestoreDetector
    appended: list[Entry] = field(default_factory=list)
    results: list[T] = field(default_factory=list)

    def __call__(self, connection: Connection) -> None:
        self.appended.clear()  # of an earlier run, together with others
        self.results.clear()
        result = self.work(SqlTransaction(connection, self.appended, self.routes))
        if self.appended:
            self.restored.check(connection, self.appended)
        if connection.dialect.name == postgresql.NAME:
            postgresql.notify_replicas(connection)
        self.results.append(result)

    @property
    def complete(self) -> bool:
        """Whether nothing but the commit was missing."""
        return bool(self.results)

    @property
    def result(self) -> T:
        (result,) = self.results
        return result


@dataclass(slots=True)
class SqlStore:
    """``bot.recording.ports.RecordingStore`` on a database."""

    engines: Engines
    last_problem: str | None = None
    """Why the newest write failed; None when it didn't."""
    on_write: Callable[[float, Sequence[Entry]], None] | None = None
    """Called with each committed transaction: its seconds, including the wait for its turn, and its entries."""
    on_retry: Callable[[], None] | None = None
    """Called before each retry of a transaction."""
    retry_seconds: float = RETRY_SECONDS
    """How long a transaction is tried again that no person waits for; 0: no transaction is tried again."""
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The channels that get a card of each recording of a queue too."""
    _restored: RestoreDetector = field(default_factory=RestoreDetector)
    _listeners: list[asyncio.Event] = field(default_factory=list)
    _running: set[asyncio.Task[object]] = field(default_factory=set)

    async def write(self, work: Callable[[SqlTransaction], T], *, within: float | None = None) -> T:
        """Run ``work`` in one transaction, to its end even when the caller is cancelled meanwhile.

        A transaction that the database ended is tried again, from its beginning: ``work`` may run several times, and
        only its last run counts. ``within`` is in seconds, after which nothing is tried again.

        A cancelled commit is an unknown outcome, so nobody cancels one. Raise AuditUnavailable when the database
        can't take the write; then nothing of it is there.
        """
        task = asyncio.ensure_future(self._write(work, Retries(within, self.retry_seconds)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _write(self, work: Callable[[SqlTransaction], T], retries: Retries) -> T:
        began = time.perf_counter()
        while True:
            attempt = _OneRun(work, self.routes, self._restored)
            try:
                await self.engines.writer.transaction(attempt, repeatable=True)
            except SQLAlchemyError as error:
                committed = await self._committed_all_the_same(attempt)
                if not committed:
                    cause = _cause(error)
                    if committed is None or not is_transient(error) or not await retries.another():
                        log.error("database_write_failed", cause=cause)  # noqa: TRY400  the cause says it
                        self.last_problem = cause
                        replaced = isinstance(error, DatabaseReplaced)
                        raise AuditUnavailable(cause=AuditUnavailable.REPLACED if replaced else cause) from error
                    log.warning("database_write_retried", cause=cause, retry=retries.count)
                    if self.on_retry is not None:
                        self.on_retry()
                    continue
            self._written(began, attempt.appended)
            return attempt.result

    async def try_again(self) -> None:
        """After a failed write, find out whether the database takes one now.

        A process that says it is not ready gets no requests any more, and may have nothing else to write.
        """
        if self.last_problem is None:
            return

        def probe(connection: Connection) -> None:
            self._restored.check(connection)
            connection.execute(A_WRITE[connection.dialect.name])

        try:
            await self.engines.writer.transaction(probe)
        except SQLAlchemyError as error:
            self.last_problem = _cause(error)
        else:
            self.last_problem = None

    async def _committed_all_the_same(self, attempt: _OneRun[T]) -> bool | None:
        """Find out whether a commit took effect whose answer was lost; None if that is impossible.

        The write lock is held until a transaction has ended, so once it is ours the entry is there or will never be.
        """
        if not attempt.complete or not self.engines.on_postgresql:
            return False  # SQLite has no answer that could be lost: a commit that failed has been rolled back
        if not attempt.appended:
            return None  # it has left nothing that could be looked for
        wanted = select(audit_entries.c.seq).where(audit_entries.c.id == attempt.appended[-1].id)
        for _ in range(ASK_TIMES):
            try:
                return await self.engines.writer.transaction(
                    lambda connection: connection.execute(wanted).one_or_none() is not None
                )
            except SQLAlchemyError:
                await asyncio.sleep(ASK_AGAIN_SECONDS)
        return None  # the process that finds an open attempt of this one settles it

    async def require_same_database(self) -> None:
        """Raise DatabaseReplaced if the database is not the one that this process has written to."""
        if self.engines.file is not None:
            self.engines.file.check()
        await self.engines.read(self._restored.check)

    def _written(self, began: float, appended: Sequence[Entry]) -> None:
        self.last_problem = None
        self._restored.note(appended)
        if self.on_write is not None:
            self.on_write(time.perf_counter() - began, appended)
        self.announce()

    def announce(self) -> None:
        """Wake everyone who waits for changes: this process or another one has written."""
        for listener in self._listeners:
            listener.set()

    def changes(self) -> asyncio.Event:
        """Return an event that is set after each write; the waiting task clears it."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    async def settled(self) -> None:
        """Wait until no write is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def recording(self, recording_id: UUID) -> Recording | None:
        return next(iter(await self._recordings(recordings.c.id == recording_id)), None)

    async def live_recording(self, conversation_id: str) -> Recording | None:
        return next(iter(await self._found(LIVE_OF_CALL, call=conversation_id)), None)

    async def live_recordings(self, *, limit: int = 200) -> tuple[Recording, ...]:
        return await self._found(LIVE_ONES, limit=limit)

    async def newest_recording(self, conversation_id: str) -> Recording | None:
        found = await self._recordings(recordings.c.conversation_id == conversation_id, newest_first=True, limit=1)
        return next(iter(found), None)

    async def recorded_before(self, conversation_ids: frozenset[str]) -> frozenset[str]:
        """Return those of the calls of which a recording of ours is over."""
        wanted = sorted(conversation_ids)
        over = recordings.c.state.in_([RecordingState.STOPPED, RecordingState.ENDED])

        def read(connection: Connection) -> frozenset[str]:
            found = set[str]()
            for first in range(0, len(wanted), IDS_PER_QUERY):
                these = recordings.c.conversation_id.in_(wanted[first : first + IDS_PER_QUERY])
                statement = select(recordings.c.conversation_id).where(these, over).distinct()
                found.update(connection.execute(statement).scalars())
            return frozenset(found)

        return await self.engines.read(read)

    async def still_owned(self, attempt: Attempt) -> bool:
        """Return whether an attempt is open and still its owner's. Raise AuditUnavailable if it can't be read."""
        values = {"of": attempt.id, "owned_by": attempt.owner}
        try:
            return await self.engines.read(lambda connection: connection.scalar(STILL_OWNED, values) is not None)
        except SQLAlchemyError as error:
            raise AuditUnavailable(cause=_cause(error)) from error

    async def open_attempts(self) -> tuple[Attempt, ...]:
        """Return the attempts without an outcome, oldest first."""
        return await self._attempts(attempts.c.settled_at.is_(None))

    async def open_approvals(self) -> tuple[Approval, ...]:
        """Return the stops that wait for a second supervisor, oldest first."""
        return await self.engines.read(lambda connection: approvals.find(connection, approvals.OPEN))

    async def attempts_to_check(self) -> tuple[Attempt, ...]:
        """Return the settled attempts whose call still has to be checked, oldest first."""
        return await self._attempts(attempts.c.looks_left > 0)

    async def recordings_to_follow(self) -> tuple[Recording, ...]:
        """Return those that ended when their agent left, and for which it is to be found out who took over."""
        return await self._found(TO_FOLLOW)

    async def limited_recordings(self) -> tuple[Recording, ...]:
        """Return the live recordings that end by themselves, or whose pause does, oldest first."""
        return await self._found(LIMITED)

    async def scope_of(self, recording_id: UUID) -> Scope | None:
        """Return the scope of the person who started a recording, as it was then; None: every call."""
        own = select(attempts).where(attempts.c.recording_id == recording_id)
        first = own.order_by(attempts.c.requested_at).limit(1)
        row = await self.engines.read(lambda connection: connection.execute(first).one_or_none())
        return None if row is None else attempt_from(row).scope

    async def attempt_recording(self, attempt_id: UUID) -> Recording | None:
        """Return the recording that an earlier attempt was about."""
        chosen = select(attempts.c.recording_id).where(attempts.c.id == attempt_id).scalar_subquery()
        return next(iter(await self._recordings(recordings.c.id == chosen)), None)

    async def with_names(self, found: Sequence[Recording]) -> tuple[Card, ...]:
        """Return recordings with the names of their agents and queues."""
        return await self.engines.read(lambda connection: card_answers.with_names(connection, found))

    async def card_channel(self, recording_id: UUID) -> str | None:
        """Return the channel that the recording was asked for in; None if it has no card."""
        return await self.engines.read(lambda connection: card_answers.channel_of(connection, recording_id))

    async def card_answered(self, recording_id: UUID) -> None:
        """Note that the person was told that the start failed."""
        await self.write(lambda transaction: card_answers.note_answered(transaction.connection, recording_id))

    async def show_again(self, recording_id: UUID) -> None:
        """Redraw the recording's card, whatever it shows now."""
        await self.write(lambda transaction: transaction.forget_card_version(recording_id))

    async def head(self) -> int:
        """Return the number of the newest audit entry, 0 if there is none."""
        newest = select(func.max(audit_entries.c.seq))
        return await self.engines.read(lambda connection: connection.execute(newest).scalar_one()) or 0

    async def _attempts(self, condition: ColumnElement[bool]) -> tuple[Attempt, ...]:
        statement = select(attempts).where(condition).order_by(attempts.c.requested_at)
        return await self.engines.read(lambda connection: tuple(map(attempt_from, connection.execute(statement).all())))

    async def _recordings(
        self, *conditions: ColumnElement[bool], newest_first: bool = False, limit: int = 1
    ) -> tuple[Recording, ...]:
        order = recordings.c.requested_seq.desc() if newest_first else recordings.c.requested_seq
        return await self._found(select(recordings).where(*conditions).order_by(order).limit(limit))

    async def _found(self, statement: Select[Any], **named: Any) -> tuple[Recording, ...]:
        return await self.engines.read(
            lambda connection: tuple(map(recording_from, connection.execute(statement, named).mappings()))
        )


def _cause(error: SQLAlchemyError) -> str:
    """Return the driver's message without PostgreSQL's further lines, which may quote a row with typed text."""
    if isinstance(error, DatabaseReplaced):
        return str(error)
    return str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
