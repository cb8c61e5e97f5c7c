"""One round of the live judge over a bureau: reads what is known, writes the states that changed.

The ticker runs a round every few seconds. Only it writes `LiveState`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray

from bureau.access import rules_on
from bureau.models import Bureau, OrgUnit
from bureau.rules import Rules
from geo.models import Hotspot, RoadSegment
from geo.plane import Plane
from geo.track import Fault, Fixes, in_order
from patrols.admission import FOREVER_US, merged, span_at
from patrols.live_judge import WINDOW_S, Seen, judge_live
from patrols.live_places import Streets
from patrols.live_window import FULL_EVERY, Window
from patrols.models import (
    Company,
    LiveState,
    PatrolMember,
    Person,
    PhoneHolding,
)
from patrols.storage.carriers import from_us, load_carriers, load_slacks, to_us
from patrols.storage.states import COLUMNS, write_states
from patrols.wire import Flag

DAY = timedelta(days=1)
# The end of a duty that has none yet: an open SOS.
OPEN_END = datetime(2200, 1, 1, tzinfo=UTC)
# A "since" that moves by less is the same one, seen again through a moving window.
SAME_SINCE = timedelta(seconds=30)
# Contact without a fix is told when it is this much newer.
CONTACT_STEP = timedelta(seconds=30)
# Streets and hotspots are read again after this: an import shows in the list that much later.
PLACES_KEPT = timedelta(minutes=5)

FAULT_OF_FLAG = {
    Flag.MOCK: Fault.MOCK,
    Flag.SYNTHETIC: Fault.SYNTHETIC,
    Flag.NO_TIME: Fault.NO_TIME,
}


@dataclass
class Places:
    """A bureau's streets, and which hotspots lie on each segment."""

    streets: Streets | None
    hotspots: dict[int, list[tuple[int, str, int]]]  # segment → (hotspot, name, its unit)
    lineage: dict[int, set[int]]  # unit → itself and all above it
    read_at: datetime


