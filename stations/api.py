"""Endpoints for the station register: tiles, list, one, its acts, and its reach."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Case, OuterRef, QuerySet, When
from django.db.models.functions import JSONObject
from django.urls import include, path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bureau.models import User
from geo.access import places_seen_by
from geo.api.places import (
    Closing,
    PlaceDetail,
    PlaceList,
    PlaceSerializer,
    closing_day,
    today_of,
    user_of,
)
from geo.api.tiles import ADDRESS, tile_view
from stations import register
from stations.models import OpeningHours, Station

MOST_HOURS = 50


def stations_seen_by(user: User) -> QuerySet[Station]:
    """The stations this user may see, each with `open`."""
    is_open = Case(When(closed_on=None, then=True), default=False, output_field=BooleanField())
    return Station.objects.filter(places_seen_by(user)).annotate(open=is_open)


def station_rows(user: User, zoom: int) -> QuerySet[Station]:
    """The stations of a tile; closed ones too, marked by `open`."""
    return stations_seen_by(user)


class HoursSerializer(serializers.ModelSerializer):
    """Staffed hours of one weekday."""

    class Meta:
        model = OpeningHours
        fields = ("weekday", "opens", "closes")

    def validate_weekday(self, weekday: int) -> int:
        """0 is Monday, 6 Sunday."""
        if weekday > 6:
            raise ValidationError(_("weekday is 0 (Monday) to 6 (Sunday)."))
        return weekday


class StationSerializer(PlaceSerializer):
    """A station as a GeoJSON feature. It is closed and reopened by acts of their own."""

    hours = HoursSerializer(many=True, required=False, source="opening_hours")
    open = serializers.SerializerMethodField()
    opened_on = serializers.DateField(required=False)

    class Meta:
        model = Station
        geo_field = "geometry"
        fields = (
            "id", "unit", "kind", "code", "name", "address", "desks", "chairs", "opened_on",
            "closed_on", "closed_reason", "open", "hours",
        )  # fmt: skip
        read_only_fields = ("closed_on", "closed_reason")

    def get_open(self, station: Station) -> bool:
        """Whether it is in use."""
        return station.closed_on is None

    def validate_hours(self, hours: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Not more than a week can use."""
        if len(hours) > MOST_HOURS:
            raise ValidationError(_("A station has at most %(most)d spans.") % {"most": MOST_HOURS})
        return hours

    def save_place(self, values: dict[str, Any]) -> Station:
        """Through the register, which checks and writes down who did it."""
        user = user_of(self.context["request"])
        hours = values.pop("opening_hours", None)
        spans = hours and [(h["weekday"], h["opens"], h["closes"]) for h in hours]
        place = values.pop("geometry", None)
        if self.instance is None:
            values.setdefault("opened_on", today_of(values["unit"].bureau))
            return register.add(by=user, place=place, hours=spans or (), **values)
        if place is not None and not values and hours is None:
            return register.move(self.instance, by=user, place=place)
        return register.edit(
            self.instance, by=user, place=place, hours=None if hours is None else spans, **values
        )


class StationList(PlaceList):
    """The stations and kiosks of the user's units."""

    serializer_class = StationSerializer
    properties = (
        "unit", "kind", "code", "name", "address", "desks", "chairs", "opened_on", "closed_on",
        "closed_reason", "open",
    )  # fmt: skip
    annotated = {"hours": "hours_of"}
    filters = {"kind": "kind"}
    closed_by = "closed_on"

    def rows(self, user: User) -> QuerySet[Station]:
        """What this user may see, with opening hours."""
        hours = OpeningHours.objects.filter(station=OuterRef("pk")).order_by("weekday", "opens")
        return stations_seen_by(user).annotate(
            hours_of=ArraySubquery(
                hours.values(json=JSONObject(weekday="weekday", opens="opens", closes="closes"))
            )
        )


class StationDetail(PlaceDetail):
    """One station."""

    serializer_class = StationSerializer

    def rows(self, user: User) -> QuerySet[Station]:
        """What this user may see."""
        return stations_seen_by(user).select_related("unit").prefetch_related("opening_hours")


class ClosingStation(Closing):
    """Why, and from which day on."""

    reason = serializers.CharField(max_length=200)


class StationClose(StationDetail):
    """A station out of use."""

    http_method_names = ("post", "options")

    @extend_schema(request=ClosingStation)
    def post(self, request: Request, pk: int) -> Response:
        """Close it; it stays in the register."""
        body = ClosingStation(data=request.data)
        body.is_valid(raise_exception=True)
        station: Station = self.get_object()
        today = today_of(station.bureau)
        closed = register.close(
            station,
            by=user_of(request),
            on=closing_day(request, station.bureau),
            today=today,
            reason=body.validated_data["reason"],
        )
        return Response(self.get_serializer(closed).data)


class StationReopen(StationDetail):
    """A station closed by mistake."""

    http_method_names = ("post", "options")

    @extend_schema(request=None)
    def post(self, request: Request, pk: int) -> Response:
        """Put it back into use."""
        return Response(
            self.get_serializer(register.reopen(self.get_object(), by=user_of(request))).data
        )


urlpatterns: list = [
    path("", include("stations.api_reach")),
    path("stations", StationList.as_view(), name="stations"),
    path("stations/<int:pk>", StationDetail.as_view(), name="station"),
    path("stations/<int:pk>/close", StationClose.as_view(), name="station-close"),
    path("stations/<int:pk>/reopen", StationReopen.as_view(), name="station-reopen"),
    path(
        f"tiles/stations/{ADDRESS}",
        tile_view("stations", ["code", "name", "kind", "open"], station_rows),
        name="tile-stations",
    ),
]
