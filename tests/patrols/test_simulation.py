"""The simulator is the ruler that verdicts are measured with: its truth is checked by hand here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from math import exp, hypot, sqrt
from pathlib import Path

import numpy as np
import pytest
import shapely

from patrols.simulation.company import Formation, in_formation, parted
from patrols.simulation.folder import write_folder
from patrols.simulation.graph import StreetGraph
from patrols.simulation.morning import Mix, Morning, in_arrival_order, morning
from patrols.simulation.phone import CANYON, INDOORS, OPEN, URBAN, PhoneKind, errors, record
from patrols.simulation.truth import PairTruth, officer_truth, pair_truth, segment_truth
from patrols.simulation.walker import State, Track, Walker, beside
from tests.world import place

STEPS = range(-3, 4)
BLOCK_M = 100.0


def town_lines() -> list[list[tuple[float, float]]]:
    """Seven streets each way, 100 m apart: 84 blocks, west–east ones first."""
    lines = [
        [place(x * BLOCK_M, y * BLOCK_M), place((x + 1) * BLOCK_M, y * BLOCK_M)]
        for y in STEPS
        for x in STEPS[:-1]
    ]
    return lines + [
        [place(x * BLOCK_M, y * BLOCK_M), place(x * BLOCK_M, (y + 1) * BLOCK_M)]
        for x in STEPS
        for y in STEPS[:-1]
    ]


@pytest.fixture(scope="module")
def town() -> StreetGraph:
    lines = town_lines()
    return StreetGraph.of(range(1, len(lines) + 1), lines)


def walker(town: StreetGraph, seed: int = 1, start_s: float = 0.0) -> Walker:
    return Walker(
        np.random.default_rng(seed),
        town,
        node=town.nearest_node(0.0, 0.0),
        start_s=start_s,
        liking=np.ones(len(town)),
    )


def off_street_m(town: StreetGraph, track: Track) -> np.ndarray:
    """How far each second's place is from the segment that the track names."""
    lines = np.array([shapely.LineString(town.lines[s]) for s in track.segment])
    return shapely.distance(lines, shapely.points(track.x_m, track.y_m))


def test_junctions_are_where_segments_share_an_end(town: StreetGraph) -> None:
    assert town.nodes == 49
    assert sorted({len(found) for found in town.leaving}) == [2, 3, 4]
    assert town.length_m == pytest.approx(np.full(84, 100.0), abs=0.05)
    assert town.largest_part().all()


def test_a_piece_that_hangs_alone_is_not_the_largest_part() -> None:
    lines = [*town_lines(), [place(5000, 0), place(5300, 0)]]
    part = StreetGraph.of(range(len(lines)), lines).largest_part()
    assert part.sum() == 84
    assert not part[84]


@pytest.mark.parametrize(
    ("ids", "lines"), [([], []), ([1], []), ([1], [[(120.0, 30.0)]])], ids=["none", "less", "point"]
)
def test_streets_that_are_none_are_refused(ids: list[int], lines: list[object]) -> None:
    with pytest.raises(ValueError, match="segment"):
        StreetGraph.of(ids, lines)


def test_ways_lead_home_by_the_shortest_way(town: StreetGraph) -> None:
    home, corner = town.nearest_node(0, 0), town.nearest_node(-300, -300)
    ways = town.ways_to(home)
    assert ways.left_m[corner] == pytest.approx(600.0, abs=0.5)  # three blocks each way
    node, walked = corner, 0
    while node != home:
        node, walked = town.other_end(int(ways.segment[node]), node), walked + 1
    assert walked == 6


def test_a_walk_stays_on_its_streets_at_walking_pace(town: StreetGraph) -> None:
    one = walker(town)
    one.patrol(3600.0)
    track = one.track()
    assert off_street_m(town, track).max() < 0.01
    pace = np.hypot(np.diff(track.x_m), np.diff(track.y_m))
    assert pace.max() < 1.45 * 1.25 + 0.01
    assert np.diff(track.along_m).min() >= 0.0
    assert track.active.all()
    # It goes about instead of up and down one block: 3,600 s make about 40 blocks.
    assert len(np.unique(track.segment)) > 20


