"""How often the hotspots of some units were visited in a week. Computed from what is stored.

Nothing of it is stored itself: late positions and new windows show at the next look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from django.db import transaction
from django.db.models import Q

from bureau.access import rules_on
from bureau.calendar import days_of
from bureau.models import Bureau, OrgUnit, User
from bureau.rules import Rules
from bureau.week import Week, day_bounds
from geo.models import Hotspot, RoadSegment
from geo.plane import Plane
from patrols.access import log_look, may_open_trail
from patrols.days import UNKNOWN
from patrols.judges.hotspot_frequency import HotspotFacts, HotspotJudgement, judge
from patrols.judges.hotspot_slots import Window, slots_of
from patrols.judges.hotspot_visits import Stretch
from patrols.models import Leave, Person, PersonDay, SegmentVisit, Shift
from patrols.moves import people_of, units_by_day
from patrols.squad_time import joined
from stations.models import Station

type Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class HotspotWeek:
    """A hotspot's week: what is said of it, and the rules it rests on.

    people: who visited, by id · silent: who of its unit had how many seconds of duty without
    signal, by id, most first · silent_people: them, by id · duty, unseen: when people of its unit
    were on duty, and when a phone of theirs was silent meanwhile, seconds UTC.
    """

    hotspot: Hotspot
    judgement: HotspotJudgement
    rules: Rules
    rule_set_id: int | None
    people: dict[int, Person]
    silent: dict[int, float]
    silent_people: dict[int, Person]
    duty: Spans
    unseen: Spans


def hotspot_weeks(
    bureau: Bureau, week: Week, units: Iterable[OrgUnit], *, now: datetime
) -> list[HotspotWeek]:
    """One for each hotspot of the units that was open in the week, by unit and code.

    Visits of anybody of the bureau count; duty and silence are those of the hotspot's own unit and
    the units below it.
    """
    hotspots = list(
        Hotspot.objects.filter(bureau=bureau, unit__in=[unit.pk for unit in units])
        .filter(Q(closed_on=None) | Q(closed_on__gt=week.monday))
        .filter(Q(opened_on=None) | Q(opened_on__lte=week.days[-1]))
        .select_related("unit")
        .prefetch_related("segments", "windows")
        .order_by("unit__code", "code")
    )
    if not hotspots:
        return []
    rules, rule_set_id = rules_on(bureau, week.monday)
    calendar = days_of(bureau, week.days)
    lengths = {
        spot.pk: {segment.pk: segment.length_m for segment in spot.segments.all()}
        for spot in hotspots
    }
    segments = {segment.pk: segment for spot in hotspots for segment in spot.segments.all()}
    by_station = _beside_stations(bureau, week, segments.values(), rules.stay_radius_m)
    stretches = _stretches(bureau, week, lengths, by_station)
    under = _units_below(bureau)
    duty = _Duty(bureau, week, set().union(*(under[spot.unit_id] for spot in hotspots)), now)
    people = _people(bureau, {s.person for one in stretches.values() for s in one})
    unseen = {pk for one in hotspots for pk in duty.of(under[one.unit_id]).unseen}
    silent_people = _people(bureau, unseen)
    found = []
    for spot in hotspots:
        windows = [
            Window(w.weekday, w.starts, w.ends, w.required_visits) for w in spot.windows.all()
        ]
        mine = duty.of(under[spot.unit_id])
        facts = HotspotFacts(
            lengths[spot.pk],
            stretches[spot.pk],
            slots_of(
                week,
                calendar,
                windows,
                spot.grade,
                rules,
                opened_on=spot.opened_on,
                closed_on=spot.closed_on,
            ),
            duty=[span for spans in mine.duty.values() for span in spans],
            unseen=[span for spans in mine.unseen.values() for span in spans],
            now_s=now.timestamp(),
            calendar_provisional=any(day.provisional for day in calendar),
            replaced=any(
                segment.retired_at is not None and segment.retired_at < week.end
                for segment in spot.segments.all()
            ),
        )
        silent = {
            person: sum(end - begin for begin, end in spans)
            for person, spans in mine.unseen.items()
        }
        ordered = sorted(silent.items(), key=lambda item: (-item[1], item[0]))
        found.append(
            HotspotWeek(
                spot,
                judge(facts, rules),
                rules,
                rule_set_id,
                people,
                dict(ordered),
                silent_people,
                list(facts.duty),
                list(facts.unseen),
            )
        )
    return found


def open_visits(user: User, one: HotspotWeek, week: Week, *, purpose: str) -> set[int]:
    """Log that the user looks at who was at the hotspot and when; returns whom they may see named.

    It is a trail, if a short one: each person shown can read who looked. People of units the user
    does not see are not named, and so not logged.
    """
    shown = {
        person
        for slot in one.judgement.slots
        for visit in (*slot.visits, *slot.short)
        for person in visit.people
    } | {person for visit in one.judgement.visits for person in visit.people}
    named = {pk for pk in shown if pk in one.people and may_open_trail(user, one.people[pk])}
    with transaction.atomic():
        for pk in sorted(named):
            if one.people[pk].user_id != user.pk:
                log_look(
                    user, one.people[pk], purpose=purpose, from_at=week.start, until_at=week.end
                )
    return named


def _beside_stations(
    bureau: Bureau, week: Week, segments: Iterable[RoadSegment], within_m: float
) -> set[int]:
    """The segments that have an open station of the bureau within `within_m`."""
    stations = list(
        Station.objects.filter(bureau=bureau, opened_on__lte=week.days[-1])
        .filter(Q(closed_on=None) | Q(closed_on__gt=week.monday))
        .values_list("geometry", flat=True)
    )
    if not stations:
        return set()
    plane = Plane.around([p.x for p in stations], [p.y for p in stations])
    places = shapely.multipoints(
        np.column_stack(plane.to_metres([p.x for p in stations], [p.y for p in stations]))
    )
    found = set()
    for segment in segments:
        lon, lat = np.array(segment.geometry.coords).T
        line = shapely.linestrings(np.column_stack(plane.to_metres(lon, lat)))
        if shapely.dwithin(line, places, within_m):
            found.add(segment.pk)
    return found


def _stretches(
    bureau: Bureau, week: Week, lengths: dict[int, dict[int, float]], by_station: set[int]
) -> dict[int, list[Stretch]]:
    """Everybody's time on the segments of each hotspot in the week."""
    by_segment: dict[int, list[int]] = defaultdict(list)
    for spot, segments in lengths.items():
        for segment in segments:
            by_segment[segment].append(spot)
    found: dict[int, list[Stretch]] = {spot: [] for spot in lengths}
    rows = SegmentVisit.objects.filter(
        bureau_id=bureau.pk,
        segment_id__in=list(by_segment),
        entered_at__gte=week.start - timedelta(days=1),
        entered_at__lt=week.end,
        left_at__gt=week.start,
    ).values_list("person_id", "segment_id", "entered_at", "left_at", "walked_share", "active_s")
    for person, segment, entered_at, left_at, share, active_s in rows:
        for spot in by_segment[segment]:
            found[spot].append(
                Stretch(
                    person,
                    segment,
                    entered_at.timestamp(),
                    left_at.timestamp(),
                    share * lengths[spot][segment],
                    active_s,
                    by_station=segment in by_station,
                )
            )
    return found


