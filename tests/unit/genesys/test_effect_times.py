"""The effect of a write is read about when this organization's effects have lately appeared."""

from __future__ import annotations

from itertools import islice

import pytest

from bot.genesys.effect_times import EVENTS_OVERDUE, LATEST_FIRST, READ_AT, SOONEST_FIRST, EffectTimes


def readings(times: EffectTimes, count: int = 6, *, events_flow: bool = False) -> list[float]:
    return [round(at, 3) for at in islice(times.readings(events_flow=events_flow), count)]


def test_at_first_a_reading_comes_after_a_tenth_of_a_second_and_then_less_and_less_often() -> None:
    assert readings(EffectTimes()) == list(READ_AT)
    assert readings(EffectTimes(), 8)[-2:] == [11.5, 15.5]


def test_where_effects_take_longer_the_first_reading_is_later() -> None:
    times = EffectTimes()
    for _ in range(5):
        times.note(1.0)
    assert readings(times, 3) == [0.7, 1.5, 3.5]


def test_one_slow_effect_changes_nothing() -> None:
    times = EffectTimes()
    for seconds in (0.4, 0.4, 9.0):
        times.note(seconds)
    assert readings(times, 2) == [0.28, 0.6]


@pytest.mark.parametrize("seen", READ_AT[:4])
def test_where_the_first_reading_is_too_early_the_next_comes_when_effects_were_seen_before(seen: float) -> None:
    times = EffectTimes()
    times.note(seen)
    assert readings(times, 2) == [round(0.7 * seen, 3), seen]


def test_nobody_waits_long_for_the_first_reading() -> None:
    times = EffectTimes()
    times.note(20.0)
    assert readings(times, 2) == [LATEST_FIRST, 3.5]


def test_effects_that_come_sooner_again_are_noticed() -> None:
    times = EffectTimes()
    times.note(3.0)
    for _ in range(40):
        times.note(next(times.readings(events_flow=False)))
    assert readings(times, 2) == [SOONEST_FIRST, READ_AT[0]]


def test_where_events_flow_a_reading_is_for_a_lost_one() -> None:
    assert readings(EffectTimes(), 3, events_flow=True) == [EVENTS_OVERDUE, 1.5, 3.5]
