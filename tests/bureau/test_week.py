"""Weeks are local: Monday 00:00 in the bureau's zone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bureau.week import Week, day_bounds


def test_sunday_16_utc_is_already_monday_in_shanghai() -> None:
    assert Week.containing(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)).monday == date(2026, 2, 23)
    assert Week.containing(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)).monday == date(2026, 3, 2)


def test_a_week_is_half_open_and_seven_days_long() -> None:
    week = Week(date(2026, 11, 16))
    assert week.start == datetime(2026, 11, 15, 16, tzinfo=UTC)
    assert week.end - week.start == timedelta(days=7)
    assert week.shifted(1).start == week.end
    assert week.days[0] == date(2026, 11, 16)
    assert week.days[-1] == date(2026, 11, 22)


def test_a_week_with_a_clock_change_is_an_hour_longer() -> None:
    week = Week.of(date(2026, 10, 25), "Europe/Helsinki")  # clocks go back that Sunday
    assert week.end - week.start == timedelta(days=7, hours=1)
    start, end = day_bounds(date(2026, 10, 25), "Europe/Helsinki")
    assert end - start == timedelta(hours=25)


def test_only_a_monday_names_a_week() -> None:
    with pytest.raises(ValueError, match="not a Monday"):
        Week(date(2026, 11, 17))
