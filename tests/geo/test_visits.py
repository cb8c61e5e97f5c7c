"""Time on each street, and visits to a hotspot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geo.roads import Roads
from geo.smoothing import Ticks
from geo.stays import Kind
from geo.visits import Passages, active_seconds, lay_on_streets, passages, segment_at, visits
from tests.geo.paths import T0, stand, streets, ticks, walk


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """West–east: a (0–100 m), b (100–200 m); c goes north from where they meet."""
    return streets(
        tmp_path_factory.mktemp("tiles"),
        a=[(0, 0), (100, 0)],
        b=[(100, 0), (200, 0)],
        c=[(100, 0), (100, 150)],
    )


def moving(track: Ticks) -> np.ndarray:
    return np.full(len(track), Kind.MOVING, np.uint8)


def on_streets(roads: Roads, track: Ticks) -> Passages:
    return passages(lay_on_streets(roads, track, moving(track)))


def test_streets_are_entered_and_left_at_the_corner(corner: Roads) -> None:
    # 100 m at 1.25 m/s is 80 s; then 150 m north.
    walked = on_streets(corner, ticks(walk([(0, 0), (100, 0), (100, 150)])))
    assert walked.segment.tolist() == [1, 3]
    assert walked.enter_s - T0 == pytest.approx([0, 80], abs=2)
    assert walked.exit_s - T0 == pytest.approx([80, 200], abs=2)
    assert walked.walked_m == pytest.approx([100, 150], abs=3)


def test_standing_at_a_door_is_time_on_that_street(corner: Roads) -> None:
    way = np.vstack((walk([(0, 0), (60, 0)]), stand(60, 0, 100), walk([(60, 0), (200, 0)])))
    walked = on_streets(corner, ticks(way))
    assert walked.segment.tolist() == [1, 2]
    assert (walked.exit_s - walked.enter_s)[0] == pytest.approx(80 + 100, abs=8)


def test_a_turn_within_a_street_is_one_passage(corner: Roads) -> None:
    walked = on_streets(corner, ticks(walk([(0, 0), (60, 0), (0, 0)])))
    assert walked.segment.tolist() == [1]


def test_two_people_are_laid_on_streets_apart(corner: Roads) -> None:
    track = ticks(walk([(0, 0), (200, 0)]), walk([(100, 150), (100, 0)]))
    walked = on_streets(corner, track)
    assert walked.piece.tolist() == [0, 0, 1]
    assert walked.segment.tolist() == [1, 2, 3]
    at = segment_at(track, walked)
    assert set(walked.segment[at[track.piece == 1]].tolist()) == {3}
    assert walked.segment[at[track.piece == 0]][[0, -1]].tolist() == [1, 2]


def test_off_every_street_nothing_is_matched(corner: Roads) -> None:
    track = ticks(walk([(0, 0), (100, 0)]), walk([(0, 400), (300, 400)]))
    walked = on_streets(corner, track)
    assert set(walked.piece.tolist()) == {0}
    assert (segment_at(track, walked)[track.piece == 1] == -1).all()


def test_no_way_is_invented_across_a_park(corner: Roads) -> None:
    across = walk([(10, 0), (10, 400), (100, 400), (100, 140), (100, 20)])
    walked = on_streets(corner, ticks(across))
    # Off street between about 60 m on both sides; the two ends are separate ways.
    assert walked.segment.tolist()[0] == 1
    assert walked.segment.tolist()[-1] == 3
    assert walked.exit_s[0] < walked.enter_s[-1] - 200


def test_active_time_is_the_part_of_a_passage_that_was_active(corner: Roads) -> None:
    track = ticks(walk([(0, 0), (200, 0)]))
    walked = on_streets(corner, track)
    active = np.ones(len(track), dtype=np.bool_)
    whole = active_seconds(track, active, walked)
    assert whole == pytest.approx(walked.exit_s - walked.enter_s, abs=5)
    active[track.t_s < T0 + 40] = False
    assert active_seconds(track, active, walked)[0] == pytest.approx(whole[0] - 40, abs=1)


def test_a_walk_in_a_parallel_street_25_m_away_is_no_visit(tmp_path: Path) -> None:
    """Acceptance case 9."""
    roads = streets(
        tmp_path,
        hotspot=[(0, 0), (200, 0)],
        parallel=[(0, 25), (200, 25)],
        link=[(0, 0), (0, 25)],
    )
    rng = np.random.default_rng(4)
    way = walk([(0, 25), (200, 25)])
    noise = np.repeat(rng.normal(0, 3, (len(way) // 6 + 1, 2)), 6, axis=0)[: len(way)]
    track = ticks(way + noise)
    walked = on_streets(roads, track)
    active = active_seconds(track, np.ones(len(track), dtype=np.bool_), walked)
    found = visits(
        walked,
        active,
        np.array([1]),
        np.array([200.0]),
        min_dwell_s=300,
        min_share=0.5,
        between_s=3600,
    )
    assert len(found.enter_s) == 0
    assert active[walked.segment == 2].sum() > 140


def passed(*begins_s: float, lasts_s: float = 60.0, walked_m: float = 120.0) -> Passages:
    n = len(begins_s)
    enter = np.array(begins_s)
    return Passages(
        np.zeros(n, np.int64),
        np.full(n, 7, np.int64),
        enter,
        enter + lasts_s,
        np.full(n, walked_m),
    )


def count(walked: Passages, length_m: float = 200.0) -> int:
    found = visits(
        walked,
        walked.exit_s - walked.enter_s,
        np.array([7]),
        np.array([length_m]),
        min_dwell_s=300,
        min_share=0.5,
        between_s=3600,
    )
    return len(found.enter_s)


def test_two_passes_20_minutes_apart_are_one_visit() -> None:
    """Acceptance case 10: 60 min between two visits."""
    assert count(passed(0, 20 * 60)) == 1
    assert count(passed(0, 61 * 60 + 60)) == 2


def test_a_visit_needs_five_minutes_or_half_the_length() -> None:
    assert count(passed(0, walked_m=99)) == 0
    assert count(passed(0, walked_m=100)) == 1
    assert count(passed(0, lasts_s=299, walked_m=10)) == 0
    assert count(passed(0, lasts_s=300, walked_m=10)) == 1
    # Walking the same 60 m twice is not 120 m of street.
    assert count(passed(0, 100, walked_m=60)) == 0


def test_elsewhere_is_no_visit() -> None:
    walked = passed(0)
    none = visits(
        walked,
        walked.exit_s,
        np.array([8]),
        np.array([10.0]),
        min_dwell_s=1,
        min_share=0.1,
        between_s=1,
    )
    assert len(none.enter_s) == 0
