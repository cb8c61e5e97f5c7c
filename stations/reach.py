"""How far people get on foot from stations, and what that leaves out, within what a user sees."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.contrib.gis.geos import Point
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from bureau.access import rules_on
from bureau.errors import Refused
from bureau.models import Bureau
from bureau.rules import described
from geo.bureau_roads import roads_of
from geo.models import Hotspot
from geo.roads import Roads, reachable
from stations.coverage import Served, served
from stations.models import Station

KEPT_SHAPES = 2_000  # reaches kept in a process; one is some kilobytes

_shapes: WeakKeyDictionary[Roads, dict[tuple[float, ...], BaseGeometry]] = WeakKeyDictionary()
_turn = threading.Lock()


@dataclass(frozen=True)
class ReachRules:
    """The rules a reach rests on, and where the number comes from.

    source: one of `bureau.rules.Source`; `since`: the Monday of the bureau's own rule set, None
    when the shipped default holds.
    """

    reach_s: float
    walking_mps: float
    source: str
    since: date | None

    @property
    def reach_m(self) -> float:
        """How far that is along streets."""
        return self.reach_s * self.walking_mps


@dataclass(frozen=True)
class Reach:
    """A station's reach: its shape, or in `why` the reason why there is none."""

    station: Station
    shape: BaseGeometry | None
    why: str = ""


@dataclass(frozen=True)
class HotspotServed:
    """A hotspot with how it is served; `nearest` is a station's id, or None for a tried place."""

    hotspot: Hotspot
    served: Served
    nearest: Station | None


def reach_rules(bureau: Bureau, day: date) -> ReachRules:
    """The reach rules of a bureau on a local date."""
    rules, rule_set = rules_on(bureau, day)
    since = None
    if rule_set is not None:
        row = bureau.rule_sets.get(pk=rule_set)
        if {"reach_s", "walking_mps"} & set(row.values):
            since = row.valid_from
    source = next(source for key, *_rest, source, _meaning in described() if key == "reach_s")
    return ReachRules(rules.reach_s, rules.walking_mps, source.value, since)


def reach_from(bureau: Bureau, lon_deg: float, lat_deg: float, rules: ReachRules) -> BaseGeometry:
    """The area within the reach of a place, in degrees. Raises Refused where streets are far."""
    roads = roads_of(bureau.pk)
    key = (round(lon_deg, 6), round(lat_deg, 6), rules.reach_s, rules.walking_mps)
    with _turn:
        kept = _shapes.setdefault(roads, {})
        if key in kept:
            return kept[key]
    shape = reachable(roads, lon_deg, lat_deg, seconds=rules.reach_s, walking_mps=rules.walking_mps)
    with _turn:
        if len(kept) >= KEPT_SHAPES:
            kept.clear()
        kept[key] = shape
    return shape


def reaches(bureau: Bureau, stations: Sequence[Station], rules: ReachRules) -> list[Reach]:
    """The reach of each station; one that has none says why and spoils nothing."""
    found = []
    for station in stations:
        place: Point = station.geometry
        try:
            found.append(Reach(station, reach_from(bureau, place.x, place.y, rules)))
        except Refused as refusal:
            found.append(Reach(station, None, str(refusal.message)))
    return found


def coverage(
    bureau: Bureau,
    stations: Sequence[Station],
    hotspots: QuerySet[Hotspot],
    rules: ReachRules,
    *,
    tried: tuple[float, float] | None = None,
) -> list[HotspotServed]:
    """How each hotspot is served by these stations, worst first.

    stations, hotspots: what the user sees and what is in use; a neighbour's station that the user
    does not see counts for nothing here. tried: a further place, lon and lat in degrees, that
    stands for a station being dragged or not yet added.
    """
    rows = list(hotspots.annotate(wkb=AsWKB("geometry")))
    roads = roads_of(bureau.pk)
    if rows and not len(roads.network):
        # Without streets nothing is known about walking; "not reached" would be a false claim.
        raise Refused("no_streets", _("There are no streets yet: import a street network first."))
    places = [(row.geometry.x, row.geometry.y) for row in stations]
    if tried is not None:
        places.append(tried)
    found = served(
        roads,
        np.asarray(places, np.float64).reshape(-1, 2),
        [shapely.from_wkb(bytes(row.wkb)) for row in rows],
        reach_s=rules.reach_s,
        walking_mps=rules.walking_mps,
    )
    everywhere: list[Station | None] = [*stations, None]
    answer = [
        HotspotServed(row, how, None if how.nearest is None else everywhere[how.nearest])
        for row, how in zip(rows, found, strict=True)
    ]
    answer.sort(
        key=lambda one: (
            one.served.share,
            -(np.inf if one.served.seconds is None else one.served.seconds),
            one.hotspot.code,
        )
    )
    return answer
