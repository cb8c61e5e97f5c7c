"""Declared coordinate systems → WGS-84 degrees, by GDAL; refuses what has no honest way there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import shapely
from django.contrib.gis.gdal import (
    AxisOrder,
    CoordTransform,
    GDALException,
    OGRGeometry,
    SpatialReference,
    SRSException,
)
from shapely.geometry.base import BaseGeometry

from bureau.sentences import Sentence, gettext_noop, unusable

# Datums that stand within a metre of WGS-84, as GDAL writes their names (lower case, part).
NEAR_WGS84: Final = (
    "wgs",
    "world_geodetic",
    "china_2000",
    "cgcs",
    "china_geodetic_coordinate_system_2000",
    "etrs",
    "european_terrestrial",
    "north_american_datum_1983",
    "itrf",
)
# Beijing 1954 and Xian 1980 need local parameters that are not public; without them PROJ offers
# a "ballpark" transform that shifts nothing and leaves an error of up to 150 m.
OLD_CHINESE: Final = ("beijing", "xian", "xi'an", "krass")
NOT_NAMED: Final = ("unknown", "undefined", "not_specified", "unspecified", "unnamed")
EXAMPLES: Final = "EPSG:4490 (CGCS2000), EPSG:4326 (WGS 84), EPSG:4547 (CGCS2000, zone 114°E)"


@dataclass(frozen=True, slots=True)
class Crs:
    """How a file's coordinates become WGS-84 degrees. `transform` None: they are that already."""

    label: str
    transform: CoordTransform | None
    warning: Sentence | None = None

    def to_degrees(self, geometry: BaseGeometry) -> BaseGeometry:
        """The geometry in WGS-84 lon, lat. Raises ValueError where the system does not reach."""
        if self.transform is None:
            return geometry
        ogr = OGRGeometry(memoryview(shapely.to_wkb(shapely.force_2d(geometry))))
        try:
            ogr.transform(self.transform)
        except GDALException as error:
            raise ValueError(str(error)) from None
        return shapely.from_wkb(bytes(ogr.wkb))


WGS84: Final = Crs("EPSG:4326", None)


def crs_missing() -> Exception:
    """The refusal of a file that does not say what its coordinates are."""
    return unusable(
        "crs_missing",
        gettext_noop(
            "The file does not say its coordinate system. Declare it with --crs, for example "
            "%(examples)s."
        ),
        {"examples": EXAMPLES},
    )


def read_crs(text: str) -> Crs:
    """A coordinate system from "EPSG:4547", WKT or a GeoJSON `crs` name.

    Raises Unusable when GDAL does not know it, when it is Beijing 1954 or Xian 1980, or when its
    datum is not named.
    """
    try:
        source = SpatialReference(text, axis_order=AxisOrder.TRADITIONAL)
        datum = (source["DATUM"] or "").lower()
        system = f"{source['GEOGCS'] or ''} {source.name or ''}".lower()
    except (SRSException, GDALException, TypeError, ValueError):
        raise unusable(
            "crs_unknown",
            gettext_noop(
                "The coordinate system %(name)s is not known. Declare it with --crs, for example "
                "%(examples)s."
            ),
            {"name": text[:80], "examples": EXAMPLES},
        ) from None
    label = source.name or text[:80]
    if any(old in datum or old in system for old in OLD_CHINESE):
        raise unusable(
            "crs_old",
            gettext_noop(
                "%(name)s cannot be converted honestly: its parameters are local and not public, "
                "and a guess errs by up to 150 m. Have the survey office convert the file to "
                "CGCS2000 (EPSG:4490) and import that."
            ),
            {"name": label},
        )
    if not datum or any(word in datum for word in NOT_NAMED):
        raise crs_missing()
    try:
        target = SpatialReference(4326, axis_order=AxisOrder.TRADITIONAL)
        transform = CoordTransform(source, target)
    except (SRSException, GDALException):
        raise unusable(
            "crs_no_way",
            gettext_noop(
                "There is no known way from %(name)s to WGS-84. Convert the file to CGCS2000 "
                "(EPSG:4490) first."
            ),
            {"name": label},
        ) from None
    near = any(word in datum for word in NEAR_WGS84)
    if near and source.geographic:
        return Crs(label, None)
    warning = None
    if not near:
        warning = Sentence(
            "crs_other_datum",
            gettext_noop(
                "The file is in %(name)s; it was converted to WGS-84 by PROJ's own parameters. "
                "Check on the map that places stand where they should."
            ),
            {"name": label},
        )
    return Crs(label, transform, warning)
