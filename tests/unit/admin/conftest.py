"""A bot with a past: a few recordings of two supervisors, everything settled and delivered; now it is a year later."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.admin.archive import Archiving
from bot.admin.audit import verify_database
from bot.admin.data import Keeper
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.trail.guards import AUDIT_TRIGGERS
from bot.recording.models import Verb
from tests.support.clocks.fake_clock import BEGIN, FakeClock
from tests.support.databases.trail import entries, rows
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from bot.admin.verification_result import VerificationResult

ADAS_WORDS = "Frau Zwetschgenknödel wants a copy"
GRACES_WORDS = "dispute about the Quittenmarmelade"
LATER = BEGIN + timedelta(days=365)
BETWEEN = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Past:
    """The shop of then, and the keeper of today."""

    harness: Harness
    keeper: Keeper
    archive: Path

    @property
    def file(self) -> Path:
        assert isinstance(self.harness.file, Path)
        return self.harness.file

    def archiving(self, before: datetime = BETWEEN) -> Archiving:
        return Archiving(self.keeper, before, self.archive)

    async def archived(self, before: datetime = BETWEEN) -> str:
        return await self.archiving(before).run(nothing)

    async def verdict(self, *, archive: bool = False, destroyed: int = 0, **options: Any) -> VerificationResult:
        where = self.archive if archive else None
        return await verify_database(
            self.keeper.settings, Verifier(**options), nothing, archive=where, destroyed=destroyed
        )

    def entries(self) -> list[dict[str, Any]]:
        return entries(self.harness.file)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        return rows(self.harness.file, statement)

    def story(self) -> list[str]:
        """Return what the keeper has done so far, in short."""
        return [f"{one['phase']} {one['action']}" for one in self.entries() if one["actor"] == self.keeper.actor]

    def bytes(self) -> bytes:
        """Return all that is on disk of the database."""
        return b"".join(path.read_bytes() for path in sorted(self.file.parent.glob(f"{self.file.name}*")))


def nothing(_done: int, _total: int) -> None:
    """Show no progress."""


@contextmanager
def guards_lifted(past: Past) -> Iterator[sqlite3.Connection]:
    """Do what the owner of the file can do: lift the guards, change something, put them back."""
    with closing(sqlite3.connect(past.file)) as owner, owner:
        for name in AUDIT_TRIGGERS:
            owner.execute(f"DROP TRIGGER {name}")
        yield owner
        for trigger in AUDIT_TRIGGERS.values():
            owner.execute(trigger)


def forge(past: Past, *statements: str) -> None:
    """Change the database as its owner can."""
    with guards_lifted(past) as owner:
        for statement in statements:
            owner.execute(statement)


async def deliver(harness: Harness) -> None:
    """Give everything to the audit channel."""
    outbox, now = SqlOutbox(harness.engines), harness.clock.now()
    while waiting := [entry.seq for entry, _ in await outbox.undelivered()]:
        await outbox.delivery_begun(waiting, now)
        await outbox.delivered(waiting, at=now, channel="C0AUDIT", ts="1.2")


@pytest.fixture
async def past(tmp_path: Path) -> AsyncIterator[Past]:
    async with open_harness(tmp_path / "bot.db") as harness:
        for actor, call, words in ((ADA, CALL, ADAS_WORDS), (GRACE, OTHER_CALL, GRACES_WORDS)):
            await harness.service.carry_out(await harness.service.intake.start(asked(actor), call, words))
            await harness.service.carry_out(
                at_once(await harness.service.intake.change(Verb.STOP, asked(actor), typed_id=call))
            )
        await deliver(harness)
        clock = FakeClock(begin=LATER)
        settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{harness.file}")
        yield Past(harness, Keeper(settings, "cli:keeper", clock), tmp_path / "archive")
