"""Whatever limited supervisors ask for, in whatever order: nothing outside their scope is ever written in Genesys."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import RecordBotError
from bot.recording.call import Participant
from bot.recording.caller import Scope
from bot.recording.models import Verb
from bot.recording.policy import DualControl
from bot.recording.requests import AwaitsConfirmation, PendingAction
from tests.support.databases.trail import entries
from tests.support.recording.service import ADA, GRACE, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.models import ConfirmedChange
    from bot.recording.requests import Request

BOB = "slack:T0SANDBOX:U0BOB"
CALLS = [f"{number}f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8" for number in range(1, 5)]
AGENTS: dict[str, Participant | None] = {
    CALLS[0]: Participant("p-1", "agent-1", queue_id="queue-1"),
    CALLS[1]: Participant("p-2", "agent-2", queue_id="queue-2"),
    CALLS[2]: Participant("p-3", "agent-1", queue_id=None),
    CALLS[3]: None,
}
SCOPES = {
    ADA: Scope(),
    GRACE: Scope(everything=False, queues=frozenset({"queue-2"})),
    BOB: Scope(everything=False, agents=frozenset({"agent-1"})),
}
TWO_AT_LEAST = DualControl(queues=frozenset({"queue-2"}))

steps = st.tuples(
    st.sampled_from(sorted(SCOPES)),
    st.sampled_from([*Verb, "confirm"]),
    st.sampled_from(CALLS),
    st.sampled_from([None, "agent-1", "agent-2"]),
    st.booleans(),
)


def inside(actor: str, call: str) -> bool:
    agent = AGENTS[call]
    known = (None, None) if agent is None else (agent.user_id, agent.queue_id)
    return SCOPES[actor].covers(agent_user_id=known[0], queue_id=known[1])


async def request(
    harness: Harness,
    who: Request,
    what: Verb | str,
    call: str,
    claimed: str | None,
    *,
    by_button: bool,
    waits: dict[str, UUID],
) -> PendingAction | None:
    intake = harness.service.intake
    if what is Verb.START:
        return await intake.start(who, call, None, agent_user_id=claimed)
    if not isinstance(what, Verb):
        return at_once(await intake.confirm(who, waits[call])) if call in waits else None
    recording = await harness.store.live_recording(call) if by_button else None
    answer = await intake.change(
        what, who, recording_id=None if recording is None else recording.id, typed_id=None if recording else call
    )
    if isinstance(answer, AwaitsConfirmation):
        waits[call] = answer.approval.id
        return None
    return at_once(answer)


async def play(harness: Harness, wanted: list[tuple[str, Verb | str, str, str | None, bool]]) -> None:
    harness.control.agents.update(AGENTS)
    writes: list[tuple[str, str]] = []
    acting: list[str] = []
    numbers: list[tuple[int | None, int]] = []
    write = harness.control._write

    async def noted(verb: str, target: object, state: object, still_ours: object) -> ConfirmedChange:
        writes.append((acting[-1], target.conversation_id))  # type: ignore[attr-defined]
        return await write(verb, target, state, still_ours)  # type: ignore[arg-type]

    harness.control._write = noted  # type: ignore[method-assign,assignment]
    waits: dict[str, UUID] = {}
    for actor, what, call, claimed, by_button in wanted:
        acting.append(actor)
        who = asked(actor, scope=SCOPES[actor])
        try:
            accepted = await request(harness, who, what, call, claimed, by_button=by_button, waits=waits)
            if accepted is not None:
                await harness.service.carry_out(accepted)
        except RecordBotError as refusal:
            numbers.append((refusal.audit_seq, len(entries(harness.file))))
    assert [one for one in numbers if one[0] != one[1]] == []
    assert [one for one in writes if not inside(*one)] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=st.lists(steps, min_size=3, max_size=14))
def test_nobody_writes_outside_their_scope(wanted: list[tuple[str, Verb | str, str, str | None, bool]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_harness(Path(folder) / "bot.db", dual_control=TWO_AT_LEAST) as harness:
                await play(harness, wanted)

    asyncio.run(run())
