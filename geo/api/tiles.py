"""Tiles of streets, areas and hotspots; the bureau's extent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db.models import Case, CharField, Max, QuerySet, Value, When
from django.http import HttpResponse
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from bureau.models import User
from geo import queries
from geo.access import areas_seen_by, places_seen_by
from geo.api.places import user_of
from geo.models import Area, Hotspot, ImportRun, RoadSegment

TILE_TYPE = "application/vnd.mapbox-vector-tile"

# Streets in three widths and a path; what a source does not call by an OpenStreetMap name is
# "medium", so that a file without kinds still draws a city at every zoom.
CLASS_OF_KIND = {
    "major": ("motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link"),
    "minor": (
        "residential", "living_street", "unclassified", "pedestrian", "service", "alley",
        "alley_street",
    ),
    "path": ("footway", "path", "steps", "track", "cycleway", "bridleway"),
}  # fmt: skip
# Below these zooms a class is left out, and streets of one name are one feature: a city of 78,000
# blocks is 0.3 MB a tile at zoom 12 otherwise.
LEAST_ZOOM = {"major": 0, "medium": 10, "minor": 12, "path": 14}
BLOCKS_FROM_ZOOM = 13
KEPT_S = 24 * 3600

TileRows = Callable[[User, int], QuerySet[Any]]


def tile_view(
    layer: str, properties: list[str], rows_of: TileRows, *, max_age_s: int = 0
) -> Callable[..., HttpResponse]:
    """A view of one tile layer: `rows_of(user, zoom)` says what this user sees.

    204 for an empty tile, 304 when the browser has it already; private, because scope is personal.
    """

    @extend_schema(operation_id=f"tiles_{layer}", responses={(200, TILE_TYPE): bytes, 204: None})
    @api_view(["GET"])
    def tile(request: Request, z: int, x: int, y: int) -> HttpResponse:
        try:
            queries.check_tile(z, x, y)
        except ValueError as error:
            raise NotFound(f"There is no tile {z}/{x}/{y}.") from error
        user = user_of(request)

        def build(*, merged: bool = False) -> bytes:
            rows = rows_of(user, z)
            return queries.vector_tile(rows, layer, z, x, y, properties, merged=merged)

        if layer == "streets" and z < BLOCKS_FROM_ZOOM:
            body = kept(user, f"{z}/{x}/{y}", lambda: build(merged=True))
        else:
            body = build()
        return tile_response(request, body, max_age_s=max_age_s)

    return tile


def kept(user: User, place: str, build: Callable[[], bytes]) -> bytes:
    """A merged tile of the bureau's streets, built once after each import.

    A whole city in one tile is the dearest one (a fifth of a second for 78,000 blocks), everybody
    of a bureau gets the same, and only an import changes streets.
    """
    if user.unit_id is None:
        return build()
    imports = ImportRun.objects.filter(bureau=user.bureau_id, dry_run=False)
    newest = imports.aggregate(newest=Max("pk"))["newest"]
    key = f"streets/{user.bureau_id}/{newest}/{place}"
    body: bytes | None = cache.get(key)
    if body is None:
        body = build()
        cache.set(key, body, KEPT_S)
    return body


def tile_response(request: Request, body: bytes, *, max_age_s: int) -> HttpResponse:
    """The tile with its ETag, or 204 (empty) or 304 (unchanged)."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
    elif not body:
        response = HttpResponse(status=204)
    else:
        response = HttpResponse(body, content_type=TILE_TYPE)
    response["ETag"] = etag
    response["Cache-Control"] = (
        f"private, max-age={max_age_s}" if max_age_s else "private, no-cache"
    )
    patch_vary_headers(response, ["Cookie"])
    return response


def street_rows(user: User, zoom: int) -> QuerySet[RoadSegment]:
    """The bureau's streets in use, with `class`, as far as the zoom shows them."""
    shown = Case(
        *[When(kind__in=kinds, then=Value(name)) for name, kinds in CLASS_OF_KIND.items()],
        default=Value("medium"),
        output_field=CharField(),
    )
    rows = RoadSegment.objects.annotate(**{"class": shown})
    if user.unit_id is None:
        return rows.none()
    rows = rows.filter(bureau=user.bureau_id, retired_at=None)
    if zoom < LEAST_ZOOM["medium"]:
        return rows.filter(kind__in=CLASS_OF_KIND["major"])
    hidden = [
        kind for name, kinds in CLASS_OF_KIND.items() if zoom < LEAST_ZOOM[name] for kind in kinds
    ]
    return rows.exclude(kind__in=hidden)


def area_rows(user: User, zoom: int) -> QuerySet[Area]:
    """The areas this user may see."""
    return Area.objects.filter(areas_seen_by(user))


def hotspot_rows(user: User, zoom: int) -> QuerySet[Hotspot]:
    """The hotspots in force that this user may see."""
    return Hotspot.objects.filter(places_seen_by(user), closed_on=None)


@extend_schema(
    responses=inline_serializer(
        "Extent",
        {
            "bounds": serializers.ListField(child=serializers.FloatField(), allow_null=True),
            "attribution": serializers.CharField(),
        },
    )
)
@api_view(["GET"])
def extent(request: Request) -> Response:
    """Where the bureau is: the box of its jurisdiction, else of its areas, else of its streets.

    `bounds` is [west, south, east, north] in degrees, or null for a bureau without any place.
    """
    bureau = user_of(request).bureau
    if bureau is None:
        return Response({"bounds": None, "attribution": ""})
    areas = Area.objects.filter(bureau=bureau)
    bounds = (
        queries.extent(areas.filter(kind="jurisdiction"))
        or queries.extent(areas)
        or queries.extent(RoadSegment.objects.filter(bureau=bureau, retired_at=None))
    )
    return Response({"bounds": bounds, "attribution": bureau.attribution})


ADDRESS = "<int:z>/<int:x>/<int:y>.mvt"
urlpatterns: list = [
    path("extent", extent, name="extent"),
    path(
        f"tiles/streets/{ADDRESS}",
        tile_view("streets", ["name", "name_en", "kind", "class"], street_rows, max_age_s=600),
        name="tile-streets",
    ),
    path(
        f"tiles/areas/{ADDRESS}",
        tile_view("areas", ["kind", "code", "name"], area_rows),
        name="tile-areas",
    ),
    path(
        f"tiles/hotspots/{ADDRESS}",
        tile_view("hotspots", ["code", "name", "grade"], hotspot_rows),
        name="tile-hotspots",
    ),
]
