"""What a change of the roster asks of the judge: the days it touches are judged again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from patrols.models import Leave, Shift, TouchedDay


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
    marks = {(entry.bureau_id, entry.person_id, day) for entry in entries for day in days_of(entry)}
    TouchedDay.objects.bulk_create(
        [
            TouchedDay(bureau_id=bureau_id, person_id=person_id, day=day, touched_at=now)
            for bureau_id, person_id, day in sorted(marks)
        ],
        update_conflicts=True,
        unique_fields=["bureau_id", "person_id", "day"],
        update_fields=["touched_at"],
    )
