"""The audit entries about the bot's own start and stop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.queries.policy import SqlRules
from bot.database.queries.server_history import MOVED, SqlServerHistory
from bot.errors import AuditUnavailable, DatabaseUnusable
from bot.recording.caller import BOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.recording.policy import Policy
    from bot.recording.ports import Transaction
    from bot.runtime.container import Control

log = structlog.get_logger(__name__)


async def record_start(control: Control, *, without_policy: bool = False) -> None:
    """Write the first entry; it also shows whether the database can be written. Raise DatabaseUnusable.

    The entry holds the SHA-256 of the policy file, and whether the bot was told to serve without the one that it had.
    It also says if the database is on another server than at the last start: entries of the old one may be lost.
    The policy is stored before it, so terminals on this database follow the same rules.
    """
    try:
        policy = control.policy
        rules, history = SqlRules(control.store), SqlServerHistory(control.engines)
        outcome = {"policy_sha256": policy.digest, **await _given_up(rules, policy, without_policy=without_policy)}
        if (moved := await history.moved()) is not None:
            outcome |= {"database_before": moved.before, "database_now": moved.now}
            log.warning("database_server_changed", before=moved.before, now=moved.now, sentence=MOVED)
        known = {name: value for name, value in outcome.items() if value is not None}
        note = partial(rules.note, policy.dual_control, routes=policy.routes, always=policy.rules)
        if "without_policy" in known:  # rules are given up only after the entry that says so
            await _record(control, "bot:start", known)
            await note(control.clock.now())
        else:
            await note(control.clock.now(), digest=policy.digest)
            await _record(control, "bot:start", known)
        await history.note(control.store, control.clock.now())  # only after the entry about it
    except AuditUnavailable as error:
        raise DatabaseUnusable(
            f"Can't write to the database: {error.cause}. Check DATABASE_URL, file permissions and free disk space."
        ) from error


async def _given_up(rules: SqlRules, policy: Policy, *, without_policy: bool) -> dict[str, Any]:
    """Return what the entry says if rules that were in force no longer apply."""
    if policy.digest is not None or not without_policy or not await rules.are_noted():
        return {}
    return {"without_policy": True}


async def record_stop(control: Control) -> None:
    """Write the last entry. Raise AuditUnavailable."""
    await _record(control, "bot:stop")


async def _record(control: Control, action: str, outcome: Mapping[str, Any] | None = None) -> None:
    def work(transaction: Transaction) -> None:
        transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=uuid7(),
                occurred_at=control.clock.now(),
                phase=Phase.OBSERVED,
                action=action,
                actor=BOT,
                outcome=outcome or {},
            )
        )

    await control.store.write(work)