def test_stops_last_20_to_120_seconds(town: StreetGraph) -> None:
    one = walker(town, seed=5)
    one.patrol(4 * 3600.0)
    stopped = np.concatenate(([0], one.track().state == State.STOPPED, [0])).astype(int)
    lengths = np.flatnonzero(np.diff(stopped) == -1) - np.flatnonzero(np.diff(stopped) == 1)
    assert len(lengths) > 10
    assert 19 <= lengths.min() < lengths.max() <= 121


def test_parked_time_is_as_long_as_told_and_not_active(town: StreetGraph) -> None:
    one = walker(town)
    one.patrol(600.0)
    since = one.now_s
    one.stand(since + 900.0, State.INDOORS)
    one.patrol(one.now_s + 300.0)
    track = one.track()
    indoors = track.state == State.INDOORS
    assert indoors.sum() == pytest.approx(900, abs=1)
    assert np.ptp(track.x_m[indoors]) == 0.0
    assert not track.active[indoors].any()


@pytest.mark.parametrize("seed", range(6))
def test_one_is_home_in_time(town: StreetGraph, seed: int) -> None:
    one = walker(town, seed)
    home = one.node
    one.patrol(2400.0, town.ways_to(home))
    assert one.node == home
    assert 2400.0 - 400.0 < one.now_s <= 2400.0 + 2 * 120.0  # early, but for a last short stop


def test_a_column_is_four_metres_behind_along_the_way(town: StreetGraph) -> None:
    one = walker(town)
    one.patrol(1800.0)
    leader = one.track()
    second = beside(leader, behind_m=4.0)
    assert (leader.along_m - second.along_m)[60:] == pytest.approx(4.0)
    assert off_street_m(town, second).max() < 1.0  # a corner is cut by less than a second's way
    assert np.hypot(leader.x_m - second.x_m, leader.y_m - second.y_m).max() <= 4.0 + 1e-6


def test_a_row_is_side_by_side(town: StreetGraph) -> None:
    one = walker(town)
    one.patrol(1800.0)
    left, right = in_formation(one.track(), 2, Formation.ROW)
    apart = np.hypot(left.x_m - right.x_m, left.y_m - right.y_m)
    assert apart == pytest.approx(1.5)


def test_a_pair_parts_and_meets_again_without_a_leap(town: StreetGraph) -> None:
    one = walker(town, seed=2)
    one.patrol(3600.0)
    leader = one.track()
    follower = beside(leader, behind_m=4.0)
    own = parted(
        np.random.default_rng(9), town, one, follower,
        split_s=1000.0, rejoin_s=2400.0, until_s=3600.0, liking=np.ones(len(town)),
    )  # fmt: skip
    apart = np.hypot(own.x_m - leader.x_m, own.y_m - leader.y_m)
    assert len(own) == len(leader)
    assert apart[:990].max() < 5.0
    assert apart[1300:2200].max() > 50.0
    assert apart[2700:].max() < 5.0
    # 4 m is what the follower was behind when the two parted.
    assert np.hypot(np.diff(own.x_m), np.diff(own.y_m)).max() < 2.0 + 4.1


def test_who_parts_for_good_goes_home(town: StreetGraph) -> None:
    one = walker(town, seed=3)
    home = one.node
    one.patrol(3600.0, town.ways_to(home))
    one.stand(7200.0, State.INDOORS)
    follower = beside(one.track(), behind_m=4.0)
    own = parted(
        np.random.default_rng(4), town, one, follower,
        split_s=1000.0, rejoin_s=None, until_s=3600.0, liking=np.ones(len(town)), home=home,
    )  # fmt: skip
    assert hypot(own.x_m[4000] - town.node_m[home, 0], own.y_m[4000] - town.node_m[home, 1]) < 5.0
    assert (own.state[4200:] == State.INDOORS).all()


# Phones


def standing(seconds: int, state: State) -> Track:
    """Somebody who does not move from the origin."""
    n = np.zeros(seconds)
    return Track(0, n, n, n, n.astype(np.int64), np.full(seconds, state, np.uint8))


