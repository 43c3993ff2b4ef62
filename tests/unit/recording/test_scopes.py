"""Supervisors who are limited to some queues and agents: what they can't see, start or change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config.policy_file import load_policy
from bot.errors import AlreadyRecording, NotPermitted, OutcomeUnknown, OutOfScope
from bot.recording.call import CallRecording, Participant
from bot.recording.caller import Principal, Role, Scope
from bot.recording.models import RecordingState, Verb
from bot.recording.policy import DualControl, Grant, Policy, describe, granted
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.recording.requests import Request
    from tests.support.databases.postgres import Database

BILLING = Scope(everything=False, queues=frozenset({"queue-1"}))
SALES = Scope(everything=False, queues=frozenset({"queue-2"}))
TOM = Participant("participant-2", "user-2", "Tom Becker", "queue-2", "Sales")
COMPLIANCE = frozenset({Role.COMPLIANCE})


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        harness.control.agents[OTHER_CALL] = TOM
        yield harness


def limited(scope: Scope = SALES, actor: str = GRACE) -> Request:
    return asked(actor, scope=scope)


async def start(harness: Harness, call: str = CALL, who: Request | None = None) -> RecordingState:
    settled = await harness.service.carry_out(await harness.service.intake.start(who or asked(), call, None))
    return settled.recording.state


def last(harness: Harness) -> tuple[str, str, str | None]:
    entry = entries(harness.file)[-1]
    return entry["phase"], entry["action"], entry["outcome"].get("cause")


async def test_a_call_of_ones_own_queue_is_started_and_stopped(harness: Harness) -> None:
    assert await start(harness, OTHER_CALL, limited()) is RecordingState.ACTIVE
    accepted = at_once(await harness.service.intake.change(Verb.STOP, limited()))
    assert (await harness.service.carry_out(accepted)).recording.state is RecordingState.STOPPED


async def test_a_call_of_ones_own_agent_is_started(harness: Harness) -> None:
    scope = Scope(everything=False, agents=frozenset({"user-2"}))
    assert await start(harness, OTHER_CALL, limited(scope)) is RecordingState.ACTIVE


async def test_a_start_outside_is_denied_once_the_call_was_read_and_nothing_is_sent(harness: Harness) -> None:
    settled = await harness.service.carry_out(await harness.service.intake.start(limited(), CALL, None))
    assert isinstance(settled.error, OutOfScope)
    assert settled.recording.state is RecordingState.FAILED
    assert settled.recording.error == "out_of_scope"
    assert trail_lines(harness.file) == ["requested recording:start", "denied recording:start"]
    assert last(harness) == ("denied", "recording:start", "out_of_scope")
    assert entries(harness.file)[0]["attempt_id"] == entries(harness.file)[1]["attempt_id"]
    assert harness.control.calls == []


async def test_a_start_where_nobody_can_tell_whose_call_it_is_is_denied(harness: Harness) -> None:
    harness.control.agents[CALL] = None
    settled = await harness.service.carry_out(await harness.service.intake.start(limited(), CALL, None))
    assert settled.recording.state is RecordingState.FAILED
    assert last(harness) == ("denied", "recording:start", "scope_unknown")
    assert harness.control.calls == []


async def test_an_agent_who_is_only_named_opens_nothing(harness: Harness) -> None:
    who = Scope(everything=False, agents=frozenset({"user-2"}))
    accepted = await harness.service.intake.start(limited(who), CALL, None, agent_user_id="user-2")
    assert accepted.recording.agent_user_id is None
    await harness.service.carry_out(accepted)
    assert harness.control.calls == []
    with pytest.raises(OutOfScope):
        await harness.service.intake.read_history(limited(who), CALL)


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
async def test_what_runs_outside_is_not_changed(harness: Harness, verb: Verb) -> None:
    await start(harness)
    (recording,) = await harness.store.live_recordings()
    for typed_id, recording_id in ((CALL, None), (None, recording.id)):
        with pytest.raises(OutOfScope) as caught:
            await harness.service.intake.change(verb, limited(), typed_id=typed_id, recording_id=recording_id)
        entry = entries(harness.file)[-1]
        assert (entry["phase"], entry["action"], entry["actor"]) == ("denied", verb.action, GRACE)
        assert (entry["conversation_id"], entry["recording_id"]) == (CALL, str(recording.id))
        assert entry["outcome"] == {"error": "out_of_scope", "cause": "out_of_scope"}
        assert caught.value.audit_seq == entry["seq"]
    assert harness.control.calls == ["start"]


async def test_a_pause_outside_is_not_ended(harness: Harness) -> None:
    await start(harness)
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.PAUSE, asked())))
    with pytest.raises(OutOfScope):
        await harness.service.intake.change(Verb.RESUME, limited(), typed_id=CALL)
    assert last(harness) == ("denied", "recording:resume", "out_of_scope")


async def test_a_start_does_not_tell_that_a_call_outside_is_being_recorded(harness: Harness) -> None:
    await start(harness)
    with pytest.raises(OutOfScope):
        await harness.service.intake.start(limited(), CALL, None)
    with pytest.raises(AlreadyRecording):
        await harness.service.intake.start(limited(BILLING), CALL, None)


async def test_a_list_holds_ones_own_calls_and_all_for_compliance(harness: Harness) -> None:
    await start(harness)
    await start(harness, OTHER_CALL)

    async def listed(who: Request) -> list[str]:
        return [one.conversation_id for one in await harness.service.live(who)]

    assert await listed(limited()) == [OTHER_CALL]
    assert await listed(limited(BILLING)) == [CALL]
    assert await listed(asked()) == [CALL, OTHER_CALL]
    assert await listed(asked(GRACE, roles=COMPLIANCE)) == [CALL, OTHER_CALL]
    both = asked(GRACE, roles=COMPLIANCE | {Role.SUPERVISOR}, scope=SALES)
    assert await listed(both) == [CALL, OTHER_CALL]


async def test_ones_own_start_is_listed_before_its_call_is_known(harness: Harness) -> None:
    await harness.service.intake.start(limited(), OTHER_CALL, None)
    assert [one.conversation_id for one in await harness.service.live(limited())] == [OTHER_CALL]
    assert await harness.service.live(limited(actor=ADA)) == ()


async def test_how_a_call_outside_stands_is_not_told(harness: Harness) -> None:
    await start(harness)
    with pytest.raises(OutOfScope):
        await harness.service.ask_status(limited(), CALL)
    assert last(harness) == ("denied", "recording:read", "out_of_scope")
    with pytest.raises(OutOfScope):
        await harness.service.intake.read_history(limited(), CALL)
    assert last(harness) == ("denied", "recording:read", "out_of_scope")
    assert (
        await harness.service.status(await harness.service.ask_status(limited(BILLING), CALL))
    ).recording is not None
    await harness.service.intake.read_history(limited(BILLING), CALL)
    await harness.service.intake.read_history(asked(GRACE, roles=COMPLIANCE), CALL)


async def test_of_a_call_without_a_recording_the_reading_decides(harness: Harness) -> None:
    seen = await harness.service.status(await harness.service.ask_status(limited(), OTHER_CALL))
    assert seen.seen is not None
    with pytest.raises(OutOfScope) as caught:
        await harness.service.status(await harness.service.ask_status(limited(), CALL))
    assert last(harness) == ("denied", "recording:read", "out_of_scope")
    assert caught.value.audit_seq == entries(harness.file)[-1]["seq"]
    assert [row["phase"] for row in entries(harness.file)[-2:]] == ["requested", "denied"]


async def test_the_bots_own_work_knows_no_scope(harness: Harness) -> None:
    accepted = await harness.service.intake.start(limited(), OTHER_CALL, None)
    harness.control.late_fault = OutcomeUnknown()
    await harness.service.carry_out(accepted)
    harness.control.late_fault = None
    harness.clock.advance(40)
    await harness.reconciler.settle_all()
    harness.clock.advance(40)
    await harness.reconciler.settle_all()
    (row,) = rows(harness.file, "SELECT state, agent_user_id, queue_id FROM recordings")
    assert row == {"state": "active", "agent_user_id": "user-2", "queue_id": "queue-2"}
    assert harness.control.recordings[OTHER_CALL] is CallRecording.ACTIVE


GRANTS = (
    Grant("Sales", ("S0SALES",), queues=frozenset({"queue-2"})),
    Grant("Priya", ("U0ANNA",), agents=frozenset({"user-1"})),
)


def test_several_grants_are_their_union() -> None:
    caller = granted(GRACE, frozenset(), GRANTS)
    assert caller.roles == {Role.SUPERVISOR}
    assert caller.scope == Scope(everything=False, queues=frozenset({"queue-2"}), agents=frozenset({"user-1"}))
    assert describe(caller).grants == ("Sales", "Priya")
    assert not describe(caller).everything


def test_a_supervisor_of_the_settings_has_everything_whatever_is_granted() -> None:
    caller = granted(GRACE, frozenset({Role.SUPERVISOR}), GRANTS)
    assert caller.scope.everything
    assert describe(caller).everything
    assert describe(caller).grants == ()


def test_whoever_is_granted_nothing_is_no_supervisor() -> None:
    for roles in (frozenset[Role](), COMPLIANCE):
        caller = granted(GRACE, roles, ())
        assert not describe(caller).control
    assert describe(granted(GRACE, COMPLIANCE, ())).export


def test_an_obstacle_outweighs_every_grant() -> None:
    rights = describe(granted(GRACE, frozenset(), GRANTS, "guest"))
    assert (rights.control, rights.read, rights.everything, rights.grants) == (False, False, False, ())


def test_the_default_policy_limits_nobody() -> None:
    assert Policy().people == ()
    assert Policy().dual_control == DualControl()
    assert describe(Principal(ADA, frozenset({Role.SUPERVISOR}))).everything


async def test_the_unlisted_are_refused_before_any_scope(harness: Harness) -> None:
    with pytest.raises(NotPermitted):
        await harness.service.intake.start(asked(GRACE, roles=frozenset(), scope=SALES), OTHER_CALL, None)
    assert last(harness) == ("denied", "recording:start", "not_listed")


@on_both
async def test_a_start_that_was_cut_off_takes_over_nothing_outside(database: Database) -> None:
    async with open_harness(database, owner="serve:dead") as dead:
        await dead.service.intake.start(limited(), CALL, None)
    async with open_harness(database, owner="serve:new") as harness:
        harness.control.recordings[CALL] = CallRecording.ACTIVE  # by a policy, or by somebody in Genesys
        await harness.reconciler.settle_all()
        (row,) = rows(harness.file, "SELECT state, error, agent_user_id, queue_id FROM recordings")
        assert row == {"state": "failed", "error": "out_of_scope", "agent_user_id": None, "queue_id": None}
        assert entries(harness.file)[-1]["outcome"] == {"in_effect": False, "error": "out_of_scope"}
        assert await harness.store.attempts_to_check() == ()
        assert harness.control.calls == ["look"]


@on_both
async def test_a_start_that_was_cut_off_takes_over_what_is_inside(database: Database) -> None:
    async with open_harness(database, owner="serve:dead") as dead:
        await dead.service.intake.start(limited(), OTHER_CALL, None)
    async with open_harness(database, owner="serve:new") as harness:
        harness.control.recordings[OTHER_CALL] = CallRecording.ACTIVE
        harness.control.agents[OTHER_CALL] = TOM
        await harness.reconciler.settle_all()
        (row,) = rows(harness.file, "SELECT state, queue_id FROM recordings")
        assert row == {"state": "active", "queue_id": "queue-2"}


async def test_somebody_elses_refused_start_hides_no_call_of_ones_own(harness: Harness) -> None:
    await start(harness)
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    assert await start(harness, who=limited()) is RecordingState.FAILED
    await harness.service.status(await harness.service.ask_status(limited(BILLING), CALL))
    await harness.service.intake.read_history(limited(BILLING), CALL)
    with pytest.raises(OutOfScope):
        await harness.service.ask_status(limited(), CALL)
    with pytest.raises(OutOfScope):
        await harness.service.intake.read_history(limited(), CALL)


def test_ids_in_the_policy_file_mean_the_same_in_capitals(tmp_path: Path) -> None:
    queue = "a3f0c2d4-11aa-4bcd-8eef-0123456789ab"
    (tmp_path / "policy.toml").write_text(
        f'[[grant]]\nlabel = "Sales"\nwho = ["S0SALES"]\nqueues = ["{queue.upper()}"]\n'
        f'[dual_control]\nqueues = ["{queue.upper()}"]\nagents = ["Agent-1"]\n'
    )
    policy = load_policy(tmp_path / "policy.toml")
    assert policy.grants[0].queues == {queue}
    assert policy.dual_control.queues == {queue}
    assert policy.dual_control.agents == {"Agent-1"}