@dataclass
class Memory:
    """What a bureau's next round needs of the last one; lost without harm when a ticker stops."""

    places: Places | None = None
    lost: dict[int, frozenset[int]] = field(default_factory=dict)
    window: Window = field(default_factory=lambda: Window(WINDOW_S))
    states: dict[int, LiveState] = field(default_factory=dict)  # as they are stored
    states_read_at: datetime | None = None

    def stored(self, bureau: Bureau, now: datetime) -> dict[int, LiveState]:
        """Person id → the stored state. Nobody else writes them; a row that was taken away or put
        back is seen within a minute."""
        if self.states_read_at is None or not timedelta() <= now - self.states_read_at < FULL_EVERY:
            rows = LiveState.objects.filter(bureau_id=bureau.pk)
            self.states = {state.person_id: state for state in rows}
            self.states_read_at = now
        return self.states


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody who is on duty now, with how often the phone reports."""

    person: int
    unit: int
    since: datetime
    until: datetime
    interval_s: int
    contact_at: datetime | None


def run_round(bureau: Bureau, memory: Memory, now: datetime) -> int:
    """Judge everybody of a bureau who is on duty, and write the states that changed; how many."""
    rules, _ = rules_on(bureau, timezone.localdate(now))
    if memory.places is None or now - memory.places.read_at > PLACES_KEPT:
        memory.places = read_places(bureau, now)
    duty = people_on_duty(bureau, now)
    seen, plane, newest = judge_people(bureau, duty, memory, rules, now)
    memory.lost = {person: one.lost for person, one in seen.items() if one.lost}
    before = memory.stored(bureau, now)
    wanted = [
        state_of(bureau, person, seen.get(person.person), before.get(person.person), newest)
        for person in duty
    ]
    if plane is not None:
        add_places(wanted, duty, seen, plane, memory.places)
    ids = {person.person for person in duty}
    wanted += [
        LiveState(bureau_id=bureau.pk, person_id=pk)
        for pk, state in before.items()
        if pk not in ids and state.duty_until is not None
    ]
    news = [state for state in wanted if is_news(state, before.get(state.person_id))]
    written = write_states(news)
    before.update((state.person_id, state) for state in news)
    return written


def people_on_duty(bureau: Bureau, now: datetime) -> list[OnDuty]:
    """Who is on duty now, by the same spans by which ingest admits positions."""
    units = dict(Person.objects.filter(bureau=bureau).values_list("pk", "unit_id"))
    now_us = to_us(now)
    with connection.cursor() as cursor:
        carriers = load_carriers(
            cursor, list(units), (to_us(now - DAY), to_us(now + DAY)), now_us, load_slacks(cursor)
        )
    phones: dict[int, list[tuple[int, datetime | None]]] = defaultdict(list)
    for person, interval_s, contact_at in PhoneHolding.objects.filter(
        person__bureau=bureau, until=None, since__lte=now, phone__revoked_at=None
    ).values_list("person_id", "phone__interval_s", "phone__last_contact_at"):
        phones[person].append((interval_s, contact_at))
    found = []
    for person, carrier in carriers.items():
        span = span_at(merged(carrier.duty + carrier.open_duty), now_us)
        if span is None or now_us >= carrier.left_us:
            continue
        held = phones.get(person, [])
        found.append(
            OnDuty(
                person=person,
                unit=units[person],
                since=from_us(span[0]),
                until=OPEN_END if span[1] >= FOREVER_US else from_us(span[1]),
                interval_s=min((interval_s for interval_s, _ in held), default=0),
                contact_at=max((at for _, at in held if at is not None), default=None),
            )
        )
    return sorted(found, key=lambda one: one.person)


def judge_people(
    bureau: Bureau, duty: list[OnDuty], memory: Memory, rules: Rules, now: datetime
) -> tuple[dict[int, Seen], Plane | None, dict[int, datetime]]:
    """What is seen of each, the plane of its metres, and the newest fix time of each."""
    people = [one.person for one in duty]
    rows = memory.window.read(bureau.pk, {one.person: one.since for one in duty}, now)
    if not len(rows):
        return {}, None, {}
    order = np.lexsort((rows["t_s"], rows["person"]))
    who, first = np.unique(rows["person"][order], return_index=True)
    last = rows["t_s"][order][np.append(first, len(order))[1:] - 1]
    newest = {
        person: from_us(round(t_s * 1e6))
        for person, t_s in zip(who.tolist(), last.tolist(), strict=True)
    }
    plane = memory.places.streets.plane if memory.places and memory.places.streets else None
    plane = plane or Plane.around(rows["lon_deg"], rows["lat_deg"])
    seen = judge_live(
        to_fixes(rows, people, plane),
        people,
        now_s=now.timestamp(),
        fresh_s=np.array(
            [max(rules.stale_floor_s, 2 * one.interval_s) for one in duty], dtype=np.float64
        ),
        rules=rules,
        patrol_of=dict(
            PatrolMember.objects.filter(
                patrol__bureau=bureau, patrol__ended_at=None, person__in=people
            ).values_list("person_id", "patrol_id")
        ),
        lost_before=memory.lost,
    )
    return seen, plane, newest


def to_fixes(rows: NDArray[np.void], people: list[int], plane: Plane) -> Fixes:
    """Rows of `read_fixes` as the arrays of `geo.track`; track k is `people[k]`."""
    ids = np.array(people, dtype=np.int64)
    order = np.argsort(ids)
    x_m, y_m = plane.to_metres(rows["lon_deg"], rows["lat_deg"])
    faults = np.zeros(len(rows), dtype=np.int64)
    for flag, fault in FAULT_OF_FLAG.items():
        faults[rows["flags"] & int(flag) != 0] |= int(fault)
    return in_order(
        order[np.searchsorted(ids[order], rows["person"])],
        rows["t_s"],
        x_m,
        y_m,
        rows["accuracy_m"],
        faults,
    )


def state_of(
    bureau: Bureau,
    one: OnDuty,
    seen: Seen | None,
    before: LiveState | None,
    newest: dict[int, datetime],
) -> LiveState:
    """The state to hold of somebody on duty, without street and hotspot."""
    seen = seen or Seen()
    state = LiveState(
        bureau_id=bureau.pk,
        person_id=one.person,
        duty_since=one.since,
        duty_until=one.until,
        company=Company(seen.company),
        company_since=moment(seen.since_s),
        partners=list(seen.partners),
        parked_since=moment(seen.parked_since_s),
        contact_at=before.contact_at if before else None,
    )
    if before and seen.x_m is None and before.duty_since == one.since:
        # Silent for a while: the street of the last place still says where to look.
        state.street, state.street_en = before.street, before.street_en
    # The window's edge moves along; what began before it keeps its beginning.
    if before and before.company == state.company and before.partners == state.partners:
        state.company_since = earlier(before.company_since, state.company_since)
    if before and before.parked_since and state.parked_since:
        state.parked_since = earlier(before.parked_since, state.parked_since)
    fix_at = newest.get(one.person)
    contact = one.contact_at
    if (
        contact
        and (fix_at is None or contact > fix_at + CONTACT_STEP)
        and (state.contact_at is None or contact > state.contact_at + CONTACT_STEP)
    ):
        state.contact_at = contact
    return state


def moment(seconds: float | None) -> datetime | None:
    """An aware moment of seconds since 1970."""
    return None if seconds is None else from_us(round(seconds * 1e6))


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments, either of which may be missing."""
    return min((at for at in (one, other) if at is not None), default=None)


