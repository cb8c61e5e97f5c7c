"""Endpoints for the station register."""

from __future__ import annotations

from django.db.models import BooleanField, Case, QuerySet, When
from django.urls import path

from bureau.models import User
from geo.access import places_seen_by
from geo.api import ADDRESS, tile_view
from stations.models import Station


def station_rows(user: User, zoom: int) -> QuerySet[Station]:
    """The stations this user may see; closed ones too, marked by `open`."""
    is_open = Case(When(closed_on=None, then=True), default=False, output_field=BooleanField())
    return Station.objects.filter(places_seen_by(user)).annotate(open=is_open)


urlpatterns: list = [
    path(
        f"tiles/stations/{ADDRESS}",
        tile_view("stations", ["code", "name", "kind", "open"], station_rows),
        name="tile-stations",
    ),
]
