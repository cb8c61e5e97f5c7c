"""When a week is final, and what came too late for it.

A week can be judged again as long as all its positions are kept. Before the first of them is
dropped the week is sealed: its derived days and verdicts stay as they are, whatever arrives.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction

from bureau.access import rules_on
from bureau.models import Bureau
from bureau.week import Week, day_bounds
from patrols.models import LateDay, PersonDay, SealedWeek, TouchedDay, Verdict
from patrols.storage import week_start
from patrols.storage.forgetting import count_late


def first_kept(cutoff: datetime) -> datetime:
    """The start of the UTC week that holds the cutoff: whole weeks before it go."""
    return datetime.combine(week_start(cutoff), time(), UTC)


def keeps_from(bureau: Bureau, now: datetime) -> datetime:
    """From when on a bureau keeps positions, by the rules valid now."""
    rules, _ = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    return first_kept(now - timedelta(days=rules.retention_days))


def final_at(bureau: Bureau, week: Week, now: datetime) -> datetime:
    """When a week becomes final by the rules valid now: the first moment at which `keeps_from`
    lies after its start."""
    rules, _ = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    after = datetime.combine(week_start(week.start) + timedelta(days=7), time(), UTC)
    return after + timedelta(days=rules.retention_days)


def sealed_at(bureau: Bureau, week: Week) -> datetime | None:
    """Since when a week is sealed; None if it is not."""
    rows = SealedWeek.objects.filter(bureau=bureau, monday=week.monday)
    return rows.values_list("sealed_at", flat=True).first()


def is_kept(bureau: Bureau, week: Week, now: datetime) -> bool:
    """Whether all positions of the week are still there to be judged.

    A sealed week stays final even if the retention time is made longer afterwards.
    """
    return week.start >= keeps_from(bureau, now) and sealed_at(bureau, week) is None


def is_in_time(bureau: Bureau, week: Week, touched_at: datetime, now: datetime) -> bool:
    """Whether what touched a week at a moment is still judged now.

    Yes if it came before the week became final, even when the worker was away at that time.
    """
    if sealed_at(bureau, week) is not None:
        return False
    return touched_at < final_at(bureau, week, now)


def weeks_to_seal(bureau: Bureau, now: datetime) -> list[Week]:
    """Weeks whose positions the next deletion may touch, oldest first: those with anything
    derived, and those with days that no judge has read. They get no verdict afterwards.
    """
    until = keeps_from(bureau, now)
    last = Week.containing(until, bureau.time_zone)
    mondays = set(
        Verdict.objects.filter(bureau=bureau, monday__lte=last.monday)
        .order_by()
        .values_list("monday", flat=True)
        .distinct()
    )
    for rows in (PersonDay.objects, TouchedDay.objects):
        days = rows.filter(bureau_id=bureau.pk, day__lte=last.days[-1])
        for day in days.order_by().values_list("day", flat=True).distinct():
            mondays.add(day - timedelta(days=day.weekday()))
    mondays -= set(SealedWeek.objects.filter(bureau=bureau).values_list("monday", flat=True))
    weeks = [Week(monday, bureau.time_zone) for monday in sorted(mondays)]
    return [week for week in weeks if week.start < until]


def seal(bureau: Bureau, *, now: datetime) -> list[Week]:
    """Seal every week that is due; returns those. Call it in the bureau's turn to judge."""
    weeks = weeks_to_seal(bureau, now)
    with transaction.atomic():
        SealedWeek.objects.bulk_create(
            [SealedWeek(bureau=bureau, monday=week.monday, sealed_at=now) for week in weeks],
            ignore_conflicts=True,
        )
    return weeks


def note_late(
    bureau: Bureau, week: Week, person_id: int, day: date, *, now: datetime
) -> LateDay | None:
    """Count what came for a day after its week was final; None if nothing new did."""
    start, end = day_bounds(day, bureau.time_zone)
    line = final_at(bureau, week, now)
    if (sealed := sealed_at(bureau, week)) is not None:
        line = min(line, sealed)
    with transaction.atomic():
        row = (
            LateDay.objects.select_for_update()
            .filter(bureau_id=bureau.pk, person_id=person_id, day=day)
            .first()
        )
        after = max(line, row.counted_through) if row else line
        with connection.cursor() as cursor:
            count, first, last = count_late(cursor, bureau.pk, person_id, start, end, after)
        if first is None or last is None:
            return row
        if row is None:
            return LateDay.objects.create(
                bureau_id=bureau.pk,
                person_id=person_id,
                day=day,
                count=count,
                first_at=first,
                counted_through=last,
            )
        row.count += count
        row.counted_through = last
        row.save(update_fields=["count", "counted_through"])
    return row


def late_days(
    bureau: Bureau, person_ids: Collection[int], *, week: Week | None = None, limit: int = 200
) -> list[LateDay]:
    """What came too late to judge for some people: of one week, or of all; the latest first."""
    rows = LateDay.objects.filter(bureau_id=bureau.pk, person_id__in=person_ids)
    if week is not None:
        rows = rows.filter(day__in=week.days)
    return list(rows.order_by("-counted_through", "-day", "person_id")[:limit])
