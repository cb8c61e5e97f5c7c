"""The spatial SQL that is written by hand; nowhere else is any.

Each function takes a queryset that is already scoped to a bureau and to what the user may see,
so that scope is the ORM's and only the spatial part is here. Everything is EPSG:4326, lon then lat.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib.gis.db.models import GeometryField
from django.contrib.gis.geos import Point, Polygon
from django.core.exceptions import EmptyResultSet
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import (
    BinaryField,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    Model,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast

MOST_ZOOM = 22
EQUATOR_M = 40_075_016.686  # EPSG:3857, 2 π · 6,378,137 m
TILE_UNITS = 4096
TILE_BUFFER = 64  # tile units beyond the edge, so that lines and icons are not cut at seams
LEAST_METRES_A_DEGREE = 110_574.0  # of latitude, at the equator (WGS-84); the smallest on earth


def within_metres[Row: Model](
    rows: QuerySet[Row], lon_deg: float, lat_deg: float, distance_m: float
) -> QuerySet[Row]:
    """The rows whose `geometry` comes within a distance of a place; each has `distance_m`.

    A box that surely holds the circle is asked first, because only it can use the spatial index
    (a bare geography cast scans the table: 2,000 ms against 63 ms on two million points).
    Raises ValueError near a pole, where a box in degrees does not hold the circle.
    """
    north_deg = distance_m / LEAST_METRES_A_DEGREE * 1.01
    widest_lat_deg = abs(lat_deg) + north_deg
    if widest_lat_deg >= 89:
        raise ValueError("within_metres does not reach the poles")
    east_deg = north_deg / math.cos(math.radians(widest_lat_deg))
    box = Polygon.from_bbox(
        (lon_deg - east_deg, lat_deg - north_deg, lon_deg + east_deg, lat_deg + north_deg)
    )
    box.srid = 4326
    on_ellipsoid = GeometryField(srid=4326, geography=True)
    here = Value(Point(lon_deg, lat_deg, srid=4326), output_field=GeometryField(srid=4326))
    between = Func(
        Cast(F("geometry"), on_ellipsoid),
        Cast(here, on_ellipsoid),
        function="ST_Distance",
        output_field=FloatField(),
    )
    near = rows.filter(geometry__bboverlaps=box).annotate(distance_m=between)
    return cast("QuerySet[Row]", near.filter(distance_m__lte=distance_m))


def feature_collection(rows: QuerySet[Any], properties: Mapping[str, str], **members: Any) -> str:
    """One GeoJSON FeatureCollection of the rows, in their order, built by PostGIS, as text.

    properties: what to give beside `id`: name → the field or annotation that has it.
    members: further members of the collection (counts, links), of JSON's types.
    Coordinates have 7 decimals: a centimetre.
    """
    head = json.dumps({"type": "FeatureCollection", **members}, cls=DjangoJSONEncoder)[:-1]
    try:
        sql, params = _with_shape(rows, ["id", *properties.values()]).query.sql_with_params()
    except EmptyResultSet:  # the ORM knows beforehand that a scope is empty
        return f'{head}, "features": []}}'
    pairs = ", ".join(
        f"'{name}', {_quoted(column)}" for name, column in {"id": "id", **properties}.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT coalesce(json_agg(json_build_object(
                'type', 'Feature',
                'id', id,
                'geometry', ST_AsGeoJSON(shape, 7)::json,
                'properties', json_build_object({pairs})
            ) ORDER BY place), '[]')::text
            FROM (SELECT row_number() OVER () AS place, found.* FROM ({sql}) AS found) AS numbered
            """,  # noqa: S608
            params,
        )
        features: str = cursor.fetchone()[0]
    return f'{head}, "features": {features}}}'


