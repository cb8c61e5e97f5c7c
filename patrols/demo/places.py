"""Writes the demo's beats, hotspots, stations and routes on the streets that were imported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import cast

import shapely
from django.contrib.gis.geos import (
    GEOSGeometry,
    LineString,
    MultiLineString,
    MultiPolygon,
    Point,
)
from shapely.geometry.base import BaseGeometry

from bureau.models import Bureau, OrgUnit
from geo.models import Area, AreaKind, Grade, Hotspot, HotspotWindow, RoadSegment
from patrols.demo.cast import SQUADS
from patrols.demo.ground import Beat, Block, Ground, survey
from patrols.models import PatrolRoute
from stations.models import OpeningHours, Station, StationKind

WEEKDAYS = range(5)
WEEK = range(7)

# Grades of a squad's hotspots, the busiest first, and the hours in which each asks for visits.
GRADES = {
    "squad-1": (Grade.STRICT_STREET, Grade.FIRST, Grade.SECOND, Grade.THIRD),
    "squad-2": (Grade.FIRST, Grade.SECOND, Grade.SECOND, Grade.THIRD),
}
WINDOWS: tuple[list[tuple[int, time, time, int]], ...] = (
    [(day, time(11), time(13, 30), 1) for day in WEEK]
    + [(day, time(17), time(20), 1) for day in WEEK],  # lunch and evening stalls
    [(day, time(7, 15), time(8, 30), 1) for day in WEEKDAYS]
    + [(day, time(15, 30), time(17), 1) for day in WEEKDAYS],  # a school gate
    [(day, time(18, 30), time(21, 30), 2) for day in (4, 5, 6)],  # a night market
    [],
)

# Kind, desks, chairs, days open, from, to: the base first.
STATIONS = {
    "squad-1": (
        (StationKind.POST_HOUSE, 6, 8, WEEK, time(7), time(22)),
        (StationKind.KIOSK, 3, 4, WEEK, time(8), time(21, 30)),
        (StationKind.KIOSK, 1, 2, WEEK, time(8), time(20)),
        (StationKind.COMMUNITY_POINT, 2, 12, WEEKDAYS, time(9), time(17)),
        (StationKind.KIOSK, 1, 2, WEEKDAYS, time(8), time(18)),
    ),
    "squad-2": (
        (StationKind.POST_HOUSE, 5, 6, WEEK, time(7), time(22)),
        (StationKind.KIOSK, 3, 3, WEEK, time(8), time(21, 30)),
        (StationKind.KIOSK, 1, 2, WEEK, time(8), time(20)),
        (StationKind.SERVICE_WINDOW, 3, 6, WEEKDAYS, time(9), time(17)),
        (StationKind.KIOSK, 1, 2, WEEKDAYS, time(8), time(18)),
    ),
}


def read_ground(bureau: Bureau) -> Ground:
    """The ground that the bureau's streets make: the same streets, the same ground.

    Raises TooFewStreets when they cannot hold two squads.
    """
    rows = (
        RoadSegment.objects.filter(bureau=bureau, retired_at=None, is_footway=False)
        .order_by("external_id")
        .values_list("pk", "name", "kind", "geometry")
    )
    return survey(
        [
            Block(pk, name, kind, tuple((lon, lat) for lon, lat in line.coords))
            for pk, name, kind, line in rows
        ]
    )


def beats_of(ground: Ground) -> dict[str, Beat]:
    """The beats by the code of their squad."""
    return dict(zip(SQUADS, ground.beats, strict=True))


def make_places(
    ground: Ground, units: dict[str, OrgUnit], *, today: date
) -> dict[str, list[Station]]:
    """Write everything; returns each squad's stations, the base first."""
    stations = {}
    for number, (squad, beat) in enumerate(beats_of(ground).items(), start=1):
        unit = units[squad]
        Area.objects.create(
            bureau=unit.bureau,
            unit=unit,
            kind=AreaKind.BEAT,
            code=f"beat-{number}",
            name=beat.name,
            geometry=cast(MultiPolygon, to_geos(beat.polygon)),
        )
        make_hotspots(ground, beat, unit, number)
        for place, route in enumerate(beat.routes, start=1):
            PatrolRoute.objects.create(
                bureau=unit.bureau,
                unit=unit,
                code=f"R{number}{place}",
                name=route.name[:120],
                geometry=lines_of(ground.blocks, route.segments),
            )
        stations[squad] = make_stations(beat, unit, number, today)
    return stations


def make_hotspots(ground: Ground, beat: Beat, unit: OrgUnit, number: int) -> None:
    """A squad's hotspots with their windows."""
    for place, stretch in enumerate(beat.hotspots):
        hotspot = Hotspot.objects.create(
            bureau=unit.bureau,
            unit=unit,
            code=f"H{number}{place + 1}",
            name=stretch.name[:120],
            grade=GRADES[unit.code][place % 4],
            geometry=lines_of(ground.blocks, stretch.segments),
        )
        hotspot.segments.set([ground.blocks[i].id for i in stretch.segments])
        HotspotWindow.objects.bulk_create(
            HotspotWindow(hotspot=hotspot, weekday=day, starts=a, ends=b, required_visits=visits)
            for day, a, b, visits in WINDOWS[place % 4]
        )


def make_stations(beat: Beat, unit: OrgUnit, number: int, today: date) -> list[Station]:
    """A squad's stations on the beat's sites."""
    made = []
    for place, (site, (kind, desks, chairs, days, opens, closes)) in enumerate(
        zip(beat.sites, STATIONS[unit.code], strict=False), start=1
    ):
        station = Station.objects.create(
            bureau=unit.bureau,
            unit=unit,
            kind=kind,
            code=f"S{number}{place}",
            name=site.name[:120],
            address=site.name[:200],
            geometry=Point(site.lon_deg, site.lat_deg, srid=4326),
            desks=desks,
            chairs=chairs,
            opened_on=today - timedelta(days=200 + 91 * place),
        )
        OpeningHours.objects.bulk_create(
            OpeningHours(station=station, weekday=day, opens=opens, closes=closes) for day in days
        )
        made.append(station)
    return made


def lines_of(blocks: Sequence[Block], segments: Sequence[int]) -> MultiLineString:
    """Some of the streets as one shape, each once."""
    lines = [LineString(blocks[i].coordinates) for i in dict.fromkeys(segments)]
    return MultiLineString(lines, srid=4326)


def to_geos(shape: BaseGeometry) -> GEOSGeometry:
    """A shapely shape for a model, over WKB."""
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)
