"""Who is at each station and kiosk now, for the live map. No verdict: that is the desks' week."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from django.utils import timezone

from bureau.access import rules_on, visible_units
from bureau.models import User
from bureau.rules import Rules
from geo.access import places_seen_by
from geo.plane import Plane
from patrols.live import check_may_watch, is_shown, ms
from patrols.models import LiveState, Person, Shift
from patrols.storage.latest import Fix, latest_fixes
from stations.models import Station


@dataclass(frozen=True, slots=True)
class Staffing:
    """A station and the people there now, by id; lon, lat in degrees."""

    id: int
    name: str
    kind: str
    unit: str
    lon: float
    lat: float
    people: tuple[int, ...]


def staffing(user: User, now: datetime) -> list[Staffing]:
    """The open stations of the user's units, each with who of these units is there.

    There is whoever is on duty with a signal within `stay_radius_m` (40 m) of the station, and
    either parked or on a shift that has it as its base; somebody who walks past is not. Somebody
    counts once, at the nearest. Raises Refused for who may not watch.
    """
    top = check_may_watch(user)
    rules, _set = rules_on(top.bureau, timezone.localdate(now))
    stations = list(
        Station.objects.filter(places_seen_by(user), closed_on=None)
        .select_related("unit")
        .order_by("name", "pk")
    )
    there: dict[int, list[int]] = defaultdict(list)
    if stations:
        for person, station in _people_at(user, top.bureau_id, stations, now, rules):
            there[station].append(person)
    return [
        Staffing(
            one.pk,
            one.name,
            one.kind,
            one.unit.name,
            round(one.geometry.x, 7),
            round(one.geometry.y, 7),
            tuple(sorted(there[one.pk])),
        )
        for one in stations
    ]


def has_signal(fix: Fix, state: LiveState | None, now: datetime, rules: Rules) -> bool:
    """Whether a fix is of the present duty and not so old that the phone counts as silent."""
    now_ms = ms(now) or 0
    age_s = (now_ms - fix.recorded_ms) / 1000
    return is_shown(fix, state, now_ms) and age_s <= rules.no_signal_floor_s


def _people_at(
    user: User, bureau_id: int, stations: list[Station], now: datetime, rules: Rules
) -> list[tuple[int, int]]:
    """Person and station of everybody who is at one."""
    people = Person.objects.filter(bureau=bureau_id, unit__in=visible_units(user))
    states = {
        state.person_id: state
        for state in LiveState.objects.filter(
            bureau_id=bureau_id, person_id__in=people.values("pk"), duty_until__gt=now
        )
    }
    bases = dict(
        Shift.objects.filter(
            person__in=states, starts_at__lte=now, ends_at__gt=now, base__isnull=False
        ).values_list("person", "base")
    )
    fixes = [
        fix
        for fix in latest_fixes(states, bureau_id)
        if has_signal(fix, states[fix.person], now, rules)
    ]
    if not fixes:
        return []
    lon, lat = [one.geometry.x for one in stations], [one.geometry.y for one in stations]
    plane = Plane.around(lon, lat)
    tree = shapely.STRtree(
        [shapely.Point(x, y) for x, y in zip(*plane.to_metres(lon, lat), strict=True)]
    )
    places = shapely.points(
        np.column_stack(
            plane.to_metres([fix.lon_deg for fix in fixes], [fix.lat_deg for fix in fixes])
        )
    )
    near, at = tree.query_nearest(places, max_distance=rules.stay_radius_m, all_matches=False)
    return [
        (fixes[k].person, stations[s].pk)
        for k, s in zip(near.tolist(), at.tolist(), strict=True)
        if states[fixes[k].person].parked_since is not None
        or bases.get(fixes[k].person) == stations[s].pk
    ]
