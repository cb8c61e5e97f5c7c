"""Which geometries are refused, and in which words."""

from __future__ import annotations

import pytest
import shapely
from django.contrib.gis.geos import GEOSGeometry
from shapely.geometry.base import BaseGeometry

from geo.validation import check_geometry

TOWN = shapely.box(116.3, 39.8, 116.5, 40.0)
BOW_TIE = shapely.Polygon([(116.4, 39.9), (116.41, 39.91), (116.4, 39.91), (116.41, 39.9)])


def codes(geometry: BaseGeometry | None, kind: str) -> list[str]:
    return [fault.code for fault in check_geometry(geometry, kind, TOWN)]


@pytest.mark.parametrize(
    ("geometry", "kind", "code"),
    [
        (None, "station", "geometry_missing"),
        (shapely.Point(), "station", "geometry_empty"),
        (shapely.LineString([(116.4, 39.9), (116.41, 39.9)]), "station", "geometry_type"),
        (shapely.Point(116.4, 39.9), "beat", "geometry_type"),
        (shapely.Point(float("nan"), 39.9), "station", "geometry_not_finite"),
        (shapely.Point(float("inf"), 39.9), "station", "geometry_not_finite"),
        (shapely.Point(0, 0), "station", "geometry_at_zero"),
        (shapely.Point(39.9, 116.4), "station", "geometry_swapped"),
        (shapely.Point(448_000, 4_418_000), "station", "geometry_not_degrees"),
        (BOW_TIE, "beat", "geometry_invalid"),
        (shapely.box(116.4, 39.9, 116.4001, 39.9001), "beat", "geometry_size"),
        (shapely.box(116.3, 39.8, 116.5, 40.0), "grid_cell", "geometry_size"),
        (shapely.LineString([(116.4, 39.9), (116.40001, 39.9)]), "route", "geometry_size"),
        (shapely.Point(116.6, 39.9), "station", "geometry_outside"),
        (shapely.Point(121.47, 31.23), "station", "geometry_far_outside"),
        (shapely.Point(-63.6, -39.9), "station", "geometry_far_outside"),  # the antipodes
        (shapely.box(116.49, 39.9, 116.51, 39.92), "beat", "geometry_partly_outside"),
        (
            shapely.LineString([(116.49, 39.9), (116.51, 39.9)]),
            "route",
            "geometry_partly_outside",
        ),
    ],
)
def test_faults_are_named(geometry: BaseGeometry | None, kind: str, code: str) -> None:
    assert codes(geometry, kind) == [code]
    assert "%(" not in str(check_geometry(geometry, kind, TOWN)[0])


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        (shapely.Point(116.4, 39.9), "station"),
        (shapely.Point(116.4, 39.9, 44.0), "station"),
        (shapely.box(116.40, 39.90, 116.42, 39.92), "beat"),
        (shapely.MultiPolygon([shapely.box(116.40, 39.90, 116.42, 39.92)]), "beat"),
        (shapely.box(116.1, 39.6, 116.7, 40.2), "jurisdiction"),  # not held against the old one
        (shapely.LineString([(116.40, 39.90), (116.41, 39.90)]), "route"),
        # 0.0005 degree of longitude is 43 m at this latitude: over the edge, within 50 m.
        (shapely.Point(116.5005, 39.9), "station"),
        (shapely.box(116.48, 39.9, 116.5005, 39.92), "beat"),
    ],
)
def test_good_geometries_pass(geometry: BaseGeometry, kind: str) -> None:
    assert codes(geometry, kind) == []


def test_fifty_metres_over_the_edge_is_the_limit() -> None:
    # One degree of longitude is 85,519 m there.
    assert codes(shapely.Point(116.5 + 49 / 85_519, 39.9), "station") == []
    assert codes(shapely.Point(116.5 + 51 / 85_519, 39.9), "station") == ["geometry_outside"]


def test_swapped_coordinates_that_are_a_place_are_recognised_by_the_jurisdiction() -> None:
    town = shapely.box(30.0, 50.0, 30.2, 50.2)
    (fault,) = check_geometry(shapely.Point(50.1, 30.1), "station", town)
    assert fault.code == "geometry_swapped_inside"


def test_without_a_jurisdiction_anywhere_on_earth_is_fine() -> None:
    assert check_geometry(shapely.Point(-70.6, -33.4), "station") == []


def test_geodjango_geometries_are_accepted() -> None:
    inside = GEOSGeometry("SRID=4326;POINT(116.4 39.9)")
    town = GEOSGeometry(TOWN.wkt, srid=4326)
    assert check_geometry(inside, "station", town) == []
    outside = GEOSGeometry("SRID=4326;POINT(116.6 39.9)")
    assert [f.code for f in check_geometry(outside, "station", town)] == ["geometry_outside"]


def test_the_sentence_carries_the_size() -> None:
    (fault,) = check_geometry(shapely.box(116.4, 39.9, 116.4001, 39.9001), "beat", TOWN)
    # 8.552 m by 11.104 m
    assert str(fault) == "Its size is 95.0 m²; between 5,000 m² and 500.0 km² is plausible."


def test_an_unknown_kind_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        check_geometry(shapely.Point(1, 1), "castle")
