"""How far along its way a person was: corners and stops stay sharp under a phone's slow error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geo.matching import Matched
from geo.progress import keep_pace
from geo.roads import Roads
from geo.smoothing import on_clock, smooth
from geo.stays import Kind
from geo.track import Fixes, Floats, in_order
from geo.visits import Passages, apart_from_stays, lay_on_streets, passages
from tests.geo.paths import T0, stand, streets, ticks, walk


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """West–east a (0–200 m), then north b (0–200 m), then east again c and d, 200 m each."""
    return streets(
        tmp_path_factory.mktemp("tiles"),
        a=[(0, 0), (200, 0)],
        b=[(200, 0), (200, 200)],
        c=[(200, 200), (400, 200)],
        d=[(400, 200), (600, 200)],
    )


WAY = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (600.0, 200.0)]
CORNERS_S = [160.0, 320.0, 480.0]  # 1.25 m/s


def slow_error(rng: np.random.Generator, n: int, sigma_m: float, tau_s: float) -> Floats:
    """Gauss-Markov error of a fix per 5 s, (n, 2)."""
    keep = np.exp(-5.0 / tau_s)
    fresh = rng.normal(0.0, sigma_m, (n, 2))
    error = fresh.copy()
    for k in range(1, n):
        error[k] = keep * error[k - 1] + np.sqrt(1 - keep**2) * fresh[k]
    return error


def laid(roads: Roads, places: Floats) -> tuple[Matched, Matched, Fixes]:
    """Before and after `keep_pace`, of one person's fixes every 5 s."""
    n = len(places)
    fixes = in_order(np.zeros(n), T0 + 5.0 * np.arange(n), places[:, 0], places[:, 1])
    track = smooth(fixes, np.zeros(n, np.int64), max_gap_s=300, max_speed_foot_mps=12)
    clock = on_clock(track)
    rough = lay_on_streets(roads, clock, np.zeros(len(clock), np.uint8))
    used = np.ones(n, dtype=np.bool_)
    fine = keep_pace(rough, fixes, track.piece, used, np.zeros(1, dtype=np.bool_))
    return rough, fine, fixes


def changes(walked: Passages) -> Floats:
    """When one street was left for the next, seconds after the start."""
    return walked.exit_s[:-1] - T0


def test_without_error_every_corner_has_its_moment(town: Roads) -> None:
    _, fine, _ = laid(town, walk(WAY))
    walked = passages(fine)
    assert walked.segment.tolist() == [1, 2, 3, 4]
    assert changes(walked) == pytest.approx(CORNERS_S, abs=0.5)


def test_corners_are_timed_better_than_by_the_matcher_alone(town: Roads) -> None:
    """Twelve walks with an error of 6 m that turns in 30 s: 5 s of walking beside the truth."""
    rng = np.random.default_rng(11)
    way = walk(WAY)
    before: list[Floats] = []
    after: list[Floats] = []
    for _ in range(12):
        rough, fine, _ = laid(town, way + slow_error(rng, len(way), 6.0, 30.0))
        for matched, errors in ((rough, before), (fine, after)):
            walked = passages(matched)
            assert walked.segment.tolist() == [1, 2, 3, 4]
            errors.append(np.abs(changes(walked) - CORNERS_S))
    assert np.mean(after) < 4.0
    assert np.mean(after) < 0.8 * np.mean(before)


def test_a_stop_stays_as_long_as_it_was(town: Roads) -> None:
    # One minute 20 m before the first corner; then the corner is 16 s of walking away.
    way = np.vstack((walk([(0, 0), (180, 0)]), stand(180, 0, 60), walk([(180, 0), *WAY[1:]])))
    rng = np.random.default_rng(5)
    _, fine, fixes = laid(town, way + rng.normal(0.0, 1.0, way.shape))
    at = np.interp(T0 + np.array([144.0, 205.0]), fine.point_t_s, fine.point_along_m)
    assert at == pytest.approx([180, 180], abs=6)  # 5 s of walking
    assert changes(passages(fine))[0] == pytest.approx(144 + 65 + 16, abs=4)
    assert len(fine.point_t_s) == len(fixes)


def test_the_way_never_falls_and_ends_where_the_path_does(town: Roads) -> None:
    rng = np.random.default_rng(2)
    way = walk(WAY)
    _, fine, _ = laid(town, way + slow_error(rng, len(way), 12.0, 40.0))
    assert (np.diff(fine.point_along_m) >= 0).all()
    assert fine.point_along_m[0] >= 0
    assert fine.point_along_m[-1] <= fine.path_along_m[-1]


