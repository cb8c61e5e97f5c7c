"""The plane against PostGIS, the ellipsoid's own numbers, and itself."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection

from geo.plane import Plane


def test_a_degree_has_the_metres_of_the_ellipsoid() -> None:
    # At 30° N one degree of longitude is 96,486.3 m, of latitude 110,852.4 m (WGS-84).
    x, y = Plane(120.0, 30.0).to_metres([120.01, 120.0], [30.0, 30.01])
    assert x[0] == pytest.approx(964.863, abs=0.01)
    assert y[1] == pytest.approx(1108.524, abs=0.01)
    assert x[1] == 0
    assert y[0] == pytest.approx(0, abs=0.1)  # a parallel bends away from the tangent


@pytest.mark.django_db
@pytest.mark.parametrize(("lon", "lat"), [(121.47, 31.23), (24.94, 60.17), (-111.83, 33.42)])
def test_distances_from_the_origin_are_those_of_postgis(lon: float, lat: float) -> None:
    rng = np.random.default_rng(1)
    plane = Plane(lon, lat)
    x, y = rng.uniform(-14_000, 14_000, (2, 50))
    lons, lats = plane.to_degrees(x, y)
    with connection.cursor() as cursor:
        for i in range(50):
            cursor.execute(
                "SELECT ST_Distance(ST_MakePoint(%s, %s)::geography,"
                " ST_MakePoint(%s, %s)::geography)",
                [lon, lat, float(lons[i]), float(lats[i])],
            )
            truth = cursor.fetchone()[0]
            assert np.hypot(x[i], y[i]) == pytest.approx(truth, rel=5e-6)


def test_there_and_back_is_the_same_place() -> None:
    rng = np.random.default_rng(2)
    plane = Plane(103.8, 1.3)
    x, y = rng.uniform(-20_000, 20_000, (2, 1000))
    again = plane.to_metres(*plane.to_degrees(x, y))
    np.testing.assert_allclose(again, (x, y), atol=1e-3)


def test_a_city_on_the_180th_meridian() -> None:
    plane = Plane.around([179.95, -179.95], [-16.8, -16.8])
    x, _ = plane.to_metres([179.95, -179.95], [-16.8, -16.8])
    assert x[0] == pytest.approx(-x[1], rel=1e-6)
    assert abs(x[0]) < 6000


def test_a_few_more_points_do_not_move_the_origin() -> None:
    lon, lat = np.linspace(120.0, 120.2, 11), np.linspace(30.0, 30.2, 11)
    assert Plane.around(lon, lat) == Plane.around(np.append(lon, 120.1), np.append(lat, 30.1))


@pytest.mark.parametrize(("lon", "lat"), [(np.nan, 0.0), (0.0, 91.0), (np.inf, 0.0)])
def test_what_is_no_place_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="not a place on earth"):
        Plane(lon, lat)
    with pytest.raises(ValueError, match="at least one point"):
        Plane.around([], [])
