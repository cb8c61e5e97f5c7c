"""What the endpoints of all places share: list as one collection, write with checks, close."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import GEOSGeometry, Polygon
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_gis.fields import GeometryField
from rest_framework_gis.serializers import GeoFeatureModelSerializer

from bureau.access import visible_units
from bureau.errors import Refused
from bureau.models import Bureau, OrgUnit, User
from geo import queries
from geo.access import check_may_write, may_write_places, places_within
from geo.places import checked, code_once

GEOJSON_TYPE = "application/geo+json"
GEOMETRIES = ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
LIMIT = 5_000  # of one answer; a city has some hundred hotspots and some thousand grid cells
MOST = 10_000


def user_of(request: Request) -> User:
    """The signed-in user; the API's default permission lets nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def bureau_of(request: Request) -> Bureau:
    """The bureau of the signed-in user."""
    bureau = user_of(request).bureau
    if bureau is None:
        raise Refused("not_yours", _("Your account belongs to no bureau yet."))
    return bureau


def today_of(bureau: Bureau) -> date:
    """The local date in the bureau's zone."""
    return timezone.now().astimezone(ZoneInfo(bureau.time_zone)).date()


class WritesPlaces(BasePermission):
    """Everybody reads what one's scope holds; planners and administrators write."""

    message = gettext_lazy("Only planners and administrators change places. Ask one of them.")

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the role may do this at all."""
        return request.method in SAFE_METHODS or may_write_places(user_of(request))


class GeoJsonField(GeometryField):
    """A geometry, read from a GeoJSON object only."""

    def to_internal_value(self, value: Any) -> GEOSGeometry:
        """The geometry; what it must be is checked where it is stored."""
        if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
            raise ValidationError(
                _("Send a GeoJSON geometry: an object with type and coordinates.")
            )
        try:
            return super().to_internal_value(value)
        except ValidationError as error:
            raise ValidationError(
                _("This is no GeoJSON geometry. Check its type and its coordinates.")
            ) from error


class PlaceSerializer(GeoFeatureModelSerializer):
    """A place as a GeoJSON feature; also taken flat, without `properties`."""

    unit = serializers.PrimaryKeyRelatedField(queryset=OrgUnit.objects.none())
    geometry = GeoJsonField()

    def get_fields(self) -> dict[str, serializers.Field]:
        """The fields, with the units that the user may choose."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and isinstance(request.user, User):
            fields["unit"].queryset = visible_units(request.user)
        return fields

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what is no feature before the library takes it apart."""
        if not isinstance(data, dict) or not isinstance(data.get("properties", {}), dict):
            raise ValidationError(
                {"body": [_("Send a GeoJSON feature: an object with geometry and properties.")]}
            )
        return super().to_internal_value(data)

    def kind_of_geometry(self, values: dict[str, Any]) -> str:
        """Key of `geo.validation.SANE` for these values."""
        raise NotImplementedError

    def save_place(self, values: dict[str, Any]) -> Any:
        """Check and store a new place, or the changes of `self.instance`."""
        user = user_of(self.context["request"])
        if self.instance is not None:
            check_may_write(user, self.instance.unit_id)
        unit = values.get("unit") or self.instance.unit
        check_may_write(user, unit.pk)
        if "geometry" in values or "kind" in values:
            if "geometry" not in values:  # the kind changes, and with it what is sane
                values["geometry"] = self.instance.geometry
            kind = self.kind_of_geometry(values)
            values["geometry"] = checked(values["geometry"], kind, unit.bureau)
        with code_once():
            place = self.instance or self.Meta.model(bureau=unit.bureau)
            for name, value in values.items():
                setattr(place, name, value)
            place.save()
        return place

    def create(self, validated_data: dict[str, Any]) -> Any:
        """A new place."""
        return self.save_place(validated_data)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        """A changed place."""
        return self.save_place(validated_data)


class PlaceList(GenericAPIView):
    """All places of one sort that the user may see, as one GeoJSON collection; and a new one.

    `properties` are the fields given with each place, `annotated` further ones by the annotation
    that has them (a model's own names cannot be annotations); `filters` maps query parameters to
    lookups; `closed_by` names the field that says since when a place is out of use.
    """

    permission_classes = (IsAuthenticated, WritesPlaces)
    properties: ClassVar[tuple[str, ...]] = ()
    annotated: ClassVar[dict[str, str]] = {}
    filters: ClassVar[dict[str, str]] = {}
    closed_by: ClassVar[str | None] = None

    def rows(self, user: User) -> QuerySet[Any]:
        """What this user may see, with the annotations that `properties` name."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        """For the schema and the framework: the user's own scope."""
        return self.rows(user_of(self.request))

    @extend_schema(
        responses={(200, GEOJSON_TYPE): dict},
        parameters=[
            OpenApiParameter("bbox", str, description="west,south,east,north in degrees"),
            OpenApiParameter("state", str, enum=["open", "closed", "all"]),
            OpenApiParameter("unit", int, description="this unit and those below it"),
            OpenApiParameter("limit", int, description=f"at most {MOST}"),
            OpenApiParameter("after", int, description="id of the last place of the page before"),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """The places as a GeoJSON FeatureCollection, in the order of their ids.

        `numberMatched` counts all that fit; `next` is the address of the next page, or null.
        """
        rows = self.filtered(self.get_queryset(), request)
        limit = whole_number(request, "limit", LIMIT, least=1, most=MOST)
        after = whole_number(request, "after", 0, least=0, most=2**63 - 1)
        matched = rows.count()
        page = rows.filter(pk__gt=after).order_by("pk")
        ids = list(page.values_list("pk", flat=True)[: limit + 1])
        following = None
        if len(ids) > limit:
            query = request.query_params.copy()
            query["after"] = str(ids[limit - 1])
            following = f"{request.path}?{query.urlencode()}"
        text = queries.feature_collection(
            page.filter(pk__lte=ids[:limit][-1]) if ids else page.none(),
            {name: name for name in self.properties} | self.annotated,
            numberMatched=matched,
            numberReturned=min(len(ids), limit),
            next=following,
        )
        response = HttpResponse(text, content_type=GEOJSON_TYPE)
        response["Cache-Control"] = "private, no-cache"
        return response

    def filtered(self, rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
        """The rows that the query parameters ask for; an unknown one is an error, not ignored."""
        known = {"bbox", "state", "unit", "limit", "after", *self.filters}
        if unknown := set(request.query_params) - known:
            name = sorted(unknown)[0]
            raise ValidationError(
                {
                    name: [
                        _("There is no such parameter; known are: %(known)s.")
                        % {"known": ", ".join(sorted(known))}
                    ]
                }
            )
        if (unit := unit_in(request)) is not None:
            rows = rows.filter(places_within(user_of(request), unit))
        for name, lookup in self.filters.items():
            if name in request.query_params:
                rows = rows.filter(**{lookup: request.query_params[name].replace("\x00", "")})
        state = request.query_params.get("state", "open")
        if state not in ("open", "closed", "all"):
            raise ValidationError({"state": [_("state is open, closed or all.")]})
        if self.closed_by and state != "all":
            rows = rows.filter(**{f"{self.closed_by}__isnull": state == "open"})
        if "bbox" in request.query_params:
            rows = rows.filter(geometry__bboverlaps=box_of(request.query_params["bbox"]))
        return rows

    def post(self, request: Request) -> Response:
        """A new place, from a GeoJSON feature."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=status.HTTP_201_CREATED)


class PlaceDetail(GenericAPIView):
    """One place: read, change. Nothing is deleted; what is out of use is closed."""

    permission_classes = (IsAuthenticated, WritesPlaces)

    def rows(self, user: User) -> QuerySet[Any]:
        """What this user may see."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        """For the schema and the framework: the user's own scope."""
        return self.rows(user_of(self.request))

    def get(self, request: Request, pk: int) -> Response:
        """The place as a GeoJSON feature."""
        return Response(self.get_serializer(self.get_object()).data)

    def put(self, request: Request, pk: int) -> Response:
        """Replace all values."""
        return self.write(request, partial=False)

    def patch(self, request: Request, pk: int) -> Response:
        """Change the values given."""
        return self.write(request, partial=True)

    @extend_schema(exclude=True)
    def delete(self, request: Request, pk: int) -> Response:
        """Refused: what was judged by a place must stay explainable."""
        raise MethodNotAllowed(
            "DELETE", _("Places are kept, because verdicts refer to them. Close it instead.")
        )

    def write(self, request: Request, *, partial: bool) -> Response:
        """Check and store."""
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class Closing(serializers.Serializer):
    """From which day on a place is out of use; today unless told."""

    on = serializers.DateField(required=False)


def closing_day(request: Request, bureau: Bureau) -> date:
    """The day in the body of a close request, not in the future."""
    body = Closing(data=request.data)
    body.is_valid(raise_exception=True)
    today = today_of(bureau)
    day: date = body.validated_data.get("on") or today
    if day > today:
        raise ValidationError({"on": [_("Choose today or an earlier day.")]})
    return day


def unit_in(request: Request) -> int | None:
    """The query parameter `unit`, if it is there."""
    if "unit" not in request.query_params:
        return None
    return whole_number(request, "unit", 0, least=0, most=2**63 - 1)


def whole_number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """A query parameter as a number within bounds; a ValidationError names it otherwise."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise ValidationError(
        {
            name: [
                _("Give a whole number from %(least)d to %(most)d.")
                % {"least": least, "most": most}
            ]
        }
    )


def box_of(text: str) -> Polygon:
    """west,south,east,north in degrees as a polygon."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = south = east = north = float("nan")
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ValidationError(
            {"bbox": [_("Give west,south,east,north in degrees, for example 116.3,39.9,116.5,40.")]}
        )
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box