def _people(bureau: Bureau, ids: Collection[int]) -> dict[int, Person]:
    rows = Person.objects.filter(bureau=bureau, pk__in=ids).select_related("unit")
    return {person.pk: person for person in rows}


def _units_below(bureau: Bureau) -> dict[int, set[int]]:
    """Each unit's own id with those of all units below it, from one query."""
    parents = dict(OrgUnit.objects.filter(bureau=bureau).values_list("pk", "parent"))
    below: dict[int, set[int]] = {unit: {unit} for unit in parents}
    for unit in parents:
        above, seen = parents[unit], {unit}
        while above is not None and above not in seen:
            below[above].add(unit)
            seen.add(above)
            above = parents.get(above)
    return below


@dataclass(frozen=True)
class UnitDuty:
    """When people were on duty, and when they were not seen meanwhile: seconds UTC, by person."""

    duty: dict[int, Spans]
    unseen: dict[int, Spans]


class _Duty:
    """Duty of the people of some units of a bureau in a week, read once for all of them."""

    def __init__(self, bureau: Bureau, week: Week, units: Collection[int], now: datetime) -> None:
        self.bureau, self.week, self.now_s = bureau, week, now.timestamp()
        self.known: dict[frozenset[int], UnitDuty] = {}
        # By unit: whose, from when until when, whether not seen meanwhile.
        self.spans: dict[int, list[tuple[int, tuple[float, float], bool]]] = defaultdict(list)
        self._read(units)

    def of(self, units: Collection[int]) -> UnitDuty:
        """The duty of the people of some of the units."""
        key = frozenset(units)
        if key not in self.known:
            duty: dict[int, Spans] = defaultdict(list)
            unseen: dict[int, Spans] = defaultdict(list)
            for unit in sorted(key):
                for person, times, is_unseen in self.spans.get(unit, ()):
                    duty[person].append(times)
                    if is_unseen:
                        unseen[person].append(times)
            # One silence is one, whatever it was called from minute to minute; so is a walk.
            self.known[key] = UnitDuty(
                {person: joined(spans) for person, spans in duty.items()},
                {person: joined(spans) for person, spans in unseen.items()},
            )
        return self.known[key]

    def _read(self, units: Collection[int]) -> None:
        """Judged days say what was seen; of a shift, what came after that was not seen at all."""
        bureau, week = self.bureau, self.week
        ids = people_of(units, week.monday)
        unit_on = units_by_day(week.days, ids)
        judged: dict[tuple[int, date], float] = {}
        bounds = {
            day: tuple(moment.timestamp() for moment in day_bounds(day, week.zone))
            for day in week.days
        }
        for person, day, judged_at, spans in PersonDay.objects.filter(
            bureau_id=bureau.pk, person_id__in=ids, day__in=week.days
        ).values_list("person_id", "day", "judged_at", "spans"):
            if (unit := unit_on[day].get(person)) is None:
                continue
            judged[person, day] = judged_at.timestamp()
            midnight = bounds[day][0]
            for span in spans:
                times = (midnight + span["start_s"], midnight + span["end_s"])
                self.spans[unit].append((person, times, span["reason"] in UNKNOWN))
        for person, first, until in self._shifts(ids):
            for day, (start, end) in bounds.items():
                if (unit := unit_on[day].get(person)) is None:
                    continue
                begin = max(first, start, judged.get((person, day), start))
                times = (begin, min(until, end, self.now_s))
                if times[1] > times[0]:
                    self.spans[unit].append((person, times, True))

    def _shifts(self, ids: set[int]) -> list[tuple[int, float, float]]:
        """Person, begin and end of the week's shifts, seconds UTC, without those on leave."""
        week, zone = self.week, ZoneInfo(self.week.zone)
        away: dict[int, list[tuple[date, date]]] = defaultdict(list)
        for person, first, last in Leave.objects.filter(
            person__in=ids, first_day__lte=week.days[-1], last_day__gte=week.monday
        ).values_list("person", "first_day", "last_day"):
            away[person].append((first, last))
        rows = Shift.objects.filter(
            bureau=self.bureau, person__in=ids, starts_at__lt=week.end, ends_at__gt=week.start
        ).values_list("person", "starts_at", "ends_at")
        return [
            (person, starts_at.timestamp(), ends_at.timestamp())
            for person, starts_at, ends_at in rows
            if not any(
                first <= starts_at.astimezone(zone).date() <= last
                for first, last in away.get(person, ())
            )
        ]
