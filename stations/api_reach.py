"""Endpoints for reach: of stations, of a place that is tried, and what is not reached."""

from __future__ import annotations

import json
from typing import Any

import shapely
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from shapely.geometry.base import BaseGeometry

from geo.access import places_within
from geo.api.places import bureau_of, today_of, unit_in, user_of
from geo.models import Hotspot
from stations.models import Station
from stations.reach import (
    HotspotServed,
    Reach,
    ReachRules,
    coverage,
    reach_from,
    reach_rules,
    reaches,
)


class Place(serializers.Serializer):
    """A place to try; `station` names the one that would move there."""

    lon_deg = serializers.FloatField(min_value=-180, max_value=180)
    lat_deg = serializers.FloatField(min_value=-90, max_value=90)
    station = serializers.IntegerField(required=False, allow_null=True)


@extend_schema(responses=dict)
@api_view(["GET"])
def all_reaches(request: Request) -> Response:
    """The reach of every open station that the user sees, as one GeoJSON collection.

    A station that no street is near has a null geometry and says `why`. `covered` is the ground
    that any of them reaches.
    """
    bureau = bureau_of(request)
    rules = reach_rules(bureau, today_of(bureau))
    found = reaches(bureau, _open(request), rules)
    covered = shapely.union_all([one.shape for one in found if one.shape is not None])
    return Response(
        {
            "type": "FeatureCollection",
            "rules": described(rules),
            "covered": geometry_of(covered),
            "features": [feature_of(one) for one in found],
        }
    )


@extend_schema(responses=dict)
@api_view(["GET"])
def one_reach(request: Request, pk: int) -> Response:
    """The reach of one station, closed ones too, as a GeoJSON feature."""
    bureau = bureau_of(request)
    rules = reach_rules(bureau, today_of(bureau))
    station = get_object_or_404(
        Station.objects.filter(places_within(user_of(request), None)), pk=pk
    )
    feature = feature_of(reaches(bureau, [station], rules)[0])
    return Response({**feature, "rules": described(rules)})


@extend_schema(request=Place, responses=dict)
@api_view(["POST"])
def tried_reach(request: Request) -> Response:
    """What a place would reach, and what all stations would reach with it. Nothing is stored."""
    bureau = bureau_of(request)
    rules = reach_rules(bureau, today_of(bureau))
    body = Place(data=request.data)
    body.is_valid(raise_exception=True)
    lon_deg, lat_deg = body.validated_data["lon_deg"], body.validated_data["lat_deg"]
    moved = body.validated_data.get("station")
    stations = _open(request)
    if moved is not None:
        get_object_or_404(Station.objects.filter(places_within(user_of(request), None)), pk=moved)
    shape = reach_from(bureau, lon_deg, lat_deg, rules)
    others = [station for station in stations if station.pk != moved]
    found = coverage(bureau, others, _hotspots(request), rules, tried=(lon_deg, lat_deg))
    return Response(
        {
            "type": "Feature",
            "geometry": geometry_of(shape),
            "properties": {"station": moved},
            "rules": described(rules),
            "coverage": counted(found),
        }
    )


@extend_schema(responses=dict)
@api_view(["GET"])
def hotspots_served(request: Request) -> Response:
    """How each hotspot that the user sees is served by the stations that the user sees."""
    bureau = bureau_of(request)
    rules = reach_rules(bureau, today_of(bureau))
    stations = _open(request)
    found = coverage(bureau, stations, _hotspots(request), rules)
    return Response({"rules": described(rules), "stations": len(stations), **counted(found)})


def counted(found: list[HotspotServed]) -> dict[str, Any]:
    """Counts by state, and the hotspots, worst first."""
    rows = [hotspot_of(one) for one in found]
    states = [row["state"] for row in rows]
    return {
        "counts": {name: states.count(name) for name in ("reached", "partly", "not_reached")},
        "hotspots": rows,
    }


def hotspot_of(one: HotspotServed) -> dict[str, Any]:
    """A hotspot's line in the answer; `bounds` are west, south, east, north in degrees."""
    share = one.served.share
    # A hair under one is rounding of lengths, not a block left out.
    state = "reached" if share > 0.999 else "partly" if share > 0 else "not_reached"
    return {
        "id": one.hotspot.pk,
        "code": one.hotspot.code,
        "name": one.hotspot.name,
        "grade": one.hotspot.grade,
        "state": state,
        "share": round(share, 3),
        "seconds": None if one.served.seconds is None else round(one.served.seconds),
        "nearest": one.nearest and {"id": one.nearest.pk, "name": one.nearest.name},
        "bounds": one.hotspot.geometry.extent,
    }


def described(rules: ReachRules) -> dict[str, Any]:
    """The rules behind the numbers, with their source."""
    return {
        "reach_s": rules.reach_s,
        "walking_mps": rules.walking_mps,
        "reach_m": round(rules.reach_m),
        "source": rules.source,
        "since": rules.since,
    }


def feature_of(reach: Reach) -> dict[str, Any]:
    """A reach as a GeoJSON feature."""
    return {
        "type": "Feature",
        "id": reach.station.pk,
        "geometry": reach.shape and geometry_of(reach.shape),
        "properties": {
            "station": reach.station.pk,
            "code": reach.station.code,
            "name": reach.station.name,
            "why": reach.why,
        },
    }


def geometry_of(shape: BaseGeometry) -> dict[str, Any]:
    """GeoJSON with 6 decimals, a tenth of a metre: streets are drawn no finer."""
    # set_precision would merge rings; rounding what is written is enough.
    text = shapely.to_geojson(shapely.transform(shape, lambda lonlat: lonlat.round(6)))
    geometry: dict[str, Any] = json.loads(text)
    return geometry


def _open(request: Request) -> list[Station]:
    scope = places_within(user_of(request), unit_in(request))
    return list(Station.objects.filter(scope, closed_on=None).order_by("code"))


def _hotspots(request: Request) -> Any:
    scope = places_within(user_of(request), unit_in(request))
    return Hotspot.objects.filter(scope, closed_on=None)


urlpatterns: list = [
    path("stations/reach", all_reaches, name="reaches"),
    path("stations/<int:pk>/reach", one_reach, name="station-reach"),
    path("reach", tried_reach, name="reach"),
    path("coverage", hotspots_served, name="coverage"),
]
