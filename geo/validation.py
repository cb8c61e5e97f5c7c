"""Is this geometry one that can be stored? Checks shared by imports, the API and the admin.

Pure: shapely only. A GeoDjango geometry is accepted too, because anything with `.wkb` is:
`check_geometry(area.geometry, "beat", jurisdiction.geometry)`. Everything is EPSG:4326,
lon then lat. The answer is a list of sentences; an empty list means that nothing is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from bureau.sentences import Sentence, gettext_noop
from geo.plane import Plane

# A boundary is digitised twice (by the bureau, by the planner) and never the same: this much over
# the edge of the jurisdiction is still inside. Our default, no source.
EDGE_TOLERANCE_M: Final = 50.0
# A beat whose border follows the jurisdiction's border coarsely: this share may stick out. Ours.
OUTSIDE_SHARE: Final = 0.01
MOST_VERTICES: Final = 100_000
FAR_DEG: Final = 1.0


class HasWkb(Protocol):
    """A shapely or GeoDjango geometry."""

    @property
    def wkb(self) -> bytes | memoryview: ...


@dataclass(frozen=True, slots=True)
class Sane:
    """What a kind of place may be: its geometry types and its size.

    least, most: metres of length for lines, square metres for areas; our limits, no source.
    They catch a wrong unit, a wrong scale and a slip of the mouse, not bad planning.
    """

    types: tuple[str, ...]
    least: float = 0.0
    most: float = float("inf")


_AREA: Final = ("Polygon", "MultiPolygon")
_LINE: Final = ("LineString", "MultiLineString")

SANE: Final[dict[str, Sane]] = {
    "jurisdiction": Sane(_AREA, 1e4, 3e11),  # a town's centre … the largest prefecture
    "beat": Sane(_AREA, 5e3, 5e8),
    "grid_cell": Sane(_AREA, 1e2, 2.5e7),
    "drill_ground": Sane(_AREA, 5e1, 1e6),
    "station": Sane(("Point",)),
    "point": Sane(("Point",)),
    "hotspot": Sane(_LINE, 10.0, 20_000.0),
    "route": Sane(_LINE, 50.0, 100_000.0),
    "road_segment": Sane(("LineString",), 0.5, 50_000.0),
}


def check_geometry(
    geometry: HasWkb | None, kind: str, jurisdiction: HasWkb | None = None
) -> list[Sentence]:
    """Everything that is wrong with a geometry, each as a sentence for a person.

    kind: a key of `SANE` (jurisdiction, beat, grid_cell, drill_ground, station, point, hotspot,
    route, road_segment).
    jurisdiction: the bureau's area; None leaves the check "inside the jurisdiction" out.
    A wrong type or a coordinate that is no place on earth ends the list there, since what would
    follow from it says nothing. Raises KeyError for an unknown kind.
    """
    sane = SANE[kind]
    if geometry is None:
        return [Sentence("geometry_missing", gettext_noop("There is no geometry."))]
    shape = shapely.force_2d(as_shapely(geometry))
    if shape.is_empty:
        return [Sentence("geometry_empty", gettext_noop("The geometry is empty."))]
    if shape.geom_type not in sane.types:
        return [
            Sentence(
                "geometry_type",
                gettext_noop("A %(type)s was given where a %(wanted)s is needed."),
                {"type": shape.geom_type, "wanted": " / ".join(sane.types)},
            )
        ]
    if fault := _check_coordinates(shapely.get_coordinates(shape)):
        return [fault]
    if not shape.is_valid:
        return [
            Sentence(
                "geometry_invalid",
                gettext_noop(
                    "The shape is not valid (%(why)s). Mend it in the map editor it came from."
                ),
                {"why": explain_validity(shape)},
            )
        ]
    faults = [_check_size(shape, sane)]
    if jurisdiction is not None and kind != "jurisdiction":
        faults.append(_check_inside(shape, shapely.force_2d(as_shapely(jurisdiction))))
    return [fault for fault in faults if fault is not None]


def as_shapely(geometry: HasWkb) -> BaseGeometry:
    """A shapely geometry from a shapely or GeoDjango one (over WKB: no shared library objects)."""
    if isinstance(geometry, BaseGeometry):
        return geometry
    return shapely.from_wkb(bytes(geometry.wkb))


def in_metres(geometry: BaseGeometry, plane: Plane) -> BaseGeometry:
    """The geometry on a local plane, in metres."""
    return shapely.transform(
        geometry, lambda lonlat: np.column_stack(plane.to_metres(lonlat[:, 0], lonlat[:, 1]))
    )


def plane_of(geometry: BaseGeometry) -> Plane:
    """The local plane around the middle of a geometry's box."""
    west, south, east, north = geometry.bounds
    return Plane.around([west, east], [south, north])


