"""The bureau's calendar: which days are working days, and taking in a year's notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from django.db import transaction

from bureau.holidays import WORKING, Day, Notice, shipped_day, weekday_rule
from bureau.models import Bureau, CalendarDay
from bureau.week import Week

# A working day is looked for in steps of so many days, and this far.
BLOCK_DAYS, FAR_DAYS = 30, 360


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The working days of a week. `provisional`: no notice is known for some day of it."""

    dates: tuple[date, ...]
    provisional: bool

    def __len__(self) -> int:
        return len(self.dates)


def days_of(bureau: Bureau, dates: Iterable[date]) -> list[Day]:
    """What each local date is to the bureau, in the order given.

    The bureau's own table wins; then the notices that ship; then the weekday rule, marked
    provisional. Never raises for a date.
    """
    wanted = list(dates)
    rows = {
        row.date: Day(row.date, row.kind, row.name, row.source, row.provisional)
        for row in CalendarDay.objects.filter(bureau=bureau, date__in=wanted)
    }
    return [rows.get(day) or shipped_day(day) or weekday_rule(day) for day in wanted]


def working_days(bureau: Bureau, week: Week) -> WorkingDays:
    """The working days of a week; a week without any is exempt from weekly duties."""
    days = days_of(bureau, week.days)
    return WorkingDays(
        tuple(day.date for day in days if day.is_working), any(day.provisional for day in days)
    )


def working_day_after(bureau: Bureau, day: date, n: int) -> Day:
    """The n-th working day after a local date, which is not counted itself (n ≥ 1).

    `provisional` if the kind of any day up to it is not known from a notice yet. Never raises: in
    a calendar without working days it is the last day that was looked at.
    """
    provisional = False
    last = Day(day, WORKING, provisional=True)
    for block in range(FAR_DAYS // BLOCK_DAYS):
        first = day + timedelta(days=1 + block * BLOCK_DAYS)
        for last in days_of(bureau, [first + timedelta(days=i) for i in range(BLOCK_DAYS)]):
            provisional |= last.provisional
            n -= last.is_working
            if n == 0:
                return replace(last, provisional=provisional)
    return replace(last, provisional=True)


@dataclass(slots=True)
class CalendarReport:
    """What importing a notice did. Dates, so that the person can check them."""

    year: int
    taken: int = 0
    unchanged: int = 0
    changed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def import_notice(bureau: Bureau, notice: Notice, *, dry_run: bool = False) -> CalendarReport:
    """Take a year's notice into the bureau's calendar: every day of the year, in one transaction.

    Days that the notice names replace what was there. Days that it does not name follow the
    weekday rule and replace only provisional days and days of this same notice: so a day that the
    next year's notice or an administrator has set is kept, and listed.
    """
    report = CalendarReport(notice.year)
    with transaction.atomic():
        days = list(notice.days())
        known = {
            row.date: row
            for row in CalendarDay.objects.select_for_update().filter(
                bureau=bureau, date__in=[day.date for day in days]
            )
        }
        new: list[CalendarDay] = []
        changed: list[CalendarDay] = []
        for day in days:
            row = known.get(day.date)
            if row is None:
                new.append(
                    CalendarDay(
                        bureau=bureau,
                        date=day.date,
                        kind=day.kind,
                        name=day.name,
                        source=day.source,
                    )
                )
                continue
            if (row.kind, row.name, row.source, row.provisional) == (
                day.kind,
                day.name,
                day.source,
                False,
            ):
                report.unchanged += 1
                continue
            named = day.date in notice.named
            if not named and not row.provisional and row.source != notice.source:
                report.kept.append(f"{day.date} {row.kind} {row.name} ({row.source})")
                continue
            report.changed.append(f"{day.date} {row.kind} → {day.kind} {day.name}".rstrip())
            row.kind, row.name, row.source, row.provisional = day.kind, day.name, day.source, False
            changed.append(row)
        report.taken = len(new)
        if not dry_run:
            CalendarDay.objects.bulk_create(new)
            CalendarDay.objects.bulk_update(changed, ["kind", "name", "source", "provisional"])
    return report
