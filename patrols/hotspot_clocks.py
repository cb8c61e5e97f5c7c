"""The clocks of the live map: when each hotspot was last visited, and how it stands now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from django.contrib.gis.db.models.functions import PointOnSurface
from django.core.cache import cache
from django.db import connection

from bureau.access import visible_units
from bureau.models import OrgUnit, User
from bureau.rules import Rules
from bureau.week import Week
from geo.models import Hotspot
from patrols.hotspots import HotspotWeek, hotspot_weeks
from patrols.judges.hotspot_clock import Clock, read_clock
from patrols.live import check_may_watch
from patrols.models import LiveState
from patrols.staffing import has_signal
from patrols.storage.latest import latest_fixes

FRESH_S = 55  # screens ask once a minute; who watches the same unit shares the answer
# While one request works out the next answer, the others of this process take the last one.
KEPT_S = 600


@dataclass(frozen=True, slots=True)
class HotspotClock:
    """One hotspot now; lon, lat: a place on it, degrees. Who was there is not said here: the
    week's page says it, and logs that it did."""

    id: int
    name: str
    unit: str
    lon: float
    lat: float
    last_s: float | None
    present: int
    clock: Clock


def hotspot_clocks(user: User, now: datetime) -> list[HotspotClock]:
    """The open hotspots of the user's units. Raises Refused for who may not watch.

    For hundreds of hotspots it takes seconds, so each unit's are worked out once at a time, however
    many screens ask; whoever asks meanwhile gets the answer before, or waits for the first.
    """
    top = check_may_watch(user)
    key, lock = f"hotspot-clocks/{top.pk}", locks[top.pk]
    kept = _kept(key, now, FRESH_S)
    if kept is not None:
        return kept
    if not lock.acquire(blocking=False):
        kept = _kept(key, now, KEPT_S)
        if kept is not None:
            return kept
        if not connection.in_atomic_block:
            connection.close()  # a hundred who wait must not hold a hundred connections
        lock.acquire()
    try:
        kept = _kept(key, now, FRESH_S)
        if kept is None:
            kept = read_clocks(top, visible_units(user), now)
            cache.set(key, (now, kept), KEPT_S)
        return kept
    finally:
        lock.release()


locks: dict[int, Lock] = defaultdict(Lock)  # by unit


def _kept(key: str, now: datetime, within_s: float) -> list[HotspotClock] | None:
    """The answer that is kept, if it was worked out within so many seconds."""
    at, found = cache.get(key) or (None, None)
    return found if at is not None and abs((now - at).total_seconds()) < within_s else None


def read_clocks(top: OrgUnit, units: Iterable[OrgUnit], now: datetime) -> list[HotspotClock]:
    """The clocks of the hotspots of some units of the bureau of `top`."""
    bureau, units = top.bureau, list(units)
    week = Week.containing(now, bureau.time_zone)
    weeks = [
        one for one in hotspot_weeks(bureau, week, units, now=now) if one.hotspot.closed_on is None
    ]
    if not weeks:
        return []
    last = {one.hotspot.pk: _last_visit(one, now) for one in weeks}
    if any(at is None for at in last.values()):
        # Early in a week the last visit was in the one before.
        unseen = {one.hotspot.unit_id for one in weeks if last[one.hotspot.pk] is None}
        theirs = [unit for unit in units if unit.pk in unseen]
        for one in hotspot_weeks(bureau, week.shifted(-1), theirs, now=now):
            if one.hotspot.pk in last and last[one.hotspot.pk] is None:
                last[one.hotspot.pk] = _last_visit(one, now)
    present = people_on_hotspots(bureau.pk, now, weeks[0].rules)
    places = dict(
        Hotspot.objects.filter(pk__in=last)
        .annotate(place=PointOnSurface("geometry"))
        .values_list("pk", "place")
    )
    return [
        HotspotClock(
            one.hotspot.pk,
            one.hotspot.name,
            one.hotspot.unit.name,
            round(places[one.hotspot.pk].x, 7),
            round(places[one.hotspot.pk].y, 7),
            last[one.hotspot.pk],
            present[one.hotspot.pk],
            read_clock(
                one.judgement.slots,
                last[one.hotspot.pk],
                present=present[one.hotspot.pk],
                duty=one.duty,
                unseen=one.unseen,
                now_s=now.timestamp(),
                rules=one.rules,
            ),
        )
        for one in weeks
    ]


def people_on_hotspots(bureau_id: int, now: datetime, rules: Rules) -> Counter[int]:
    """How many people on duty the live judge sees on each hotspot, with a signal."""
    states = {
        state.person_id: state
        for state in LiveState.objects.filter(bureau_id=bureau_id, hotspot_id__isnull=False)
    }
    return Counter(
        states[fix.person].hotspot_id or 0
        for fix in latest_fixes(states, bureau_id)
        if has_signal(fix, states[fix.person], now, rules)
    )


def _last_visit(one: HotspotWeek, now: datetime) -> float | None:
    ends = [visit.exit_s for visit in one.judgement.visits if visit.enter_s <= now.timestamp()]
    return min(max(ends), now.timestamp()) if ends else None
