"""What every place must be before it is stored: valid, of sane size, inside the jurisdiction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import shapely
from django.contrib.gis import geos
from django.contrib.gis.db.models import Union
from django.contrib.gis.geos import GEOSGeometry
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from shapely import LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from bureau.errors import Refused
from bureau.models import Bureau
from bureau.sentences import Sentence
from geo.models import Area, AreaKind, RoadSegment
from geo.validation import HasWkb, check_geometry

WGS84 = 4326


def jurisdiction_of(bureau: Bureau) -> GEOSGeometry | None:
    """All that the bureau is responsible for, as one shape; None while none is drawn."""
    areas = Area.objects.filter(bureau=bureau, kind=AreaKind.JURISDICTION)
    whole: GEOSGeometry | None = areas.aggregate(whole=Union("geometry"))["whole"]
    return whole


def faults_of(geometry: HasWkb | None, kind: str, bureau: Bureau) -> list[Sentence]:
    """What is wrong with a place of this kind (see `geo.validation.SANE`) in this bureau."""
    # Until a jurisdiction is drawn nothing can be outside of it.
    return check_geometry(geometry, kind, jurisdiction_of(bureau))


def checked(geometry: GEOSGeometry | BaseGeometry, kind: str, bureau: Bureau) -> GEOSGeometry:
    """The geometry as it is stored: two dimensions, WGS-84, lines and polygons as multi.

    Raises Refused with the first fault's code and all faults' sentences.
    """
    if isinstance(geometry, GEOSGeometry) and geometry.srid not in (None, WGS84):
        raise Refused(
            "geometry_crs",
            _("Send longitude and latitude in WGS 84 (EPSG:4326), not EPSG:%(srid)d.")
            % {"srid": geometry.srid},
        )
    if faults := faults_of(geometry, kind, bureau):
        raise Refused(faults[0].code, " ".join(say(fault) for fault in faults))
    shape = shapely.force_2d(shapely.from_wkb(bytes(geometry.wkb)))
    if kind != "road_segment" and isinstance(shape, LineString):
        shape = MultiLineString([shape])
    if isinstance(shape, Polygon):
        shape = MultiPolygon([shape])
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=WGS84)


def line_of(segments: list[RoadSegment]) -> geos.MultiLineString:
    """A hotspot's line: the lines of its road segments."""
    return geos.MultiLineString([segment.geometry for segment in segments], srid=WGS84)


def say(sentence: Sentence) -> str:
    """The sentence in the reader's language."""
    return _(sentence.template) % sentence.values


@contextmanager
def code_once() -> Iterator[None]:
    """Save inside: a code that is taken becomes Refused instead of a database error."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "code_once" not in str(error):
            raise
        raise Refused("code_taken", _("This code is taken. Choose another.")) from error
