"""From what one process has seen of the others' locks to who is gone."""

from __future__ import annotations

import pytest

from bot.database.replicas import (
    ANSWER_SECONDS,
    BEAT_SECONDS,
    FORGET_SECONDS,
    GRACE_SECONDS,
    SILENT_SECONDS,
    Sightings,
)
from bot.recording.monitoring.reconciler import RECONCILE_SECONDS

LOOK_AT_THE_CALL = 1.0
ANA, BEN = 1, 2


def test_who_is_frozen_is_followed_within_ten_seconds() -> None:
    assert BEAT_SECONDS + ANSWER_SECONDS < SILENT_SECONDS
    assert SILENT_SECONDS + GRACE_SECONDS + RECONCILE_SECONDS + LOOK_AT_THE_CALL <= 10


def test_before_the_first_look_nobody_is_missed() -> None:
    assert Sightings().missed_for(ANA) == 0


def test_who_was_never_seen_is_missed_since_the_first_look() -> None:
    seen = Sightings()
    for now in (100.0, 101.0, 102.0, 103.0):
        seen.note({BEN}, now)
    assert seen.missed_for(ANA) == pytest.approx(3)
    assert seen.missed_for(BEN) == 0


def test_who_was_seen_is_missed_since_then() -> None:
    seen = Sightings()
    for now, living in ((100.0, {ANA}), (101.0, {ANA}), (102.0, set[int]()), (103.5, set[int]())):
        seen.note(living, now)
    assert seen.missed_for(ANA) == pytest.approx(2.5)
    seen.note({ANA}, 104.0)
    assert seen.missed_for(ANA) == 0


def test_who_stood_still_itself_begins_to_count_anew() -> None:
    seen = Sightings()
    seen.note({ANA}, 100.0)
    seen.note(set(), 100.0 + SILENT_SECONDS + 1)
    assert seen.missed_for(ANA) == 0
    seen.note(set(), 100.0 + SILENT_SECONDS + 3)
    assert seen.missed_for(ANA) == pytest.approx(2)


def test_those_long_gone_are_forgotten() -> None:
    seen = Sightings()
    now = 0.0
    seen.note({ANA}, now)
    while now <= FORGET_SECONDS:
        now += 2
        seen.note({BEN}, now)
    assert set(seen.last) == {BEN}
