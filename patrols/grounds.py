"""Which streets are a unit's own: membership by segment, not by the place of single fixes."""

from __future__ import annotations

import numpy as np
import shapely
from django.contrib.gis.db.models.functions import AsWKB
from shapely.geometry.base import BaseGeometry

from bureau.models import OrgUnit
from geo.models import Area, AreaKind
from geo.roads import Roads
from patrols.days import Ground

# A street on the border of two beats belongs to both: borders are drawn along streets.
BORDER_M = 10.0
# A segment belongs to a beat if more than this share of its length lies in it.
OWN_SHARE = 0.5


def grounds_of(bureau_id: int, roads: Roads) -> dict[int, Ground]:
    """The ground of each unit of a bureau.

    A unit's beats; where it has none, the jurisdiction drawn for it or the nearest unit above it;
    where there is none either, everything.
    """
    areas: dict[tuple[str, int], list[BaseGeometry]] = {}
    rows = (
        Area.objects.filter(bureau=bureau_id, kind__in=[AreaKind.BEAT, AreaKind.JURISDICTION])
        .annotate(wkb=AsWKB("geometry"))
        .values_list("kind", "unit", "wkb")
    )
    for kind, unit, wkb in rows:
        areas.setdefault((kind, unit), []).append(shapely.from_wkb(bytes(wkb)))
    parents = dict(OrgUnit.objects.filter(bureau=bureau_id).values_list("pk", "parent"))
    made: dict[tuple[str, int] | None, Ground] = {None: everything(roads)}
    found = {}
    for unit in parents:
        key = _area_of(unit, parents, areas)
        if key is not None and key not in made:
            made[key] = ground_within(roads, areas[key])
        found[unit] = made[key]
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


def everything(roads: Roads) -> Ground:
    """All streets, and the land between them."""
    return Ground(np.ones(len(roads.network), dtype=np.bool_), None)


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
