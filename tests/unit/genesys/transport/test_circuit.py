"""The circuit opens when Genesys stays silent, says so at once, and tries again now and then."""

from __future__ import annotations

import pytest

from bot.errors import GenesysUnavailable
from bot.genesys.transport.circuit_breaker import FAILURES, TRIAL_EVERY, WINDOW, Circuit
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuit(clock: FakeClock) -> Circuit:
    return Circuit(clock)


def fail(circuit: Circuit, times: int = FAILURES) -> None:
    for _ in range(times):
        with circuit.passage(may_try=True):
            circuit.failed()


def test_failures_in_a_row_open_it(circuit: Circuit, clock: FakeClock) -> None:
    began = clock.now()
    fail(circuit, 1)
    clock.advance(3.0)
    fail(circuit, FAILURES - 1)
    clock.advance(1.0)

    with pytest.raises(GenesysUnavailable, match="nothing was sent") as refused:
        circuit.check(may_try=True)

    assert refused.value.since == circuit.down_since == began
    assert refused.value.next_trial == TRIAL_EVERY - 1.0
    assert f"{began:%H:%M:%S} UTC" in str(refused.value)


def test_an_answer_in_between_keeps_it_closed(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    circuit.answered()
    fail(circuit, FAILURES - 1)
    circuit.check(may_try=False)


def test_failures_far_apart_keep_it_closed(circuit: Circuit, clock: FakeClock) -> None:
    for _ in range(3 * FAILURES):
        fail(circuit, 1)
        clock.advance(WINDOW / (FAILURES - 1) + 1.0)
    circuit.check(may_try=False)


def test_one_trial_at_a_time_goes_through_and_its_failure_puts_off_the_next(circuit: Circuit, clock: FakeClock) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    assert circuit.trial_due
    with pytest.raises(GenesysUnavailable):
        circuit.check(may_try=False)

    with circuit.passage(may_try=True):
        with pytest.raises(GenesysUnavailable):
            circuit.check(may_try=True)
        clock.advance(8.0)
        circuit.failed()

    with pytest.raises(GenesysUnavailable) as refused:
        circuit.check(may_try=True)
    assert refused.value.next_trial == TRIAL_EVERY


def test_an_answered_trial_closes_it(circuit: Circuit, clock: FakeClock) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    with circuit.passage(may_try=True):
        circuit.answered()
    circuit.check(may_try=False)
    assert circuit.down_since is None


def test_a_trial_that_is_given_up_leaves_room_for_another(circuit: Circuit, clock: FakeClock) -> None:
    fail(circuit)
    clock.advance(TRIAL_EVERY)
    with pytest.raises(TimeoutError), circuit.passage(may_try=True):
        raise TimeoutError
    assert circuit.trial_due
