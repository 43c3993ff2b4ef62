"""Erases names and typed text once they are older than the settings allow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.maintenance.erasure import Erased, count, erase, rows_before
from bot.database.maintenance.legal_hold import current_hold
from bot.database.maintenance.secure_erase import scrub
from bot.errors import AuditUnavailable, DatabaseUnusable

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.database.maintenance.legal_hold import Hold
    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

RETENTION_ACTION = "privacy:retention"
DAY_SECONDS = 24 * 3600.0
AGAIN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long to keep typed text and names (None: forever), and the daily erasure of older ones."""

    store: SqlStore
    clock: Clock
    texts: timedelta | None
    names: timedelta | None
    actor: str
    _failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set until a run has succeeded: an interrupted one may have erased something without overwriting it."""

    async def step(self) -> float:
        """Erase what is too old today; return the seconds until the next time."""
        failed = self._failed.is_set()
        self._failed.set()
        try:
            erased = await self.once(scrub_anyway=failed)
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
        DatabaseUnusable.
        """
        now = self.clock.now()
        rows = rows_before(
            texts=None if self.texts is None else now - self.texts,
            names_=None if self.names is None else now - self.names,
        )
        async with self.store.engines.reader.connect() as connection:
            due = await connection.run_sync(count, rows)
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
