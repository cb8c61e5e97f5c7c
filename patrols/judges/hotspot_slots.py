"""When a hotspot owes visits in a week, and how many. Pure.

No document gives a number of visits: those of the grades are our defaults, and say so on screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bureau.holidays import Day
from bureau.rules import Rules
from bureau.week import Week, day_bounds

# Grades that owe visits every working day; the last grade owes them by the week.
BY_WEEK = "third"
WHOLE_WEEK = -1


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of one weekday (0 Monday) and the visits owed in them; cut at midnight."""

    weekday: int
    starts: time
    ends: time
    visits: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A span in which `required` visits are owed, seconds UTC.

    weekday: 0 Monday … 6, or WHOLE_WEEK · windowed: hours the bureau set, else the whole day or
    week by grade · owed: false on days off.
    """

    weekday: int
    start_s: float
    end_s: float
    required: int
    windowed: bool
    owed: bool = True


def required_by_grade(grade: str, rules: Rules) -> int:
    """Visits that a grade owes: a day, or a week for BY_WEEK. Raises KeyError for no grade."""
    return {
        "strict_street": rules.hotspot_strict_per_day,
        "first": rules.hotspot_first_per_day,
        "second": rules.hotspot_second_per_day,
        BY_WEEK: rules.hotspot_third_per_week,
    }[grade]


def slots_of(
    week: Week,
    days: Sequence[Day],
    windows: Sequence[Window],
    grade: str,
    rules: Rules,
    *,
    opened_on: date | None = None,
    closed_on: date | None = None,
) -> tuple[Slot, ...]:
    """What a hotspot owes in a week, in time order. `days`: the week's seven calendar days.

    Windows that the bureau set say it all; without them the grade does, on working days. A window
    is off on a public holiday, and one of Monday to Friday on any day without work; one of Saturday
    or Sunday was asked for and holds. Nothing is owed before the day of opening, nor from that of
    closing on.
    """
    open_on = [
        (opened_on is None or day >= opened_on) and (closed_on is None or day < closed_on)
        for day in week.days
    ]
    if windows:
        found = [
            Slot(
                window.weekday,
                _moment(week, window.weekday, window.starts),
                _moment(week, window.weekday, window.ends),
                window.visits,
                windowed=True,
                owed=open_on[window.weekday] and _holds(window.weekday, days[window.weekday]),
            )
            for window in windows
        ]
        return tuple(sorted(found, key=lambda slot: slot.start_s))
    required = required_by_grade(grade, rules)
    if grade == BY_WEEK:
        owed = any(day.is_working and is_open for day, is_open in zip(days, open_on, strict=True))
        start_s, end_s = week.start.timestamp(), week.end.timestamp()
        return (Slot(WHOLE_WEEK, start_s, end_s, required, windowed=False, owed=owed),)
    return tuple(
        Slot(
            weekday,
            day_bounds(day, week.zone)[0].timestamp(),
            day_bounds(day, week.zone)[1].timestamp(),
            required,
            windowed=False,
            owed=open_on[weekday] and days[weekday].is_working,
        )
        for weekday, day in enumerate(week.days)
    )


def _holds(weekday: int, day: Day) -> bool:
    if day.kind == "holiday":
        return False
    return day.is_working or weekday >= 5


def _moment(week: Week, weekday: int, at: time) -> float:
    """A local time of a weekday as seconds UTC; the last second of a day is its end."""
    day = week.monday + timedelta(days=weekday)
    if at >= time(23, 59, 59):
        return day_bounds(day, week.zone)[1].timestamp()
    return datetime.combine(day, at, ZoneInfo(week.zone)).timestamp()
