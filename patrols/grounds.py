"""Which streets are a unit's own: membership by segment, not by the place of single fixes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import shapely
from django.contrib.gis.db.models.functions import AsWKB
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from shapely.geometry.base import BaseGeometry

from bureau.models import OrgUnit
from geo.models import Area, AreaKind
from geo.roads import Roads
from patrols.days import Ground
from patrols.models import FormerGround

# A street on the border of two beats belongs to both: borders are drawn along streets.
BORDER_M = 10.0
# A segment belongs to a beat if more than this share of its length lies in it.
OWN_SHARE = 0.5

# Bureau → mark of what it was made from, the streets, and the grounds.
_kept: dict[int, tuple[int, Roads, dict[int, Ground]]] = {}


def grounds_of(bureau_id: int, roads: Roads) -> dict[int, Ground]:
    """The ground of each unit of a bureau.

    A unit's beats; where it has none, the jurisdiction drawn for it or the nearest unit above it;
    where there is none either, everything.
    """
    areas: dict[tuple[str, int], list[BaseGeometry]] = {}
    rows = [
        (kind, unit, bytes(wkb))
        for kind, unit, wkb in Area.objects.filter(
            bureau=bureau_id, kind__in=[AreaKind.BEAT, AreaKind.JURISDICTION]
        )
        .annotate(wkb=AsWKB("geometry"))
        .order_by("pk")
        .values_list("kind", "unit", "wkb")
    ]
    for kind, unit, wkb in rows:
        areas.setdefault((kind, unit), []).append(shapely.from_wkb(wkb))
    parents = dict(OrgUnit.objects.filter(bureau=bureau_id).values_list("pk", "parent"))
    # Which streets lie where is asked with every late day and changes with hardly any.
    mark = hash((tuple(rows), tuple(sorted(parents.items(), key=str))))
    kept = _kept.get(bureau_id)
    if kept is not None and kept[0] == mark and kept[1] is roads:
        return kept[2]
    made: dict[tuple[str, int] | None, Ground] = {None: everything(roads)}
    found = {}
    for unit in parents:
        key = _area_of(unit, parents, areas)
        if key is not None and key not in made:
            drawn = sorted(wkb for kind, of, wkb in rows if (kind, of) == key)
            drawn_mark = hashlib.sha256(b"".join(drawn)).hexdigest()[:16]
            made[key] = replace(
                ground_within(roads, areas[key]), mark=drawn_mark, drawn=tuple(areas[key])
            )
        found[unit] = made[key]
    _kept[bureau_id] = (mark, roads, found)
    return found


def _area_of(
    unit: int,
    parents: dict[int, int | None],
    areas: dict[tuple[str, int], list[BaseGeometry]],
) -> tuple[str, int] | None:
    if (AreaKind.BEAT, unit) in areas:
        return (AreaKind.BEAT, unit)
    at: int | None = unit
    while at is not None:
        if (AreaKind.JURISDICTION, at) in areas:
            return (AreaKind.JURISDICTION, at)
        at = parents.get(at)
    return None


def keep_grounds(bureau_id: int, grounds: Iterable[Ground]) -> None:
    """Keep what was drawn, so that a week can be judged again on the ground of its time."""
    drawn = {ground.mark: ground.drawn for ground in grounds if ground.drawn}
    known = FormerGround.objects.filter(bureau=bureau_id, mark__in=drawn)
    for mark in known.values_list("mark", flat=True):
        del drawn[mark]
    FormerGround.objects.bulk_create(
        [
            FormerGround(
                bureau_id=bureau_id,
                mark=mark,
                areas=_drawn_together(shapes),
            )
            for mark, shapes in drawn.items()
        ],
        ignore_conflicts=True,
    )


def former_ground(bureau_id: int, mark: str, roads: Roads) -> Ground | None:
    """The ground that had this mark, on the present streets; None if it was not kept."""
    row = (
        FormerGround.objects.filter(bureau=bureau_id, mark=mark)
        .annotate(wkb=AsWKB("areas"))
        .values_list("wkb", flat=True)
        .first()
    )
    if row is None:
        return None
    drawn = tuple(_polygons([shapely.from_wkb(bytes(row))]))
    return replace(ground_within(roads, list(drawn)), mark=mark, drawn=drawn)


def _drawn_together(shapes: Iterable[BaseGeometry]) -> MultiPolygon:
    """All parts in one geometry, as they are: parts may overlap."""
    wkb = shapely.to_wkb(shapely.MultiPolygon(_polygons(shapes)))
    made = GEOSGeometry(memoryview(wkb), srid=4326)
    if not isinstance(made, MultiPolygon):
        raise TypeError(f"areas came back as {made.geom_type}")
    return made


def _polygons(shapes: Iterable[BaseGeometry]) -> list[shapely.Polygon]:
    return [part for shape in shapes for part in shapely.get_parts(shape).tolist()]


def everything(roads: Roads) -> Ground:
    """All streets, and the land between them."""
    return Ground(np.ones(len(roads.network), dtype=np.bool_), None, "everything")


def ground_within(roads: Roads, areas_lonlat: list[BaseGeometry]) -> Ground:
    """The segments that lie mostly within some areas (lon/lat degrees), borders included."""

    def to_metres(coords: np.ndarray) -> np.ndarray:
        return np.column_stack(roads.plane.to_metres(coords[:, 0], coords[:, 1]))

    area = shapely.buffer(
        shapely.union_all([shapely.transform(shape, to_metres) for shape in areas_lonlat]),
        BORDER_M,
    )
    own = np.zeros(len(roads.network), dtype=np.bool_)
    if len(own):
        near = roads.touching(area)
        inside = shapely.length(shapely.intersection(roads.lines[near], area))
        own[near] = inside > OWN_SHARE * roads.length_m[near]
    shapely.prepare(area)
    return Ground(own, area)
