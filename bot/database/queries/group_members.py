"""The last known members of the user groups that give rights, and the entries about changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.mapping import upsert
from bot.database.replicas import noop
from bot.database.schema.tables import user_groups
from bot.recording.caller import BOT
from bot.recording.group_members import GroupState, UserGroup, change_of, noted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class SqlGroupMembers:
    """One row for each group. Comparing and storing is one transaction, so only one of several processes writes."""

    store: SqlStore
    confirm: Callable[[], Awaitable[None]] = noop
    """Waits until this process is the one that watches."""

    async def note(self, groups: Iterable[UserGroup], *, actions: Mapping[str, str], at: datetime) -> None:
        """Note the groups, and write each change since as ``observed``. Raise AuditUnavailable."""
        await self.confirm()
        now = sorted(groups, key=lambda group: group.id)
        known = await self.store.engines.read(_known)
        if all(known.get(group.id) == noted(known.get(group.id), group) for group in now):
            return

        def work(transaction: SqlTransaction) -> None:
            before = _known(transaction.connection)
            for group in now:
                _note_one(transaction, before.get(group.id), group, actions[group.id], at)

        await self.store.write(work)


def _note_one(transaction: SqlTransaction, before: UserGroup | None, now: UserGroup, action: str, at: datetime) -> None:
    after = noted(before, now)
    if before == after:
        return
    if (change := change_of(before, now)) is not None:
        attempt_id = uuid7()
        transaction.append_many(
            [
                Draft(
                    id=uuid7(),
                    attempt_id=attempt_id,
                    occurred_at=at,
                    phase=Phase.OBSERVED,
                    action=action,
                    actor=BOT,
                    outcome=outcome,
                )
                for outcome in change.outcomes()
            ]
        )
    values = {"state": after.state.value, "members": json.dumps(sorted(after.members)), "noted_at": at}
    statement = upsert(transaction.connection, user_groups).values(id=after.id, **values)
    transaction.connection.execute(statement.on_conflict_do_update(index_elements=[user_groups.c.id], set_=values))


def _known(connection: Connection) -> dict[str, UserGroup]:
    rows = connection.execute(select(user_groups.c.id, user_groups.c.state, user_groups.c.members))
    return {row.id: UserGroup(row.id, GroupState(row.state), frozenset(json.loads(row.members))) for row in rows}
