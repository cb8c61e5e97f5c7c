"""Who was together with whom: pairs, and groups of three and more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geo.encounters import Clocked, encounters
from geo.smoothing import Smooth, Ticks, on_clock
from geo.stays import find_stays
from geo.together import (
    Group,
    PairSpans,
    errors_of,
    groups,
    one_clock,
    pairs,
    without_desks,
)
from geo.track import in_order
from tests.geo.paths import T0, shifted, stand, ticks, walk

RULES: dict[str, Any] = {
    "near_m": 30.0,
    "far_m": 45.0,
    "min_s": 300.0,
    "bridge_s": 120.0,
    "silence_s": 300.0,
    "comove_ratio": 0.5,
    "comove_window_s": 120.0,
}
WAY = walk([(0, 0), (900, 0)])  # 12 minutes


def spans(*tracks: np.ndarray) -> list[tuple[int, int, float, float]]:
    return listed(judge(ticks(*tracks), len(tracks)))


def judge(track: Ticks, people: int, **rules: float) -> PairSpans:
    return pairs(one_clock(track, people), **(RULES | rules))


def listed(found: PairSpans) -> list[tuple[int, int, float, float]]:
    return [
        (int(a), int(b), float(s - T0), float(e - T0))
        for a, b, s, e in zip(found.a, found.b, found.start_s, found.end_s, strict=True)
    ]


def test_two_who_walk_side_by_side_are_together_all_the_way() -> None:
    assert spans(WAY, shifted(WAY, 0, 8.0)) == [(0, 1, 0.0, 725.0)]


def test_300_m_apart_is_not_together() -> None:
    assert spans(WAY, shifted(WAY, 0, 300.0)) == []


def test_a_crossing_is_chance() -> None:
    north = walk([(450, -450), (450, 450)])
    assert spans(WAY, north) == []


def test_who_follows_at_40_m_was_never_near() -> None:
    # Between near and far: on only at 30 m, so never on.
    assert spans(WAY, shifted(WAY, -40.0, 0)) == []


def test_together_ends_beyond_the_far_limit_and_not_before() -> None:
    apart = WAY.copy()
    apart[90:] += [0, 40.0]  # 40 m from minute 7.5 on: within the far limit for this
    apart[102:] -= [0, 40.0]  # minute, and near again
    assert spans(WAY, apart) == [(0, 1, 0.0, 725.0)]
    apart[90:] += [0, 100.0]  # gone
    assert spans(WAY, apart)[0][3] == pytest.approx(450, abs=30)


def test_a_visit_to_a_shop_is_bridged_and_a_long_one_is_not() -> None:
    way = np.vstack((stand(0, 0, 600), stand(0, 0, 600)))
    for away_s, parts in ((90, 1), (200, 2)):
        other = way.copy()
        n = int(away_s / 5)
        other[100 : 100 + n] += [0, 70.0]
        assert len(spans(way, other)) == parts


def test_four_minutes_together_are_chance_and_six_are_not() -> None:
    for minutes, parts in ((4, 0), (6, 1)):
        other = shifted(WAY, 0, 200.0)
        other[30 : 30 + minutes * 12] = WAY[30 : 30 + minutes * 12]
        assert len(spans(WAY, other)) == parts


def test_both_pavements_of_a_street_are_one_patrol_and_further_away_is_none() -> None:
    # Two good phones (error 4 m) explain 8 m of the distance: √(24² + 8²) = 25.3 m is the most
    # that companions keep. Two bad ones (12 m) make it 34 m.
    assert len(judge(ticks(WAY, shifted(WAY, -25.0, 0)), 2)) == 1
    track = ticks(WAY, shifted(WAY, -28.0, 0))
    assert len(judge(track, 2)) == 0
    good, bad = np.full(2, 4.0), np.full(2, 12.0)
    assert len(pairs(one_clock(track, 2), **RULES, error_m=good)) == 0
    assert len(pairs(one_clock(track, 2), **RULES, error_m=bad)) == 1
    # Standing still it says nothing: indoors a phone errs slowly and far.
    place = stand(0, 0, 900)
    assert len(judge(ticks(place, shifted(place, -28.0, 0)), 2)) == 1


def test_whose_distance_swings_goes_the_same_way_by_chance() -> None:
    # From 4 to 40 m and back every four minutes: √(22² + 18²/2) = 25.4 m on the whole. Nearer
    # than the other pavement with errors of 6 m, but the middle half spreads 25 m, not 13.
    other = WAY.copy()
    other[:, 0] -= 22.0 - 18.0 * np.cos(2 * np.pi * np.arange(len(WAY)) / 48)
    six = np.full(2, 6.0)
    assert len(pairs(one_clock(ticks(WAY, other), 2), **RULES, error_m=six)) == 0
    steady = one_clock(ticks(WAY, shifted(WAY, -25.4, 0)), 2)
    assert len(pairs(steady, **RULES, error_m=six)) == 1


def test_companions_keep_their_minutes_when_later_they_drift_apart() -> None:
    apart = WAY.copy()
    apart[80:] += [0, 35.0]  # 400 s side by side, then 5 min more at 35 m: too far on the whole
    [(_, _, begin, end)] = spans(WAY, apart)
    assert begin == 0.0
    assert 400 <= end <= 540


def test_silence_alone_makes_no_company() -> None:
    # Near for 100 s, silent for 4 min, near for 100 s: 7 min between ends, 3 of them seen.
    way = walk([(0, 0), (600, 0)])  # 8 minutes
    track = silent(way, shifted(way, 0, 5.0), 22, 70)
    assert listed(judge(track, 2)) == []
    long = walk([(0, 0), (1200, 0)])
    assert len(judge(silent(long, shifted(long, 0, 5.0), 22, 70), 2)) == 1


def test_a_phone_s_error_is_measured_on_its_own_track() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    t = T0 + 5.0 * np.arange(n)
    at = np.repeat([0, 1], n)
    zero = np.zeros(2 * n)
    # Off the smooth track by a way whose median is 2 m and 7 m, on either side.
    off = np.concatenate((np.full(n, 2.0), np.full(n, 7.0))) * rng.choice([-1.0, 1.0], 2 * n)
    fixes = in_order(at, np.tile(t, 2), off, zero)
    straight = Smooth(at, np.arange(2), np.zeros(2, np.int64), np.tile(t, 2), zero, zero)
    assert errors_of(fixes, straight, 3).tolist() == [4.0, pytest.approx(9.8), 4.0]


def test_an_hour_at_a_desk_is_nobody_s_company() -> None:
    place = stand(0, 0, 4000)
    way = np.vstack((place, walk([(0, 0), (900, 0)])))
    track = ticks(way, shifted(way, 0, 5.0))
    stays = find_stays(track, stay_radius_m=40.0, stay_from_s=420.0)
    clocked = one_clock(track, 2)
    [(_, _, begin, end)] = listed(pairs(without_desks(clocked, track, stays), **RULES))
    assert (begin, end) == (pytest.approx(4000, abs=60), 5.0 * len(way))
    assert listed(pairs(clocked, **RULES)) == [(0, 1, 0.0, 5.0 * len(way))]


@pytest.mark.parametrize("seed", range(3))
def test_encounters_miss_nobody_and_their_edges_do_not_matter(seed: int) -> None:
    """Judged in their stretches, pairs come out as on the whole clock, where everybody is asked."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 5.0, (12, 900, 2))
    leader = np.cumsum(steps, axis=1) + rng.uniform(-150, 150, (12, 1, 2))
    leader[6:] = leader[:6] + rng.normal(0, 8, (6, 900, 2))  # six have a companion,
    leader[6:, 300:480] += 120.0  # who is away for a while
    x, y = leader[..., 0].T.copy(), leader[..., 1].T.copy()
    lost = rng.random(x.shape) < 0.1
    x[lost], y[lost] = np.nan, np.nan
    clocked = Clocked(1000, x, y)
    found = pairs(clocked, **RULES)
    asked = {(a, b) for a in range(12) for b in range(a + 1, 12)}
    whole = []
    for a, b in sorted(asked):
        # Only these two: the stretch is their whole clock.
        two = pairs(Clocked(1000, x[:, [a, b]], y[:, [a, b]]), **RULES)
        whole += [
            (a, b, s, e) for s, e in zip(two.start_s.tolist(), two.end_s.tolist(), strict=True)
        ]
    assert len(found) >= 12
    got = zip(*(c.tolist() for c in (found.a, found.b, found.start_s, found.end_s)), strict=True)
    assert list(got) == whole
    met = encounters(clocked, far_m=45.0, least=12, apart_rows=10**6, margin_rows=10**6)
    near = np.hypot(x[:, :, None] - x[:, None, :], y[:, :, None] - y[:, None, :]) <= 45.0
    often = np.argwhere(np.triu(near.sum(axis=0) >= 12, 1)).tolist()
    assert [[a, b] for a, b in zip(met.a.tolist(), met.b.tolist(), strict=True)] == often
    assert set(met.begin.tolist()) == {0}
    assert set(met.end.tolist()) == {900}


