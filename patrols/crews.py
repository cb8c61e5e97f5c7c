"""Who is there to be sent to a lead: the people of the dispatcher's units as they are now.

`propose` ranks them (`patrols.nearest`); `check_crew` is the last word before an offer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from bureau.access import rules_on, visible_units
from bureau.errors import Refused
from bureau.models import Bureau, User
from bureau.rules import Rules
from bureau.week import Week
from geo.bureau_roads import roads_of
from geo.models import Area, AreaKind, Hotspot
from patrols.access import visible_people
from patrols.admission import LONGEST_PATROL
from patrols.judges.enforcement_pair import Handler, judge
from patrols.judges.judgement import Outcome, Reason
from patrols.live import X, Y
from patrols.live_round import people_on_duty
from patrols.models import (
    Alarm,
    Category,
    Certificate,
    Company,
    Latest,
    Lead,
    LiveState,
    Mode,
    Order,
    OrderMember,
    PatrolMember,
    Person,
    PhoneHolding,
)
from patrols.nearest import Cover, Crowd, Out, Ranking, rank


@dataclass(frozen=True)
class Crew:
    """People who may be offered an order; together: they walk in one patrol already."""

    people: list[Person]
    together: bool


@dataclass(frozen=True)
class Proposal:
    """A ranking with the people and places that its indexes stand for."""

    ranking: Ranking
    people: list[Person]
    crowd: Crowd
    places: list[str]  # names, as the ranking's covers


def propose(lead: Lead, *, by: User, now: datetime) -> Proposal:
    """Rank everybody of the user's units for a lead; its own open order keeps nobody."""
    bureau = lead.bureau
    order = lead.orders.filter(ended_at=None).first()
    rules, _set = rules_on(bureau, Week.containing(now, bureau.time_zone).monday)
    people = list(visible_people(by).filter(left_on=None).select_related("unit").order_by("pk"))
    crowd, states = read_crowd(bureau, people, order, rules, now)
    covers, places = read_covers(by, crowd, states)
    ranking = rank(
        roads_of(bureau.pk),
        (lead.point.x, lead.point.y),
        crowd,
        enforcement=lead.enforcement,
        min_people=rules.min_certified if lead.enforcement else rules.min_group,
        limit_s=float(rules.order_limit_s),
        covers=covers,
    )
    return Proposal(ranking, people, crowd, places)


