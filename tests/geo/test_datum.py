"""GCJ-02 and BD-09: published vectors, exact inverses, and the check of a declared datum."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.datum import (
    Datum,
    bd09_to_gcj02,
    check_datum,
    convert,
    from_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    to_wgs84,
    wgs84_to_gcj02,
)

# WGS-84 → GCJ-02, lon lat, as published in the test files of the open converters coordtransform
# (the first) and eviltransform (the others).
GCJ_VECTORS = [
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]
# GCJ-02 → BD-09 (coordtransform).
BD_VECTOR = ((116.404, 39.915), (116.41036949371029, 39.92133699351022))
METRES_A_DEGREE = 111_320


@pytest.mark.parametrize(("wgs84", "gcj02"), GCJ_VECTORS)
def test_gcj02_equals_the_published_vectors(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    assert wgs84_to_gcj02(np.array([wgs84]))[0] == pytest.approx(gcj02, abs=1e-12)
    assert gcj02_to_wgs84(np.array([gcj02]))[0] == pytest.approx(wgs84, abs=1e-10)


def test_bd09_equals_the_published_vector() -> None:
    assert gcj02_to_bd09(np.array([BD_VECTOR[0]]))[0] == pytest.approx(BD_VECTOR[1], abs=1e-12)
    assert bd09_to_gcj02(np.array([BD_VECTOR[1]]))[0] == pytest.approx(BD_VECTOR[0], abs=1e-10)


@pytest.mark.parametrize("datum", list(Datum))
def test_there_and_back_is_exact_all_over_china(datum: Datum) -> None:
    rng = np.random.default_rng(7)
    places = np.column_stack((rng.uniform(73, 135, 20_000), rng.uniform(18, 53, 20_000)))
    back = to_wgs84(from_wgs84(places, datum), datum)
    assert np.abs(back - places).max() * METRES_A_DEGREE < 1e-5


def test_shift_has_the_known_size() -> None:
    """265 m at Urumqi and 621 m at Guangzhou: measured with other converters."""
    for place, size_m in (((87.6168, 43.8256), 265), ((113.2644, 23.1291), 621)):
        shift = wgs84_to_gcj02(np.array([place]))[0] - place
        metres = np.hypot(
            shift[0] * METRES_A_DEGREE * np.cos(np.radians(place[1])), shift[1] * METRES_A_DEGREE
        )
        assert metres == pytest.approx(size_m, abs=6)


def test_convert_moves_every_vertex_and_drops_heights() -> None:
    line = shapely.LineString([(116.404, 39.915, 50), (116.41, 39.92, 51)])
    there = shapely.transform(shapely.force_2d(line), lambda c: wgs84_to_gcj02(np.asarray(c)))
    back = convert(there, Datum.GCJ02)
    assert shapely.get_coordinates(back) == pytest.approx(
        shapely.get_coordinates(shapely.force_2d(line)), abs=1e-10
    )
    assert not convert(line, Datum.WGS84).has_z


# A grid of streets 150 m apart in Beijing, and points along them.
def streets_and_points(count: int) -> tuple[np.ndarray, np.ndarray]:
    lon, lat, step = 116.404, 39.915, 0.0015
    lines = [
        shapely.LineString([(lon + i * step, lat), (lon + i * step, lat + 9 * step)])
        for i in range(10)
    ] + [
        shapely.LineString([(lon, lat + i * step), (lon + 9 * step, lat + i * step)])
        for i in range(10)
    ]
    rng = np.random.default_rng(1)
    along = rng.uniform(0, 9 * step, count)
    column = rng.integers(0, 10, count)
    noise = rng.normal(0, 3e-5, (count, 2))  # about 3 m
    return np.array(lines), np.column_stack((lon + column * step, lat + along)) + noise


@pytest.mark.parametrize("true", list(Datum))
@pytest.mark.parametrize("declared", list(Datum))
def test_check_names_the_datum_that_fits(true: Datum, declared: Datum) -> None:
    lines, places = streets_and_points(200)
    check = check_datum(from_wgs84(places, true), declared, lines)
    assert check.conclusive
    assert check.better == (None if true is declared else true)
    assert check.medians_m[true] < 5
    if true is not declared:
        assert true.label in str(check.sentence())
        assert f"--datum {true.value}" in str(check.sentence())
    else:
        assert check.sentence().code == "datum_fits"


def test_under_thirty_points_it_cannot_tell() -> None:
    lines, places = streets_and_points(29)
    check = check_datum(from_wgs84(places, Datum.GCJ02), Datum.WGS84, lines)
    assert (check.conclusive, check.better) == (False, None)
    assert check.sentence().code == "datum_cannot_tell"
    lines, places = streets_and_points(30)
    assert check_datum(from_wgs84(places, Datum.GCJ02), Datum.WGS84, lines).better is Datum.GCJ02


def test_without_streets_it_says_so() -> None:
    _, places = streets_and_points(50)
    check = check_datum(places, Datum.WGS84, np.array([], dtype=object))
    assert check.sentence().code == "datum_no_streets"


def test_another_city_is_no_datum_fault() -> None:
    lines, places = streets_and_points(50)
    check = check_datum(places + np.array([1.0, 0.5]), Datum.WGS84, lines)
    assert check.better is None
    assert check.sentence().code == "datum_far"


def test_near_streets_nothing_is_named_even_when_another_fits_twice_as_well() -> None:
    """Points 15 m beside their streets: under the 20 m from which a fault is worth a word."""
    lines, places = streets_and_points(300)
    check = check_datum(places + np.array([15 / 85_000, 0]), Datum.WGS84, lines)
    assert check.better is None
    assert check.medians_m[Datum.WGS84] < 20