def test_two_who_do_not_move_alike_are_not_together() -> None:
    swaying = WAY + np.column_stack((np.zeros(len(WAY)), 12 * np.sin(np.arange(len(WAY)) / 3)))
    assert len(judge(ticks(WAY, swaying), 2, bridge_s=0.0)) == 1
    assert len(judge(ticks(WAY, swaying), 2, comove_ratio=0.02, bridge_s=0.0)) == 0


def silent(track: np.ndarray, other: np.ndarray, first: int, last: int) -> Ticks:
    """Two tracks; the second says nothing from fix `first` to fix `last`."""
    keep = np.ones(len(other), dtype=np.bool_)
    keep[first:last] = False
    n = len(track)
    t = T0 + 5.0 * np.arange(n)
    places = np.vstack((track, other[keep]))
    piece = np.repeat([0, 1], [n, keep.sum()])
    zero = np.zeros(2, np.int64)
    return on_clock(
        Smooth(
            piece,
            np.arange(2),
            zero,
            np.concatenate((t, t[keep])),
            places[:, 0],
            places[:, 1],
        )
    )


def test_a_silence_between_two_stretches_together_is_bridged_up_to_the_credited_gap() -> None:
    way = walk([(0, 0), (1500, 0)])
    for silent_s, parts in ((280, 1), (400, 2)):
        track = silent(way, shifted(way, 0, 5.0), 70, 70 + int(silent_s / 5))
        assert len(judge(track, 2)) == parts


