"""What Slack still lacks: cards that are behind, and audit entries that the channel doesn't have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, delete, func, select, type_coerce, update

from bot.database.mapping import built_upserts, entry_from, recording_from
from bot.database.replicas import noop
from bot.database.schema.column_types import Flag
from bot.database.schema.tables import (
    approvals,
    audit_channel_heads,
    audit_deliveries,
    audit_entries,
    cards,
    names,
    recordings,
    typed_texts,
)
from bot.database.statements.approvals import newest_of
from bot.database.statements.keeps import HAS_KEEP
from bot.database.statements.keeps import newest_of as keeps_of
from bot.database.statements.recording_files import saved_of
from bot.database.trail.typed_texts import shown
from bot.database.transaction import ASKED_FOR, CARD_OF, FORGOTTEN
from bot.recording.card import Card
from bot.recording.models import FINAL_STATES, RecordingState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Update

    from bot.audit.entry import Entry
    from bot.database.engine import Engines
    from bot.database.mapping import Upsert

agents = names.alias("agents")
queues = names.alias("queues")
newer = recordings.alias("newer")
requests = audit_entries.alias("requests")
NOTHING_NEWER = ~(
    select(newer.c.id)
    .where(newer.c.conversation_id == recordings.c.conversation_id, newer.c.requested_seq > recordings.c.requested_seq)
    .exists()
)
HAS_APPROVAL = type_coerce(
    select(approvals.c.id).where(approvals.c.recording_id == recordings.c.id).exists(), Flag
).label("has_approval")
STARTABLE = type_coerce(and_(recordings.c.state == RecordingState.STOPPED, NOTHING_NEWER), Flag).label("startable")

OWN = frozenset(column.name for column in recordings.columns)
FOR_ITSELF = frozenset({"origin", "reason_digest", "salt"})
STALE_CARDS = (
    select(
        recordings,
        cards.c.channel,
        cards.c.asked_by,
        cards.c.ts,
        cards.c.posted_channel,
        cards.c.posts_begun,
        cards.c.rendered_version,
        cards.c.language,
        cards.c.routed,
        STARTABLE,
        HAS_APPROVAL,
        HAS_KEEP,
        agents.c.name.label("agent_name"),
        queues.c.name.label("queue_name"),
        requests.c.origin.label("origin"),
        requests.c.reason_digest.label("reason_digest"),
        typed_texts.c.salt.label("salt"),
    )
    .join(cards, cards.c.recording_id == recordings.c.id)
    .outerjoin(agents, and_(agents.c.kind == "user", agents.c.id == recordings.c.agent_user_id))
    .outerjoin(queues, and_(queues.c.kind == "queue", queues.c.id == recordings.c.queue_id))
    .outerjoin(requests, requests.c.seq == recordings.c.requested_seq)
    .outerjoin(typed_texts, typed_texts.c.attempt_id == requests.c.attempt_id)
    .where(cards.c.rendered_version < cards.c.wanted_version)
    .order_by(recordings.c.requested_seq, cards.c.routed)
    .limit(bindparam("limit"))
)


def _of_each(statement: Update) -> tuple[Update, Update]:
    """Return the statement for the card where the recording was asked for, and for the one in another channel."""
    return statement.where(ASKED_FOR), statement.where(cards.c.channel == bindparam("place"))


# As in bot.database.transaction, what each action needs is built once.
CHANGED = _of_each(CARD_OF)
BEGUN = _of_each(CARD_OF.values(posts_begun=cards.c.posts_begun + 1))
REFUSED = _of_each(CARD_OF.values(posts_begun=cards.c.posts_begun - 1))
SHOWN = _of_each(
    CARD_OF.values(
        rendered_version=case(
            (cards.c.rendered_version == bindparam("was"), bindparam("shown", type_=cards.c.rendered_version.type)),
            else_=FORGOTTEN,
        )
    )
)
DELIVERED = (
    select(audit_deliveries.c.seq)
    .where(audit_deliveries.c.delivered_at.is_not(None))
    .order_by(audit_deliveries.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
UNDELIVERED = (
    select(audit_entries, audit_deliveries.c.tried_at)
    .outerjoin(audit_deliveries, audit_deliveries.c.seq == audit_entries.c.seq)
    .where(audit_entries.c.seq > func.coalesce(DELIVERED, 0))
    .order_by(audit_entries.c.seq)
    .limit(bindparam("limit"))
)
TRIED = built_upserts(audit_deliveries, lambda new: new.on_conflict_do_nothing())
ENTRY_HASH = select(audit_entries.c.hash).where(audit_entries.c.seq == audit_deliveries.c.seq).scalar_subquery()
ARRIVED = (
    update(audit_deliveries)
    .where(audit_deliveries.c.seq.in_(bindparam("seqs", expanding=True)))
    .values(hash=ENTRY_HASH, delivered_at=bindparam("at"), channel=bindparam("place"), ts=bindparam("stamp"))
)


def _new_head(new: Upsert) -> Upsert:
    last = select(audit_entries.c.hash).where(audit_entries.c.seq == bindparam("last")).scalar_subquery()
    new = new.values(channel=bindparam("place"), seq=bindparam("last"), hash=last)
    changes = {"seq": new.excluded.seq, "hash": new.excluded.hash}
    return new.on_conflict_do_update(index_elements=[audit_channel_heads.c.channel], set_=changes)


NEW_HEAD = built_upserts(audit_channel_heads, _new_head)
CUT_OFF = (
    select(
        audit_channel_heads.c.seq,
        audit_channel_heads.c.hash,
        audit_entries.c.hash.label("found"),
        select(func.min(audit_entries.c.seq)).scalar_subquery(),
    )
    .outerjoin(audit_entries, audit_entries.c.seq == audit_channel_heads.c.seq)
    .where(audit_channel_heads.c.channel == bindparam("place"))
)


def _reason(row: Mapping[str, Any]) -> str | None:
    """Return what a card shows as the reason; one that was changed since it was typed is not shown."""
    reason: str | None = row["reason"]
    if reason is None or row["salt"] is None or row["reason_digest"] is None:
        return reason
    return shown(reason, row["salt"], row["reason_digest"])


def _stale_cards(connection: Connection, *, limit: int) -> tuple[Card, ...]:
    rows = [row._asdict() for row in connection.execute(STALE_CARDS, {"limit": limit})]
    over = [row["id"] for row in rows if row["state"] in FINAL_STATES]  # before, no file is stored
    saved = saved_of(connection, over) if over else {}
    asked = [row["id"] for row in rows if row.pop("has_approval")]
    waiting = newest_of(connection, asked) if asked else {}
    calls = [row["conversation_id"] for row in rows if row.pop("has_keep")]
    kept = keeps_of(connection, calls) if calls else {}
    return tuple(
        Card(
            saved=saved.get(row["id"], ()),
            approval=waiting.get(row["id"]),
            keep=kept.get(row["conversation_id"]),
            recording=recording_from({name: row[name] for name in OWN} | {"reason": _reason(row)}),
            shared_channel=not row["routed"] and bool(json.loads(row["origin"] or "{}").get("shared_channel")),
            **{name: value for name, value in row.items() if name not in OWN | FOR_ITSELF},
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """Compares the current state with what Slack has. Both are in the database, so a crash loses nothing."""

    engines: Engines
    confirm: Callable[[], Awaitable[None]] = noop
    """Waits until this process is the one that tells Slack; asked before each step, and once more before a post.

    What is noted of deliveries leaves no worker anything to do: ``PendingWork`` knows nothing of cards and lines.
    """

    async def stale_cards(self, *, limit: int = 50) -> tuple[Card, ...]:
        """Return cards whose shown version is behind, the oldest recordings first."""
        await self.confirm()
        return await self.engines.read(partial(_stale_cards, limit=limit))

    async def card_shown(
        self, recording_id: UUID, *, version: int, channel: str, ts: str, was: int | None = None, of: str | None = None
    ) -> None:
        """Note what a card shows; ``was`` is its ``rendered_version`` as it was read before.

        A card marked for redrawing meanwhile is still redrawn; so is one that another process has drawn since, by
        whose newer state this may have gone. ``of``, here and below, is the channel that the card is for; None: the
        card where the recording was asked for.
        """
        values: dict[str, Any] = {"posted_channel": channel, "ts": ts}
        if was is None:
            await self._write(CHANGED, recording_id, of, values | {"rendered_version": version})
        else:
            await self._write(SHOWN, recording_id, of, values | {"was": was, "shown": version})

    async def card_given_up(self, recording_id: UUID, *, version: int, of: str | None = None) -> None:
        """Note that this version can be shown nowhere; the next one is tried again."""
        await self._write(CHANGED, recording_id, of, {"rendered_version": version, "posts_begun": 0})

    async def card_begun(self, recording_id: UUID, *, of: str | None = None) -> None:
        """Note, before posting, that a card is on its way."""
        await self._write(BEGUN, recording_id, of)
        await self.confirm()

    async def card_refused(self, recording_id: UUID, *, of: str | None = None) -> None:
        """Note that Slack plainly did not take it."""
        await self._write(REFUSED, recording_id, of)

    async def card_lost(self, recording_id: UUID, *, of: str | None = None) -> None:
        """Forget where the card was: Slack says that it is gone."""
        await self._write(CHANGED, recording_id, of, {"ts": None, "posted_channel": None, "posts_begun": 0})

    async def _write(
        self,
        statements: tuple[Update, Update],
        recording_id: UUID,
        channel: str | None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        asked_for, elsewhere = statements
        named = {"of": recording_id, **(values or {})}
        if channel is None:
            await self.engines.execute(asked_for, named, leaves_work=False)
        else:
            await self.engines.execute(elsewhere, {"place": channel, **named}, leaves_work=False)

    async def undelivered(self, *, limit: int = 50) -> tuple[tuple[Entry, bool], ...]:
        """Return the entries after the last delivered one, in order; True with those that may have arrived already."""
        await self.confirm()
        rows = await self.engines.read(lambda connection: connection.execute(UNDELIVERED, {"limit": limit}).all())
        return tuple((entry_from(row, leave_out=("tried_at",)), row.tried_at is not None) for row in rows)

    async def delivery_begun(self, seqs: Sequence[int], at: datetime) -> None:
        """Note, before posting, that these are on their way: after a crash they may or may not have arrived."""
        rows = [{"seq": seq, "tried_at": at} for seq in seqs]
        await self.engines.execute(TRIED[self.engines.writer.dialect_name], rows, leaves_work=False)
        await self.confirm()

    async def delivery_refused(self, seqs: Sequence[int]) -> None:
        """Note that Slack refused these; those delivered by another process since stay delivered."""
        mine = audit_deliveries.c.seq.in_(list(seqs)), audit_deliveries.c.delivered_at.is_(None)
        await self.engines.execute(delete(audit_deliveries).where(*mine), leaves_work=False)

    async def delivered(self, seqs: Sequence[int], *, at: datetime, channel: str, ts: str) -> None:
        """Note that these are in the channel, with the hashes that are shown there."""

        def work(connection: Connection) -> None:
            connection.execute(ARRIVED, {"seqs": list(seqs), "at": at, "place": channel, "stamp": ts})
            connection.execute(NEW_HEAD[connection.dialect.name], {"place": channel, "last": max(seqs)})

        await self.engines.writer.transaction(work, leaves_work=False, repeatable=True)

    async def cut_off(self, channel: str) -> tuple[int, str] | None:
        """Return the last line that the channel shows, number and hash, if the trail doesn't have that entry anymore.

        None if it has it, or if the entry is archived.
        """
        row = await self.engines.read(lambda connection: connection.execute(CUT_OFF, {"place": channel}).one_or_none())
        if row is None or row.hash == row.found:
            return None
        seq, shown, found, oldest = row
        archived = found is None and oldest is not None and seq < oldest
        return None if archived else (seq, shown)
