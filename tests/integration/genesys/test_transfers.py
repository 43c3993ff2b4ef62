"""What the bot makes of calls that change hands: the real adapter, a real database, and the simulated organization."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import AlreadyRecording, NoAgentConnected, OutOfScope, SeveralAgents, WrongState
from bot.genesys import ConversationsControl
from bot.recording.caller import Scope
from bot.recording.control.intake import follow
from bot.recording.handover import FollowTransfers, FollowUp
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.call_monitor import Follower, NoCallEvents
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.transfers import READ_EVERY_SECONDS, WAITS_AT_MOST, TransferMonitor
from tests.support.databases.trail import entries, trail_lines
from tests.support.recording.service import ADA, GRACE, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from bot.recording.control.service import RecordingService
    from bot.recording.models import Recording
    from bot.recording.requests import ActionResult
    from bot.sandbox.genesys import SimulatedCall, SimulatedGenesys, SimulatedRequest
    from tests.integration.genesys.bench import Bench
    from tests.support.clocks.fake_clock import FakeClock

TOM = "Tom Becker"


@dataclass(frozen=True)
class Floor:
    """Recording control over a simulated organization, and what watches its calls."""

    harness: Harness
    service: RecordingService
    genesys: SimulatedGenesys
    clock: FakeClock

    async def records(self, call: SimulatedCall, scope: Scope | None = None) -> Recording:
        settled = await self.service.carry_out(
            await self.service.intake.start(asked(scope=scope), call.id, "complaint")
        )
        assert settled.error is None
        return settled.recording

    async def follows(self, recording_id: UUID, actor: str = ADA, **how: Any) -> ActionResult:
        return await self.service.carry_out(await follow(self.service.intake, asked(actor, **how), recording_id))

    async def looks(self, mode: FollowTransfers = FollowTransfers.ASK) -> None:
        """Let the bot look at its live calls, and then at those that changed hands."""
        observations = Observations(self.harness.store, self.clock, mode)
        follower = Follower(self.harness.store, self.service.control, observations, self.clock, NoCallEvents())
        await follower.poll()
        self.clock.advance(60)
        await follower.poll()
        await self.monitor(mode).check_all()

    def monitor(self, mode: FollowTransfers) -> TransferMonitor:
        """Return what a process has that was started just now."""
        return TransferMonitor(self.service, self.clock, mode)

    async def now(self, recording: Recording) -> Recording:
        current = await self.harness.store.recording(recording.id)
        assert current is not None
        return current

    async def newest(self, call: SimulatedCall) -> Recording:
        newest = await self.harness.store.newest_recording(call.id)
        assert newest is not None
        return newest

    def last(self) -> dict[str, Any]:
        return entries(self.harness.file)[-1]

    def user(self, name: str) -> str:
        return self.genesys.floor.directory.user_id(name)


@pytest.fixture
async def floor(bench: Bench, tmp_path: Path) -> AsyncIterator[Floor]:
    async with open_harness(tmp_path / "bot.db", clock=bench.clock) as harness:
        service = replace(harness.service, control=ConversationsControl(bench.client))
        yield Floor(harness, service, bench.simulator, bench.clock)


def transferred(genesys: SimulatedGenesys, call: SimulatedCall) -> str:
    genesys.transfers.blind(call, TOM)
    return "transfer"


def consulted(genesys: SimulatedGenesys, call: SimulatedCall) -> str:
    genesys.transfers.consult(call, TOM)
    genesys.transfers.complete(call)
    return "transfer.consult"


def conferred(genesys: SimulatedGenesys, call: SimulatedCall) -> str:
    genesys.transfers.conference(call, TOM)
    genesys.agent_leaves(call.id, how="transfer.conference")
    return "transfer.conference"


def left(genesys: SimulatedGenesys, call: SimulatedCall) -> str:
    genesys.agent_joins(call.id, TOM)
    genesys.agent_leaves(call.id, how="client")
    return "client"


WAYS = [transferred, consulted, conferred, left]


@pytest.mark.parametrize("how", WAYS)
async def test_an_ad_hoc_recording_ends_with_its_agent_and_that_is_no_hand_in_genesys(floor: Floor, how: Any) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.clock.advance(20)
    disconnect_type = how(floor.genesys, call)
    await floor.looks()

    ended = await floor.now(recording)
    by = "transfer" if disconnect_type.startswith("transfer") else "agent_left"
    assert (ended.state, ended.ended_by, ended.disconnect_type) == (RecordingState.STOPPED, by, disconnect_type)
    assert (ended.follow_up, ended.successors) == (FollowUp.ASK, floor.user(TOM))
    assert trail_lines(floor.harness.file)[-1] == "observed recording:stop"
    assert floor.last()["outcome"] == {"by": by, "disconnect_type": disconnect_type, "agents": [floor.user(TOM)]}
    assert not call.over


@pytest.mark.parametrize("how", WAYS)
async def test_a_policys_recording_goes_on_with_the_new_agent(floor: Floor, how: Any) -> None:
    call = floor.genesys.add_call(policy_recording="active")
    recording = await floor.records(call)
    floor.clock.advance(20)
    disconnect_type = how(floor.genesys, call)
    await floor.looks()
    await floor.looks()

    live = await floor.now(recording)
    assert (live.state, live.agent_user_id) == (RecordingState.ACTIVE, floor.user(TOM))
    assert (live.queue_id, live.disconnect_type, live.follow_up) == (recording.queue_id, disconnect_type, None)
    assert trail_lines(floor.harness.file)[-1] == "observed recording:follow"
    assert floor.last()["outcome"]["goes_on"] is True
    assert [one["action"] for one in entries(floor.harness.file)].count("recording:follow") == 1


@pytest.mark.parametrize("policy", [None, "active"])
async def test_whoever_joins_ends_nothing(floor: Floor, policy: str | None) -> None:
    call = floor.genesys.add_call(policy_recording=policy)
    recording = await floor.records(call)
    before = len(entries(floor.harness.file))
    floor.genesys.transfers.consult(call, TOM)
    await floor.looks()
    floor.genesys.transfers.cancel(call)
    await floor.looks()
    for role in ("agent", "monitor", "coach", "barge"):
        floor.genesys.agent_joins(call.id, f"{role.title()} Lind", role=role)
        await floor.looks()

    assert (await floor.now(recording)).version == recording.version
    assert len(entries(floor.harness.file)) == before


async def test_of_those_who_listen_in_nobody_takes_over(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.agent_joins(call.id, "Sofie Lindqvist", role="barge")
    floor.genesys.agent_leaves(call.id, how="transfer")
    await floor.looks()
    floor.clock.advance(WAITS_AT_MOST[FollowTransfers.ASK].total_seconds())
    await floor.monitor(FollowTransfers.ASK).check_all()
    assert ((await floor.now(recording)).follow_up, (await floor.now(recording)).successors) == (FollowUp.ASK, None)


@pytest.mark.parametrize("policy", [None, "active"])
async def test_an_agent_who_dials_again_inside_a_callback(floor: Floor, policy: str | None) -> None:
    call = floor.genesys.add_call(direction="outbound", policy_recording=policy)
    recording = await floor.records(call)
    floor.clock.advance(20)
    floor.genesys.transfers.redial(call)
    await floor.looks()

    current = await floor.now(recording)
    if policy is not None:
        assert current.version == recording.version
        return
    assert (current.ended_by, current.disconnect_type) == ("agent_left", "endpoint")
    assert current.successors == floor.user("Priya Nair")
    assert (await floor.follows(recording.id)).error is None

    floor.genesys.set_recording(call.id, on=False)  # an earlier leg that is over explains nothing of that
    await floor.looks()
    assert (await floor.newest(call)).ended_by == "outside"


async def test_one_click_records_the_new_agent_and_a_second_one_starts_nothing(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    transferred(floor.genesys, call)
    await floor.looks()

    settled = await floor.follows(recording.id)
    assert (settled.error, settled.recording.agent_user_id) == (None, floor.user(TOM))
    assert (settled.recording.started_by, settled.recording.reason) == (ADA, "complaint")
    assert trail_lines(floor.harness.file)[-2:] == ["requested recording:follow", "succeeded recording:follow"]
    assert [agent.adhoc for agent in call.agents] == [True]

    with pytest.raises(AlreadyRecording):
        await floor.follows(recording.id, GRACE)
    assert floor.genesys.recording_starts(call.id) == 2
    stopped = await floor.service.intake.change(Verb.STOP, asked(), typed_id=call.id)
    await floor.service.carry_out(stopped)  # type: ignore[arg-type]
    with pytest.raises(WrongState):
        await floor.follows(recording.id)


async def test_a_click_says_when_nobody_or_more_than_one_has_taken_over(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.transfers.blind(call, TOM, answered=False)
    await floor.looks()
    floor.clock.advance(WAITS_AT_MOST[FollowTransfers.ASK].total_seconds())
    await floor.monitor(FollowTransfers.ASK).check_all()
    assert ((await floor.now(recording)).follow_up, (await floor.now(recording)).successors) == (FollowUp.ASK, None)
    assert isinstance((await floor.follows(recording.id)).error, NoAgentConnected)

    floor.genesys.transfers.answer(call)
    floor.genesys.agent_joins(call.id, "Sofie Lindqvist")
    several = (await floor.follows(recording.id)).error
    assert isinstance(several, SeveralAgents)
    assert {agent.name for agent in several.agents} == {TOM, "Sofie Lindqvist"}

    floor.genesys.agent_leaves(call.id, "Sofie Lindqvist")
    assert (await floor.follows(recording.id)).error is None


async def test_a_click_is_authorized_and_scoped_again(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    transferred(floor.genesys, call)
    await floor.looks()

    priyas = Scope(everything=False, agents=frozenset({floor.user("Priya Nair")}))
    denied = await floor.follows(recording.id, scope=priyas)
    assert isinstance(denied.error, OutOfScope)
    nobodys = Scope(everything=False, agents=frozenset({"somebody-else"}))
    with pytest.raises(OutOfScope):
        await follow(floor.service.intake, asked(GRACE, scope=nobodys), recording.id)
    assert floor.genesys.recording_starts(call.id) == 1
    assert trail_lines(floor.harness.file)[-2:] == ["denied recording:follow"] * 2


async def test_always_records_the_new_agent_once_they_have_picked_up(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.transfers.blind(call, TOM, answered=False)
    await floor.looks(FollowTransfers.ALWAYS)
    assert (await floor.now(recording)).follow_up is FollowUp.WATCH

    floor.genesys.transfers.answer(call)
    replica = floor.monitor(FollowTransfers.ALWAYS)  # as after a restart, which loses nothing
    await replica.check_all()
    followed = await floor.newest(call)
    assert (followed.state, followed.agent_user_id) == (RecordingState.ACTIVE, floor.user(TOM))
    assert (followed.started_by, followed.error) == (ADA, None)
    requested = next(one for one in entries(floor.harness.file) if one["action"] == "recording:follow")
    assert (requested["phase"], requested["actor"]) == ("requested", "bot")
    assert requested["origin"] == {"source": "transfer", "trigger": str(recording.id)}

    await floor.monitor(FollowTransfers.ALWAYS).check_all()
    with pytest.raises(AlreadyRecording):
        await floor.follows(recording.id)
    assert floor.genesys.recording_starts(call.id) == 2
    assert (await floor.now(recording)).follow_up is None


async def test_two_processes_that_follow_at_once_start_one_recording(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    transferred(floor.genesys, call)
    other = floor.monitor(FollowTransfers.ALWAYS)

    async def meanwhile(request: SimulatedRequest) -> None:
        if request.body == {"recording": True}:
            await other.check_all()

    floor.genesys.on_write(meanwhile)
    await floor.looks(FollowTransfers.ALWAYS)

    assert floor.genesys.recording_starts(call.id) == 2
    assert [one["phase"] for one in entries(floor.harness.file) if one["action"] == "recording:follow"] == [
        "requested",
        "succeeded",
    ]
    await other.check_all()
    floor.clock.advance(READ_EVERY_SECONDS)
    await other.check_all()
    assert (await floor.now(recording)).follow_up is None


async def test_always_keeps_to_the_calls_that_the_person_may_record_and_then_asks(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call, Scope(everything=False, agents=frozenset({floor.user("Priya Nair")})))
    transferred(floor.genesys, call)
    await floor.looks(FollowTransfers.ALWAYS)

    assert floor.genesys.recording_starts(call.id) == 1
    assert trail_lines(floor.harness.file)[-1] == "denied recording:follow"
    assert (await floor.now(recording)).follow_up is FollowUp.ASK
    await floor.monitor(FollowTransfers.ALWAYS).check_all()
    assert trail_lines(floor.harness.file).count("denied recording:follow") == 1


@pytest.mark.parametrize("mode", [FollowTransfers.ASK, FollowTransfers.ALWAYS])
async def test_a_call_that_nobody_takes_over_is_watched_for_a_while_only(floor: Floor, mode: FollowTransfers) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.transfers.blind(call, TOM, answered=False)
    await floor.looks(mode)
    floor.clock.advance(WAITS_AT_MOST[mode].total_seconds())
    await floor.monitor(mode).check_all()
    assert (await floor.now(recording)).follow_up is FollowUp.ASK


async def test_a_call_that_ends_while_it_is_watched_needs_nobodys_answer(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.transfers.blind(call, TOM, answered=False)
    await floor.looks(FollowTransfers.ALWAYS)
    floor.genesys.hang_up(call.id)
    await floor.monitor(FollowTransfers.ALWAYS).check_all()
    assert (await floor.now(recording)).follow_up is None


async def test_never_leaves_it_at_the_trail(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    transferred(floor.genesys, call)
    await floor.looks(FollowTransfers.NEVER)
    assert ((await floor.now(recording)).ended_by, (await floor.now(recording)).follow_up) == ("transfer", None)


async def test_never_also_holds_for_transfers_noted_before_it_was_set(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.transfers.blind(call, TOM, answered=False)
    await floor.looks(FollowTransfers.ALWAYS)
    assert (await floor.now(recording)).follow_up is FollowUp.WATCH

    floor.genesys.transfers.answer(call)
    await floor.monitor(FollowTransfers.NEVER).check_all()
    assert (await floor.now(recording)).follow_up is None


async def test_a_transfer_where_a_policy_records_too_ends_the_ad_hoc_recording_only(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.policy_takes_hold(call.id)
    transferred(floor.genesys, call)
    await floor.looks()

    ended = await floor.now(recording)
    assert (ended.ended_by, ended.recorders) == ("transfer", "policy")
    assert floor.last()["outcome"]["other_recorders"] == ["policy"]
    assert floor.genesys.effective_recording(call.id) == "active"


async def test_a_stop_in_genesys_is_seen_although_a_policy_records_the_same_leg(floor: Floor) -> None:
    call = floor.genesys.add_call()
    recording = await floor.records(call)
    floor.genesys.policy_takes_hold(call.id)
    floor.genesys.set_recording(call.id, on=False)
    await floor.looks()
    assert ((await floor.now(recording)).state, (await floor.now(recording)).ended_by) == (
        RecordingState.STOPPED,
        "outside",
    )
