"""Starting a call's recording again from an earlier one: what it takes over, and when it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bot.errors import AlreadyRecording, MalformedId, NotPermitted, SeveralAgents, WrongState
from bot.recording.caller import Scope
from bot.recording.control.intake import start_again
from bot.recording.models import RecordingState, Verb
from bot.recording.requests import PendingAction, Request
from tests.support.databases.trail import rows
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, GRACE, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from bot.recording.models import Recording
    from bot.recording.ports import Transaction


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path / "record-bot.db") as opened:
        yield opened


async def recorded(harness: Harness, *, stopped: bool = True) -> Recording:
    """Have a call recorded, and stopped again."""
    service = harness.service
    settled = await service.carry_out(await service.intake.start(asked(), CALL, "the tone of it"))
    if stopped:
        accepted = await service.intake.change(Verb.STOP, asked(), recording_id=settled.recording.id)
        assert isinstance(accepted, PendingAction)
        settled = await service.carry_out(accepted)
    return settled.recording


def limited_to(*agents: str) -> Request:
    request = asked(GRACE)
    scope = Scope(everything=False, agents=frozenset(agents))
    return replace(request, caller=replace(request.caller, scope=scope))


async def again(harness: Harness, recording_id: UUID, *, agent: str | None = None) -> Recording:
    intake = harness.service.intake
    accepted = await start_again(intake, asked(GRACE), recording_id, agent_user_id=agent)
    return (await harness.service.carry_out(accepted)).recording


async def test_the_call_and_the_reason_count_again_and_the_earlier_one_stays(harness: Harness) -> None:
    earlier = await recorded(harness)
    newer = await again(harness, earlier.id)

    assert newer.id != earlier.id
    assert (newer.conversation_id, newer.reason, newer.agent_user_id) == (CALL, "the tone of it", "user-1")
    assert (newer.started_by, newer.state) == (GRACE, RecordingState.ACTIVE)
    assert await harness.store.recording(earlier.id) == earlier


async def test_while_one_is_live_it_is_refused_with_that_one(harness: Harness) -> None:
    earlier = await recorded(harness, stopped=False)

    with pytest.raises(AlreadyRecording) as refusal:
        await again(harness, earlier.id)
    assert refusal.value.recording_id == earlier.id
    assert refusal.value.audit_seq


async def test_from_one_that_is_not_the_newest_it_is_refused_with_the_newest(harness: Harness) -> None:
    earlier = await recorded(harness)
    newest = await recorded(harness)

    with pytest.raises(WrongState) as refusal:
        await again(harness, earlier.id)
    assert (refusal.value.recording_id, refusal.value.actor) == (newest.id, ADA)


async def test_from_one_whose_call_has_ended_it_is_refused(harness: Harness) -> None:
    earlier = await recorded(harness, stopped=False)

    def end(transaction: Transaction) -> None:
        transaction.save(earlier.call_ended(harness.clock.now()), was=earlier)

    await harness.store.write(end)
    with pytest.raises(WrongState):
        await again(harness, earlier.id)


async def test_from_one_that_there_is_not_it_is_refused_and_written_down(harness: Harness) -> None:
    with pytest.raises(MalformedId) as refusal:
        await again(harness, uuid4())
    assert refusal.value.audit_seq


async def test_outside_ones_scope_it_is_denied_and_nothing_is_sent(harness: Harness) -> None:
    earlier = await recorded(harness)
    sent = list(harness.control.calls)

    with pytest.raises(NotPermitted) as refusal:
        await start_again(harness.service.intake, limited_to(), earlier.id)
    assert refusal.value.audit_seq
    assert harness.control.calls == sent


async def test_choosing_among_several_agents_is_held_against_the_scope_of_the_reading(harness: Harness) -> None:
    harness.control.fault = SeveralAgents(agents=(AGENT,))
    service = harness.service
    failed = (await service.carry_out(await service.intake.start(limited_to(AGENT.user_id), CALL, None))).recording
    harness.control.fault = None

    accepted = await start_again(service.intake, limited_to(AGENT.user_id), failed.id, agent_user_id=AGENT.user_id)
    assert (await service.carry_out(accepted)).recording.state is RecordingState.ACTIVE


async def test_choosing_an_agent_outside_the_scope_sends_nothing(harness: Harness) -> None:
    harness.control.fault = SeveralAgents(agents=(AGENT,))
    service = harness.service
    failed = (await service.carry_out(await service.intake.start(asked(), CALL, None))).recording
    harness.control.fault = None
    sent = list(harness.control.calls)

    accepted = await start_again(service.intake, limited_to("somebody-else"), failed.id, agent_user_id=AGENT.user_id)
    settled = await service.carry_out(accepted)
    assert isinstance(settled.error, NotPermitted)
    assert harness.control.calls == sent


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_refused_start_again_keeps_no_copy_of_the_words(harness: Harness, *, stopped: bool) -> None:
    earlier = await recorded(harness, stopped=stopped)
    who = asked(GRACE, roles=frozenset()) if stopped else asked(GRACE)
    with pytest.raises(NotPermitted if stopped else AlreadyRecording):
        await start_again(harness.service.intake, who, earlier.id)
    assert len(rows(harness.file, "SELECT text FROM typed_texts")) == 1
