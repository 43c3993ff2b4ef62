"""Looking for the file of a recording that is over: when, how often, and what the trail says of it."""

from __future__ import annotations

import json
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.schema.tables import audit_entries, saved_looks
from bot.database.statements.recording_files import SqlRecordingFileChecks
from bot.errors import CallEnded, GenesysUnavailable, PermissionMissing, RequestRejected
from bot.recording.call import CallRecording
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.models import Mechanism, RecordingState, Verb
from bot.recording.monitoring.observations import Drift, Observations
from bot.recording.monitoring.recording_files import AFTER_SECONDS, AT_ONCE, SavedLooks, belongs
from bot.recording.ports import Priority
from tests.support.databases.postgres import on_both
from tests.support.recording.service import CALL, OTHER_CALL, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.database.store import SqlStore
    from bot.errors import GenesysError
    from bot.recording.models import Recording
    from tests.support.databases.postgres import Database
    from tests.support.recording.service import Harness


@dataclass
class FakeFiles:
    """What Genesys has kept, by call; ``fault`` is raised instead."""

    kept: dict[str, tuple[SavedRecording, ...]] = field(default_factory=dict)
    fault: GenesysError | None = None
    looks: list[str] = field(default_factory=list)

    async def saved(
        self, conversation_id: str, *, deadline: float, priority: Priority = Priority.LOOP
    ) -> tuple[SavedRecording, ...]:
        assert deadline > 0
        assert priority is Priority.LOOP
        self.looks.append(conversation_id)
        if self.fault is not None:
            raise self.fault
        return self.kept.get(conversation_id, ())


@asynccontextmanager
async def policy_shop(database: Database) -> AsyncIterator[Harness]:
    """Open a shop in which a policy records the calls: no other recorder's files are among the call's."""
    async with open_harness(database) as harness:
        harness.control.mechanism = Mechanism.POLICY
        yield harness


def looks_of(harness: Harness, files: FakeFiles) -> SavedLooks:
    """Return what looks, with nothing in its memory, as after a restart."""
    return SavedLooks(harness.store, SqlRecordingFileChecks(harness.engines), files, harness.clock)


async def recorded(harness: Harness, call: str = CALL) -> Recording:
    """Record a call, and hang up after three minutes."""
    running = await harness.service.carry_out(await harness.service.intake.start(asked(), call, None))
    harness.clock.advance(180)
    await Observations(harness.store, harness.clock).call_ended(running.recording)
    ended = await harness.store.newest_recording(call)
    assert ended is not None
    return ended


def file_of(recording: Recording, state: str = "available", **facts: Any) -> SavedRecording:
    return SavedRecording("file-1", state, "audio", **({"started_at": recording.started_at} | facts))


async def saved_entries(store: SqlStore) -> list[tuple[str, str]]:
    statement = select(audit_entries).where(audit_entries.c.action == "recording:saved").order_by(audit_entries.c.seq)
    rows = await store.engines.read(lambda connection: connection.execute(statement).all())
    assert all((row.phase, row.actor) == ("observed", "bot") for row in rows)
    return [(row.conversation_id, row.outcome) for row in rows]


async def schedule(harness: Harness) -> list[tuple[int, bool]]:
    """Return how often was looked for each recording, and whether it will be again."""
    rows = await harness.engines.read(lambda connection: connection.execute(select(saved_looks)).all())
    return [(row.looks, row.next_at is not None) for row in rows]


