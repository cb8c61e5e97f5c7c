"""What a change of the roster asks of the judge, and where the roster has gaps.

A shift entered afterwards brings no refused position back. Its time is then duty without a signal:
not known, so that nobody fails for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bureau.models import Bureau
from bureau.week import Week
from patrols.models import Leave, RefusedCount, Shift, TouchedDay


def days_of(entry: Shift | Leave) -> set[date]:
    """The local days that a shift or a leave is about."""
    if isinstance(entry, Leave):
        first, last = entry.first_day, entry.last_day
    else:
        zone = ZoneInfo(entry.bureau.time_zone)
        first, last = (at.astimezone(zone).date() for at in (entry.starts_at, entry.ends_at))
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def touch(entries: list[Shift | Leave], *, now: datetime) -> None:
    """Mark the days of these entries for judging, as late positions do."""
    touch_days(
        {(entry.bureau_id, entry.person_id, day) for entry in entries for day in days_of(entry)},
        now=now,
    )


def touch_days(marks: Collection[tuple[int, int, date]], *, now: datetime) -> None:
    """Mark days for judging: (bureau, person, local day) each."""
    TouchedDay.objects.bulk_create(
        [
            TouchedDay(bureau_id=bureau_id, person_id=person_id, day=day, touched_at=now)
            for bureau_id, person_id, day in sorted(marks)
        ],
        update_conflicts=True,
        unique_fields=["bureau_id", "person_id", "day"],
        update_fields=["touched_at", "taken_at"],
    )


@dataclass(frozen=True)
class RefusedDay:
    """Positions of a person's local day that were refused for want of duty.

    last_at: when the last of them came · rostered: the day has a shift all the same, so that the
    phone may only have been left on; without one it is a gap in the roster.
    """

    person_id: int
    day: date
    count: int
    last_at: datetime
    rostered: bool


def refused_days(bureau: Bureau, week: Week, person_ids: Collection[int]) -> list[RefusedDay]:
    """What was refused in a week for want of duty, by day; known as soon as it is refused."""
    rows = RefusedCount.objects.filter(
        bureau_id=bureau.pk, person_id__in=person_ids, day__in=week.days, reason="off_duty"
    ).order_by("day", "person_id")
    shifts = Shift.objects.filter(
        bureau=bureau,
        person__in={row.person_id for row in rows},
        starts_at__lt=week.end,
        ends_at__gt=week.start,
    ).select_related("bureau")
    rostered = {(shift.person_id, day) for shift in shifts for day in days_of(shift)}
    return [
        RefusedDay(
            row.person_id, row.day, row.count, row.last_at, (row.person_id, row.day) in rostered
        )
        for row in rows
    ]
