"""Supervisors who are limited to some queues and agents: what they can't see, start or change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config.policy_file import load_policy
from bot.errors import AlreadyRecording, NotPermitted, OutcomeUnknown, OutOfScope
from bot.recording.call import CallRecording, Participant
from bot.recording.caller import Caller, Role, Scope
from bot.recording.models import RecordingState, Verb
from bot.recording.policy import DualControl, Grant, Policy, describe, granted
from tests.support.postgres import on_both
from tests.support.service import ADA, CALL, GRACE, OTHER_CALL, Shop, asked, at_once, opened_shop
from tests.support.trail import entries, rows, story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.recording.requests import Asked
    from tests.support.postgres import Database

BILLING = Scope(everything=False, queues=frozenset({"queue-1"}))
SALES = Scope(everything=False, queues=frozenset({"queue-2"}))
TOM = Participant("participant-2", "user-2", "Tom Becker", "queue-2", "Sales")
COMPLIANCE = frozenset({Role.COMPLIANCE})


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database) as shop:
        shop.control.agents[OTHER_CALL] = TOM
        yield shop


def limited(scope: Scope = SALES, actor: str = GRACE) -> Asked:
    return asked(actor, scope=scope)


async def start(shop: Shop, call: str = CALL, who: Asked | None = None) -> RecordingState:
    settled = await shop.service.carry_out(await shop.service.intake.start(who or asked(), call, None))
    return settled.recording.state


def last(shop: Shop) -> tuple[str, str, str | None]:
    entry = entries(shop.file)[-1]
    return entry["phase"], entry["action"], entry["outcome"].get("cause")


async def test_a_call_of_ones_own_queue_is_started_and_stopped(shop: Shop) -> None:
    assert await start(shop, OTHER_CALL, limited()) is RecordingState.ACTIVE
    accepted = at_once(await shop.service.intake.change(Verb.STOP, limited()))
    assert (await shop.service.carry_out(accepted)).recording.state is RecordingState.STOPPED


async def test_a_call_of_ones_own_agent_is_started(shop: Shop) -> None:
    scope = Scope(everything=False, agents=frozenset({"user-2"}))
    assert await start(shop, OTHER_CALL, limited(scope)) is RecordingState.ACTIVE


@on_both
async def test_a_start_outside_is_denied_once_the_call_was_read_and_nothing_is_sent(shop: Shop) -> None:
    settled = await shop.service.carry_out(await shop.service.intake.start(limited(), CALL, None))
    assert isinstance(settled.error, OutOfScope)
    assert settled.recording.state is RecordingState.FAILED
    assert settled.recording.error == "out_of_scope"
    assert story(shop.file) == ["requested recording:start", "denied recording:start"]
    assert last(shop) == ("denied", "recording:start", "out_of_scope")
    assert entries(shop.file)[0]["attempt_id"] == entries(shop.file)[1]["attempt_id"]
    assert shop.control.calls == []


async def test_a_start_where_nobody_can_tell_whose_call_it_is_is_denied(shop: Shop) -> None:
    shop.control.agents[CALL] = None
    settled = await shop.service.carry_out(await shop.service.intake.start(limited(), CALL, None))
    assert settled.recording.state is RecordingState.FAILED
    assert last(shop) == ("denied", "recording:start", "scope_unknown")
    assert shop.control.calls == []


async def test_an_agent_who_is_only_named_opens_nothing(shop: Shop) -> None:
    who = Scope(everything=False, agents=frozenset({"user-2"}))
    accepted = await shop.service.intake.start(limited(who), CALL, None, agent_user_id="user-2")
    assert accepted.recording.agent_user_id is None
    await shop.service.carry_out(accepted)
    assert shop.control.calls == []
    with pytest.raises(OutOfScope):
        await shop.service.intake.read_history(limited(who), CALL)


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
@on_both
async def test_what_runs_outside_is_not_changed(shop: Shop, verb: Verb) -> None:
    await start(shop)
    (recording,) = await shop.store.live_recordings()
    for typed_id, recording_id in ((CALL, None), (None, recording.id)):
        with pytest.raises(OutOfScope) as caught:
            await shop.service.intake.change(verb, limited(), typed_id=typed_id, recording_id=recording_id)
        entry = entries(shop.file)[-1]
        assert (entry["phase"], entry["action"], entry["actor"]) == ("denied", verb.action, GRACE)
        assert (entry["conversation_id"], entry["recording_id"]) == (CALL, str(recording.id))
        assert entry["outcome"] == {"error": "out_of_scope", "cause": "out_of_scope"}
        assert caught.value.audit_seq == entry["seq"]
    assert shop.control.calls == ["start"]


async def test_a_pause_outside_is_not_ended(shop: Shop) -> None:
    await start(shop)
    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.PAUSE, asked())))
    with pytest.raises(OutOfScope):
        await shop.service.intake.change(Verb.RESUME, limited(), typed_id=CALL)
    assert last(shop) == ("denied", "recording:resume", "out_of_scope")


async def test_a_start_does_not_tell_that_a_call_outside_is_being_recorded(shop: Shop) -> None:
    await start(shop)
    with pytest.raises(OutOfScope):
        await shop.service.intake.start(limited(), CALL, None)
    with pytest.raises(AlreadyRecording):
        await shop.service.intake.start(limited(BILLING), CALL, None)


@on_both
async def test_a_list_holds_ones_own_calls_and_all_for_compliance(shop: Shop) -> None:
    await start(shop)
    await start(shop, OTHER_CALL)

    async def listed(who: Asked) -> list[str]:
        return [one.conversation_id for one in await shop.service.live(who)]

    assert await listed(limited()) == [OTHER_CALL]
    assert await listed(limited(BILLING)) == [CALL]
    assert await listed(asked()) == [CALL, OTHER_CALL]
    assert await listed(asked(GRACE, roles=COMPLIANCE)) == [CALL, OTHER_CALL]
    both = asked(GRACE, roles=COMPLIANCE | {Role.SUPERVISOR}, scope=SALES)
    assert await listed(both) == [CALL, OTHER_CALL]


async def test_ones_own_start_is_listed_before_its_call_is_known(shop: Shop) -> None:
    await shop.service.intake.start(limited(), OTHER_CALL, None)
    assert [one.conversation_id for one in await shop.service.live(limited())] == [OTHER_CALL]
    assert await shop.service.live(limited(actor=ADA)) == ()


async def test_how_a_call_outside_stands_is_not_told(shop: Shop) -> None:
    await start(shop)
    with pytest.raises(OutOfScope):
        await shop.service.ask_status(limited(), CALL)
    assert last(shop) == ("denied", "recording:read", "out_of_scope")
    with pytest.raises(OutOfScope):
        await shop.service.intake.read_history(limited(), CALL)
    assert last(shop) == ("denied", "recording:read", "out_of_scope")
    assert (await shop.service.status(await shop.service.ask_status(limited(BILLING), CALL))).recording is not None
    await shop.service.intake.read_history(limited(BILLING), CALL)
    await shop.service.intake.read_history(asked(GRACE, roles=COMPLIANCE), CALL)


async def test_of_a_call_without_a_recording_the_reading_decides(shop: Shop) -> None:
    seen = await shop.service.status(await shop.service.ask_status(limited(), OTHER_CALL))
    assert seen.seen is not None
    with pytest.raises(OutOfScope) as caught:
        await shop.service.status(await shop.service.ask_status(limited(), CALL))
    assert last(shop) == ("denied", "recording:read", "out_of_scope")
    assert caught.value.audit_seq == entries(shop.file)[-1]["seq"]
    assert [row["phase"] for row in entries(shop.file)[-2:]] == ["requested", "denied"]


async def test_the_bots_own_work_knows_no_scope(shop: Shop) -> None:
    accepted = await shop.service.intake.start(limited(), OTHER_CALL, None)
    shop.control.late_fault = OutcomeUnknown()
    await shop.service.carry_out(accepted)
    shop.control.late_fault = None
    shop.clock.advance(40)
    await shop.reconciler.settle_all()
    shop.clock.advance(40)
    await shop.reconciler.settle_all()
    (row,) = rows(shop.file, "SELECT state, agent_user_id, queue_id FROM recordings")
    assert row == {"state": "active", "agent_user_id": "user-2", "queue_id": "queue-2"}
    assert shop.control.recordings[OTHER_CALL] is CallRecording.ACTIVE


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
    assert describe(Caller(ADA, frozenset({Role.SUPERVISOR}))).everything


async def test_the_unlisted_are_refused_before_any_scope(shop: Shop) -> None:
    with pytest.raises(NotPermitted):
        await shop.service.intake.start(asked(GRACE, roles=frozenset(), scope=SALES), OTHER_CALL, None)
    assert last(shop) == ("denied", "recording:start", "not_listed")


@on_both
async def test_a_start_that_was_cut_off_takes_over_nothing_outside(database: Database) -> None:
    async with opened_shop(database, owner="serve:dead") as dead:
        await dead.service.intake.start(limited(), CALL, None)
    async with opened_shop(database, owner="serve:new") as shop:
        shop.control.recordings[CALL] = CallRecording.ACTIVE  # by a policy, or by somebody in Genesys
        await shop.reconciler.settle_all()
        (row,) = rows(shop.file, "SELECT state, error, agent_user_id, queue_id FROM recordings")
        assert row == {"state": "failed", "error": "out_of_scope", "agent_user_id": None, "queue_id": None}
        assert entries(shop.file)[-1]["outcome"] == {"in_effect": False, "error": "out_of_scope"}
        assert await shop.store.attempts_to_look_at() == ()
        assert shop.control.calls == ["look"]


@on_both
async def test_a_start_that_was_cut_off_takes_over_what_is_inside(database: Database) -> None:
    async with opened_shop(database, owner="serve:dead") as dead:
        await dead.service.intake.start(limited(), OTHER_CALL, None)
    async with opened_shop(database, owner="serve:new") as shop:
        shop.control.recordings[OTHER_CALL] = CallRecording.ACTIVE
        shop.control.agents[OTHER_CALL] = TOM
        await shop.reconciler.settle_all()
        (row,) = rows(shop.file, "SELECT state, queue_id FROM recordings")
        assert row == {"state": "active", "queue_id": "queue-2"}


@on_both
async def test_somebody_elses_refused_start_hides_no_call_of_ones_own(shop: Shop) -> None:
    await start(shop)
    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    assert await start(shop, who=limited()) is RecordingState.FAILED
    await shop.service.status(await shop.service.ask_status(limited(BILLING), CALL))
    await shop.service.intake.read_history(limited(BILLING), CALL)
    with pytest.raises(OutOfScope):
        await shop.service.ask_status(limited(), CALL)
    with pytest.raises(OutOfScope):
        await shop.service.intake.read_history(limited(), CALL)


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
