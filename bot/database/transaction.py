"""The operations of one write transaction: the domain's steps, as SQL."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import bindparam, case, delete, insert, literal_column, or_, select, update

from bot.audit.entry import GENESIS_HASH, chain, text_digest
from bot.database.mapping import FIELDS, built_upserts, notice_row, recording_from, scope_text, upsert
from bot.database.schema.tables import (
    approvals,
    attempts,
    audit_entries,
    cards,
    names,
    notices,
    recordings,
    typed_texts,
)
from bot.database.schema.tables import next_calls as next_call_rows
from bot.database.statements import approvals as approval_rows
from bot.database.statements import next_calls, snoozes
from bot.database.statements.keeps import SqlKeepRows
from bot.database.statements.recording_files import keep_saved, note_check, saved_of, schedule_checks
from bot.recording.card import CardPlace
from bot.recording.models import RecordingState
from bot.recording.ports import StaleRecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from bot.audit.entry import Draft, Entry
    from bot.database.mapping import Upsert
    from bot.recording.agents.next_call import NextCall, NextCallNotice
    from bot.recording.keeping.recording_files import RecordingFileCheck, SavedRecording
    from bot.recording.models import Approval, ApprovalOutcome, Attempt, Recording
    from bot.recording.notices import Notice
    from bot.recording.time_limits.snooze import Reminder, Snooze

# Spelled out as in the index of the live ones: with parameters for the states it would not be used.
LIVE = recordings.c.state.not_in([literal_column(f"'{state}'") for state in ("stopped", "failed", "ended")])

FORGOTTEN = case((cards.c.rendered_version > 0, 0), else_=cards.c.rendered_version - 1)
"""The version of a card to redraw: a new one each time, so that a drawing under way can be told from it."""

# What each action needs is built once: to build such a statement takes longer than to carry it out.
HEAD = select(audit_entries.c.seq, audit_entries.c.hash).order_by(audit_entries.c.seq.desc()).limit(1)
ADD_ENTRIES, ADD_TEXT, ADD_ATTEMPT = insert(audit_entries), insert(typed_texts), insert(attempts)
ADD_RECORDING, ADD_CARD = insert(recordings), insert(cards)
WITH_KEY = select(attempts.c.id).where(attempts.c.dedupe_key == bindparam("key"))
OPEN_AND_OWNED = (
    attempts.c.id == bindparam("of"),
    attempts.c.owner == bindparam("owned_by"),
    attempts.c.settled_at.is_(None),
)
CHANGE_OPEN, STILL_OWNED = update(attempts).where(*OPEN_AND_OWNED), select(attempts.c.id).where(*OPEN_AND_OWNED)
ONE = select(recordings).where(recordings.c.id == bindparam("id"))
LIVE_OF_CALL = select(recordings).where(recordings.c.conversation_id == bindparam("call"), LIVE)
ONE_OF_CALL = select(recordings).where(recordings.c.conversation_id == bindparam("call")).limit(1)
NEWEST_OF_CALL = ONE_OF_CALL.order_by(recordings.c.requested_seq.desc())
LIVE_OR_NEWEST_OF_CALL = ONE_OF_CALL.order_by(case((LIVE, 0), else_=1), recordings.c.requested_seq.desc())
CHANGE_RECORDING = update(recordings).where(
    recordings.c.id == bindparam("of"), recordings.c.version == bindparam("from_version")
)
CARD_OF = update(cards).where(cards.c.recording_id == bindparam("of"))
ASKED_FOR = cards.c.routed == literal_column("0")
"""The card where the recording was requested, not one that the policy file routes elsewhere."""
EARLIER_CARDS = (
    update(cards)
    .where(
        cards.c.recording_id.in_(
            select(recordings.c.id).where(
                recordings.c.conversation_id == bindparam("call"),
                recordings.c.state == RecordingState.STOPPED,
                recordings.c.id != bindparam("newest"),
            )
        )
    )
    .values(rendered_version=FORGOTTEN)
)


def _remember_name(new: Upsert) -> Upsert:
    changes = {"name": new.excluded.name, "seen_at": new.excluded.seen_at}
    return new.on_conflict_do_update(index_elements=[names.c.kind, names.c.id], set_=changes)


REMEMBER_NAME = built_upserts(names, _remember_name)


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """One open write transaction; ``bot.recording.ports.Transaction`` documents each step."""

    connection: Connection
    appended: list[Entry] = field(default_factory=list)
    """The entries that this transaction has added."""
    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The channels that get a card too, by queue."""

    @property
    def keeps(self) -> SqlKeepRows:
        return SqlKeepRows(self.connection, FORGOTTEN)

    def append(self, draft: Draft) -> Entry:
        (entry,) = self.append_many((draft,))
        return entry

    def append_many(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Add entries to the end of the chain, in this order."""
        head = self.connection.execute(HEAD).one_or_none()
        seq, previous_hash = (0, GENESIS_HASH) if head is None else (head.seq, head.hash)
        entries: list[Entry] = []
        for draft in drafts:
            entries.append(chain(draft, seq=seq + 1, previous_hash=previous_hash))
            seq, previous_hash = entries[-1].seq, entries[-1].hash
        self.connection.execute(ADD_ENTRIES, [_row(entry) for entry in entries])
        self.appended.extend(entries)
        return tuple(entries)

    def keep_text(self, attempt_id: UUID, text: str, typed_at: datetime) -> str:
        salt = secrets.token_bytes(32)
        values = {"attempt_id": attempt_id, "text": text, "salt": salt, "typed_at": typed_at}
        self.connection.execute(ADD_TEXT, values)
        return text_digest(salt, text)

    def attempt_with_key(self, dedupe_key: str) -> UUID | None:
        return self.connection.execute(WITH_KEY, {"key": dedupe_key}).scalar_one_or_none()

    def requests_of(
        self, actor: str, verbs: frozenset[str], *, since: datetime, upto: datetime, limit: int
    ) -> tuple[datetime, ...]:
        asked = attempts.c.requested_at
        statement = (
            select(asked)
            .where(attempts.c.actor == actor, asked > since, asked <= upto, attempts.c.verb.in_(sorted(verbs)))
            .order_by(asked.desc())
            .limit(limit)
        )
        return tuple(self.connection.execute(statement).scalars())

    def add_attempt(self, attempt: Attempt, *, dedupe_key: str | None) -> None:
        values = {
            "id": attempt.id,
            "verb": attempt.verb.value,
            "actor": attempt.actor,
            "recording_id": attempt.recording_id,
            "dedupe_key": dedupe_key,
            "requested_at": attempt.requested_at,
            "deadline_at": attempt.deadline_at,
            "state_before": attempt.before,
            "owner": attempt.owner,
            "scope": scope_text(attempt.scope),
        }
        self.connection.execute(ADD_ATTEMPT, values)

    def add_closed_attempt(
        self, attempt_id: UUID, *, verb: str, actor: str, at: datetime, dedupe_key: str | None
    ) -> None:
        values = {"verb": verb, "actor": actor, "dedupe_key": dedupe_key, "requested_at": at, "settled_at": at}
        self.connection.execute(ADD_ATTEMPT, {"id": attempt_id, **values})

    def forget_closed_attempts(self, actor: str, verb: str, *, before: datetime) -> None:
        old = (attempts.c.actor == actor, attempts.c.requested_at < before, attempts.c.verb == verb)
        self.connection.execute(delete(attempts).where(*old))

    def claim_attempt(self, attempt: Attempt, owner: str) -> bool:
        return self._change_open(attempt, owner=owner)

    def settle_attempt(self, attempt: Attempt, at: datetime, *, looks: int = 0) -> bool:
        return self._change_open(attempt, settled_at=at, looks_left=looks)

    def note_check(self, attempt: Attempt, looks_left: int) -> None:
        self.connection.execute(update(attempts).where(attempts.c.id == attempt.id).values(looks_left=looks_left))

    def _change_open(self, attempt: Attempt, **changes: Any) -> bool:
        values = {"of": attempt.id, "owned_by": attempt.owner, **changes}
        return self.connection.execute(CHANGE_OPEN, values).rowcount == 1

    def recording(self, recording_id: UUID) -> Recording | None:
        return self._one(ONE, id=recording_id)

    def live_recording(self, conversation_id: str) -> Recording | None:
        return self._one(LIVE_OF_CALL, call=conversation_id)

    def live_or_newest_recording(self, conversation_id: str) -> Recording | None:
        return self._one(LIVE_OR_NEWEST_OF_CALL, call=conversation_id)

    def live_recordings_of(self, actor: str) -> tuple[Recording, ...]:
        statement = (
            select(recordings).where(recordings.c.started_by == actor, LIVE).order_by(recordings.c.requested_seq)
        )
        return tuple(map(recording_from, self.connection.execute(statement).mappings()))

    def add_recording(
        self,
        recording: Recording,
        *,
        channel: str | None,
        asked_by: str,
        language: str | None = None,
        first: bool = False,
    ) -> None:
        values = {name: getattr(recording, name) for name in FIELDS}
        self.connection.execute(ADD_RECORDING, values)
        if not first:
            self._redraw_earlier(recording)
        channel = channel or _direct(asked_by)
        if channel is not None:
            values = {
                "recording_id": recording.id,
                "channel": channel,
                "asked_by": asked_by,
                "rendered_version": 0,
                "wanted_version": recording.version,
                "language": language,
            }
            self.connection.execute(ADD_CARD, values)
        self._route(recording)

    def _route(self, recording: Recording) -> None:
        """Add the cards that the policy file sends to other channels, once the queue is known."""
        if recording.queue_id is None or not (channels := self.routes.get(recording.queue_id)):
            return
        asked = select(cards.c.language).where(cards.c.recording_id == recording.id, ASKED_FOR).scalar_subquery()
        values = {
            "recording_id": recording.id,
            "asked_by": recording.started_by,
            "rendered_version": 0,
            "wanted_version": recording.version,
            "routed": True,
        }
        for channel in channels:
            statement = upsert(self.connection, cards).values(channel=channel, language=asked, **values)
            self.connection.execute(statement.on_conflict_do_nothing())

    def _redraw_earlier(self, recording: Recording) -> None:
        """Redraw the cards of the call's stopped recordings: none of them can be started again now."""
        self.connection.execute(EARLIER_CARDS, {"call": recording.conversation_id, "newest": recording.id})

    def save(self, after: Recording, *, was: Recording) -> Recording:
        changes = {name: value for name in FIELDS if (value := getattr(after, name)) != getattr(was, name)}
        values = {**changes, "of": was.id, "from_version": was.version, "version": was.version + 1}
        if self.connection.execute(CHANGE_RECORDING, values).rowcount != 1:
            raise StaleRecordingError
        recording = replace(after, version=was.version + 1)
        self.connection.execute(CARD_OF, {"of": recording.id, "wanted_version": recording.version})
        if recording.queue_id != was.queue_id:
            self._route(recording)
        if recording.state is not was.state:
            schedule_checks(self.connection, recording)
        return recording

    def note_file_check(self, look: RecordingFileCheck, looks: int, next_at: datetime | None) -> bool:
        return note_check(self.connection, look, looks, next_at)

    def saved_recordings(self, recording_id: UUID) -> tuple[SavedRecording, ...]:
        return saved_of(self.connection, (recording_id,)).get(recording_id, ())

    def keep_saved(self, recording_id: UUID, saved: SavedRecording) -> None:
        keep_saved(self.connection, recording_id, saved)

    def forget_card_version(self, recording_id: UUID) -> None:
        behind = cards.c.rendered_version < cards.c.wanted_version
        has_card = or_(cards.c.ts.is_not(None), cards.c.posts_begun > 0, behind)  # a start that failed has none
        self.connection.execute(
            update(cards).where(cards.c.recording_id == recording_id, has_card).values(rendered_version=FORGOTTEN)
        )

    def newest_recording(
        self, conversation_id: str, *, telling_whose: bool = False, that_began: bool = False
    ) -> Recording | None:
        known = or_(recordings.c.agent_user_id.is_not(None), recordings.c.queue_id.is_not(None))
        began = recordings.c.state != RecordingState.FAILED
        conditions = ((known,) if telling_whose else ()) + ((began,) if that_began else ())
        return self._one(NEWEST_OF_CALL.where(*conditions), call=conversation_id)

    def card_place(self, recording_id: UUID) -> CardPlace | None:
        statement = select(cards.c.channel, cards.c.language).where(cards.c.recording_id == recording_id)
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else CardPlace(row.channel, row.language)

    def add_approval(self, approval: Approval) -> None:
        approval_rows.add(self.connection, approval)

    def approval(self, approval_id: UUID) -> Approval | None:
        found = approval_rows.find(self.connection, approvals.c.id == approval_id)
        return next(iter(found), None)

    def open_approval(self, recording_id: UUID) -> Approval | None:
        return approval_rows.open_of(self.connection, (recording_id,)).get(recording_id)

    def close_approval(self, approval: Approval, at: datetime, *, by: str, outcome: ApprovalOutcome) -> bool:
        return approval_rows.close(self.connection, approval, at, by=by, outcome=outcome)

    def reminder(self, recording_id: UUID) -> Reminder | None:
        return snoozes.newest(self.connection, recording_id)

    def snooze(self, reminder: Reminder, answer: Snooze, audit_seq: int) -> None:
        snoozes.snooze(self.connection, reminder, answer, audit_seq)

    def add_notices(self, due: Iterable[Notice], at: datetime) -> None:
        if rows := [notice_row(one) | {"noted_at": at} for one in due]:
            self.connection.execute(upsert(self.connection, notices).on_conflict_do_nothing(), rows)

    def typed_text(self, attempt_id: UUID) -> str | None:
        statement = select(typed_texts.c.text).where(typed_texts.c.attempt_id == attempt_id)
        return self.connection.execute(statement).scalar_one_or_none()

    def add_next_call(self, next_call: NextCall) -> None:
        next_calls.add(self.connection, next_call)

    def next_call(self, next_call_id: UUID) -> NextCall | None:
        found = next_calls.find(self.connection, next_call_rows.c.id == next_call_id)
        return next(iter(found), None)

    def open_next_calls(self, agent_user_id: str) -> tuple[NextCall, ...]:
        agent = next_call_rows.c.agent_user_id == agent_user_id
        return next_calls.find(self.connection, next_calls.OPEN, agent)

    def close_next_call(self, after: NextCall) -> bool:
        return next_calls.close(self.connection, after)

    def note_logout(self, next_call_id: UUID, at: datetime) -> None:
        next_calls.logged_out(self.connection, next_call_id, at)

    def note_next_call(self, next_call_id: UUID, kind: NextCallNotice, at: datetime) -> None:
        next_calls.note(self.connection, next_call_id, kind, at)

    def remember_name(self, kind: str, name_id: str, name: str, seen_at: datetime) -> None:
        values = {"kind": kind, "id": name_id, "name": name, "seen_at": seen_at}
        self.connection.execute(REMEMBER_NAME[self.connection.dialect.name], values)

    def _one(self, statement: Select[Any], **named: Any) -> Recording | None:
        row = self.connection.execute(statement, named).mappings().one_or_none()
        return None if row is None else recording_from(row)


def _direct(actor: str) -> str | None:
    """Return where to send a person direct messages: a Slack user's id, nothing for a terminal's."""
    kind, _, rest = actor.partition(":")
    return rest.rpartition(":")[2] if kind == "slack" else None


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "id": entry.id,
        "attempt_id": entry.attempt_id,
        "occurred_at": entry.occurred_at,
        "phase": entry.phase.value,
        "action": entry.action,
        "actor": entry.actor,
        "conversation_id": entry.conversation_id,
        "participant_id": entry.participant_id,
        "recording_id": entry.recording_id,
        "reason_code": entry.reason_code,
        "reason_digest": entry.reason_digest,
        "origin": rfc8785.dumps(dict(entry.origin)).decode(),
        "outcome": rfc8785.dumps(dict(entry.outcome)).decode(),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
