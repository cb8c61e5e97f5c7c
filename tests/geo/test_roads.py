"""The street network: tiles made aside, what is near, ways, reach and walking times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from bureau.errors import Refused
from geo.network import Network, drop_old_tiles
from geo.roads import Roads, build, reachable, route, travel_seconds
from tests.geo.paths import grid, lonlat, streets


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """Five streets each way, 100 m apart; the origin is the south-west corner."""
    return grid(tmp_path_factory.mktemp("tiles"))


def test_the_same_streets_have_the_same_name_in_any_order() -> None:
    lines = [lonlat((0, 0), (100, 0)), lonlat((100, 0), (200, 0))]
    one, two = Network.of([1, 2], lines), Network.of([2, 1], lines[::-1])
    assert one.digest == two.digest
    assert one.digest != Network.of([1, 3], lines).digest
    assert one.index_of(np.array([2, 5, 1])).tolist() == [1, -1, 0]


def test_tiles_are_made_once_and_stand_under_the_networks_name(tmp_path: Path) -> None:
    roads = streets(tmp_path, a=[(0, 0), (100, 0)])
    made = (roads.folder / "valhalla.json").stat().st_mtime_ns
    again = build(roads.network, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [roads.network.digest]
    assert (again.folder / "valhalla.json").stat().st_mtime_ns == made


def test_old_tiles_go_and_unfinished_ones_are_not_taken_for_tiles(tmp_path: Path) -> None:
    old = streets(tmp_path, a=[(0, 0), (100, 0)])
    new = streets(tmp_path, a=[(0, 0), (200, 0)])
    (tmp_path / "new-half").mkdir()
    (tmp_path / "new-half" / "valhalla.json").touch()  # somebody builds here just now
    assert drop_old_tiles(tmp_path, [new.network.digest]) == [old.network.digest]
    assert new.folder.exists()
    assert (tmp_path / "new-half").exists()


def test_a_build_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import geo.network

    nowhere = tmp_path / "no-program" / "bin"
    nowhere.mkdir(parents=True)
    program = nowhere / "valhalla_build_tiles"
    program.write_text("#!/bin/sh\necho disk full >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(geo.network.valhalla, "PYVALHALLA_DIR", nowhere.parent)
    with pytest.raises(Refused, match="disk full"):
        streets(tmp_path / "tiles", a=[(0, 0), (100, 0)])
    assert list((tmp_path / "tiles").iterdir()) == []


@pytest.mark.parametrize(
    ("ids", "message"), [([0], "between 1"), ([2**46], "between 1"), ([1, 1], "must differ")]
)
def test_ids_that_tiles_cannot_hold_are_refused(ids: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network.of(ids, [lonlat((0, 0), (1, 0))] * len(ids))


def test_a_line_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="two places"):
        Network.of([1], [lonlat((0, 0))])


def test_large_ids_come_back_from_the_matcher(tmp_path: Path) -> None:
    from geo.visits import lay_on_streets, passages
    from tests.geo.paths import ticks, walk

    number = 280_000_000_000_00 // 100 * 7
    network = Network.of([number], [lonlat((0, 0), (300, 0))])
    track = ticks(walk([(0, 0), (300, 0)]))
    found = passages(
        lay_on_streets(build(network, tmp_path), track, np.zeros(len(track), np.uint8))
    )
    assert found.segment.tolist() == [number]


def xy(roads: Roads, *places_m: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Places in test metres → the network's own plane."""
    degrees = lonlat(*places_m)
    return roads.plane.to_metres(degrees[:, 0], degrees[:, 1])


def test_the_nearest_street_and_how_far_it_is(town: Roads) -> None:
    where, away = town.nearest(*xy(town, (50, 10), (250, -30), (500, 400)))
    assert town.network.ids[where].tolist()[:2] == [1, 3]
    assert away == pytest.approx([10, 30, 100], abs=0.1)


def test_a_way_follows_the_streets(town: Roads) -> None:
    start, end = lonlat((0, 0), (300, 200)).tolist()
    metres, seconds, line = route(town, [tuple(start), tuple(end)], walking_mps=1.1)
    assert metres == pytest.approx(500, abs=3)
    assert seconds == pytest.approx(500 / 1.1, rel=0.01)
    assert len(line) >= 3


def test_walking_times_are_the_shortest_ways(town: Roads) -> None:
    sources = lonlat((0, 0), (150, 0), (50, 20))
    targets = lonlat((0, 0), (400, 400), (170, 0), (60, 0))
    found = travel_seconds(town, sources, targets, walking_mps=1.0)
    by_hand = [[0, 800, 170, 60], [150, 650, 20, 90], [70, 770, 140, 30]]
    np.testing.assert_allclose(found, by_hand, atol=0.5)


def test_what_takes_longer_than_the_limit_is_out_of_reach(town: Roads) -> None:
    found = travel_seconds(
        town, lonlat((0, 0)), lonlat((100, 0), (400, 400)), walking_mps=1.0, limit_s=500
    )
    assert np.isfinite(found).tolist() == [[True, False]]


def test_an_island_is_out_of_reach(tmp_path: Path) -> None:
    roads = streets(tmp_path, a=[(0, 0), (100, 0)], island=[(0, 500), (100, 500)])
    found = travel_seconds(roads, lonlat((0, 0)), lonlat((100, 0), (50, 500)), walking_mps=1.0)
    assert found[0, 0] == pytest.approx(100, abs=0.5)
    assert np.isinf(found[0, 1])
    with pytest.raises(Refused, match="No way along our streets"):
        route(roads, [tuple(p) for p in lonlat((0, 0), (50, 500)).tolist()], walking_mps=1.1)


def test_reach_is_what_dijkstra_says(town: Roads) -> None:
    """Two ways to the same answer: Valhalla's area and our own walking times."""
    centre = lonlat((200, 200))
    area = reachable(town, *centre[0].tolist(), seconds=150, walking_mps=1.1)  # 165 m
    places = [
        (x, y) for x in range(0, 401, 50) for y in range(0, 401, 50) if x % 100 == 0 or y % 100 == 0
    ]
    seconds = travel_seconds(town, centre, lonlat(*places), walking_mps=1.1)[0]
    inside = shapely.contains_xy(area, *lonlat(*places).T)
    assert inside[seconds <= 150].all()
    assert not inside[seconds > 150 + 70 / 1.1].any()  # the area is drawn in cells


def test_faster_walkers_reach_further(town: Roads) -> None:
    lon, lat = lonlat((200, 200))[0].tolist()
    slow = reachable(town, lon, lat, seconds=120, walking_mps=0.8)
    fast = reachable(town, lon, lat, seconds=120, walking_mps=1.6)
    assert slow.area < fast.area


def test_a_place_far_from_every_street_reaches_nothing(town: Roads) -> None:
    with pytest.raises(Refused, match="more than 1 km"):
        reachable(town, *lonlat((5000, 5000))[0].tolist(), seconds=720, walking_mps=1.1)


def test_a_bureau_without_streets_says_so(tmp_path: Path) -> None:
    empty = build(Network.of([], []), tmp_path)
    where, away = empty.nearest(np.array([0.0]), np.array([0.0]))
    assert where.tolist() == [-1]
    assert np.isinf(away).all()
    assert np.isinf(travel_seconds(empty, lonlat((0, 0)), lonlat((0, 0)), walking_mps=1.1)).all()
    with pytest.raises(Refused, match="import a street network first"):
        route(empty, [(120.0, 30.0), (120.1, 30.0)], walking_mps=1.1)
