"""Writes who is on duty: past shifts, leave, patrols that were started, turns that begin now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Max

from bureau.models import Bureau
from patrols.demo.cast import Habit, people
from patrols.demo.ground import Beat
from patrols.demo.past import Walked, base_number
from patrols.demo.roster import PAST_WEEKS, Outing, live_members, next_turn, weeks_of
from patrols.models import (
    Leave,
    LeaveKind,
    Patrol,
    PatrolMember,
    PatrolRoute,
    Person,
    Shift,
)
from stations.models import Station


def people_of(bureau: Bureau) -> dict[str, Person]:
    """The demo's people by badge."""
    return {p.badge_no: p for p in Person.objects.filter(bureau=bureau).select_related("unit")}


def make_shifts(
    outings: Sequence[Outing],
    persons: dict[str, Person],
    stations: dict[str, list[Station]],
    beats: dict[str, Beat],
) -> int:
    """The past shifts; returns how many."""
    rows = [
        Shift(
            bureau_id=persons[member.badge].bureau_id,
            person=persons[member.badge],
            starts_at=outing.starts_at,
            ends_at=outing.ends_at,
            base=stations[outing.crew.squad][base_number(beats[outing.crew.squad], outing.crew)],
        )
        for outing in outings
        for member in outing.at_work
    ]
    return len(Shift.objects.bulk_create(rows))


def make_leave(persons: dict[str, Person], moment: datetime, zone: str) -> None:
    """The week off of those on leave, which is the last whole one."""
    week = weeks_of(moment, zone)[PAST_WEEKS - 1]
    for _, member in people():
        if Habit.ON_LEAVE in member.habits:
            person = persons[member.badge]
            Leave.objects.create(
                bureau_id=person.bureau_id,
                person=person,
                kind=LeaveKind.ANNUAL,
                first_day=week.monday,
                last_day=week.days[-1],
            )


def make_patrols(walks: Iterable[Walked], persons: dict[str, Person]) -> int:
    """A started patrol for each outing, on one of the squad's routes; returns how many."""
    routes: dict[int, list[PatrolRoute]] = {}
    made = 0
    for walked in walks:
        outing = walked.outing
        unit = persons[outing.crew.members[0].badge].unit
        if unit.pk not in routes:
            routes[unit.pk] = list(PatrolRoute.objects.filter(unit=unit).order_by("code"))
        choice = routes[unit.pk]
        patrol = Patrol.objects.create(
            bureau_id=unit.bureau_id,
            unit=unit,
            route=choice[(outing.number or 0) % len(choice)] if choice else None,
            started_at=datetime.fromtimestamp(walked.out_s, UTC),
            ended_at=datetime.fromtimestamp(walked.back_s, UTC),
            turnout_checked=outing.number != 2,
        )
        PatrolMember.objects.bulk_create(
            PatrolMember(patrol=patrol, person=persons[m.badge]) for m in outing.at_work
        )
        made += 1
    return made


def cover(bureau: Bureau, now: datetime) -> int:
    """See to it that everybody in the live picture has duty now; returns how many turns began.

    Called when the demo is loaded and by the running simulator, by day, by night and on Sundays.
    """
    badges = [member.badge for _, member in live_members()]
    until = dict(
        Shift.objects.filter(
            bureau=bureau,
            person__badge_no__in=badges,
            starts_at__lte=now + timedelta(hours=1),
            ends_at__gt=now,
        )
        .values_list("person__badge_no")
        .annotate(until=Max("ends_at"))
    )
    persons = people_of(bureau)
    rows = []
    for badge in badges:
        if badge in persons and (turn := next_turn(now, until.get(badge))):
            rows.append(
                Shift(bureau=bureau, person=persons[badge], starts_at=turn[0], ends_at=turn[1])
            )
    # Two simulators at one time write one turn.
    return len(Shift.objects.bulk_create(rows, ignore_conflicts=True))
