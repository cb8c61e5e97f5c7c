"""Who was together with whom: pairs, and groups of three and more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geo.smoothing import Smooth, Ticks, on_clock
from geo.together import Group, PairSpans, groups, one_clock, pairs
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
    apart[90:] += [0, 40.0]  # 40 m from minute 7.5 on: still within the far limit
    assert spans(WAY, apart)[0][3] > 600
    apart[90:] += [0, 60.0]  # 100 m: gone
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
    # The ends are 36 m apart: no pair of their own, joined through the middle one.
    found = judge(ticks(WAY, shifted(WAY, -18.0, 0), shifted(WAY, -36.0, 0)), 3)
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
    assert len(judge(track, 2, near_m=70.0, far_m=90.0)) == 1


def test_nobody_is_together_with_nobody() -> None:
    none = np.empty(0, np.int64)
    empty = on_clock(Smooth(none, none, none, np.empty(0), np.empty(0), np.empty(0)))
    assert len(judge(empty, 0)) == 0
    assert len(judge(empty, 3)) == 0
    assert groups(judge(empty, 3)) == []
