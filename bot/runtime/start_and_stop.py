"""The audit entries about the bot's own start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.queries.policy import SqlRules
from bot.errors import AuditUnavailable, DatabaseUnusable
from bot.recording.caller import BOT

if TYPE_CHECKING:
    from bot.recording.ports import Transaction
    from bot.runtime.container import Control


async def record_start(control: Control) -> None:
    """Write the first entry; it also shows whether the database can be written. Raise DatabaseUnusable.

    The policy is stored before it, so terminals on this database follow the same rules.
    """
    try:
        policy = control.policy
        await SqlRules(control.store).note(policy.dual_control, control.clock.now(), routes=policy.routes)
        await _record(control, "bot:start")
    except AuditUnavailable as error:
        raise DatabaseUnusable(
            f"Can't write to the database: {error.cause}. Check DATABASE_URL, file permissions and free disk space."
        ) from error


async def record_stop(control: Control) -> None:
    """Write the last entry. Raise AuditUnavailable."""
    await _record(control, "bot:stop")


async def _record(control: Control, action: str) -> None:
    def work(transaction: Transaction) -> None:
        transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=uuid7(),
                occurred_at=control.clock.now(),
                phase=Phase.OBSERVED,
                action=action,
                actor=BOT,
            )
        )

    await control.store.write(work)
