from __future__ import annotations

import pytest

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.state.trigger_ids import ResponseUrls, TriggerIds


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_trigger_is_good_once() -> None:
    triggers = TriggerIds(Clock())
    trigger = triggers.give("U0ADA")
    assert triggers.check(trigger) == "U0ADA"
    triggers.use(trigger)
    with pytest.raises(SlackError, match="exchanged_trigger_id"):
        triggers.check(trigger)
    with pytest.raises(SlackError, match="invalid_trigger_id"):
        triggers.check("1.2.3")


def test_a_trigger_is_good_for_three_seconds() -> None:
    clock = Clock()
    triggers = TriggerIds(clock)
    trigger = triggers.give("U0ADA")
    clock.now += 3
    triggers.check(trigger)
    clock.now += 0.1
    with pytest.raises(SlackError, match="expired_trigger_id"):
        triggers.check(trigger)


def test_a_response_url_is_good_five_times() -> None:
    urls = ResponseUrls(Clock())
    token = urls.give("C0FLOOR", "U0ADA").rpartition("/")[2]
    for _ in range(5):
        urls.use(token)
    with pytest.raises(SlackError, match="used_url"):
        urls.use(token)


def test_a_response_url_is_good_for_half_an_hour() -> None:
    clock = Clock()
    urls = ResponseUrls(clock)
    token = urls.give("C0FLOOR", "U0ADA").rpartition("/")[2]
    clock.now += 1801
    with pytest.raises(SlackError, match="expired_url"):
        urls.use(token)
