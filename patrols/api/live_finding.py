"""Endpoints of the live page's search and layers: places by name, hotspot clocks, staffing."""

from __future__ import annotations

from dataclasses import asdict

from django.urls import path
from django.utils import timezone
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from patrols.api.live import fresh, user_of
from patrols.hotspot_clocks import hotspot_clocks
from patrols.live import ms, note_look
from patrols.place_search import find_places
from patrols.staffing import staffing


@api_view(["GET"])
def places(request: Request) -> Response:
    """Streets, hotspots, stations and areas that `q` names, also by pinyin: {"places": […]}.

    `bounds` is [west, south, east, north] in degrees. 403 for roles that do not watch.
    """
    found = find_places(user_of(request), request.query_params.get("q", "").replace("\x00", ""))
    return fresh(Response({"places": [asdict(one) for one in found]}))


@api_view(["GET"])
def hotspots(request: Request) -> Response:
    """When each hotspot of the user's units was last visited and how it stands now.

    {"at": ms, "hotspots": [{"id", "name", "unit", "lon", "lat", "last": ms or null, "present",
    "standing", "from", "until": ms or null, "made", "required", "every_s"}]}. `standing` is within,
    due, overdue, no_window or unknown. Worked out at most once a minute. 403 as for the picture.
    """
    now = timezone.now()
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "unit": one.unit,
            "lon": one.lon,
            "lat": one.lat,
            "last": whole_ms(one.last_s),
            "present": one.present,
            "standing": one.clock.standing,
            "from": whole_ms(one.clock.start_s),
            "until": whole_ms(one.clock.end_s),
            "made": one.clock.made,
            "required": one.clock.required,
            "every_s": one.clock.every_s,
        }
        for one in hotspot_clocks(user_of(request), now)
    ]
    return fresh(Response({"at": ms(now), "hotspots": rows}))


@api_view(["GET"])
def stations(request: Request) -> Response:
    """Who is at each open station of the user's units now: {"at": ms, "stations": [{…, "people"}]}.

    `people` are ids of the picture's people, so the look is part of the watch that is logged.
    """
    now = timezone.now()
    user = user_of(request)
    note_look(user, now)
    rows = [asdict(one) for one in staffing(user, now)]
    return fresh(Response({"at": ms(now), "stations": rows}))


def whole_ms(seconds: float | None) -> int | None:
    """Seconds since 1970 as whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


urlpatterns: list = [
    path("live/hotspots", hotspots, name="live-hotspots"),
    path("live/stations", stations, name="live-stations"),
    path("live/places", places, name="live-places"),
]
