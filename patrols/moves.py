"""Which unit somebody belonged to on a day, and moves from one to another."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bureau.models import Bureau, OrgUnit
from patrols.models import FormerUnit, Person
from patrols.roster import touch_days

# A day entered or corrected further back has nothing judged again: those weeks were reported.
WEEKS_BACK = 8


def units_on(day: date, person_ids: Collection[int]) -> dict[int, int]:
    """Person → unit on a local day; people who are not there are left out."""
    return units_by_day([day], person_ids)[day]


def units_by_day(days: Collection[date], person_ids: Collection[int]) -> dict[date, dict[int, int]]:
    """The same for several days, in two queries."""
    now = dict(Person.objects.filter(pk__in=person_ids).order_by("pk").values_list("pk", "unit"))
    former = list(
        FormerUnit.objects.filter(person__in=person_ids, until__gte=min(days))
        .order_by("-until")
        .values_list("person", "unit", "until")
    )
    # The earliest that had not ended by then is the one of that day.
    return {
        day: now | {person: unit for person, unit, until in former if until >= day} for day in days
    }


def people_of(unit_ids: Collection[int], first: date) -> set[int]:
    """Who belongs to one of the units now or did on some day from `first` on."""
    now = Person.objects.filter(unit__in=unit_ids).values_list("pk", flat=True)
    before = FormerUnit.objects.filter(unit__in=unit_ids, until__gte=first)
    return set(now) | set(before.values_list("person", flat=True))


def note_move(person: Person, before: OrgUnit, *, now: datetime) -> None:
    """Keep the unit that a person belonged to until yesterday; today is judged in the new one.

    `person` has its new unit already. A second move on one day keeps the unit of the day before.
    """
    today = local_day(person.bureau, now)
    FormerUnit.objects.get_or_create(
        person=person, until=today - timedelta(days=1), defaults={"unit": before}
    )
    touch_days([(person.bureau_id, person.pk, today)], now=now)


def touch_between(person: Person, days: Collection[date], *, now: datetime) -> None:
    """Mark the days that belong to another unit since the last days there were entered anew.

    days: every last day as it was and as it is, of the entries that changed.
    """
    today = local_day(person.bureau, now)
    earliest = today - timedelta(weeks=WEEKS_BACK)
    first, last = max(min(days), earliest), min(max(days) + timedelta(days=1), today)
    touch_days(
        [
            (person.bureau_id, person.pk, first + timedelta(days=n))
            for n in range((last - first).days + 1)
        ],
        now=now,
    )


def local_day(bureau: Bureau, now: datetime) -> date:
    """The bureau's date."""
    return now.astimezone(ZoneInfo(bureau.time_zone)).date()