def _check_coordinates(lonlat: NDArray[np.float64]) -> Sentence | None:
    if len(lonlat) > MOST_VERTICES:
        return Sentence(
            "geometry_too_detailed",
            gettext_noop(
                "The shape has %(vertices)d vertices, more than %(most)d. Simplify it first."
            ),
            {"vertices": len(lonlat), "most": MOST_VERTICES},
        )
    if not np.isfinite(lonlat).all():
        return Sentence("geometry_not_finite", gettext_noop("A coordinate is not a number."))
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    if (np.abs(lon) > 180).any() or (np.abs(lat) > 90).any():
        at = int(np.argmax((np.abs(lon) > 180) | (np.abs(lat) > 90)))
        values = {"x": f"{lon[at]:.6g}", "y": f"{lat[at]:.6g}"}
        if (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all():
            return Sentence(
                "geometry_swapped",
                gettext_noop(
                    "%(x)s, %(y)s is no longitude and latitude; the two look swapped. "
                    "Longitude comes first."
                ),
                values,
            )
        return Sentence(
            "geometry_not_degrees",
            gettext_noop(
                "%(x)s, %(y)s is no longitude and latitude; the numbers look like metres. "
                "Declare the coordinate system of the file."
            ),
            values,
        )
    if ((np.abs(lon) < 1e-6) & (np.abs(lat) < 1e-6)).any():
        return Sentence(
            "geometry_at_zero",
            gettext_noop("A coordinate is 0, 0: the place is missing in the source."),
        )
    return None


def _check_size(shape: BaseGeometry, sane: Sane) -> Sentence | None:
    metric = in_metres(shape, plane_of(shape))
    if shape.geom_type in _AREA:
        size, unit = metric.area, "m²"
    elif shape.geom_type in _LINE:
        size, unit = metric.length, "m"
    else:
        return None
    if sane.least <= size <= sane.most:
        return None
    values: dict[str, str | int | float] = {
        "size": _amount(size, unit),
        "least": _amount(sane.least, unit),
        "most": _amount(sane.most, unit),
    }
    return Sentence(
        "geometry_size",
        gettext_noop("Its size is %(size)s; between %(least)s and %(most)s is plausible."),
        values,
    )


def _amount(size: float, unit: str) -> str:
    if unit == "m²" and size >= 1e5:
        return f"{size / 1e6:,.1f} km²"
    if unit == "m" and size >= 1e4:
        return f"{size / 1e3:,.1f} km"
    return f"{size:,.1f} {unit}" if size < 100 else f"{size:,.0f} {unit}"


def _check_inside(shape: BaseGeometry, jurisdiction: BaseGeometry) -> Sentence | None:
    if jurisdiction.covers(shape):
        return None
    away_deg = float(shapely.box(*jurisdiction.bounds).distance(shapely.box(*shape.bounds)))
    plane = plane_of(jurisdiction)
    border = in_metres(jurisdiction, plane)
    # The plane is only true near its origin, so what is degrees away is not measured on it.
    metric = in_metres(shape, plane) if away_deg < FAR_DEG else None
    if metric is None or metric.distance(border) > EDGE_TOLERANCE_M:
        swapped = shapely.transform(shape, lambda lonlat: np.asarray(lonlat)[:, ::-1])
        if jurisdiction.intersects(swapped):
            return Sentence(
                "geometry_swapped_inside",
                gettext_noop(
                    "It lies outside the jurisdiction, and would lie inside with longitude and "
                    "latitude swapped. Longitude comes first."
                ),
            )
        if metric is None:
            return Sentence(
                "geometry_far_outside",
                gettext_noop(
                    "It lies far outside the jurisdiction, by more than %(degrees).0f degrees."
                ),
                {"degrees": math.floor(away_deg)},
            )
        return Sentence(
            "geometry_outside",
            gettext_noop("It lies outside the jurisdiction, %(distance)s away from it."),
            {"distance": _amount(metric.distance(border), "m")},
        )
    if metric.geom_type == "Point":
        return None
    grown = border.buffer(EDGE_TOLERANCE_M)
    outside = metric.difference(grown)
    whole = metric.area if metric.geom_type in _AREA else metric.length
    share = (outside.area if metric.geom_type in _AREA else outside.length) / whole
    if share <= OUTSIDE_SHARE:
        return None
    return Sentence(
        "geometry_partly_outside",
        gettext_noop("%(share).0f %% of it lies outside the jurisdiction."),
        {"share": max(1.0, share * 100)},
    )
