"""Which Homes are open, what Slack shows there, and the recordings that they show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import event

from bot.database.queries.app_homes import KEPT, SqlHomes
from bot.database.queries.cards import SqlOverview
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.models import RecordingState
from tests.support.recording.service import ADA, GRACE, TEAM, asked, open_harness
from tests.support.slack.samples import NOON, recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.live_calls.visible import OpenHome
    from bot.recording.models import Recording
    from bot.recording.ports import Transaction
    from tests.support.databases.postgres import Database
    from tests.support.recording.service import Harness


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as opened:
        yield opened


async def only(homes: SqlHomes, user: str = "U1") -> OpenHome:
    found = await homes.find(user)
    assert found is not None
    return found


async def test_the_last_opened_comes_first_and_old_ones_go(harness: Harness) -> None:
    homes = SqlHomes(harness.engines)
    for number in range(3):
        await homes.opened(f"U{number}", TEAM, NOON + timedelta(hours=number), audit_seq=number)
    assert [one.user_id for one in await homes.recent(NOON + timedelta(hours=1), limit=9)] == ["U2", "U1"]
    assert [one.user_id for one in await homes.recent(NOON, limit=1)] == ["U2"]
    await homes.opened("U2", TEAM, NOON + KEPT + timedelta(minutes=90), audit_seq=9)
    assert [one.user_id for one in await homes.recent(NOON, limit=9)] == ["U2"]


async def test_opening_anew_keeps_slacks_mark_and_has_it_shown_whatever_it_was(harness: Harness) -> None:
    homes = SqlHomes(harness.engines)
    await homes.opened("U1", TEAM, NOON, audit_seq=1)
    await homes.shown(await only(homes), digest="d1", view_hash="h1")
    await homes.opened("U1", TEAM, NOON + timedelta(minutes=1), audit_seq=None)
    found = await only(homes)
    assert (found.view_hash, found.digest, found.audit_seq) == ("h1", None, None)
    await homes.looked("U1", 7)
    assert (await only(homes)).audit_seq == 7


async def test_a_view_that_another_process_has_replaced_is_to_be_shown_anew(harness: Harness) -> None:
    homes = SqlHomes(harness.engines)
    await homes.opened("U1", TEAM, NOON, audit_seq=1)
    seen_by_both = await only(homes)
    await homes.shown(seen_by_both, digest="theirs", view_hash="h-theirs")
    await homes.shown(seen_by_both, digest="ours", view_hash="h-ours")
    found = await only(homes)
    assert (found.digest, found.view_hash) == (None, None)


async def test_a_mark_that_was_overtaken_is_forgotten_unless_a_newer_one_is_known(harness: Harness) -> None:
    homes = SqlHomes(harness.engines)
    await homes.opened("U1", TEAM, NOON, audit_seq=1)
    await homes.shown(await only(homes), digest="d1", view_hash="h1")
    old = await only(homes)
    await homes.shown(old, digest="d2", view_hash="h2")
    await homes.overtaken(old)
    assert (await only(homes)).view_hash == "h2"
    await homes.overtaken(await only(homes))
    assert (await only(homes)).view_hash is None


async def test_forgotten_and_unknown_homes_are_no_error(harness: Harness) -> None:
    homes = SqlHomes(harness.engines)
    await homes.opened("U1", TEAM, NOON, audit_seq=1)
    await homes.forget("U1")
    await homes.show_again("U1")
    assert await homes.find("U1") is None


async def test_the_overview_takes_as_many_reads_for_300_recordings_as_for_one(harness: Harness) -> None:
    def add(transaction: Transaction, one: Recording) -> None:
        transaction.add_recording(one, channel=None, asked_by=GRACE)

    def fill(transaction: Transaction) -> None:
        for number in range(300):
            call = str(UUID(int=number + 1))
            add(transaction, recording(id=UUID(int=number), conversation_id=call, agent_user_id="a1"))
        transaction.remember_name("user", "a1", "Anna Berg", NOON)

    await harness.store.write(fill)
    read: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        read.append(statement)

    for reader in harness.engines.readers:
        event.listen(reader, "before_cursor_execute", note)
    live = await SqlOverview(harness.engines).live()
    for reader in harness.engines.readers:
        event.remove(reader, "before_cursor_execute", note)
    assert len(live) == 300
    assert {one.agent_name for one in live} == {"Anna Berg"}
    assert len([one for one in read if one.startswith("SELECT")]) == 2


async def test_what_waits_and_what_was_saved_comes_with_it(harness: Harness) -> None:
    over = [
        recording(id=UUID(int=one), state=RecordingState.STOPPED, started_by=ADA, requested_seq=one) for one in (1, 2)
    ]
    foreign = recording(id=UUID(int=3), state=RecordingState.STOPPED, started_by=GRACE)

    def fill(transaction: Transaction) -> None:
        for one in (*over, foreign):
            transaction.add_recording(replace(one, conversation_id=str(one.id)), channel=None, asked_by=ADA)
        transaction.keep_saved(UUID(int=2), SavedRecording("m1", "available"))

    await harness.store.write(fill)
    found = await SqlOverview(harness.engines).recent(ADA, limit=10)
    assert [one.recording.id.int for one in found] == [2, 1]
    assert [one.id for one in found[0].saved] == ["m1"]
    assert await SqlOverview(harness.engines).live() == ()


async def test_opening_home_is_one_entry_without_a_call(harness: Harness) -> None:
    entry = await harness.service.intake.read_home(asked(ADA))
    assert (entry.action, entry.phase, entry.conversation_id) == ("recording:read", "succeeded", None)
    assert entry.outcome == {"read": "home"}
