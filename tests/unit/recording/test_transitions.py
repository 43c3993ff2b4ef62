"""The states of a recording: every step, from every state in which it happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bot.recording.models import LATE, Recording, RecordingState, Verb
from bot.recording.permissions import ALLOWED_FROM
from tests.support.clocks.fake_clock import BEGIN

if TYPE_CHECKING:
    from collections.abc import Callable

S = RecordingState
AT = BEGIN + timedelta(minutes=5)
EARLIER = BEGIN + timedelta(minutes=1)
SETTLED = {"in_doubt": False, "error": None, "paused_at": None}


def recording(state: RecordingState) -> Recording:
    """Return one in doubt, with an old error, that was paused four minutes ago and rested for ten seconds before."""
    return Recording(
        uuid4(),
        "call",
        state,
        version=3,
        started_by="slack:T:U0ADA",
        requested_at=BEGIN,
        started_at=BEGIN,
        paused_at=EARLIER,
        paused_seconds=10,
        in_doubt=True,
        error="old",
        audit_seq=7,
    )


@pytest.mark.parametrize(
    ("state", "step", "expected"),
    [
        (S.ACTIVE, lambda r: r.requested(Verb.STOP, 8), {"state": S.STOPPING, "error": None, "audit_seq": 8}),
        (S.PAUSED, lambda r: r.requested(Verb.STOP, 8), {"state": S.STOPPING, "error": None, "audit_seq": 8}),
        (S.ACTIVE, lambda r: r.requested(Verb.PAUSE, 8), {"state": S.PAUSING, "error": None, "audit_seq": 8}),
        (S.PAUSED, lambda r: r.requested(Verb.RESUME, 8), {"state": S.RESUMING, "error": None, "audit_seq": 8}),
        (S.STARTING, lambda r: r.started(AT), SETTLED | {"state": S.ACTIVE, "started_at": AT, "paused_seconds": 250}),
        (
            S.STARTING,
            lambda r: r.started(EARLIER, seen_at=AT),
            SETTLED | {"state": S.ACTIVE, "started_at": EARLIER, "seen_at": AT},
        ),
        (S.PAUSING, lambda r: r.paused(AT), SETTLED | {"state": S.PAUSED, "paused_at": AT, "paused_seconds": 250}),
        (
            S.RESUMING,
            lambda r: r.resumed(AT),
            SETTLED | {"state": S.ACTIVE, "paused_seconds": 250, "resumed_at": AT, "pause_used": 240},
        ),
        (
            S.STOPPING,
            lambda r: r.stopped(AT, "cli:root"),
            SETTLED | {"state": S.STOPPED, "ended_at": AT, "ended_by": "cli:root", "paused_seconds": 250},
        ),
        *(
            (
                state,
                lambda r: r.call_ended(AT),
                SETTLED | {"state": S.ENDED, "ended_at": AT, "ended_by": "bot", "paused_seconds": 250},
            )
            for state in (S.STARTING, S.ACTIVE, S.PAUSING, S.PAUSED, S.RESUMING, S.STOPPING)
        ),
        (
            S.STARTING,
            lambda r: r.failed("rejected", AT),
            {"state": S.FAILED, "in_doubt": False, "error": "rejected", "ended_at": AT, "ended_by": "bot"},
        ),
        *(
            (
                state,
                lambda r, b=before: r.unchanged("rejected", b),
                {"state": before, "in_doubt": False, "error": "rejected"},
            )
            for state, before in (
                (S.STOPPING, S.ACTIVE),
                (S.STOPPING, S.PAUSED),
                (S.PAUSING, S.ACTIVE),
                (S.RESUMING, S.PAUSED),
            )
        ),
        (S.STOPPING, lambda r: r.doubted(), {"in_doubt": True}),
        *((state, lambda r: r.landed_late(), {"state": S.STOPPING, "error": LATE}) for state in (S.STOPPED, S.FAILED)),
    ],
)
def test_a_step_changes_what_it_says_and_nothing_else(
    state: RecordingState, step: Callable[[Recording], Recording], expected: dict[str, object]
) -> None:
    before = recording(state)
    assert step(before) == replace(before, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(S))
def test_what_can_be_requested_in_a_state(state: RecordingState) -> None:
    possible = {verb for verb, allowed in ALLOWED_FROM.items() if state in allowed}
    assert possible == {S.ACTIVE: {Verb.STOP, Verb.PAUSE}, S.PAUSED: {Verb.STOP, Verb.RESUME}}.get(state, set())


@pytest.mark.parametrize("state", list(S))
def test_a_final_state_is_one_in_which_nothing_runs(state: RecordingState) -> None:
    assert state.final == (state in {S.STOPPED, S.FAILED, S.ENDED})
