"""What a verdict rests on: every stretch with its reason, the streets, and the track on a map."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Q

from bureau.models import User
from bureau.rules import Rules
from bureau.week import Week, day_bounds
from geo.bureau_roads import roads_of
from geo.models import RoadSegment
from geo.smoothing import TICK_S
from geo.walks import follow
from patrols.access import TrailFix, trail_for
from patrols.days import MARGIN_S, Observed, OnePerson, to_fixes
from patrols.grounds import everything
from patrols.models import CompanySpan, Person, PersonDay, SegmentVisit, Verdict

# The line on the map needs no more than a point per 10 s.
LINE_EVERY = 2


@dataclass(frozen=True)
class EvidenceSpan:
    """A stretch with its reason. segment_name: the street most of it was on, "" if none."""

    start: datetime
    end: datetime
    reason: str
    credited: bool
    segment_name: str = ""
    segment_name_en: str = ""


@dataclass(frozen=True)
class CompanyStretch:
    """A stretch in one kind of company: together, alone, unknown."""

    start: datetime
    end: datetime
    company: str
    partner_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvidenceDay:
    """One local day: numbers as in `PersonDay` (None: nothing was due and nothing seen)."""

    day: date
    row: PersonDay | None
    spans: tuple[EvidenceSpan, ...] = ()
    company: tuple[CompanyStretch, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Seven days, and the smoothed track as GeoJSON LineStrings, one a stretch.

    Properties of a line: day, reason, credited, start, end (ISO), times (of each place, seconds
    UTC).
    """

    verdict: Verdict
    days: tuple[EvidenceDay, ...]
    track: dict[str, Any] = field(default_factory=dict)


def evidence(verdict: Verdict, *, user: User, purpose: str) -> Evidence:
    """Everything a verdict rests on. It is a trail: the look is logged before anything is read.

    Raises Refused as `patrols.access.trail_for` does. Positions that are no longer kept are
    missing from the track; spans and streets stay.
    """
    person = verdict.person
    week = Week(verdict.monday, person.bureau.time_zone)
    margin = timedelta(seconds=MARGIN_S)
    trail = trail_for(
        user, person, purpose=purpose, from_at=week.start - margin, until_at=week.end + margin
    )
    rows = {
        row.day: row
        for row in PersonDay.objects.filter(
            bureau_id=person.bureau_id, person_id=person.pk, day__in=week.days
        )
    }
    streets = _streets(person, week)
    company = _company(person, week)
    days = tuple(
        EvidenceDay(
            day,
            rows.get(day),
            tuple(_spans(rows[day], week.zone, streets[day])) if day in rows else (),
            tuple(company[day]),
        )
        for day in week.days
    )
    return Evidence(verdict, days, _track(person, days, trail, Rules.of(verdict.rules)))


def _spans(
    row: PersonDay, zone: str, streets: list[tuple[datetime, datetime, str, str]]
) -> list[EvidenceSpan]:
    midnight = day_bounds(row.day, zone)[0]
    found = []
    for span in row.spans:
        start = midnight + timedelta(seconds=span["start_s"])
        end = midnight + timedelta(seconds=span["end_s"])
        time_on: dict[tuple[str, str], float] = defaultdict(float)
        for entered, left, name, name_en in streets:
            shared = (min(end, left) - max(start, entered)).total_seconds()
            if shared > 0:
                time_on[name, name_en] += shared
        name, name_en = max(time_on, key=lambda key: time_on[key]) if time_on else ("", "")
        found.append(EvidenceSpan(start, end, span["reason"], span["credited"], name, name_en))
    return found


def _streets(person: Person, week: Week) -> dict[date, list[tuple[datetime, datetime, str, str]]]:
    visits = list(
        SegmentVisit.objects.filter(
            bureau_id=person.bureau_id, person_id=person.pk, day__in=week.days
        ).order_by("entered_at")
    )
    names = {
        pk: (name, name_en)
        for pk, name, name_en in RoadSegment.objects.filter(
            pk__in={v.segment_id for v in visits}
        ).values_list("pk", "name", "name_en")
    }
    found: dict[date, list[tuple[datetime, datetime, str, str]]] = defaultdict(list)
    for visit in visits:
        name, name_en = names.get(visit.segment_id, ("", ""))
        found[visit.day].append((visit.entered_at, visit.left_at, name, name_en))
    return found


def _company(person: Person, week: Week) -> dict[date, list[CompanyStretch]]:
    spans = list(
        CompanySpan.objects.filter(
            bureau_id=person.bureau_id, person_id=person.pk, day__in=week.days
        ).order_by("starts_at")
    )
    names = dict(
        Person.objects.filter(
            Q(pk__in={pk for span in spans for pk in span.partners}), bureau=person.bureau_id
        ).values_list("pk", "name")
    )
    found: dict[date, list[CompanyStretch]] = defaultdict(list)
    for span in spans:
        partners = tuple(names.get(pk, "") for pk in span.partners)
        found[span.day].append(CompanyStretch(span.starts_at, span.ends_at, span.company, partners))
    return found


def _track(
    person: Person, days: tuple[EvidenceDay, ...], trail: list[TrailFix], rules: Rules
) -> dict[str, Any]:
    """The smoothed track, a line for each stretch that has places."""
    if not trail:
        return {"type": "FeatureCollection", "features": []}
    roads = roads_of(person.bureau_id)
    one = OnePerson(person.pk, everything(roads), (), ())
    seen = Observed(
        np.full(len(trail), person.pk, np.int64),
        np.array([fix.recorded_at.timestamp() for fix in trail]),
        np.array([fix.lon_deg for fix in trail]),
        np.array([fix.lat_deg for fix in trail]),
        np.array([np.nan if fix.accuracy_m is None else fix.accuracy_m for fix in trail]),
        np.array([fix.flags for fix in trail], np.int64),
        phone=np.array([fix.phone_id for fix in trail], np.int64),
    )
    ticks = follow(roads, to_fixes(roads, [one], seen)[0], rules).ticks
    lon, lat = roads.plane.to_degrees(ticks.x_m, ticks.y_m)
    at = ticks.t_s
    features = []
    for day in days:
        for span in day.spans:
            lo, hi = np.searchsorted(at, (span.start.timestamp(), span.end.timestamp() + TICK_S))
            if hi - lo < 2:
                continue
            index = np.unique(np.append(np.arange(lo, hi, LINE_EVERY), hi - 1))
            features.append(
                {
                    "type": "Feature",
                    "properties": {
                        "day": day.day.isoformat(),
                        "reason": span.reason,
                        "credited": span.credited,
                        "start": span.start.astimezone(UTC).isoformat(),
                        "end": span.end.astimezone(UTC).isoformat(),
                        "times": at[index].round().astype(int).tolist(),
                    },
                    "geometry": {
                        "type": "LineString",
                        "coordinates": np.column_stack((lon[index], lat[index])).round(6).tolist(),
                    },
                }
            )
    return {"type": "FeatureCollection", "features": features}