def read_crowd(
    bureau: Bureau, people: list[Person], order: Order | None, rules: Rules, now: datetime
) -> tuple[Crowd, dict[int, LiveState]]:
    """The people as arrays, and their live states by person id."""
    ids = [person.pk for person in people]
    number = {pk: k for k, pk in enumerate(ids)}
    n = len(ids)
    duty = {one.person: one for one in people_on_duty(bureau, now) if one.person in number}
    states = {
        state.person_id: state
        for state in LiveState.objects.filter(bureau_id=bureau.pk, person_id__in=ids)
    }
    pairs = walking_pairs(bureau, number, duty, states, now)
    speed_of = {Mode.BICYCLE: rules.cycling_mps, Mode.VEHICLE: rules.driving_mps}
    lonlat, age, fresh = np.full((n, 2), np.nan), np.full(n, np.nan), np.zeros(n)
    speed, pair = np.full(n, rules.walking_mps), np.full(n, -1, dtype=np.int64)
    for pk, one in duty.items():
        fresh[number[pk]] = max(rules.stale_floor_s, 2 * one.interval_s)
    for pk, lon, lat, recorded_at in (
        Latest.objects.filter(bureau_id=bureau.pk, person_id__in=list(duty))
        .annotate(lon=X("point"), lat=Y("point"))
        .values_list("person_id", "lon", "lat", "recorded_at")
    ):
        # Nobody's place of an earlier duty is used.
        if recorded_at >= duty[pk].since:
            lonlat[number[pk]] = lon, lat
            age[number[pk]] = max(0.0, (now - recorded_at).total_seconds())
    for pk, (group, mode) in pairs.items():
        pair[number[pk]] = group
        speed[number[pk]] = speed_of.get(Mode(mode), rules.walking_mps)
    busy = set(
        OrderMember.objects.filter(person__in=ids, until=None)
        .exclude(order=order)
        .exclude(order__state="offered", order__offer_ends_at__lte=now)
        .values_list("person_id", flat=True)
    )
    alarmed = set(
        Alarm.objects.filter(person__in=ids, closed_at=None).values_list("person_id", flat=True)
    )
    day = timezone.localtime(now, ZoneInfo(bureau.time_zone)).date()
    certified = set(
        Certificate.objects.filter(
            person__in=ids, valid_from__lte=day, valid_until__gte=day
        ).values_list("person_id", flat=True)
    )

    def each(chosen: Collection[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array([pk in chosen for pk in ids], dtype=np.bool_)

    officers = {person.pk for person in people if person.category == Category.OFFICER}
    return Crowd(
        ids=np.array(ids, dtype=np.int64),
        lonlat=lonlat,
        officer=each(officers),
        certified=each(certified),
        on_duty=each(duty),
        on_order=each(busy),
        sos=each(alarmed),
        fix_age_s=age,
        fresh_s=fresh,
        speed_mps=speed,
        pair=pair,
    ), states


def walking_pairs(
    bureau: Bureau,
    number: Collection[int],
    duty: Collection[int],
    states: dict[int, LiveState],
    now: datetime,
) -> dict[int, tuple[int, str]]:
    """Person → (number of the pair, how they move): started patrols first, then company as seen."""
    found: dict[int, tuple[int, str]] = {}
    for pk, patrol, mode in PatrolMember.objects.filter(
        patrol__bureau=bureau,
        patrol__ended_at=None,
        patrol__started_at__gt=now - LONGEST_PATROL,
        person__in=list(number),
    ).values_list("person_id", "patrol_id", "patrol__mode"):
        found[pk] = (2 * patrol, mode)
    for pk, state in states.items():
        if pk in found or state.company != Company.TOGETHER or pk not in duty:
            continue
        # The lowest id names the group; odd numbers, so that no patrol has the same.
        members = {pk, *state.partners}
        if not any(partner in found and found[partner][0] % 2 == 0 for partner in members):
            found[pk] = (2 * min(members) + 1, Mode.FOOT)
    return found


def read_covers(
    by: User, crowd: Crowd, states: dict[int, LiveState]
) -> tuple[list[Cover], list[str]]:
    """Beats and hotspots of the user's units with who is there, and their names."""
    covers, names = [], []
    placed = np.flatnonzero(~np.isnan(crowd.lonlat).any(axis=1))
    units = visible_units(by)
    for area in Area.objects.filter(unit__in=units, kind=AreaKind.BEAT).order_by("code"):
        west, south, east, north = area.geometry.extent
        lon, lat = crowd.lonlat[placed].T
        boxed = placed[(lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)]
        there = inside(area, boxed, crowd)
        if there:
            covers.append(Cover("beat", area.pk, frozenset(there)))
            names.append(area.name)
    on_spot: dict[int, set[int]] = {}
    for k, pk in enumerate(crowd.ids.tolist()):
        state = states.get(pk)
        if state is not None and state.hotspot_id is not None and crowd.on_duty[k]:
            on_spot.setdefault(state.hotspot_id, set()).add(k)
    for hotspot in Hotspot.objects.filter(pk__in=on_spot, unit__in=units).order_by("code"):
        covers.append(Cover("hotspot", hotspot.pk, frozenset(on_spot[hotspot.pk])))
        names.append(hotspot.name)
    return covers, names


def inside(area: Area, boxed: np.ndarray, crowd: Crowd) -> list[int]:
    """Of some people, given by index, those within an area."""
    shape = shapely.from_wkb(bytes(area.geometry.wkb))
    lon, lat = crowd.lonlat[boxed].T if len(boxed) else (np.empty(0), np.empty(0))
    found: list[int] = boxed[shapely.contains_xy(shape, lon, lat)].tolist()
    return found


def fresh_place(
    person: Person, order: Order, rules: Rules, now: datetime
) -> tuple[float, float] | None:
    """Where the person's phone is: lon, lat of the last fix of this duty if it is fresh."""
    crowd, _states = read_crowd(order.bureau, [person], order, rules, now)
    if not crowd.fix_age_s[0] <= crowd.fresh_s[0]:
        return None
    lon, lat = crowd.lonlat[0].tolist()
    return lon, lat


# --- the last word before an offer -------------------------------------------------------------


def check_crew(
    order: Order, people_ids: Collection[int], *, by: User, rules: Rules, now: datetime
) -> Crew:
    """The people of an offer, locked to nothing yet. Raises Refused with whom and why.

    An old fix is no reason here: the dispatcher may know better by radio.
    """
    people = list(
        visible_people(by)
        .filter(pk__in=list(people_ids), left_on=None)
        .select_related("unit")
        .order_by("pk")
    )
    if not people or len(people) != len(set(people_ids)):
        raise Refused("person_unknown", _("Choose people of your own units."))
    crowd, _states = read_crowd(order.bureau, people, order, rules, now)
    reasons = {
        Out.OFF_DUTY: (crowd.on_duty, False, _("%(name)s is not on duty now.")),
        Out.SOS: (crowd.sos, True, _("%(name)s has raised an SOS.")),
        Out.ON_ORDER: (crowd.on_order, True, _("%(name)s is on another order.")),
    }
    for why, (holds, against, sentence) in reasons.items():
        for k in np.flatnonzero(holds == against).tolist():
            raise Refused(why.value, sentence % {"name": people[k]})
    together = len(people) >= rules.min_group and len(set(crowd.pair.tolist()) - {-1}) == 1
    together = together and bool((crowd.pair >= 0).all())
    lacking = lacks(order.bureau, people, rules, now)
    if lacking and order.lead.enforcement:
        raise Refused("certified_missing", lacking)
    if lacking and not together:
        raise Refused(
            "no_pair",
            _("Send two certified officers, or a patrol pair that walks together now."),
        )
    return Crew(people, together)


def lacks(bureau: Bureau, people: list[Person], rules: Rules, now: datetime) -> str:
    """What an enforcement needs and these people have not, as a sentence; empty if nothing."""
    day = timezone.localtime(now, ZoneInfo(bureau.time_zone)).date()
    phones: dict[int, set[int]] = {}
    for pk, phone in PhoneHolding.objects.filter(
        Q(until=None) | Q(until__gt=now), person__in=people, since__lte=now
    ).values_list("person_id", "phone_id"):
        phones.setdefault(pk, set()).add(phone)
    certificates: dict[int, list[tuple[date, date]]] = {}
    for pk, first, last in Certificate.objects.filter(person__in=people).values_list(
        "person_id", "valid_from", "valid_until"
    ):
        certificates.setdefault(pk, []).append((first, last))
    answer = judge(
        day,
        [
            Handler(
                person.pk,
                person.category == Category.OFFICER,
                tuple(certificates.get(person.pk, [])),
                frozenset(phones.get(person.pk, ())),
            )
            for person in people
        ],
        rules,
    )
    if answer.outcome == Outcome.MET:
        return ""
    names = {person.pk: person.name for person in people}
    said = {
        Reason.AUXILIARY: _("%(name)s is an auxiliary, who never counts."),
        Reason.NO_CERTIFICATE: _("%(name)s has no certificate."),
        Reason.CERTIFICATE_OUT_OF_DATE: _("%(name)s's certificate is not valid today."),
        Reason.ONE_PHONE: _("%(name)s reports from the same phone as another."),
    }
    parts = [_("Enforcement needs %(n)d certified officers.") % {"n": rules.min_certified}]
    parts += [
        said[lack.reason] % {"name": names[lack.person]}
        for lack in answer.lacks
        if lack.person is not None and lack.reason in said
    ]
    return " ".join(parts)
