"""The list of live calls: fresh enough, cheap enough, and merged with what we know ourselves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.database.queries.names import SqlNames
from bot.errors import GenesysUnavailable, OutcomeUnknown, PermissionMissing
from bot.recording.call import CallRecording, Direction, LiveCall, LiveList, Participant
from bot.recording.caller import Scope
from bot.recording.live_calls.call_list import LiveCalls
from bot.recording.live_calls.names import NameBook
from bot.recording.models import Verb
from bot.recording.ports import Priority
from tests.support.clocks.fake_clock import BEGIN, FakeClock
from tests.support.recording.service import CALL, OTHER_CALL, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.errors import GenesysError
    from bot.recording.models import Recording
    from tests.support.databases.postgres import Database
    from tests.support.recording.service import Harness

THIRD_CALL = "0c2b7a5e-91d4-4c60-8f3a-5d7e2b1c9a04"
ANNA = Participant("", "user-anna", name="Anna Berg")
JOSE = Participant("", "user-jose", name="José Núñez")
SINCE = BEGIN - timedelta(minutes=5)


@dataclass
class FakeDirectory:
    """A Genesys that lists what it is told to; ``gate`` makes it slow, ``fault`` silent."""

    listed: LiveList = field(default_factory=lambda: LiveList(()))
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    fault: GenesysError | None = None
    name_fault: GenesysError | None = None
    name_gate: asyncio.Event | None = None
    words: dict[str, CallRecording] = field(default_factory=dict)
    """What another query says of the recordings of calls."""
    word_gate: asyncio.Event | None = None
    asking_words: asyncio.Event = field(default_factory=asyncio.Event)
    asking_names: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    asked_names: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        assert deadline > 0
        assert priority is Priority.PERSON
        self.looks += 1
        listed = self.listed
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return listed

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        assert deadline > 0
        assert priority is Priority.PERSON
        self.asking_words.set()
        if self.word_gate is not None:
            await self.word_gate.wait()
        calls = (replace(one, recording=self.words.get(one.conversation_id, one.recording)) for one in seen.calls)
        return replace(seen, calls=tuple(calls))

    async def names(
        self, kind: str, ids: frozenset[str], *, deadline: float, priority: Priority = Priority.PERSON
    ) -> dict[str, str]:
        assert deadline > 0
        assert priority is Priority.PERSON
        self.asked_names.append((kind, ids))
        self.asking_names.set()
        if self.name_gate is not None:
            await self.name_gate.wait()
        if self.name_fault is not None:
            raise self.name_fault
        return {one: name for one, name in self.known.get(kind, {}).items() if one in ids}


@dataclass(frozen=True)
class FakeSlowStore:
    """Reads our own recordings for as long as the look at Genesys takes."""

    live: LiveCalls

    async def live_recordings(self, *, limit: int) -> list[Recording]:
        assert limit > 0
        looking = self.live._memory.looking
        assert looking is not None
        await looking
        return []


@dataclass(frozen=True)
class Board:
    harness: Harness
    directory: FakeDirectory
    live: LiveCalls

    @property
    def clock(self) -> FakeClock:
        return self.harness.clock

    def again(self) -> LiveCalls:
        """The list after a restart."""
        names = NameBook(self.directory, SqlNames(self.harness.store), self.clock)
        return LiveCalls(self.directory, names, self.harness.store, self.clock)


@asynccontextmanager
async def opened_board(where: Database, *calls: LiveCall) -> AsyncIterator[Board]:
    async with open_harness(where) as harness:
        directory = FakeDirectory(LiveList(calls))
        names = NameBook(directory, SqlNames(harness.store), harness.clock)
        live = LiveCalls(directory, names, harness.store, harness.clock)
        try:
            yield Board(harness, directory, live)
        finally:
            await live.close()


def call(conversation_id: str = CALL, *agents: Participant, minutes: float = 5, **facts: object) -> LiveCall:
    since = BEGIN - timedelta(minutes=minutes)
    return LiveCall(conversation_id, agents=agents or (ANNA,), since=since, **facts)  # type: ignore[arg-type]


async def test_a_list_is_served_from_memory_while_it_is_fresh(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        first = await board.live.current()
        board.clock.advance(3)
        assert await board.live.current() == first
        assert (len(first.calls), first.problem, board.directory.looks) == (1, None, 1)

        board.clock.advance(0.1)
        later = await board.live.current()
        assert (later.as_of, board.directory.looks) == (board.clock.now(), 2)


async def test_nothing_is_asked_while_nobody_looks(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        await board.live.current()
        board.clock.advance(3600)
        await asyncio.sleep(0)
        assert board.directory.looks == 1


async def test_all_who_look_share_one_look(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        board.directory.gate = asyncio.Event()
        looking = [asyncio.create_task(board.live.current(wait=30)) for _ in range(20)]
        await asyncio.sleep(0)
        board.directory.gate.set()
        assert {len(one.calls) for one in await asyncio.gather(*looking)} == {1}
        assert board.directory.looks == 1


@pytest.mark.parametrize("requests", [1, 3])
async def test_twenty_people_for_a_minute_cost_twenty_requests(tmp_path: Path, requests: int) -> None:
    async with opened_board(tmp_path / "bot.db", call(queue_id="queue-1")) as board:
        board.directory.listed = LiveList(board.directory.listed.calls, requests=requests)
        for _ in range(60):
            await asyncio.gather(*(board.live.current() for _ in range(20)))
            board.clock.advance(1)
        assert board.directory.looks * requests + len(board.directory.asked_names) <= 20


async def test_what_is_there_is_served_while_genesys_is_slow(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        before = await board.live.current()
        board.directory.gate, board.directory.listed = asyncio.Event(), LiveList(())
        board.clock.advance(60)

        assert await board.live.current(wait=0.01) == before
        assert await board.live.current(wait=0) == before
        assert board.directory.looks == 2

        board.directory.gate.set()
        assert (await board.live.current(wait=30)).calls == ()


async def test_before_genesys_has_told_anything_the_list_says_so(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        board.directory.gate = asyncio.Event()
        seen = await board.live.current(wait=0.01)
        assert (seen.calls, seen.as_of) == ((), None)
        assert isinstance(seen.problem, GenesysUnavailable)


async def test_a_look_that_ends_meanwhile_leaves_no_list_that_contradicts_itself(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        store = FakeSlowStore(board.live)
        seen = await replace(board.live, store=store).current(wait=0)  # type: ignore[arg-type]
        assert (seen.calls, seen.as_of) == ((), None)
        assert isinstance(seen.problem, GenesysUnavailable)
        now = await board.live.current(wait=0)
        assert (len(now.calls), now.problem) == (1, None)


async def test_a_problem_comes_with_the_last_list_and_is_not_asked_for_at_once(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call()) as board:
        before = await board.live.current()
        board.directory.fault = PermissionMissing()
        board.clock.advance(10)
        for _ in range(5):
            seen = await board.live.current()
            assert (seen.calls, seen.as_of, seen.problem) == (before.calls, before.as_of, board.directory.fault)
        assert board.directory.looks == 2

        board.directory.fault = None
        board.clock.advance(3)
        assert (await board.live.current()).problem is None


async def test_a_fault_of_ours_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db") as board:
        board.directory.listed = None  # type: ignore[assignment]
        seen = await board.live.current()
        assert (seen.calls, seen.problem is None) == ((), False)


async def test_our_own_recordings_are_newer_than_the_list(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(recording=CallRecording.NONE), call(OTHER_CALL, JOSE)) as board:
        service = board.harness.service
        ours = await service.carry_out(await service.intake.start(asked(), CALL, None))
        missing = await service.carry_out(await service.intake.start(asked(), THIRD_CALL, None))

        seen = {one.conversation_id: one for one in (await board.live.current()).calls}

        assert seen[CALL].recording is CallRecording.ACTIVE
        assert seen[OTHER_CALL].recording is CallRecording.UNKNOWN
        assert seen[THIRD_CALL].recording is CallRecording.ACTIVE
        assert seen[THIRD_CALL].since == missing.recording.started_at
        assert [agent.name for agent in seen[THIRD_CALL].agents] == ["Priya Nair"]
        assert seen[THIRD_CALL].queue_name == "Billing"

        paused = await service.intake.change(Verb.PAUSE, asked(), recording_id=ours.recording.id)
        await service.carry_out(at_once(paused))
        seen = {one.conversation_id: one for one in (await board.live.current()).calls}
        assert seen[CALL].recording is CallRecording.PAUSED


async def test_a_list_says_what_is_recorded_without_waiting_for_it(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(), call(OTHER_CALL, JOSE)) as board:
        board.directory.words = {CALL: CallRecording.ACTIVE, OTHER_CALL: CallRecording.NONE}
        board.directory.word_gate = asyncio.Event()
        looking = asyncio.create_task(board.live.current(wait=30))
        await board.directory.asking_words.wait()

        seen = await board.live.current(wait=0.01)
        assert ({one.recording for one in seen.calls}, seen.problem) == ({CallRecording.UNKNOWN}, None)

        board.directory.word_gate.set()
        told = [CallRecording.ACTIVE, CallRecording.NONE]
        assert [one.recording for one in (await looking).calls] == told

        board.directory.word_gate = asyncio.Event()
        board.clock.advance(60)
        assert [one.recording for one in (await board.live.current(wait=0.01)).calls] == told

        board.directory.words = {}
        board.directory.word_gate.set()
        assert {one.recording for one in (await board.live.current(wait=30)).calls} == {CallRecording.UNKNOWN}


async def test_of_what_we_stopped_or_doubt_analytics_say_nothing(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(), call(OTHER_CALL, JOSE), call(THIRD_CALL)) as board:
        board.directory.words = dict.fromkeys((CALL, OTHER_CALL, THIRD_CALL), CallRecording.ACTIVE)
        service = board.harness.service
        await service.carry_out(await service.intake.start(asked(), CALL, None))
        await service.carry_out(at_once(await service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
        board.harness.control.late_fault = OutcomeUnknown()
        await service.carry_out(await service.intake.start(asked(), OTHER_CALL, None))

        seen = {one.conversation_id: one.recording for one in (await board.live.current()).calls}

        assert seen == {
            CALL: CallRecording.UNKNOWN,
            OTHER_CALL: CallRecording.UNKNOWN,
            THIRD_CALL: CallRecording.ACTIVE,
        }


async def test_names_come_from_our_table_then_from_genesys_and_are_remembered(database: Database) -> None:
    nameless = Participant("", "user-anna", queue_id="queue-1")
    async with opened_board(database, call(CALL, nameless, queue_id="queue-1")) as board:
        board.directory.known = {"user": {"user-anna": "Anna Berg"}, "queue": {"queue-1": "Sales"}}

        (seen,) = (await board.live.current()).calls
        assert ([agent.name for agent in seen.agents], seen.queue_name) == (["Anna Berg"], "Sales")
        assert len(board.directory.asked_names) == 2

        board.clock.advance(600)
        await board.live.current()
        again = board.again()
        (seen,) = (await again.current()).calls
        assert ([agent.name for agent in seen.agents], seen.queue_name) == (["Anna Berg"], "Sales")
        assert len(board.directory.asked_names) == 2


async def test_a_list_does_not_wait_for_names(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(CALL, Participant("", "user-anna"))) as board:
        board.directory.known = {"user": {"user-anna": "Anna Berg"}}
        board.directory.name_gate = asyncio.Event()
        looking = asyncio.create_task(board.live.current(wait=30))
        await board.directory.asking_names.wait()

        seen = await board.live.current(wait=0.01)
        assert ([agent.name for agent in seen.calls[0].agents], seen.problem) == ([None], None)

        board.directory.name_gate.set()
        assert [agent.name for agent in (await looking).calls[0].agents] == ["Anna Berg"]
        assert board.directory.looks == 1


async def test_an_id_that_nobody_knows_is_asked_for_once_an_hour(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(CALL, Participant("", "user-ghost"))) as board:
        for _ in range(20):
            (seen,) = (await board.live.current()).calls
            assert seen.agents[0].name is None
            board.clock.advance(60)
        assert len(board.directory.asked_names) == 1
        board.clock.advance(3600)
        await board.live.current()
        assert len(board.directory.asked_names) == 2


@pytest.mark.parametrize(("fault", "asks"), [(PermissionMissing(), 1), (GenesysUnavailable(), 5)])
async def test_names_that_cannot_be_had_are_no_problem(tmp_path: Path, fault: GenesysError, asks: int) -> None:
    async with opened_board(tmp_path / "bot.db", call(CALL, Participant("", "user-anna"))) as board:
        board.directory.name_fault = fault
        for _ in range(5):
            seen = await board.live.current()
            assert (len(seen.calls), seen.problem) == (1, None)
            board.clock.advance(60)
        assert len(board.directory.asked_names) == asks


async def test_names_that_a_list_brings_are_kept_for_the_cards(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(CALL, ANNA)) as board:
        await board.live.current()
        kept = await SqlNames(board.harness.store).known(frozenset({("user", "user-anna"), ("queue", "user-anna")}))
        assert kept == {("user", "user-anna"): "Anna Berg"}


async def test_a_call_is_as_old_as_when_it_was_first_seen(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", call(minutes=5)) as board:
        await board.live.current()
        board.directory.listed = LiveList((call(minutes=0),))
        board.clock.advance(10)
        (seen,) = (await board.live.current()).calls
        assert seen.since == SINCE


SALES = call(CALL, ANNA, minutes=9, queue_id="queue-s", queue_name="Sales", direction=Direction.INBOUND)
CLAIMS = call(OTHER_CALL, JOSE, minutes=30, queue_id="queue-c", queue_name="Claims", direction=Direction.OUTBOUND)
AFTER = call(THIRD_CALL, Participant("", "user-p", name="Priya Annan"), minutes=60, queue_name="After-sales")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [AFTER, CLAIMS, SALES]),
        ("JOSE nunez", [CLAIMS]),
        ("  anna ", [SALES, AFTER]),
        ("sales", [SALES, AFTER]),
        ("sales anna", [AFTER, SALES]),
        ("outb", [CLAIMS]),
        (OTHER_CALL[:6].upper(), [CLAIMS]),
        (OTHER_CALL[4:], []),
        ("anna claims", []),
    ],
)
def test_searching(text: str, found: list[LiveCall]) -> None:
    assert list(LiveCalls.search([SALES, CLAIMS, AFTER], text)) == found


async def test_a_scope_sees_its_queues_and_agents_only(tmp_path: Path) -> None:
    async with opened_board(tmp_path / "bot.db", SALES, CLAIMS, AFTER) as board:
        seen = await board.live.current()
        limited = Scope(everything=False, queues=frozenset({"queue-s"}), agents=frozenset({"user-jose"}))
        assert seen.within(Scope()).calls == seen.calls
        assert [one.conversation_id for one in seen.within(limited).calls] == [OTHER_CALL, CALL]
        assert seen.within(Scope(everything=False)).calls == ()
