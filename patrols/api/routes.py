"""Endpoints for patrol routes."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import path

from bureau.models import User
from geo.access import places_seen_by
from geo.api import ADDRESS, tile_view
from patrols.models import PatrolRoute


def route_rows(user: User, zoom: int) -> QuerySet[PatrolRoute]:
    """The routes in use that this user may see."""
    return PatrolRoute.objects.filter(places_seen_by(user), retired_on=None)


urlpatterns: list = [
    path(
        f"tiles/routes/{ADDRESS}",
        tile_view("routes", ["code", "name"], route_rows),
        name="tile-routes",
    ),
]
