"""Signs of faults on tracks made by hand, and on honest ones, which show none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from geo.faults import anchors, clock_error, replayed, resent, residuals, roughness, teleports
from geo.shared_phones import correlation, shared_phones, without_shared
from geo.smoothing import smooth
from geo.together import PairSpans
from geo.track import Fault, Fixes, in_order
from tests.patrols.walking import noisy


def walk(seconds: int, *, step_s: float = 5.0, speed_mps: float = 1.25) -> np.ndarray:
    """Round and round a block of 100 m, (n, 2)."""
    way = (np.arange(0, seconds, step_s) * speed_mps) % 400
    corners = np.array([(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)], float)
    at = np.arange(0, 401, 100)
    return np.column_stack([np.interp(way, at, corners[:, axis]) for axis in (0, 1)])


def track(
    places: np.ndarray, *, start_s: float = 0.0, accuracy_m: ArrayLike | None = None
) -> Fixes:
    n = len(places)
    t = start_s + np.arange(n) * 5.0
    return in_order(np.zeros(n), t, places[:, 0], places[:, 1], accuracy_m)


def two(a: Fixes, b: Fixes) -> Fixes:
    return in_order(
        np.concatenate((np.zeros(len(a)), np.ones(len(b)))),
        np.concatenate((a.t_s, b.t_s)),
        np.concatenate((a.x_m, b.x_m)),
        np.concatenate((a.y_m, b.y_m)),
    )


def span(start_s: float, end_s: float, a: int = 0, b: int = 1) -> PairSpans:
    return PairSpans(np.array([a]), np.array([b]), np.array([start_s]), np.array([end_s]))


# Teleports


def test_a_leap_of_two_kilometres_in_five_seconds_is_a_teleport() -> None:
    places = walk(600)
    places[60:] += (2000.0, 0.0)
    where, speed = teleports(track(places))
    assert where.tolist() == [60]
    assert speed == pytest.approx([400.0], rel=0.01)


def test_a_drive_a_jump_and_a_mast_are_no_teleports() -> None:
    drive = np.column_stack((np.arange(0, 9000, 175.0), np.zeros(52)))  # 126 km/h
    assert not len(teleports(track(drive))[0])
    jump = walk(600)
    jump[60] += (150.0, 0.0)
    assert not len(teleports(track(jump))[0])
    mast = walk(600)
    mast[60] += (2500.0, 0.0)
    fixes = track(mast)
    fixes.fault[60] |= Fault.INACCURATE
    assert not len(teleports(fixes)[0])
    silence = in_order([0, 0], [0.0, 3600.0], [0.0, 60_000.0], [0.0, 0.0])  # 60 km in an hour
    assert not len(teleports(silence)[0])


# Places that the app made


def test_an_old_place_sent_again_elsewhere_is_seen() -> None:
    places = noisy(walk(3600), 1)
    places[300:] += (400.0, 0.0)  # walks on, four streets away
    places[500] = places[20]
    places[600:602] = places[40]
    assert np.flatnonzero(resent(track(places))).tolist() == [500, 600, 601]


def test_standing_still_and_coming_back_is_nothing_sent_again() -> None:
    """A phone that rounds to six decimals repeats places of a desk, all day long."""
    still = np.round(noisy(np.zeros((1000, 2)), 2) * 10) / 10
    still[400:600] += (400.0, 0.0)  # away for a quarter of an hour
    assert not resent(track(still)).any()
    jump = noisy(walk(600), 3)
    jump[60] += (90.0, 0.0)  # a new place, however odd
    assert not resent(track(jump)).any()


def test_a_zones_centre_before_the_first_real_fix_is_an_anchor() -> None:
    t = [0.0, 5.0, 10.0, 1800.0, 1801.0, 1806.0, 1811.0]
    x = [0.0, 6.0, 12.0, 40.0, 75.0, 81.0, 88.0]
    accuracy = [6.0, 5.5, 6.1, 50.0, 7.2, 6.0, 6.0]
    fixes = in_order(np.zeros(7), t, x, np.zeros(7), accuracy)
    assert np.flatnonzero(anchors(fixes)).tolist() == [3]
    accuracy[3] = 50.3  # a measured accuracy is not whole
    assert not anchors(in_order(np.zeros(7), t, x, np.zeros(7), accuracy)).any()
    accuracy[3], t[4] = 50.0, 1805.0  # an ordinary pair of fixes after a silence
    assert not anchors(in_order(np.zeros(7), t, x, np.zeros(7), accuracy)).any()


# Replays


def residual_of(places: np.ndarray) -> np.ndarray:
    fixes = track(places)
    smoothed = smooth(fixes, np.zeros(len(fixes), np.int64), max_gap_s=300, max_speed_foot_mps=12)
    index, away = residuals(fixes, smoothed)
    assert len(index) == len(places)
    return away


@pytest.mark.parametrize("speed_mps", [0.8, 1.25, 1.5, 3.0])
def test_a_noise_free_track_with_one_accuracy_is_a_replay(speed_mps: float) -> None:
    places = walk(1200, speed_mps=speed_mps)
    one = track(places, accuracy_m=np.full(len(places), 5.0))
    assert replayed(one, residual_of(places)) == pytest.approx(0.0, abs=1e-9)
    # Without any accuracy the track alone must say it, and it does; so do rounded degrees.
    rounded = np.round(places, 1)
    assert replayed(track(rounded), residual_of(rounded)) == pytest.approx(0.05, abs=0.05)


@pytest.mark.parametrize("sigma_m", [3.0, 6.0, 12.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_honest_phone_is_no_replay_though_its_accuracy_never_changes(
    sigma_m: float, seed: int
) -> None:
    """Many phones say 3.9 m all day under an open sky; their tracks have noise all the same."""
    places = noisy(walk(1200), seed, sigma_m)
    one = track(places, accuracy_m=np.full(len(places), 3.9))
    assert replayed(one, residual_of(places)) is None


def test_accuracy_that_changes_or_few_fixes_are_no_replay() -> None:
    places = walk(1200)
    one = track(places, accuracy_m=np.linspace(4.0, 9.0, len(places)))
    assert replayed(one, residual_of(places)) is None
    few = track(places[:50], accuracy_m=np.full(50, 5.0))
    assert replayed(few, residual_of(places[:50])) is None


def test_roughness_is_how_far_a_fix_lies_off_the_line_between_its_neighbours() -> None:
    t = np.array([0.0, 5.0, 10.0, 40.0, 45.0])
    x = np.array([0.0, 5.0, 10.0, 40.0, 45.0])
    y = np.array([0.0, 2.0, 0.0, 0.0, 9.0])
    # 2 m; a sixth of the way back to 2 m … 1/7 of 2 m is left: by hand 12/7 m; and 6/7 of 9 m.
    assert roughness(t, x, y) == pytest.approx(2.0)
    assert np.isnan(roughness(t[:2], x[:2], y[:2]))


# Clocks


def test_a_clock_ten_minutes_slow_is_told_from_late_uploads() -> None:
    t = np.arange(0, 3600, 10.0)
    rng = np.random.default_rng(1)
    assert clock_error(t, t + 600 + rng.uniform(0, 5, len(t))) == pytest.approx(600, abs=1)
    assert clock_error(t, t + rng.uniform(0, 5, len(t))) is None
    # One upload at the end, and one each half hour: late, but not by the same time.
    assert clock_error(t, np.full(len(t), 3700.0)) is None
    assert clock_error(t, np.ceil((t + 1) / 1800) * 1800) is None
    assert clock_error(t[:19], t[:19] + 600) is None


# Two people, one phone


def test_the_same_fixes_under_two_names_are_one_phone() -> None:
    places = noisy(walk(1800), 4)
    a, b = track(places), track(np.round(places, 1), start_s=0.4)
    [found] = shared_phones(two(a, b), span(0, 1800))
    assert (found.a, found.b, found.count) == (0, 1, 360)
    assert (found.start_s, found.end_s) == (0.0, 1800.0)


def test_two_phones_side_by_side_are_two() -> None:
    fixes = two(track(noisy(walk(1800), 4)), track(noisy(walk(1800), 5)))
    assert shared_phones(fixes, span(0, 1800)) == []


def test_only_the_time_with_the_same_fixes_is_doubted() -> None:
    """Ten minutes of an hour come from one phone; half an hour later the two meet as two."""
    one, other = noisy(walk(3600), 4), noisy(walk(3600), 5)
    other[240:360] = one[240:360]
    fixes = two(track(one), track(other))
    whole = span(0, 3600)
    [found] = shared_phones(fixes, whole)
    assert (found.start_s, found.end_s, found.count) == (1200.0, 1795.0, 120)
    left = without_shared(whole, [found])
    assert list(zip(left.start_s.tolist(), left.end_s.tolist(), strict=True)) == [
        (0.0, 1200.0),
        (1795.0, 3600.0),
    ]


def test_a_rest_shorter_than_five_minutes_is_no_time_together() -> None:
    one, other = noisy(walk(1800), 4), noisy(walk(1800), 5)
    other[40:] = one[40:]
    whole = span(0, 1800)
    [found] = shared_phones(two(track(one), track(other)), whole)
    assert (found.start_s, found.end_s) == (0.0, 1800.0)
    assert len(without_shared(whole, [found])) == 0


def test_a_few_same_fixes_are_chance() -> None:
    one, other = noisy(walk(1800), 4), noisy(walk(1800), 5)
    other[100:130] = one[100:130]  # two and a half minutes
    assert shared_phones(two(track(one), track(other)), span(0, 1800)) == []


def test_a_third_person_was_with_one_of_the_two() -> None:
    pairs = PairSpans(
        np.array([0, 0, 1]),
        np.array([1, 2, 2]),
        np.array([0.0, 0.0, 0.0]),
        np.array([1800.0, 1800.0, 1800.0]),
    )
    places = noisy(walk(1800), 4)
    shared = shared_phones(two(track(places), track(places)), span(0, 1800))
    left = without_shared(pairs, shared)
    assert (left.a.tolist(), left.b.tolist()) == ([0], [2])


def test_errors_of_a_copied_track_go_together_and_those_of_two_phones_do_not() -> None:
    """A copy that somebody shook by half a metre, so that no fix is the same."""
    one, other = noisy(walk(3600), 4), noisy(walk(3600), 5)
    copy = one + np.random.default_rng(6).normal(0, 0.5, one.shape)
    assert shared_phones(two(track(one), track(copy)), span(0, 3600)) == []
    t = np.arange(0.0, 5.0 * len(one), 5.0)
    together = correlation(t, residual_of(one), t, residual_of(copy))
    assert together is not None
    assert together > 0.95
    # Both walked the same 45 corners, which the smoother cuts alike: high, but no copy.
    apart = correlation(t, residual_of(one), t, residual_of(other))
    assert apart is not None
    assert apart < 0.7
    straight = np.column_stack((np.arange(720) * 6.25, np.zeros(720)))
    strangers = correlation(t, residual_of(noisy(straight, 4)), t, residual_of(noisy(straight, 5)))
    assert strangers is not None
    assert abs(strangers) < 0.2
    few = residual_of(one)[:50]
    assert correlation(t[:50], few, t[:50], few) is None  # four minutes say nothing
