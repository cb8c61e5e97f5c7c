"""Endpoints for patrol routes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bureau.errors import Refused
from bureau.models import User
from geo.access import check_may_write, places_seen_by
from geo.api.places import (
    Closing,
    PlaceDetail,
    PlaceList,
    PlaceSerializer,
    closing_day,
    user_of,
)
from geo.api.tiles import ADDRESS, tile_view
from patrols.models import PatrolRoute


def route_rows(user: User, zoom: int) -> QuerySet[PatrolRoute]:
    """The routes in use that this user may see."""
    return PatrolRoute.objects.filter(places_seen_by(user), retired_on=None)


class RouteSerializer(PlaceSerializer):
    """A patrol route as a GeoJSON feature."""

    class Meta:
        model = PatrolRoute
        geo_field = "geometry"
        fields = ("id", "unit", "code", "name", "retired_on")
        read_only_fields = ("retired_on",)

    def kind_of_geometry(self, values: dict[str, Any]) -> str:
        """A line that is walked."""
        return "route"


class RouteList(PlaceList):
    """The patrol routes of the user's units."""

    serializer_class = RouteSerializer
    properties = ("unit", "code", "name", "retired_on")
    closed_by = "retired_on"

    def rows(self, user: User) -> QuerySet[PatrolRoute]:
        """What this user may see."""
        return PatrolRoute.objects.filter(places_seen_by(user))


class RouteDetail(PlaceDetail):
    """One patrol route."""

    serializer_class = RouteSerializer

    def rows(self, user: User) -> QuerySet[PatrolRoute]:
        """What this user may see."""
        return PatrolRoute.objects.filter(places_seen_by(user)).select_related("unit")


class RouteRetire(RouteDetail):
    """A route that is walked no more."""

    http_method_names = ("post", "options")

    @extend_schema(request=Closing)
    def post(self, request: Request, pk: int) -> Response:
        """Retire it; patrols that walked it keep it."""
        route: PatrolRoute = self.get_object()
        check_may_write(user_of(request), route.unit_id)
        day = closing_day(request, route.bureau)
        if route.retired_on is not None:
            raise Refused(
                "already_closed",
                _("It is retired since %(day)s.") % {"day": route.retired_on.isoformat()},
            )
        route.retired_on = day
        route.save(update_fields=["retired_on"])
        return Response(self.get_serializer(route).data)


urlpatterns: list = [
    path("routes", RouteList.as_view(), name="routes"),
    path("routes/<int:pk>", RouteDetail.as_view(), name="route"),
    path("routes/<int:pk>/retire", RouteRetire.as_view(), name="route-retire"),
    path(
        f"tiles/routes/{ADDRESS}",
        tile_view("routes", ["code", "name"], route_rows),
        name="tile-routes",
    ),
]