def test_people_do_not_disturb_each_other(town: Roads) -> None:
    """One banded system holds everybody; each gets the answer they would get alone."""
    rng = np.random.default_rng(8)
    ways = [walk(WAY) + rng.normal(0, 4, (len(walk(WAY)), 2)) for _ in range(2)]
    ways[1] = ways[1][::-1]
    alone = [laid(town, way)[1] for way in ways]
    n = len(ways[0])
    both = in_order(
        np.repeat([0, 1], n),
        np.tile(T0 + 5.0 * np.arange(n), 2),
        np.concatenate([w[:, 0] for w in ways]),
        np.concatenate([w[:, 1] for w in ways]),
    )
    track = smooth(both, np.zeros(2 * n, np.int64), max_gap_s=300, max_speed_foot_mps=12)
    clock = on_clock(track)
    together = keep_pace(
        lay_on_streets(town, clock, np.zeros(len(clock), np.uint8)),
        both,
        track.piece,
        np.ones(2 * n, dtype=np.bool_),
        np.zeros(2, dtype=np.bool_),
    )
    for k in range(2):
        mine = together.point_part == k
        np.testing.assert_allclose(together.point_along_m[mine], alone[k].point_along_m, atol=1e-6)


def test_where_the_matcher_found_no_path_its_points_stay(town: Roads) -> None:
    rough, fine, _ = laid(town, stand(100, 0, 60))
    np.testing.assert_array_equal(np.diff(rough.point_part), np.diff(fine.point_part))
    assert passages(fine).segment.tolist() == [1]


def test_nothing_comes_of_nothing(town: Roads) -> None:
    _, fine, _ = laid(town, np.empty((0, 2)))
    assert len(fine.point_t_s) == 0
    far = laid(town, walk([(0, 900), (200, 900)]))[1]  # off every street
    assert len(far.point_t_s) == 0


def test_a_passage_is_cut_where_a_parked_stay_begins_and_ends() -> None:
    """80 s of walking, ten minutes parked, 80 s: three rows, the stay with nothing walked."""
    track = ticks(stand(0, 0, 760))
    kind = np.zeros(len(track), np.uint8)
    kind[16:136] = Kind.PARKED
    whole = Passages(
        np.zeros(1, np.int64),
        np.array([7]),
        np.array([T0]),
        np.array([T0 + 755.0]),
        np.array([90.0]),
    )
    cut = apart_from_stays(whole, track, kind)
    assert cut.segment.tolist() == [7, 7, 7]
    assert (cut.enter_s - T0).tolist() == [0.0, 80.0, 680.0]
    assert (cut.exit_s - T0).tolist() == [80.0, 680.0, 755.0]
    assert cut.walked_m.tolist() == [90.0, 0.0, 90.0]


def test_passages_beside_a_stay_and_of_others_are_left_alone() -> None:
    track = ticks(stand(0, 0, 760), stand(500, 0, 760))
    kind = np.zeros(len(track), np.uint8)
    kind[16:136] = Kind.PARKED  # the first person's only
    walked = Passages(
        np.array([0, 0, 1]),
        np.array([7, 8, 9]),
        T0 + np.array([0.0, 680.0, 0.0]),
        T0 + np.array([80.0, 755.0, 755.0]),
        np.array([90.0, 80.0, 70.0]),
    )
    cut = apart_from_stays(walked, track, kind)
    assert cut.segment.tolist() == [7, 8, 9]
    assert cut.exit_s.tolist() == walked.exit_s.tolist()


def test_metres_along_the_path_are_metres_along_a_street_with_bends(tmp_path: Path) -> None:
    bent = streets(tmp_path, a=[(0, 0), (60, 0), (60, 60), (120, 60), (200, 60)])
    _, fine, _ = laid(bent, walk([(0, 0), (60, 0), (60, 60), (120, 60), (200, 60)]))
    # 120 m at 1.25 m/s: the second bend.
    along = np.interp(T0 + 96.0, fine.point_t_s, fine.point_along_m)
    place = [np.interp(along, fine.path_along_m, axis) for axis in (fine.path_x_m, fine.path_y_m)]
    assert place == pytest.approx([60, 60], abs=2)
