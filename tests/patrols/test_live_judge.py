"""The live judge on tracks walked by hand: together, alone, unknown, parked. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bureau.rules import Rules
from geo.encounters import Clocked
from geo.track import Fixes, in_order
from patrols.live_judge import Seen, _close_when_silent, judge_live

NOW_S = 1_795_316_400.0
Path = Callable[[float], tuple[float, float]]


def street(north_m: float = 0.0, mps: float = 1.2) -> Path:
    """Eastwards along a street; at `NOW_S` at x = 0."""
    return lambda t_s: (mps * (t_s - NOW_S), north_m)


def tracks(*walks: tuple[Path, float, float], step_s: float = 5.0) -> Fixes:
    """Fixes of one person after another: (path, first s before now, last s before now)."""
    rows = [
        (k, NOW_S - back_s, *path(NOW_S - back_s))
        for k, (path, first, last) in enumerate(walks)
        for back_s in np.arange(first, last - 0.1, -step_s)
    ]
    track, t_s, x_m, y_m = zip(*rows, strict=True)
    return in_order(track, t_s, x_m, y_m)


def judge(fixes: Fixes, people: list[int], **more) -> dict[int, Seen]:
    return judge_live(
        fixes, people, now_s=NOW_S, fresh_s=np.full(len(people), 30.0), rules=Rules(), **more
    )


def test_two_who_walk_10_m_apart_are_together_since_they_met():
    seen = judge(tracks((street(), 600, 0), (street(10), 600, 0)), [7, 8])
    assert (seen[7].company, seen[7].partners) == ("together", (8,))
    assert (seen[8].company, seen[8].partners) == ("together", (7,))
    assert seen[7].since_s == pytest.approx(NOW_S - 600, abs=30)


def test_three_in_a_row_are_one_group_though_its_ends_are_too_far_apart():
    # 18 m between neighbours, 36 m between the ends (near_m is 30).
    fixes = tracks((street(), 600, 0), (street(18), 600, 0), (street(36), 600, 0))
    seen = judge(fixes, [1, 2, 3])
    assert [seen[person].partners for person in (1, 2, 3)] == [(2, 3), (1, 3), (1, 2)]


def test_one_far_from_everybody_is_alone_since_the_window_begins():
    seen = judge(tracks((street(), 600, 0), (street(400), 600, 0)), [1, 2])
    assert [seen[person].company for person in (1, 2)] == ["alone", "alone"]
    assert seen[1].since_s == pytest.approx(NOW_S - 600, abs=10)


def test_a_pair_that_parts_is_alone_since_it_parted():
    def away(t_s: float) -> tuple[float, float]:
        return (1.2 * (t_s - NOW_S), 5.0 + max(0.0, 1.2 * (t_s - (NOW_S - 240))))

    seen = judge(tracks((street(), 800, 0), (away, 800, 0)), [1, 2])
    assert seen[1].company == "alone"
    # 45 m apart (far_m) 33 s after parting, 240 s before now.
    assert seen[1].since_s == pytest.approx(NOW_S - 200, abs=45)


def test_a_phone_that_has_just_begun_to_report_cannot_be_judged():
    seen = judge(tracks((street(), 30, 0)), [1])
    assert (seen[1].company, seen[1].since_s) == ("unknown", None)


def test_two_who_met_a_minute_ago_are_neither_alone_nor_yet_together():
    def joins(t_s: float) -> tuple[float, float]:
        return (1.2 * (t_s - NOW_S), 5.0 + max(0.0, 1.2 * (NOW_S - 75 - t_s)))

    seen = judge(tracks((street(), 600, 0), (joins, 600, 0)), [1, 2])
    assert [seen[person].company for person in (1, 2)] == ["unknown", "unknown"]


def test_two_accounts_on_one_phone_are_unknown_and_no_pair():
    # 1 and 2 report the same fixes; 3 walks 10 m beside them, with one phone that is not theirs.
    seen = judge(tracks((street(), 600, 0), (street(), 600, 0), (street(10), 600, 0)), [1, 2, 3])
    assert [(seen[person].company, seen[person].partners) for person in (1, 2)] == [
        ("unknown", ()),
        ("unknown", ()),
    ]
    assert (seen[3].company, seen[3].partners) == ("together", (1,))


def test_a_passer_by_does_not_end_being_alone():
    def crosses(t_s: float) -> tuple[float, float]:
        return (1.2 * (t_s - NOW_S), 1.2 * (NOW_S - 300 - t_s))

    seen = judge(tracks((street(), 600, 0), (crosses, 600, 0)), [1, 2])
    assert seen[1].company == "alone"


def test_without_a_fresh_fix_nothing_is_known():
    seen = judge(tracks((street(), 600, 60)), [1])
    assert seen[1] == Seen(x_m=seen[1].x_m, y_m=seen[1].y_m)
    assert seen[1].x_m == pytest.approx(-72.0)


def test_whose_partner_fell_silent_is_unknown_and_stays_so_while_the_silence_lasts():
    both = tracks((street(), 800, 0), (street(10), 800, 180))
    seen = judge(both, [1, 2])
    assert (seen[1].company, seen[1].lost) == ("unknown", {2})
    # Later the partner's last fix has left the window; the memory of the round before keeps it.
    later = tracks((street(), 800, 0))
    assert judge(later, [1, 2])[1].company == "alone"
    remembered = judge(later, [1, 2], lost_before={1: frozenset({2})})
    assert (remembered[1].company, remembered[1].lost) == ("unknown", {2})


def test_a_silent_member_of_the_same_started_patrol_is_a_partner_by_declaration():
    fixes = tracks((street(), 800, 0))
    assert judge(fixes, [1, 2], patrol_of={1: 5, 2: 5})[1].company == "unknown"
    assert judge(fixes, [1, 2], patrol_of={1: 5, 2: 6})[1].company == "alone"


def test_a_stay_of_more_than_ten_minutes_is_parked_since_it_began():
    def stops(t_s: float) -> tuple[float, float]:
        return (min(0.0, 1.2 * (t_s - (NOW_S - 700))), 0.0)

    seen = judge(tracks((stops, 890, 0)), [1])
    assert seen[1].parked_since_s == pytest.approx(NOW_S - 700, abs=40)


def test_a_stop_of_five_minutes_is_not_parked():
    def stops(t_s: float) -> tuple[float, float]:
        return (min(0.0, 1.2 * (t_s - (NOW_S - 300))), 0.0)

    assert judge(tracks((stops, 890, 0)), [1])[1].parked_since_s is None


def test_who_walks_on_after_a_stay_is_not_parked_any_more():
    def walks_on(t_s: float) -> tuple[float, float]:
        return (max(0.0, 1.2 * (t_s - (NOW_S - 120))), 0.0)

    assert judge(tracks((walks_on, 890, 0)), [1])[1].parked_since_s is None


def test_fixes_that_the_phone_calls_bad_say_nothing():
    good = tracks((street(), 600, 0))
    n = len(good)
    bad = in_order(good.track, good.t_s, good.x_m, good.y_m, np.full(n, 500.0))
    assert judge(bad, [1])[1] == Seen()


def test_nobody_and_nothing():
    empty = in_order([], [], [], [])
    assert judge(empty, []) == {}
    assert judge(empty, [1]) == {1: Seen()}


def test_who_was_near_a_phone_that_fell_silent_is_found_as_by_looking_at_each_pair():
    chance = np.random.default_rng(5)
    rows, tracks = 40, 60
    x_m = chance.uniform(0, 900, tracks) + chance.normal(0, 20, (rows, tracks)).cumsum(axis=0)
    y_m = chance.uniform(0, 300, tracks) + chance.normal(0, 20, (rows, tracks)).cumsum(axis=0)
    known = chance.random((rows, tracks)) < 0.7
    for track in range(25):  # silent from some row on, two of them from the beginning
        known[track + 5 if track > 1 else 0 :, track] = False
    x_m[~known] = y_m[~known] = np.nan
    fresh = np.arange(tracks) >= 25
    found = _close_when_silent(Clocked(0, x_m, y_m), known, fresh)
    expected: dict[int, set[int]] = {}
    for k in range(25, tracks):
        for q in range(2, 25):
            last = int(np.flatnonzero(known[:, q])[-1])
            both = np.flatnonzero(known[:, q] & known[:, k])
            if len(both) and last - both[-1] <= 6:
                row = both[-1]
                if np.hypot(x_m[row, q] - x_m[row, k], y_m[row, q] - y_m[row, k]) <= 90:
                    expected.setdefault(k, set()).add(q)
    assert len(expected) > 20
    assert found == expected
