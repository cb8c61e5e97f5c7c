"""Hotspots with their windows."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bureau.errors import Refused
from bureau.models import User
from geo.access import check_may_write, places_seen_by
from geo.api.places import (
    Closing,
    GeoJsonField,
    PlaceDetail,
    PlaceList,
    PlaceSerializer,
    closing_day,
    user_of,
)
from geo.models import Hotspot, HotspotWindow, RoadSegment
from geo.places import line_of

MOST_WINDOWS = 100
MOST_SEGMENTS = 500


class WindowSerializer(serializers.ModelSerializer):
    """Hours of one weekday in which visits are asked for."""

    class Meta:
        model = HotspotWindow
        fields = ("weekday", "starts", "ends", "required_visits")

    def validate_weekday(self, weekday: int) -> int:
        """0 is Monday, 6 Sunday."""
        if weekday > 6:
            raise ValidationError(_("weekday is 0 (Monday) to 6 (Sunday)."))
        return weekday

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """A window lies within one day."""
        if values["ends"] <= values["starts"]:
            raise ValidationError(
                {"ends": _("It ends before it starts. Cut a window over midnight into two days.")}
            )
        return values


class HotspotSerializer(PlaceSerializer):
    """A hotspot as a GeoJSON feature. Its line is that of its road segments."""

    geometry = GeoJsonField(read_only=True)
    windows = WindowSerializer(many=True, required=False)
    segments = serializers.PrimaryKeyRelatedField(
        many=True, queryset=RoadSegment.objects.none(), allow_empty=False
    )

    class Meta:
        model = Hotspot
        geo_field = "geometry"
        fields = (
            *("id", "unit", "code", "name", "grade", "segments", "windows"),
            *("opened_on", "closed_on"),
        )
        read_only_fields = ("opened_on", "closed_on")

    def get_fields(self) -> dict[str, serializers.Field]:
        """The fields, with the streets of the user's bureau that are in use."""
        fields = super().get_fields()
        request = self.context.get("request")
        if request is not None and isinstance(request.user, User):
            many: Any = fields["segments"]
            many.child_relation.queryset = RoadSegment.objects.filter(
                bureau=request.user.bureau_id, retired_at=None
            )
        return fields

    def validate_segments(self, segments: list[RoadSegment]) -> list[RoadSegment]:
        """Each once, and not a whole city."""
        if len(segments) > MOST_SEGMENTS:
            raise ValidationError(
                _("A hotspot has at most %(most)d road segments.") % {"most": MOST_SEGMENTS}
            )
        return list(dict.fromkeys(segments))

    def validate_windows(self, windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Not more than a week can use."""
        if len(windows) > MOST_WINDOWS:
            raise ValidationError(
                _("A hotspot has at most %(most)d windows.") % {"most": MOST_WINDOWS}
            )
        return windows

    def kind_of_geometry(self, values: dict[str, Any]) -> str:
        """A stretch of street."""
        return "hotspot"

    def save_place(self, values: dict[str, Any]) -> Hotspot:
        """The hotspot, its segments and windows, all or nothing."""
        segments = values.pop("segments", None)
        windows = values.pop("windows", None)
        if segments is not None:
            values["geometry"] = line_of(segments)
        if self.instance is None:
            values["opened_on"] = timezone.localdate()
        with transaction.atomic():
            hotspot: Hotspot = super().save_place(values)
            if segments is not None:
                hotspot.segments.set(segments)
            if windows is not None:
                hotspot.windows.all().delete()
                hotspot.windows.bulk_create(HotspotWindow(hotspot=hotspot, **w) for w in windows)
        return hotspot


class HotspotList(PlaceList):
    """The hotspots of the user's units."""

    serializer_class = HotspotSerializer
    properties = ("code", "name", "grade", "unit", "closed_on")
    annotated = {"segments": "segments_of", "windows": "windows_of"}
    filters = {"grade": "grade"}
    closed_by = "closed_on"

    def rows(self, user: User) -> QuerySet[Hotspot]:
        """What this user may see, with windows and segment ids."""
        windows = HotspotWindow.objects.filter(hotspot=OuterRef("pk")).order_by("weekday", "starts")
        segments = Hotspot.segments.through.objects.filter(hotspot_id=OuterRef("pk"))
        return Hotspot.objects.filter(places_seen_by(user)).annotate(
            segments_of=ArraySubquery(segments.order_by("pk").values("roadsegment_id")),
            windows_of=ArraySubquery(
                windows.values(
                    json=JSONObject(
                        weekday="weekday",
                        starts="starts",
                        ends="ends",
                        required_visits="required_visits",
                    )
                )
            ),
        )


class HotspotDetail(PlaceDetail):
    """One hotspot."""

    serializer_class = HotspotSerializer

    def rows(self, user: User) -> QuerySet[Hotspot]:
        """What this user may see."""
        return Hotspot.objects.filter(places_seen_by(user)).prefetch_related("segments", "windows")


class HotspotClose(HotspotDetail):
    """A hotspot out of use."""

    http_method_names = ("post", "options")

    @extend_schema(request=Closing)
    def post(self, request: Request, pk: int) -> Response:
        """Close it; its past visits and verdicts stay."""
        hotspot: Hotspot = self.get_object()
        check_may_write(user_of(request), hotspot.unit_id)
        day = closing_day(request, hotspot.bureau)
        if hotspot.closed_on is not None:
            raise Refused(
                "already_closed",
                _("It is closed since %(day)s.") % {"day": hotspot.closed_on.isoformat()},
            )
        hotspot.closed_on = day
        hotspot.save(update_fields=["closed_on"])
        return Response(self.get_serializer(hotspot).data)


urlpatterns: list = [
    path("hotspots", HotspotList.as_view(), name="hotspots"),
    path("hotspots/<int:pk>", HotspotDetail.as_view(), name="hotspot"),
    path("hotspots/<int:pk>/close", HotspotClose.as_view(), name="hotspot-close"),
]
