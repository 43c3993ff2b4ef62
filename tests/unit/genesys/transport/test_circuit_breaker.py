"""The circuit opens when Genesys stays silent, says so at once, and tries again now and then."""

from __future__ import annotations

import pytest

from bot.errors import GenesysUnavailable
from bot.genesys.transport.answer import Answer, Unanswered
from bot.genesys.transport.health import FAILURES, TRIAL_EVERY, WINDOW, HealthRecord
from bot.genesys.transport.request import GenesysRequest
from tests.support.clocks.fake_clock import FakeClock

READ = GenesysRequest("read", "TokensApi.get_tokens_me")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuit(clock: FakeClock) -> HealthRecord:
    return HealthRecord(clock, None)


def fail(circuit: HealthRecord, times: int = FAILURES) -> None:
    for _ in range(times):
        with circuit.passage(may_try=True):
            circuit.failed(READ, Unanswered("timeout"), seconds=5.0, tells=True)


def test_failures_in_a_row_open_it(circuit: HealthRecord, clock: FakeClock) -> None:
    began = clock.now()
    fail(circuit, 1)
    clock.advance(3.0)
    fail(circuit, FAILURES - 1)
    clock.advance(1.0)

    with pytest.raises(GenesysUnavailable, match="nothing was sent") as refused:
        circuit.check(may_try=True)

    assert refused.value.since == circuit.health.down_since == began
    assert refused.value.next_trial == TRIAL_EVERY - 1.0
    assert f"{began:%H:%M:%S} UTC" in str(refused.value)


def test_an_answer_in_between_keeps_it_closed(circuit: HealthRecord) -> None:
    fail(circuit, FAILURES - 1)
    circuit.answered(READ, Answer(404), seconds=0.1, tells=True)
    fail(circuit, FAILURES - 1)
    circuit.check(may_try=False)


def test_failures_far_apart_keep_it_closed(circuit: HealthRecord, clock: FakeClock) -> None:
    for _ in range(3 * FAILURES):
        fail(circuit, 1)
        clock.advance(WINDOW / (FAILURES - 1) + 1.0)
    circuit.check(may_try=False)


def test_one_trial_at_a_time_goes_through_and_its_failure_puts_off_the_next(
    circuit: HealthRecord, clock: FakeClock
) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    assert circuit.trial_due
    with pytest.raises(GenesysUnavailable):
        circuit.check(may_try=False)

    with circuit.passage(may_try=True):
        with pytest.raises(GenesysUnavailable):
            circuit.check(may_try=True)
        clock.advance(8.0)
        circuit.failed(READ, Unanswered("timeout"), seconds=5.0, tells=True)

    with pytest.raises(GenesysUnavailable) as refused:
        circuit.check(may_try=True)
    assert refused.value.next_trial == TRIAL_EVERY


def test_an_answered_trial_closes_it(circuit: HealthRecord, clock: FakeClock) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    with circuit.passage(may_try=True):
        circuit.answered(READ, Answer(404), seconds=0.1, tells=True)
    circuit.check(may_try=False)
    assert circuit.health.down_since is None


def test_a_trial_that_is_given_up_leaves_room_for_another(circuit: HealthRecord, clock: FakeClock) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    with pytest.raises(TimeoutError), circuit.passage(may_try=True):
        raise TimeoutError
    assert circuit.trial_due
