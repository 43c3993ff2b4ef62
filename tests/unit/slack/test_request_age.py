"""How old a request is: by Slack's own times, by Slack's clock, and by how long the process stood still."""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import pytest

from bot.slack.request_age import RequestAges, age_of_current_request, sent_at
from bot.slack.slack_clock import SlackClock

NOW = 1_800_000_000.0
COMMAND: dict[str, Any] = {"command": "/record", "text": "start", "trigger_id": "13345224609.738474920.8088930838d8"}


@dataclass
class Machine:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def age(ages: RequestAges, body: dict[str, Any], headers: dict[str, list[str]] | None = None) -> float:
    def handled() -> float:
        ages.note(headers or {}, body)
        found = age_of_current_request()
        assert found is not None
        return found()

    return copy_context().run(handled)


@pytest.mark.parametrize(
    ("headers", "body", "sent"),
    [
        ({"x-slack-request-timestamp": ["1800000000"]}, COMMAND, NOW),
        ({}, {"type": "shortcut", "action_ts": "1800000000.500000"}, NOW + 0.5),
        ({}, {"type": "block_actions", "actions": [{"action_ts": "1800000000.250000"}]}, NOW + 0.25),
        ({}, COMMAND, None),
        ({"x-slack-request-timestamp": ["soon"]}, {"actions": [None, {"action_ts": 7}], "action_ts": None}, None),
    ],
)
def test_the_time_is_where_slack_puts_it(headers: dict[str, list[str]], body: dict[str, Any], sent: float) -> None:
    assert sent_at(headers, body) == sent


def test_a_request_ages_while_it_is_handled() -> None:
    machine = Machine()
    ages = RequestAges(SlackClock(machine), machine)

    def handled() -> list[float]:
        ages.note({"x-slack-request-timestamp": [str(NOW - 4)]}, COMMAND)
        found = age_of_current_request()
        assert found is not None
        before = found()
        machine.now += 200
        return [before, found()]

    assert copy_context().run(handled) == [4, 204]


def test_after_a_stall_a_request_without_a_time_may_be_as_old_as_the_stall() -> None:
    machine = Machine()
    ages = RequestAges(SlackClock(machine), machine)
    assert age(ages, COMMAND) == 0

    machine.now += 120  # stopped, or suspended
    assert age(ages, COMMAND) == 120
    machine.now += 1
    assert age(ages, COMMAND) == 121
    machine.now += 2.9
    age(ages, COMMAND)
    machine.now += 2.9
    assert age(ages, COMMAND) == 0


def test_a_click_after_a_stall_is_as_old_as_it_says() -> None:
    machine = Machine()
    ages = RequestAges(SlackClock(machine), machine)
    age(ages, COMMAND)
    machine.now += 120
    assert age(ages, {"type": "shortcut", "action_ts": str(machine.now - 1)}) == 1


def test_a_machine_whose_clock_is_wrong_refuses_nothing() -> None:
    machine = Machine()
    clock = SlackClock(machine)
    ages = RequestAges(clock, machine)
    slow = {"x-slack-request-timestamp": [str(NOW - 60)]}
    assert age(ages, COMMAND, slow) == 60

    clock.heard(formatdate(NOW - 60, usegmt=True), asked_at=NOW - 0.2)

    assert age(ages, COMMAND, slow) == pytest.approx(0, abs=1.5)
    assert age(ages, COMMAND, {"x-slack-request-timestamp": [str(NOW + 60)]}) == 0


def test_an_answer_that_waited_in_a_frozen_process_tells_nothing() -> None:
    clock = SlackClock(Machine())
    for date in (formatdate(NOW - 60, usegmt=True), None, "yesterday"):
        clock.heard(date, asked_at=NOW - 60)
    clock.heard("yesterday", asked_at=NOW)
    assert (clock.known, clock.now()) == (False, NOW)


def test_whole_seconds_are_no_difference() -> None:
    clock = SlackClock(Machine())
    clock.heard(formatdate(NOW - 1, usegmt=True), asked_at=NOW)
    assert (clock.known, clock.ahead) == (True, 0.0)