def read_places(bureau: Bureau, now: datetime) -> Places:
    """The bureau's streets in use and its open hotspots."""
    rows = list(
        RoadSegment.objects.filter(bureau=bureau, retired_at=None)
        .annotate(wkb=AsWKB("geometry"))
        .values_list("pk", "name", "name_en", "wkb")
    )
    streets = None
    if rows:
        first = Plane.around(*middle_of(bytes(rows[0][3])))
        streets = Streets.of(
            first,
            [row[0] for row in rows],
            [(row[1], row[2]) for row in rows],
            [bytes(row[3]) for row in rows],
        )
    hotspots: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for pk, name, unit, segment in Hotspot.objects.filter(
        bureau=bureau, closed_on=None
    ).values_list("pk", "name", "unit_id", "segments"):
        hotspots[segment].append((pk, name, unit))
    return Places(streets, dict(hotspots), lineages(bureau), now)


def middle_of(wkb: bytes) -> tuple[list[float], list[float]]:
    """Longitudes and latitudes of one line: where a bureau's plane has its origin."""
    lon_lat = shapely.get_coordinates(shapely.from_wkb(wkb))
    return lon_lat[:, 0].tolist(), lon_lat[:, 1].tolist()


def lineages(bureau: Bureau) -> dict[int, set[int]]:
    """Unit → itself and every unit above it."""
    parent = dict(OrgUnit.objects.filter(bureau=bureau).values_list("pk", "parent_id"))
    found: dict[int, set[int]] = {}
    for unit in parent:
        above: int | None = unit
        found[unit] = set()
        while above is not None and above not in found[unit]:
            found[unit].add(above)
            above = parent.get(above)
    return found


def add_places(
    states: list[LiveState],
    duty: list[OnDuty],
    seen: dict[int, Seen],
    plane: Plane,
    places: Places,
) -> None:
    """Put the street beside each, and the hotspot of one's own line of units, into the states."""
    if places.streets is None or places.streets.plane != plane:
        return
    placed = [
        (state, one, seen[one.person])
        for state, one in zip(states, duty, strict=True)
        if one.person in seen and seen[one.person].x_m is not None
    ]
    lines = places.streets.beside(
        np.array([found.x_m for _, _, found in placed], dtype=np.float64),
        np.array([found.y_m for _, _, found in placed], dtype=np.float64),
    )
    for (state, one, _), line in zip(placed, lines.tolist(), strict=True):
        if line < 0:
            continue
        state.street, state.street_en = places.streets.names[line]
        for hotspot, name, unit in places.hotspots.get(int(places.streets.ids[line]), []):
            if unit in places.lineage.get(one.unit, set()):
                state.hotspot_id, state.hotspot_name = hotspot, name
                break


def is_news(state: LiveState, before: LiveState | None) -> bool:
    """Whether a state says something that the stored one does not."""
    if before is None:
        return True
    for column in COLUMNS:
        was, is_now = getattr(before, column), getattr(state, column)
        if was == is_now:
            continue
        if column in {"company_since", "parked_since"} and was and is_now:
            if abs(was - is_now) > SAME_SINCE:
                return True
            continue
        return True
    return False
