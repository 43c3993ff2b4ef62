"""What listeners need to know about cards: names for a list, a card's channel, and that a person was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from bot.database.schema.tables import cards, names
from bot.database.transaction import ASKED_FOR
from bot.recording.card import Card

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from bot.recording.models import Recording


def with_names(connection: Connection, recordings: Sequence[Recording]) -> tuple[Card, ...]:
    """Return the recordings with the names of their agents and queues, as far as they are known."""
    agents = {one.agent_user_id for one in recordings if one.agent_user_id}
    queues = {one.queue_id for one in recordings if one.queue_id}
    known: dict[tuple[str, str], str] = {}
    if agents or queues:
        wanted = or_(
            and_(names.c.kind == "user", names.c.id.in_(agents)), and_(names.c.kind == "queue", names.c.id.in_(queues))
        )
        rows = connection.execute(select(names.c.kind, names.c.id, names.c.name).where(wanted))
        known = {(row.kind, row.id): row.name for row in rows}
    return tuple(
        Card(
            one,
            channel="",
            asked_by=one.started_by,
            agent_name=known.get(("user", one.agent_user_id or "")),
            queue_name=known.get(("queue", one.queue_id or "")),
        )
        for one in recordings
    )


def channel_of(connection: Connection, recording_id: UUID) -> str | None:
    """Return the channel that the recording was asked for in; None if it has no card."""
    statement = select(cards.c.channel).where(cards.c.recording_id == recording_id, ASKED_FOR)
    return connection.execute(statement).scalar_one_or_none()


def note_answered(connection: Connection, recording_id: UUID) -> None:
    """Note that the person was told that the start failed, so that its card, never posted, need not tell them."""
    unposted = (cards.c.recording_id == recording_id, ASKED_FOR, cards.c.ts.is_(None), cards.c.posts_begun == 0)
    connection.execute(update(cards).where(*unposted).values(rendered_version=cards.c.wanted_version))
