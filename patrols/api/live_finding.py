"""Endpoints of the live page's search and layers: places by name, hotspot clocks, staffing."""

from __future__ import annotations

from dataclasses import asdict

from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from patrols.api.live import fresh, user_of
from patrols.place_search import find_places


@api_view(["GET"])
def places(request: Request) -> Response:
    """Streets, hotspots, stations and areas that `q` names, also by pinyin: {"places": […]}.

    `bounds` is [west, south, east, north] in degrees. 403 for roles that do not watch.
    """
    found = find_places(user_of(request), request.query_params.get("q", "").replace("\x00", ""))
    return fresh(Response({"places": [asdict(one) for one in found]}))


urlpatterns: list = [
    path("live/places", places, name="live-places"),
]
