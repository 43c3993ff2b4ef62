"""The people who opened App Home, and what Slack shows them there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from bot.database.mapping import upsert
from bot.database.schema.tables import homes
from bot.recording.live_calls.visible import OpenHome

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy import ColumnElement, Connection

    from bot.database.engine import Engines

KEPT = timedelta(days=1)
SHOWN = ("user_id", "team_id", "opened_at", "audit_seq", "view_hash", "digest")
COLUMNS = [homes.c[name] for name in SHOWN]


@dataclass(frozen=True, slots=True)
class SqlHomes:
    """One row for each person. Rows older than a day are removed when someone opens a Home."""

    engines: Engines

    async def opened(self, user_id: str, team_id: str, at: datetime, *, audit_seq: int | None) -> None:
        """Store that a person opened Home, with the number of the entry in the trail."""
        values = {"team_id": team_id, "opened_at": at, "audit_seq": audit_seq, "digest": None}

        def work(connection: Connection) -> None:
            connection.execute(delete(homes).where(homes.c.opened_at < at - KEPT, homes.c.user_id != user_id))
            statement = upsert(connection, homes).values(user_id=user_id, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=[homes.c.user_id], set_=values))

        await self.engines.writer.transaction(work)

    async def recent(self, since: datetime, *, limit: int) -> tuple[OpenHome, ...]:
        """Return the Homes that were opened since then, the last opened first."""
        statement = select(*COLUMNS).where(homes.c.opened_at >= since).order_by(homes.c.opened_at.desc()).limit(limit)
        rows = await self.engines.read(lambda connection: connection.execute(statement).all())
        return tuple(OpenHome(**row._asdict()) for row in rows)

    async def find(self, user_id: str) -> OpenHome | None:
        statement = select(*COLUMNS).where(homes.c.user_id == user_id)
        row = await self.engines.read(lambda connection: connection.execute(statement).one_or_none())
        return None if row is None else OpenHome(**row._asdict())

    async def shown(self, home: OpenHome, *, digest: str, view_hash: str | None) -> None:
        """Note what Slack shows now in place of ``home``.

        If another process has published in between, the view shown is unknown, and it is published again.
        """
        same = homes.c.view_hash.is_not_distinct_from(home.view_hash)
        if not await self._change(home.user_id, same, digest=digest, view_hash=view_hash):
            await self._change(home.user_id, digest=None, view_hash=None)

    async def looked(self, user_id: str, audit_seq: int) -> None:
        """Store the number of the person's entry in the trail; the previous content is no longer valid."""
        await self._change(user_id, audit_seq=audit_seq, digest=None)

    async def show_again(self, user_id: str) -> None:
        """Publish the person's Home again, whatever it shows now."""
        await self._change(user_id, digest=None)

    async def overtaken(self, home: OpenHome) -> None:
        """Forget a mark that Slack no longer knows as the newest."""
        await self._change(home.user_id, homes.c.view_hash == home.view_hash, digest=None, view_hash=None)

    async def forget(self, user_id: str) -> None:
        await self.engines.execute(delete(homes).where(homes.c.user_id == user_id))

    async def _change(self, user_id: str, *conditions: ColumnElement[bool], **values: Any) -> bool:
        statement = update(homes).where(homes.c.user_id == user_id, *conditions).values(**values)
        return await self.engines.execute(statement) == 1
