"""The states of recordings against a model: whatever is asked, whatever fails, in whatever order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from bot.audit.verification import Verifier
from bot.errors import (
    AboutRecording,
    CallNotFound,
    GenesysUnavailable,
    NothingToStop,
    OutcomeUnknown,
    PermissionMissing,
    RecordBotError,
    SeveralRecordings,
)
from bot.recording.call import CallRecording
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.reconciler import PATIENCE
from tests.support.databases.trail import entries, rows
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.support.recording.service import Harness

CALLS = st.sampled_from([CALL, OTHER_CALL])
PEOPLE = st.sampled_from([ADA, GRACE])
VERBS = st.sampled_from([Verb.STOP, Verb.PAUSE, Verb.RESUME])
PLAIN = st.sampled_from([CallNotFound, PermissionMissing, GenesysUnavailable])
SHOWS = {
    RecordingState.ACTIVE: CallRecording.ACTIVE,
    RecordingState.PAUSED: CallRecording.PAUSED,
    RecordingState.STOPPED: CallRecording.NONE,
    RecordingState.FAILED: CallRecording.NONE,
}
REACHED = {
    Verb.START: RecordingState.ACTIVE,
    Verb.STOP: RecordingState.STOPPED,
    Verb.PAUSE: RecordingState.PAUSED,
    Verb.RESUME: RecordingState.ACTIVE,
}
ALLOWED = {
    Verb.STOP: {RecordingState.ACTIVE, RecordingState.PAUSED},
    Verb.PAUSE: {RecordingState.ACTIVE},
    Verb.RESUME: {RecordingState.PAUSED},
    Verb.FOLLOW: set(),
}


class Recordings(RuleBasedStateMachine):
    """The model: the state of each call's newest recording, and None while it is in doubt."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.harness: Harness = self.run(self.stack.enter_async_context(open_harness(self.folder / "bot.db")))
        self.model: dict[str, RecordingState | None] = {}

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(coroutine)

    @override
    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)

    def attempt(self, verb: Verb, call: str, actor: str) -> RecordBotError | None:
        """Ask, and carry out what is accepted; return the refusal or the error."""

        async def go() -> RecordBotError | None:
            intake = self.harness.service.intake
            try:
                accepted = (
                    await intake.start(asked(actor), call, None)
                    if verb is Verb.START
                    else at_once(await intake.change(verb, asked(actor), typed_id=call))
                )
            except RecordBotError as refusal:
                return refusal
            return (await self.harness.service.carry_out(accepted)).error

        error: RecordBotError | None = self.run(go())
        return error

    def allowed(self, verb: Verb, call: str) -> bool:
        known = call in self.model
        state = self.model.get(call)
        if verb is Verb.START:
            return not known or (state is not None and state.final)
        return state in ALLOWED[verb]

    def check(self, verb: Verb, call: str, error: RecordBotError | None, reached: RecordingState | None) -> None:
        if self.allowed(verb, call):
            self.model[call] = reached
        else:
            assert isinstance(error, (AboutRecording, NothingToStop, SeveralRecordings)), error

    @rule(call=CALLS, actor=PEOPLE)
    def start(self, call: str, actor: str) -> None:
        self.check(Verb.START, call, self.attempt(Verb.START, call, actor), RecordingState.ACTIVE)

    @rule(verb=VERBS, call=CALLS, actor=PEOPLE)
    def change(self, verb: Verb, call: str, actor: str) -> None:
        self.check(verb, call, self.attempt(verb, call, actor), REACHED[verb])

    @rule(call=CALLS, actor=PEOPLE, fault=PLAIN, verb=st.sampled_from(list(Verb)))
    def refused_by_genesys(self, call: str, actor: str, fault: type[RecordBotError], verb: Verb) -> None:
        self.harness.control.fault = fault()
        error = self.attempt(verb, call, actor)
        self.harness.control.fault = None
        before = self.model.get(call)
        self.check(verb, call, error, RecordingState.FAILED if verb is Verb.START else before)

    @rule(call=CALLS, actor=PEOPLE, verb=st.sampled_from(list(Verb)), landed=st.booleans())
    def times_out(self, call: str, actor: str, verb: Verb, *, landed: bool) -> None:
        fault = OutcomeUnknown()
        self.harness.control.fault, self.harness.control.late_fault = (None, fault) if landed else (fault, None)
        error = self.attempt(verb, call, actor)
        self.harness.control.fault = self.harness.control.late_fault = None
        self.check(verb, call, error, None)

    @rule()
    def settle(self) -> None:
        """Let the reconciler do its work: afterwards nothing is in doubt, and our state is the call's."""

        async def go() -> None:
            await self.harness.reconciler.settle_all()
            self.harness.clock.advance(PATIENCE)
            await self.harness.reconciler.settle_all()

        self.run(go())
        for call, state in list(self.model.items()):
            if state is None:
                recording = self.run(self.harness.store.newest_recording(call))
                assert not recording.in_doubt
                assert SHOWS[recording.state] is self.harness.control.recordings.get(call, CallRecording.NONE)
                self.model[call] = recording.state

    @rule(back=st.integers(1, 7200))
    def the_clock_is_set_back(self, back: int) -> None:
        self.harness.clock.advance(-back)
        self.harness.clock.elapsed += back  # the steady clock goes on
        self.harness.clock.begin = self.harness.clock.begin.fromtimestamp(
            self.harness.clock.begin.timestamp() - back, tz=self.harness.clock.begin.tzinfo
        )

    @invariant()
    def our_state_is_the_models(self) -> None:
        for call, state in self.model.items():
            recording = self.run(self.harness.store.newest_recording(call))
            assert recording.in_doubt is (state is None)
            assert state is None or recording.state is state

    @invariant()
    def a_call_has_at_most_one_live_recording(self) -> None:
        live = [one.conversation_id for one in self.run(self.harness.store.live_recordings(limit=100))]
        assert len(live) == len(set(live))

    @invariant()
    def the_chain_is_whole(self) -> None:
        verifier = Verifier()
        for entry in entries(self.harness.file):
            assert verifier.feed(entry) is None

    @invariant()
    def each_request_has_one_outcome_or_is_open(self) -> None:
        open_attempts = {str(one.id) for one in self.run(self.harness.store.open_attempts())}
        phases: dict[str, list[str]] = {}
        for entry in entries(self.harness.file):
            phases.setdefault(entry["attempt_id"], []).append(entry["phase"])
        for attempt_id, seen in phases.items():
            final = [phase for phase in seen if phase in {"succeeded", "failed", "denied", "observed"}]
            assert len(final) == (0 if attempt_id in open_attempts else 1), seen

    @invariant()
    def nobody_waits_for_a_settled_attempt(self) -> None:
        doubts = rows(self.harness.file, "SELECT count(*) AS n FROM recordings WHERE in_doubt = 1")[0]["n"]
        assert doubts <= len(self.run(self.harness.store.open_attempts()))


TestRecordings = Recordings.TestCase
TestRecordings.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
