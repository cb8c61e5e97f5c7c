"""A squad's week in patrol-minutes: time with at least one member on patrol, counted once.

Officer-minutes are a person's and are never summed; two who walk an hour together are two hours of
officers and one hour of patrol.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from bureau.calendar import working_days
from bureau.models import Bureau
from bureau.week import Week
from patrols.days import UNKNOWN
from patrols.judges.weekly_patrol_time import SquadFacts
from patrols.models import PersonDay
from patrols.moves import people_of, units_by_day

type Spans = list[tuple[float, float]]


def squad_facts(
    bureau: Bureau, week: Week, unit_ids: Collection[int], *, now: datetime
) -> dict[int, SquadFacts]:
    """What the squad judge is given about each unit that has people: its own, not those below."""
    wanted = set(unit_ids)
    people = people_of(wanted, week.monday)
    units = units_by_day(week.days, people)
    patrol: dict[tuple[int, int], Spans] = defaultdict(list)
    unseen: dict[tuple[int, int], Spans] = defaultdict(list)
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for person, day, spans, vehicle_s, fixes, duty_s in PersonDay.objects.filter(
        bureau_id=bureau.pk, person_id__in=people, day__in=week.days
    ).values_list("person_id", "day", "spans", "vehicle_s", "fixes", "duty_s"):
        unit = units[day][person]
        if unit not in wanted:
            continue  # there before or after the days in these units
        key = (unit, (day - week.monday).days)
        for span in spans:
            if span["credited"]:
                patrol[key].append((span["start_s"], span["end_s"]))
            elif span["reason"] in UNKNOWN:
                unseen[key].append((span["start_s"], span["end_s"]))
        for i, value in enumerate((vehicle_s, fixes, duty_s)):
            sums[unit][i] += value
    calendar = working_days(bureau, week)
    found = {}
    for unit in wanted & {unit for of_day in units.values() for unit in of_day.values()}:
        days, unknown_s = [], 0.0
        for i in range(7):
            seen = joined(patrol[unit, i])
            days.append(length_s(seen))
            unknown_s += length_s(joined([*seen, *unseen[unit, i]])) - days[-1]
        by_vehicle_s, seen_fixes, on_duty_s = sums[unit]
        found[unit] = SquadFacts(
            tuple(days),
            unknown_s,
            len(calendar),
            vehicle_s=by_vehicle_s,
            fixes=int(seen_fixes),
            duty_s=on_duty_s,
            over=now >= week.end,
        )
    return found


def joined(spans: Iterable[tuple[float, float]]) -> Spans:
    """The spans with what overlaps or touches made one, in time order."""
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def length_s(spans: Sequence[tuple[float, float]]) -> float:
    """Total length of spans that do not overlap."""
    return float(sum(end - start for start, end in spans))
