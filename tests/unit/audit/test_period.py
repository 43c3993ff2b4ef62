"""Days begin and end by the zone's own clock, also where a day has 23 or 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.reports.period import begin_of, days, due_days, next_due, typed_period

BERLIN, NEW_YORK, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
CAIRO = ZoneInfo("Africa/Cairo")  # its clocks go forward at midnight
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # by half an hour
AZORES = ZoneInfo("Atlantic/Azores")  # back from 1:00 to 0:00
EIGHT = time(8)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = sorted(available_timezones())


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("zone", "day", "since", "hours"),
    [
        (BERLIN, date(2026, 3, 28), "2026-03-27T23:00", 24),
        (BERLIN, date(2026, 3, 29), "2026-03-28T23:00", 23),
        (BERLIN, date(2026, 10, 25), "2026-10-24T22:00", 25),
        (NEW_YORK, date(2026, 3, 8), "2026-03-08T05:00", 23),
        (NEW_YORK, date(2026, 11, 1), "2026-11-01T04:00", 25),
        (KOLKATA, date(2026, 3, 1), "2026-02-28T18:30", 24),
        (CAIRO, date(2026, 4, 24), "2026-04-23T22:00", 23),
        (LORD_HOWE, date(2026, 10, 4), "2026-10-03T13:30", 23.5),
        (AZORES, date(2026, 10, 25), "2026-10-25T00:00", 25),
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_say(zone: ZoneInfo, day: date, since: str, hours: float) -> None:
    period = days(day, day, zone)
    assert (period.since, period.until - period.since) == (at(since), timedelta(hours=hours))


@given(st.sampled_from(ZONES), st.dates(date(1990, 1, 1), date(2037, 12, 30)))
def test_no_moment_is_between_two_days_or_in_both(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    period = days(day, day, zone)
    assert period.until == days(day + timedelta(days=1), day + timedelta(days=1), zone).since
    assert period.since <= period.until
    if period.since < period.until:  # a few places have skipped a whole day
        assert period.since.astimezone(zone).date() == day
        assert (period.until - timedelta(microseconds=1)).astimezone(zone).date() == day


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-03T07:59:59", ["2026-03-01"]),
        ("2026-03-03T08:00:00", ["2026-03-01", "2026-03-02"]),
        ("2026-03-04T00:00:00", ["2026-03-01", "2026-03-02"]),
    ],
)
def test_a_day_is_due_at_the_hour_of_the_day_after(now: str, due: list[str]) -> None:
    found = due_days(at(now), EIGHT, ZoneInfo("UTC"), began=at("2026-03-01T12:00"), most=7)
    assert list(map(str, found)) == due


def test_only_the_last_days_are_due_however_long_it_has_been() -> None:
    found = due_days(at("2026-03-31T10:00"), EIGHT, BERLIN, began=LONG_AGO, most=7)
    assert (str(found[0]), str(found[-1]), len(found)) == ("2026-03-24", "2026-03-30", 7)


def test_nothing_is_due_of_the_time_before_the_trail_began() -> None:
    assert due_days(at("2026-03-03T10:00"), EIGHT, BERLIN, began=at("2026-03-03T09:00"), most=7) == ()
    # By the clock of Berlin this trail began on the third already.
    assert due_days(at("2026-03-03T10:00"), EIGHT, BERLIN, began=at("2026-03-02T23:30"), most=7) == ()


@pytest.mark.parametrize(
    ("hour", "now", "expected"),
    [
        ("08:00", "2026-03-29T05:59", "2026-03-29T06:00"),  # summer time has begun that night
        ("08:00", "2026-03-29T06:00", "2026-03-30T06:00"),
        ("02:30", "2026-03-28T12:00", "2026-03-29T01:30"),  # an hour that isn't there
        ("02:30", "2026-10-24T12:00", "2026-10-25T00:30"),  # an hour that is there twice: the first
        ("02:30", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_the_next_digest_keeps_its_hour_through_the_change_of_clocks(hour: str, now: str, expected: str) -> None:
    assert next_due(at(now), time.fromisoformat(hour), BERLIN) == at(expected)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  hypothesis adds the zone
    st.times(),
)
def test_when_the_next_is_due_one_more_day_is(name: str, now: datetime, hour: time) -> None:
    zone, hour = ZoneInfo(name), hour.replace(second=0, microsecond=0)
    moment = next_due(now, hour, zone)
    assert moment > now
    before = due_days(moment - timedelta(microseconds=1), hour, zone, began=LONG_AGO - timedelta(days=9999), most=3)
    then = due_days(moment, hour, zone, began=LONG_AGO - timedelta(days=9999), most=3)
    assert then[-1] > before[-1]


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("", "2026-03-28T23:00", "2026-03-29T22:00"),
        (" Today ", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("yesterday", "2026-03-27T23:00", "2026-03-28T23:00"),
        ("7d", "2026-03-22T23:00", "2026-03-29T22:00"),
        ("30D", "2026-02-27T23:00", "2026-03-29T22:00"),
        ("2026-01-31", "2026-01-30T23:00", "2026-01-31T23:00"),
    ],
)
def test_periods_that_people_type(typed: str, since: str, until: str) -> None:
    period = typed_period(typed, at("2026-03-29T12:00"), BERLIN)
    assert period is not None
    assert (period.since, period.until) == (at(since), at(until))


@pytest.mark.parametrize("typed", ["tomorrow", "0d", "-7d", "2026-03-30", "2026-02-30", "20260131", "9999-12-31", "…"])
def test_what_is_no_period_of_the_trail(typed: str) -> None:
    assert typed_period(typed, at("2026-03-29T12:00"), BERLIN) is None


def test_the_day_begins_at_the_first_of_two_midnights() -> None:
    assert begin_of(date(2026, 10, 25), AZORES) == at("2026-10-25T00:00")