@pytest.mark.parametrize("noise", [OPEN, URBAN, CANYON])
def test_errors_have_the_spread_and_the_memory_of_their_class(noise: object) -> None:
    kind = PhoneKind(replace(noise, jump_share=0.0))  # type: ignore[type-var]
    when = np.arange(0.0, 400_000.0, 5.0)
    error = errors(np.random.default_rng(1), when, np.zeros(len(when), np.bool_), kind)
    sigma, white, tau = kind.noise.sigma_m, kind.noise.white_m, kind.noise.tau_s
    assert error.std(axis=0) == pytest.approx([sqrt(sigma**2 + white**2)] * 2, rel=0.05)
    # A Gauss-Markov process after 30 s: sigma² · exp(-30 / tau); white noise adds nothing.
    lagged = (error[:-6] * error[6:]).mean()
    assert lagged == pytest.approx(sigma**2 * exp(-30.0 / tau), rel=0.12)


def test_indoors_errors_are_larger_and_slower() -> None:
    kind = PhoneKind(OPEN)
    when = np.arange(0.0, 400_000.0, 5.0)
    error = errors(np.random.default_rng(1), when, np.ones(len(when), np.bool_), kind)
    middle = np.median(np.abs(error))  # jumps do not move it; 0.6745 sigma of a normal law
    assert middle == pytest.approx(0.6745 * hypot(INDOORS.sigma_m, INDOORS.white_m), rel=0.1)


def test_a_poor_phone_errs_like_in_a_canyon() -> None:
    assert PhoneKind(OPEN, poor=True).sigma_m == CANYON.sigma_m
    assert PhoneKind(OPEN).sigma_m == OPEN.sigma_m


def test_jumps_are_as_frequent_as_the_class_says_and_far() -> None:
    kind = PhoneKind(CANYON)
    when = np.arange(0.0, 500_000.0, 5.0)
    error = errors(np.random.default_rng(2), when, np.zeros(len(when), np.bool_), kind)
    far = np.hypot(error[:, 0], error[:, 1]) > 55.0  # 4.5 sigma: never without a jump
    # Jumps are 40 to 150 m, so about one in seven is hidden below 55 m.
    assert far.mean() == pytest.approx(CANYON.jump_share * 6 / 7, rel=0.15)


def test_fixes_come_as_the_phone_says_and_not_in_gaps(town: StreetGraph) -> None:
    one = walker(town)
    one.patrol(7200.0)
    kind = PhoneKind(URBAN, clock_s=2.5, loss=0.025, moving_s=5.0)
    fixes = record(np.random.default_rng(3), town, one.track(), kind, gaps=[(1000.0, 1200.0)])
    assert not ((fixes.true_s >= 1000.0) & (fixes.true_s < 1200.0)).any()
    assert fixes.time_s - fixes.true_s == pytest.approx(2.5)
    assert len(fixes) == pytest.approx((one.now_s - 200.0) / 5.0 * 0.975, rel=0.02)
    assert np.diff(fixes.true_s).min() >= 4.4


def test_a_phone_at_rest_reports_seldom_and_wakes_at_once(town: StreetGraph) -> None:
    one = walker(town)
    one.stand(1830.0, State.PARKED)
    one.patrol(2400.0)
    kind = PhoneKind(OPEN, loss=0.0, moving_s=6.0, still_s=60.0)
    fixes = record(np.random.default_rng(3), town, one.track(), kind)
    assert np.diff(fixes.true_s[fixes.true_s < 1800.0]).min() > 50.0
    assert fixes.true_s[fixes.true_s > 1830.0][0] <= 1836.0


def test_the_accuracy_figure_knows_something_of_the_error(town: StreetGraph) -> None:
    kind = PhoneKind(URBAN, loss=0.0)
    fixes = record(np.random.default_rng(5), town, standing(40_000, State.WALKING), kind)
    x, y = town.plane.to_metres(fixes.lon_deg, fixes.lat_deg)
    error = np.hypot(x, y)
    assert fixes.accuracy_m.min() >= 3.0
    assert np.corrcoef(error, fixes.accuracy_m)[0, 1] > 0.5
    # It means "68 % are within": true to a few percent over a day.
    assert (error <= fixes.accuracy_m).mean() == pytest.approx(0.68, abs=0.12)


# Truth