def vector_tile(
    rows: QuerySet[Any],
    layer: str,
    z: int,
    x: int,
    y: int,
    properties: Sequence[str],
    *,
    merged: bool = False,
) -> bytes:
    """One layer of a Mapbox vector tile (Web Mercator, 4096 units); b"" when it is empty.

    properties: names of fields or annotations. Unless merged, each feature also has its row's id,
    as feature id and as property.
    merged: rows that are equal in all properties become one feature; for low zooms, where single
    blocks of a street cannot be told apart.
    Raises ValueError for an address outside the pyramid.
    """
    check_tile(z, x, y)
    found = _with_shape(
        rows.filter(geometry__bboverlaps=tile_box(z, x, y)).order_by(),
        list(properties) if merged else ["id", *properties],
    )
    try:
        sql, params = found.query.sql_with_params()
    except EmptyResultSet:
        return b""
    # Half a unit is what drawing rounds away anyhow; 4096 units are 512 px on screen.
    half_unit_m = EQUATOR_M / 2**z / TILE_UNITS / 2
    names = ", ".join(_quoted(name) for name in properties)
    if merged:
        features = f"""
            SELECT {names}, ST_AsMVTGeom(
                ST_Simplify(ST_LineMerge(ST_Collect(ST_Transform(found.shape, 3857))), %s * 4),
                tile.square, {TILE_UNITS}, {TILE_BUFFER}, true) AS shape
            FROM ({sql}) AS found, tile GROUP BY {names}, tile.square
            """  # noqa: S608
        feature_id = ""
    else:
        features = f"""
            SELECT id AS feature_id, id, {names}, ST_AsMVTGeom(
                ST_Simplify(ST_Transform(found.shape, 3857), %s, true),
                tile.square, {TILE_UNITS}, {TILE_BUFFER}, true) AS shape
            FROM ({sql}) AS found, tile
            """  # noqa: S608
        feature_id = ", 'feature_id'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH tile AS (SELECT ST_TileEnvelope(%s, %s, %s) AS square)
            SELECT ST_AsMVT(feature, %s, {TILE_UNITS}, 'shape'{feature_id})
            FROM ({features}) AS feature WHERE feature.shape IS NOT NULL
            """,  # noqa: S608
            [z, x, y, layer, half_unit_m, *params],
        )
        return bytes(cursor.fetchone()[0])


def extent(rows: QuerySet[Any]) -> tuple[float, float, float, float] | None:
    """West, south, east, north of all `geometry` of the rows, in degrees; None without rows."""
    try:
        sql, params = _with_shape(rows.order_by(), ["id"]).query.sql_with_params()
    except EmptyResultSet:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)
            FROM (SELECT ST_Extent(found.shape) AS box FROM ({sql}) AS found) AS whole
            """,  # noqa: S608
            params,
        )
        west, south, east, north = cursor.fetchone()
    return None if west is None else (west, south, east, north)


def check_tile(z: int, x: int, y: int) -> None:
    """Raise ValueError unless there is such a tile."""
    if not (0 <= z <= MOST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise ValueError(f"there is no tile {z}/{x}/{y}")


def tile_box(z: int, x: int, y: int) -> Polygon:
    """A tile with its buffer, as a box in degrees (the index's coordinates)."""
    margin = TILE_BUFFER / TILE_UNITS
    west, north = _lon_lat(z, x - margin, y - margin)
    east, south = _lon_lat(z, x + 1 + margin, y + 1 + margin)
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box


def _lon_lat(z: int, x: float, y: float) -> tuple[float, float]:
    """The place of a point of the tile grid: inverse of spherical Mercator."""
    turn = math.pi * (1 - 2 * y / 2**z)
    return x / 2**z * 360 - 180, math.degrees(math.atan(math.sinh(turn)))


def _quoted(name: str) -> str:
    """A column's name as SQL has it."""
    return connection.ops.quote_name(name)


def _with_shape(rows: QuerySet[Any], names: Sequence[str]) -> QuerySet[Any]:
    """The named values and `shape`, the geometry as PostGIS has it.

    A plain geometry column would be selected as bytes (GeoDjango adds a cast for its own reader).
    """
    return rows.annotate(shape=ExpressionWrapper(F("geometry"), output_field=BinaryField())).values(
        *names, "shape"
    )
