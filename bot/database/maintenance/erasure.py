"""Erases names and typed text; the chain holds neither, so it doesn't change."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, delete, false, func, or_, select, tuple_, update

from bot.database.schema.tables import attempts, audit_entries, cards, names, recordings, typed_texts
from bot.database.transaction import FORGOTTEN
from bot.recording.models import FINAL_STATES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")
SLACK_ACTOR = re.compile(r"slack:[A-Z0-9]+:[UW][A-Z0-9]{2,}")
GENESYS_USER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOGIN = re.compile(r"cli:\S+")
QUEUE = "queue"
ERASE_ACTION = "privacy:erase"


@dataclass(frozen=True, slots=True)
class Person:
    """A person, by their id in the trail. The id stays there; by itself it names nobody."""

    id: str

    @classmethod
    def read(cls, typed: str) -> Self:
        """Read a Slack or Genesys user's id, or ``cli:`` and a login. Raise ValueError for anything else."""
        person = typed.strip()
        if GENESYS_USER.fullmatch(person.lower()):
            return cls(person.lower())
        if any(form.fullmatch(person) for form in (SLACK_USER, SLACK_ACTOR, LOGIN)):
            return cls(person)
        raise ValueError("must be a Slack user id (U…, W…), a Genesys user id (a UUID), or cli:LOGIN")

    def acted(self, actor: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that it was this person; Slack's ids are the same in every entry's team."""
        if GENESYS_USER.fullmatch(self.id):
            return false()
        if SLACK_USER.fullmatch(self.id):
            return actor.like("slack:%") & actor.endswith(f":{self.id}", autoescape=True)
        return actor == self.id

    @property
    def name_id(self) -> str:
        return self.id.rpartition(":")[2] if SLACK_ACTOR.fullmatch(self.id) else self.id


@dataclass(frozen=True, slots=True)
class Erased:
    """The number of erased names, texts of entries, and reasons of recordings."""

    names: int = 0
    texts: int = 0
    reasons: int = 0

    def __bool__(self) -> bool:
        return bool(self.names or self.texts or self.reasons)

    def facts(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows to erase, as a condition for each table."""

    names: ColumnElement[bool]
    texts: ColumnElement[bool]
    reasons: ColumnElement[bool]


def rows_of(person: Person) -> Rows:
    asked = select(attempts.c.id).where(person.acted(attempts.c.actor))
    wrote = select(audit_entries.c.attempt_id).where(person.acted(audit_entries.c.actor))
    typed = recordings.alias("typed")
    own = select(typed.c.conversation_id, typed.c.reason).where(
        person.acted(typed.c.started_by), typed.c.reason.is_not(None)
    )
    # A person who starts a call's recording again takes over the reason of the person who started it before.
    same_words = tuple_(recordings.c.conversation_id, recordings.c.reason).in_(own)
    took_over = select(attempts.c.id).join(recordings).where(same_words)
    return Rows(
        names=(names.c.id == person.name_id) & (names.c.kind != QUEUE),
        texts=or_(*(typed_texts.c.attempt_id.in_(one) for one in (asked, wrote, took_over))),
        reasons=same_words,
    )


def rows_before(*, texts: datetime | None, names_: datetime | None) -> Rows:
    """Return what is older than these times; None skips a kind. Data of a live recording is never old."""
    live = select(attempts.c.id).join(recordings).where(recordings.c.state.not_in(FINAL_STATES))
    over = recordings.c.state.in_(FINAL_STATES) & recordings.c.reason.is_not(None)
    return Rows(
        names=false() if names_ is None else names.c.seen_at < names_,
        texts=false() if texts is None else (typed_texts.c.typed_at < texts) & typed_texts.c.attempt_id.not_in(live),
        reasons=false() if texts is None else (recordings.c.requested_at < texts) & over,
    )


def count(connection: Connection, rows: Rows) -> Erased:
    """Count what ``erase`` would remove."""

    def number(table: Any, condition: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table).where(condition)
        return int(connection.execute(statement).scalar_one())

    return Erased(
        names=number(names, rows.names),
        texts=number(typed_texts, rows.texts),
        reasons=number(recordings, rows.reasons),
    )


def is_known(connection: Connection, person: Person) -> bool:
    """Return whether the database has or had anything about this person; an erased one is still in the trail."""
    acted = select(audit_entries.c.seq).where(person.acted(audit_entries.c.actor)).limit(1)
    agent = select(recordings.c.id).where(recordings.c.agent_user_id == person.id).limit(1)
    named = select(names.c.id).where(names.c.id == person.name_id, names.c.kind != QUEUE).limit(1)
    erased = audit_entries.c.outcome.contains(f'"person":"{person.id}"', autoescape=True)
    before = (
        select(audit_entries.c.seq)
        .where(audit_entries.c.action == ERASE_ACTION, audit_entries.c.phase == "succeeded", erased)
        .limit(1)
    )
    return any(connection.execute(found).first() is not None for found in (named, agent, acted, before))


def erase(connection: Connection, rows: Rows, *, redraw: bool) -> Erased:
    """Erase these rows in the open transaction. With ``redraw``, redraw the cards that show the reasons."""
    if redraw:
        shown = select(recordings.c.id).where(rows.reasons)
        connection.execute(
            update(cards)
            .where(cards.c.recording_id.in_(shown), cards.c.ts.is_not(None))
            .values(rendered_version=FORGOTTEN)
        )
    return Erased(  # the reasons last: they tell which texts are the same words
        names=connection.execute(delete(names).where(rows.names)).rowcount,
        texts=connection.execute(delete(typed_texts).where(rows.texts)).rowcount,
        reasons=connection.execute(update(recordings).where(rows.reasons).values(reason=None)).rowcount,
    )