def test_a_silence_is_not_a_place() -> None:
    # Where a phone said nothing for 200 s its line between the fixes is no evidence of nearness.
    way = walk([(0, 0), (400, 0)])
    track = silent(way, way, 5, 60)
    assert np.isnan(one_clock(track, 2).x_m[10:55, 1]).all()
    assert listed(judge(track, 2)) == []


def test_a_still_phone_may_report_rarely() -> None:
    place = stand(0, 0, 1200)
    rare = np.vstack([place[:1]] * len(place))
    keep = np.arange(len(place)) % 16 == 0  # every 80 s
    piece = np.repeat([0, 1], [len(place), keep.sum()])
    t = T0 + 5.0 * np.arange(len(place))
    both = np.vstack((place, rare[keep]))
    track = on_clock(
        Smooth(
            piece,
            np.arange(2),
            np.zeros(2, np.int64),
            np.concatenate((t, t[keep])),
            both[:, 0],
            both[:, 1],
        )
    )
    assert len(judge(track, 2)) == 1


def test_three_in_a_column_are_one_group_of_three() -> None:
    # The ends are 32 m apart: no pair of their own, joined through the middle one.
    found = judge(ticks(WAY, shifted(WAY, -16.0, 0), shifted(WAY, -32.0, 0)), 3)
    assert {(int(a), int(b)) for a, b in zip(found.a, found.b, strict=True)} == {(0, 1), (1, 2)}
    assert groups(found) == [Group((0, 1, 2), T0, T0 + 725)]


def test_a_group_changes_when_one_leaves() -> None:
    leaves = WAY.copy()
    leaves[80:] += [0, 300.0]
    found = groups(judge(ticks(WAY, shifted(WAY, 0, 5.0), leaves), 3))
    assert [g.members for g in found] == [(0, 1, 2), (0, 1)]
    assert found[0].end_s == found[1].start_s == pytest.approx(T0 + 400, abs=30)


def test_rules_are_arguments() -> None:
    track = ticks(WAY, shifted(WAY, 0, 60.0))
    assert len(judge(track, 2)) == 0
    assert len(judge(track, 2, near_m=125.0, far_m=130.0)) == 1


def test_nobody_is_together_with_nobody() -> None:
    none = np.empty(0, np.int64)
    empty = on_clock(Smooth(none, none, none, np.empty(0), np.empty(0), np.empty(0)))
    assert len(judge(empty, 0)) == 0
    assert len(judge(empty, 3)) == 0
    assert groups(judge(empty, 3)) == []