@on_both
async def test_a_file_that_is_found_is_in_the_trail_and_on_the_card(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        files = FakeFiles({CALL: (file_of(ended, ended_at=ended.ended_at),)})
        looks = looks_of(harness, files)
        await looks.poll()
        assert files.looks == []

        harness.clock.advance(AFTER_SECONDS[0])
        await looks.poll()

        after = await harness.store.recording(ended.id)
        assert after is not None
        assert after == replace(ended, version=ended.version + 1, audit_seq=ended.audit_seq + 1)
        ((about, outcome),) = await saved_entries(harness.store)
        assert (about, outcome) == (CALL, '{"media":"audio","saved_id":"file-1","seconds":180,"state":"available"}')
        (card,) = await SqlOutbox(harness.engines).stale_cards()
        (shown,) = card.saved
        assert (shown.id, shown.state, shown.length) == ("file-1", "available", timedelta(seconds=180))
        assert await schedule(harness) == [(1, False)]

        harness.clock.advance(7200)
        await looks_of(harness, files).poll()
        assert files.looks == [CALL]


async def test_looks_come_at_their_times_then_it_is_given_up(database: Database) -> None:
    async with policy_shop(database) as harness:
        await recorded(harness)
        files, passed = FakeFiles(), 0.0
        for number, after in enumerate(AFTER_SECONDS, start=1):
            harness.clock.advance(after - passed - 1)
            await looks_of(harness, files).poll()
            assert len(files.looks) == number - 1
            harness.clock.advance(1)
            await looks_of(harness, files).poll()
            await looks_of(harness, files).poll()
            assert len(files.looks) == number
            passed = after
        harness.clock.advance(86400)
        await looks_of(harness, files).poll()
        assert len(files.looks) == len(AFTER_SECONDS)
        assert await schedule(harness) == [(len(AFTER_SECONDS), False)]
        assert await saved_entries(harness.store) == []


async def test_looks_that_an_absence_has_overtaken_are_not_made_up_for(database: Database) -> None:
    async with policy_shop(database) as harness:
        await recorded(harness)
        files = FakeFiles()
        harness.clock.advance(AFTER_SECONDS[3] + 1)
        for _ in range(3):
            await looks_of(harness, files).poll()
        assert (len(files.looks), await schedule(harness)) == (1, [(4, True)])
        harness.clock.advance(86400)
        for _ in range(3):
            await looks_of(harness, files).poll()
        assert (len(files.looks), await schedule(harness)) == (2, [(5, False)])


async def test_an_upload_is_waited_for_and_each_state_is_told_once(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        files = FakeFiles({CALL: (file_of(ended, "uploading"),)})
        for after in AFTER_SECONDS[:2]:
            harness.clock.advance(after)
            await looks_of(harness, files).poll()
        assert [outcome for _, outcome in await saved_entries(harness.store)] == [
            '{"media":"audio","saved_id":"file-1","state":"uploading"}'
        ]
        files.kept = {CALL: (file_of(ended, "archived"), replace(file_of(ended), id="file-2"))}
        harness.clock.advance(AFTER_SECONDS[2])
        await looks_of(harness, files).poll()

        assert len(await saved_entries(harness.store)) == 3
        (card,) = await SqlOutbox(harness.engines).stale_cards()
        assert [(one.id, one.state, one.length) for one in card.saved] == [
            ("file-1", "archived", None),
            ("file-2", "available", None),
        ]
        assert await schedule(harness) == [(3, False)]


async def test_a_stop_begins_the_looks_a_failed_start_does_not(database: Database) -> None:
    async with policy_shop(database) as harness:
        service = harness.service
        running = await service.carry_out(await service.intake.start(asked(), CALL, None))
        assert await schedule(harness) == []
        stop = await service.intake.change(Verb.STOP, asked(), recording_id=running.recording.id)
        await service.carry_out(at_once(stop))
        assert await schedule(harness) == [(0, True)]

        harness.control.fault = CallEnded()
        await service.carry_out(await service.intake.start(asked(), OTHER_CALL, None))
        assert await schedule(harness) == [(0, True)]


@pytest.mark.parametrize("mechanism", [Mechanism.SESSION, Mechanism.ADHOC])
async def test_a_gateways_session_and_an_ad_hoc_recording_have_no_file(
    database: Database, mechanism: Mechanism
) -> None:
    """What Genesys keeps of an ad-hoc recording goes to a user's inbox, and is not among the files of the call."""
    async with open_harness(database) as harness:
        harness.control.mechanism = mechanism
        await recorded(harness)
        assert await schedule(harness) == []


async def test_no_other_recorders_file_is_credited_to_an_ad_hoc_recording(database: Database) -> None:
    """A look that an older version has scheduled finds what a trunk, a station and a screen recording left."""
    async with policy_shop(database) as harness:
        ended = replace(await recorded(harness), mechanism=Mechanism.ADHOC)
    for subtype in ("trunk", "station", "consult", "screen", "snippet", None):
        assert not belongs(SavedRecording("x", "available", "audio", media_subtype=subtype), ended)


@pytest.mark.parametrize(
    ("subtype", "ours"),
    [("trunk", True), ("station", True), ("consult", True), (None, True), ("screen", False), ("snippet", False)],
)
async def test_a_policys_files_are_those_of_its_own_recorders(
    database: Database, subtype: str | None, *, ours: bool
) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
    assert belongs(SavedRecording("x", "available", "audio", media_subtype=subtype), ended) is ours


async def test_a_screen_recording_is_known_by_its_media_as_well(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
    assert not belongs(SavedRecording("x", "available", "screen"), ended)


async def test_the_recorder_and_the_session_of_a_file_are_kept(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        file = SavedRecording("f", "available", "audio", media_subtype="trunk", session_id="s-1")
        harness.clock.advance(AFTER_SECONDS[0])
        await looks_of(harness, FakeFiles({CALL: (file,)})).poll()

        (card,) = await SqlOutbox(harness.engines).stale_cards()
        assert card.recording.id == ended.id
        assert card.saved == (file,)
        ((_, outcome),) = await saved_entries(harness.store)
        assert json.loads(outcome) == {
            "media": "audio",
            "media_subtype": "trunk",
            "saved_id": "f",
            "session_id": "s-1",
            "state": "available",
        }


async def test_a_recording_that_was_stopped_outside_is_looked_for_too(database: Database) -> None:
    async with policy_shop(database) as harness:
        running = await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        harness.control.recordings[CALL] = CallRecording.NONE
        drift = Drift("recording:stop", RecordingState.STOPPED)
        await Observations(harness.store, harness.clock).changed_outside(running.recording, drift)
        assert await schedule(harness) == [(0, True)]


async def test_a_missing_permission_ends_the_looking_until_a_restart(database: Database) -> None:
    async with policy_shop(database) as harness:
        await recorded(harness)
        await recorded(harness, OTHER_CALL)
        files = FakeFiles(fault=PermissionMissing())
        looks = looks_of(harness, files)
        assert await looks.step() == math.inf  # there is no point in going on
        assert len(files.looks) == 1
        assert await schedule(harness) == [(0, True), (0, True)]

        files.fault = None
        harness.clock.advance(15)
        await looks_of(harness, files).poll()
        assert len(files.looks) == 3


async def test_an_outage_costs_no_look(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        files = FakeFiles({CALL: (file_of(ended),)}, fault=GenesysUnavailable())
        looks = looks_of(harness, files)
        harness.clock.advance(15)
        for _ in range(3):
            await looks.poll()
        assert (len(files.looks), await schedule(harness)) == (1, [(0, True)])

        files.fault = None
        harness.clock.advance(60)
        await looks.poll()
        assert len(await saved_entries(harness.store)) == 1


async def test_a_rejected_look_is_a_look(database: Database) -> None:
    async with policy_shop(database) as harness:
        await recorded(harness)
        harness.clock.advance(15)
        await looks_of(harness, FakeFiles(fault=RequestRejected())).poll()
        assert await schedule(harness) == [(1, True)]


@on_both
async def test_a_few_looks_at_a_time(database: Database) -> None:
    async with policy_shop(database) as harness:
        for number in range(AT_ONCE + 2):
            await recorded(harness, f"{number:08d}-8d1e-4b7a-9c55-7e0d1b6a42f8")
        harness.clock.advance(15)
        files = FakeFiles()
        looks = looks_of(harness, files)
        await looks.poll()
        assert len(files.looks) == AT_ONCE
        await looks.poll()
        assert len(set(files.looks)) == AT_ONCE + 2


@on_both
async def test_two_processes_note_a_file_once(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        harness.clock.advance(15)
        first, second = (looks_of(harness, FakeFiles({CALL: (file_of(ended),)})) for _ in range(2))
        (look,) = await first.queue.due(harness.clock.now(), limit=5)
        await first._check(look)
        await second._check(look)
        assert len(await saved_entries(harness.store)) == 1


async def test_files_of_another_recording_of_the_same_call_are_not_its_own(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    hour = timedelta(hours=1)
    assert belongs(SavedRecording("x", "available"), ended)
    assert belongs(file_of(ended, started_at=ended.started_at - hour, ended_at=ended.ended_at + hour), ended)
    assert not belongs(file_of(ended, started_at=None, ended_at=ended.started_at - hour), ended)
    assert not belongs(file_of(ended, started_at=ended.ended_at + hour), ended)


@pytest.mark.parametrize("state", ["", "uploading"])
def test_what_is_not_there_yet(state: str) -> None:
    assert not SavedRecording("x", state).there
    assert SavedRecording("x", "error").there


async def test_what_can_never_be_asked_for_is_given_up_after_a_day(database: Database) -> None:
    async with policy_shop(database) as harness:
        ended = await recorded(harness)
        files = FakeFiles(fault=GenesysUnavailable())
        harness.clock.advance(23 * 3600)
        await looks_of(harness, files).poll()
        assert await schedule(harness) == [(0, True)]
        harness.clock.advance(3 * 3600)
        await looks_of(harness, files).poll()
        assert (len(files.looks), await schedule(harness)) == (2, [(len(AFTER_SECONDS), False)])
        assert await harness.store.recording(ended.id) == ended
