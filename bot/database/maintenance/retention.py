"""Erases names and typed text once they are older than the settings allow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.maintenance.erasure import Erased, count, erase, rows_before
from bot.database.maintenance.secure_erase import scrub
from bot.database.schema.tables import audit_entries
from bot.database.trail.legal_hold import current_hold
from bot.errors import AuditUnavailable, DatabaseUnusable, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.database.store import SqlStore
    from bot.database.trail.legal_hold import Hold
    from bot.database.transaction import SqlTransaction
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

RETENTION_ACTION = "privacy:retention"
DAY_SECONDS = 24 * 3600.0
AGAIN_SECONDS = 3600.0
CLOCKS_APART = timedelta(days=1)
SET_CLOCK = "Nothing is erased while they differ by more than a day. Check the clock; if it is right, start the bot."


class ClocksDisagree(Refused):
    """This machine's clock is not trusted, so nothing is erased by it: what is erased too early is gone."""

    kind = Refused.kind


@dataclass(frozen=True, slots=True)
class Retention:
    """How long to keep typed text and names (None: forever), and the daily erasure of older ones."""

    store: SqlStore
    clock: Clock
    texts: timedelta | None
    names: timedelta | None
    actor: str
    slack_ahead: Callable[[], timedelta | None] | None = None
    """Returns by how much Slack's clock is ahead of this machine's; None while nothing tells it."""
    _failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set until a run has succeeded: an interrupted one may have erased something without overwriting it."""

    async def step(self) -> float:
        """Erase what is too old today; return the seconds until the next time."""
        failed = self._failed.is_set()
        self._failed.set()
        try:
            erased = await self.once(scrub_anyway=failed)
        except ClocksDisagree as error:
            log.warning("retention_postponed", cause=str(error))
            return AGAIN_SECONDS
        except (AuditUnavailable, DatabaseUnusable, SQLAlchemyError) as error:
            log.warning("retention_failed", cause=str(error))
            return AGAIN_SECONDS
        self._failed.clear()
        if isinstance(erased, Erased) and erased:
            log.info("retention_erased", **erased.facts())
        return DAY_SECONDS

    async def once(self, *, scrub_anyway: bool = False) -> Erased | Hold:
        """Erase what is too old, with an entry if there was something; a legal hold keeps everything.

        ``scrub_anyway``: overwrite also what an earlier look erased and could not. Raise AuditUnavailable,
        DatabaseUnusable, ClocksDisagree.
        """
        now = self.clock.now()
        await self._require_agreement(now)
        rows = rows_before(
            texts=None if self.texts is None else now - self.texts,
            names_=None if self.names is None else now - self.names,
        )
        due = await self.store.engines.read(lambda connection: count(connection, rows), grows=True)
        if not due:
            if scrub_anyway:
                await scrub(self.store.engines)
            return due

        def work(transaction: SqlTransaction) -> Erased | Hold:
            if hold := current_hold(transaction.connection):
                return hold
            erased = erase(transaction.connection, rows, redraw=False)
            if erased:
                transaction.append(
                    Draft(
                        id=uuid7(),
                        attempt_id=uuid7(),
                        occurred_at=now,
                        phase=Phase.SUCCEEDED,
                        action=RETENTION_ACTION,
                        actor=self.actor,
                        outcome=erased.facts(),
                    )
                )
            return erased

        found = await self.store.write(work)
        if isinstance(found, Erased):
            await scrub(self.store.engines)
        return found

    async def _require_agreement(self, now: datetime) -> None:
        """Raise ClocksDisagree unless another clock confirms this machine's within a day.

        That is Slack's, if it is known, and the newest entry, which is never from the future. Without Slack's, the
        newest entry has to be from within the last day: a clock that jumped ahead is noticed then.
        """
        ahead = None if self.slack_ahead is None else self.slack_ahead()
        statement = select(audit_entries.c.occurred_at).order_by(audit_entries.c.seq.desc()).limit(1)
        newest = await self.store.engines.read(lambda connection: connection.execute(statement).scalar_one_or_none())
        if ahead is not None and abs(ahead) > CLOCKS_APART:
            raise ClocksDisagree(
                f"This machine's clock says {now:%F %R} UTC, and Slack's {now + ahead:%F %R}. {SET_CLOCK}"
            )
        if newest is None:
            return  # there is nothing to erase
        if newest - now > CLOCKS_APART or (ahead is None and now - newest > CLOCKS_APART):
            raise ClocksDisagree(
                f"This machine's clock says {now:%F %R} UTC, and the newest entry is of {newest:%F %R}. {SET_CLOCK}"
            )
