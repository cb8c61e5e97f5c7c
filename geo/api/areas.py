"""Areas: jurisdictions, beats, grid cells, drill grounds."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import User
from geo.access import areas_seen_by, oversees_bureau
from geo.api.places import PlaceDetail, PlaceList, PlaceSerializer, user_of
from geo.models import Area, AreaKind


class AreaSerializer(PlaceSerializer):
    """An area as a GeoJSON feature."""

    class Meta:
        model = Area
        geo_field = "geometry"
        fields = ("id", "unit", "kind", "code", "name")

    def kind_of_geometry(self, values: dict[str, Any]) -> str:
        """The area's kind."""
        return str(values.get("kind") or self.instance.kind)

    def save_place(self, values: dict[str, Any]) -> Area:
        """The area; the frame of the whole bureau is drawn only by who oversees all of it."""
        user = user_of(self.context["request"])
        kinds = {values.get("kind"), self.instance and self.instance.kind}
        if AreaKind.JURISDICTION in kinds and not oversees_bureau(user):
            raise Refused(
                "not_yours", _("Only somebody of the whole bureau's unit draws jurisdictions.")
            )
        area: Area = super().save_place(values)
        return area


class AreaList(PlaceList):
    """The areas of the user's units, and the bureau's jurisdiction."""

    serializer_class = AreaSerializer
    properties = ("kind", "code", "name", "unit")
    filters = {"kind": "kind"}

    def rows(self, user: User) -> QuerySet[Area]:
        """What this user may see."""
        return Area.objects.filter(areas_seen_by(user))


class AreaDetail(PlaceDetail):
    """One area."""

    serializer_class = AreaSerializer

    def rows(self, user: User) -> QuerySet[Area]:
        """What this user may see."""
        return Area.objects.filter(areas_seen_by(user)).select_related("unit")


urlpatterns: list = [
    path("areas", AreaList.as_view(), name="areas"),
    path("areas/<int:pk>", AreaDetail.as_view(), name="area"),
]
