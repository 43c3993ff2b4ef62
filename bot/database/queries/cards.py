"""Recordings with the names and marks of an overview, with one query for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from bot.database.mapping import recording_from
from bot.database.schema.tables import cards, names, recordings
from bot.database.statements import approvals
from bot.database.statements.keeps import HAS_KEEP, newest_of
from bot.database.statements.recording_files import saved_of
from bot.database.transaction import ASKED_FOR, LIVE
from bot.recording.card import Card
from bot.recording.models import FINAL_STATES, RecordingState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Select

    from bot.database.engine import Engines

ALL_LIVE = 10_000
FAILED_SHOWN = 3
RAN = tuple(FINAL_STATES - {RecordingState.FAILED})
agents = names.alias("agents")
queues = names.alias("queues")
OWN = tuple(column.name for column in recordings.columns)


@dataclass(frozen=True, slots=True)
class SqlOverview:
    """Reads recordings as cards, whether or not a card was posted."""

    engines: Engines

    async def live(self) -> tuple[Card, ...]:
        """Return what is live now, oldest first, with the stops that wait for a second supervisor."""
        statement = _cards().where(LIVE).order_by(recordings.c.requested_seq).limit(ALL_LIVE)

        def read(connection: Connection) -> tuple[Card, ...]:
            rows = connection.execute(statement).mappings().all()
            waiting = {one.recording_id: one for one in approvals.find(connection, approvals.OPEN)}
            kept = newest_of(connection, calls) if (calls := _with_keeps(rows)) else {}
            return tuple(
                _card(row, approval=waiting.get(row["id"]), keep=kept.get(row["conversation_id"])) for row in rows
            )

        return await self.engines.read(read)

    async def recent(self, actor: str, *, limit: int) -> tuple[Card, ...]:
        """Return this person's recordings that are over, newest first, with what Genesys has kept of them.

        Starts that failed come after those that ran, and don't take their place.
        """
        newest = _cards().where(recordings.c.started_by == actor).order_by(recordings.c.requested_seq.desc())
        ran = newest.where(recordings.c.state.in_(RAN)).limit(limit)
        failed = newest.where(recordings.c.state == RecordingState.FAILED).limit(FAILED_SHOWN)

        def read(connection: Connection) -> tuple[Card, ...]:
            rows = [*connection.execute(ran).mappings(), *connection.execute(failed).mappings()]
            saved = saved_of(connection, [row["id"] for row in rows]) if rows else {}
            kept = newest_of(connection, calls) if (calls := _with_keeps(rows)) else {}
            return tuple(
                _card(row, saved=saved.get(row["id"], ()), keep=kept.get(row["conversation_id"])) for row in rows
            )

        return await self.engines.read(read)


def _with_keeps(rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    return [row["conversation_id"] for row in rows if row["has_keep"]]


def _cards() -> Select[Any]:
    return (
        select(
            recordings,
            cards.c.channel.label("card_channel"),
            agents.c.name.label("agent_name"),
            queues.c.name.label("queue_name"),
            HAS_KEEP,
        )
        .select_from(recordings)
        .outerjoin(cards, and_(cards.c.recording_id == recordings.c.id, ASKED_FOR))
        .outerjoin(agents, and_(agents.c.kind == "user", agents.c.id == recordings.c.agent_user_id))
        .outerjoin(queues, and_(queues.c.kind == "queue", queues.c.id == recordings.c.queue_id))
    )


def _card(row: Mapping[Any, Any], **marks: Any) -> Card:
    return Card(
        recording_from({name: row[name] for name in OWN}),
        channel=row["card_channel"] or "",
        asked_by=row["started_by"],
        agent_name=row["agent_name"],
        queue_name=row["queue_name"],
        **marks,
    )
