"""What a change of beats, unit tree or calendar asks of the judge.

A beat that is drawn anew, or a unit moved in the tree, changes whose ground somebody walked on:
the days of this week and the last are derived again. A calendar day changes what is owed: the
weeks are judged again as they were derived. A verdict that was reviewed stands and is flagged.
"""

from __future__ import annotations

from datetime import datetime

from bureau.calendar import working_days
from bureau.models import Bureau
from bureau.week import Week
from geo.bureau_roads import roads_of
from patrols.grounds import grounds_of
from patrols.models import PersonDay, Verdict
from patrols.roster import touch_days
from patrols.sealing import is_kept
from patrols.weekly import conclude

# Earlier weeks keep the ground they were judged on.
GROUND_WEEKS = 2
CALENDAR_WEEKS = 8

type CalendarMarks = dict[Week, tuple[object, ...]]


def touch_changed_grounds(bureau: Bureau, *, now: datetime) -> int:
    """Mark the days that were derived on ground which is drawn otherwise now; returns how many.

    A person who was moved to another unit keeps the days of the old one: their ground is still
    somebody's. So are days derived on other streets, until something else touches them.
    """
    this = Week.containing(now, bureau.time_zone)
    days = [day for back in range(GROUND_WEEKS) for day in this.shifted(-back).days]
    rows = PersonDay.objects.filter(bureau_id=bureau.pk, day__in=days)
    versions = set(rows.order_by().values_list("network_version", flat=True).distinct())
    if not versions:
        return 0
    roads = roads_of(bureau.pk)
    present = {ground.mark for ground in grounds_of(bureau.pk, roads).values()}
    gone = {
        version
        for version in versions
        if version.startswith(f"{roads.network.digest}:")
        and version.partition(":")[2] not in present
    }
    marks = rows.filter(network_version__in=gone).values_list("bureau_id", "person_id", "day")
    touch_days(marks, now=now)
    return len(marks)


def calendar_marks(bureau: Bureau, *, now: datetime) -> CalendarMarks:
    """What the calendar says of each of the last weeks."""
    this = Week.containing(now, bureau.time_zone)
    weeks = [this.shifted(-back) for back in range(CALENDAR_WEEKS)]
    found: CalendarMarks = {}
    for week in weeks:
        calendar = working_days(bureau, week)
        found[week] = (tuple(calendar.dates), calendar.provisional)
    return found


def judge_changed_calendar(bureau: Bureau, known: CalendarMarks, *, now: datetime) -> CalendarMarks:
    """Judge the weeks again of which the calendar says something else than in `known`.

    Returns what it says now, for the next round. With nothing known (the first round) this week
    and the last are asked; judging them again without a change changes nothing.
    """
    present = calendar_marks(bureau, now=now)
    recent = sorted(present)[-GROUND_WEEKS:]
    for week, mark in present.items():
        asked = known[week] != mark if week in known else week in recent
        if asked and is_kept(bureau, week, now):
            verdicts = Verdict.objects.filter(bureau=bureau, monday=week.monday, is_current=True)
            people = set(verdicts.order_by().values_list("person", flat=True).distinct())
            conclude(bureau, week, people, now=now)
    return present