def test_truth_of_a_track_worked_out_by_hand() -> None:
    state = np.array([State.WALKING] * 10 + [State.STOPPED] * 5 + [State.PARKED] * 20, np.uint8)
    state = np.concatenate((state, np.array([State.WALKING] * 5 + [State.DRIVING] * 2, np.uint8)))
    segment = np.array([7] * 8 + [9] * 29 + [7] * 5)
    n = np.arange(42.0)
    track = Track(100, n, n, n, segment, state)
    in_beat = np.zeros(10, np.bool_)
    in_beat[9] = True
    truth = officer_truth(track, in_beat)
    assert (truth.active_s, truth.parked_s, truth.vehicle_s) == (22.0, 20.0, 2.0)
    assert truth.on_beat_active_s == 9.0  # seconds 8 to 14, 35 and 36
    rows = [(r.segment, r.enter_s, r.exit_s, r.active_s) for r in segment_truth(track)]
    assert rows == [(7, 100.0, 108.0, 8.0), (9, 108.0, 137.0, 9.0), (7, 137.0, 142.0, 5.0)]


def test_together_is_15_metres_for_two_minutes() -> None:
    n = 1000
    still = standing(n, State.WALKING)
    x = np.full(n, 40.0)
    x[100:400] = 14.0  # 300 s near
    x[600:700] = 10.0  # 100 s: too short
    other = replace(still, x_m=x)
    late = replace(other, start_s=50)
    assert pair_truth([still, other]) == [PairTruth(0, 1, 100.0, 400.0)]
    assert pair_truth([still, late]) == [PairTruth(0, 1, 150.0, 450.0)]


def make(town: StreetGraph, seed: int = 4, **mix: object) -> Morning:
    in_beat = town.middle_m[:, 0] < 0
    return morning(town, in_beat=in_beat, seed=seed, mix=Mix(officers=12, hours=1.0, **mix))  # type: ignore[arg-type]


def test_a_morning_has_truth_that_adds_up(town: StreetGraph) -> None:
    made = make(town)
    assert len(made.officers) == 12
    assert {o.kind for o in made.officers} >= {"solo", "pair"}
    for officer in made.officers:
        truth = officer_truth(officer.track, made.in_beat)
        assert len(officer.track) == 3600
        assert truth.active_s + truth.parked_s == 3600.0
        assert truth.on_beat_active_s <= truth.active_s
        rows = segment_truth(officer.track)
        assert sum(row.active_s for row in rows) == truth.active_s
        assert rows[0].enter_s == 0.0
        assert all(a.exit_s == b.enter_s for a, b in pairwise(rows))
        assert np.hypot(np.diff(officer.track.x_m), np.diff(officer.track.y_m)).max() < 6.0


def test_late_uploads_come_late_and_in_any_order_but_all(town: StreetGraph) -> None:
    made = make(town, late=1.0)
    order = in_arrival_order(made.officers)
    assert len(order) == len(set(order)) == sum(len(o.fixes) for o in made.officers)
    first = [which for who, which in order if who == 0]
    assert first != sorted(first)
    waited = made.officers[0].arrives_s - made.officers[0].fixes.true_s
    assert waited.min() >= 0.0
    assert waited.max() > 600.0


def test_vehicles_drive(town: StreetGraph) -> None:
    made = make(town, vehicles=1.0, grouped=0.0, parks=0.0)
    for officer in made.officers:
        assert officer.kind == "vehicle"
        assert officer_truth(officer.track, made.in_beat).vehicle_s > 1800.0


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def test_a_seed_is_a_folder_and_the_folder_is_readable(town: StreetGraph, tmp_path: Path) -> None:
    from bench.truth import misallocated, read_folder, score_minutes, score_pairs

    beat = shapely.box(119.9, 29.9, 120.0, 30.1)
    t0 = datetime(2025, 5, 5, 9, tzinfo=UTC)
    digests = {}
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        write_folder(tmp_path / name, make(town, seed), town_lines(), beat, t0=t0)
        digests[name] = digest_of(tmp_path / name)
    assert digests["a"] == digests["b"] != digests["c"]
    # Read back by the scorer's own reader: the truth scores full marks against itself.
    folder = read_folder(tmp_path / "a")
    assert folder.t0_s == t0.timestamp()
    assert len(folder.officers) == 12
    assert len(folder.officer) == sum(len(o.fixes) for o in make(town).officers)
    active = {name: float(str(row["active_s"])) for name, row in folder.truth.items()}
    assert score_minutes(active, active)["mean"] == 0.0
    assert misallocated(folder.walked, folder.walked) == 0.0
    assert folder.pairs
    assert score_pairs(folder.pairs, folder.pairs, folder.officers, 3600)["f1"] == 1.0
