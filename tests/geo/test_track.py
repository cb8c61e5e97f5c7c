"""Cleaning and smoothing: every unusable fix has its reason, none is lost, walkers are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.modes import modes
from geo.smoothing import SMOOTH_Q, SMOOTH_R_M, on_clock, smooth
from geo.track import Fault, Fixes, clean, in_order
from tests.geo.paths import T0, fixes, stand, walk

LIMITS = {"max_accuracy_m": 100.0, "max_speed_foot_mps": 12.0}
CUTS = {"max_gap_s": 300.0, "max_speed_foot_mps": 12.0}
SPEEDS = {"bicycle_from_mps": 2.5, "vehicle_from_mps": 4.0}


def moved(track: Fixes, index: list[int], by_m: tuple[float, float]) -> Fixes:
    x, y = track.x_m.copy(), track.y_m.copy()
    x[index] += by_m[0]
    y[index] += by_m[1]
    return Fixes(track.track, track.t_s, x, y, track.accuracy_m, track.fault)


def test_a_plain_walk_has_no_fault() -> None:
    walked = clean(fixes(walk([(0, 0), (300, 0), (300, 400)])), **LIMITS)
    assert not walked.fault.any()


def test_each_bad_fix_gets_its_reason_and_none_is_removed() -> None:
    base = fixes(walk([(0, 0), (600, 0)]))
    fault = base.fault.copy()
    fault[5], fault[6], fault[7] = Fault.MOCK, Fault.SYNTHETIC, Fault.NO_TIME
    accuracy = base.accuracy_m.copy()
    accuracy[20] = 101.0
    accuracy[21] = 100.0  # the limit itself is good
    dirty = moved(
        Fixes(base.track, base.t_s, base.x_m, base.y_m, accuracy, fault), [40], (0.0, 90.0)
    )
    cleaned = clean(dirty, **LIMITS)
    assert len(cleaned) == len(base)
    found = {i: Fault(int(f)) for i, f in enumerate(cleaned.fault) if f}
    assert found == {
        5: Fault.MOCK,
        6: Fault.SYNTHETIC,
        7: Fault.NO_TIME,
        20: Fault.INACCURATE,
        40: Fault.JUMP,
    }


def test_of_two_fixes_at_one_time_the_better_one_is_used() -> None:
    cleaned = clean(
        in_order([0, 0, 0], [T0, T0, T0 + 5], [0.0, 3.0, 6.0], [0.0] * 3, [30.0, 5.0, 5.0]),
        **LIMITS,
    )
    assert cleaned.x_m[cleaned.usable].tolist() == [3.0, 6.0]
    assert Fault.DUPLICATE_TIME in Fault(int(cleaned.fault[~cleaned.usable][0]))


def test_a_stretch_out_and_back_is_set_aside_as_a_whole() -> None:
    # Indoors: five fixes 150 m off, then back. Too many for a median of seven.
    track = moved(fixes(stand(0, 0, 300)), [30, 31, 32, 33, 34], (150.0, 0.0))
    cleaned = clean(track, **LIMITS)
    assert np.flatnonzero(~cleaned.usable).tolist() == [30, 31, 32, 33, 34]


def test_a_new_place_that_lasts_is_a_cut_and_not_a_fault() -> None:
    track = fixes(np.vstack((walk([(0, 0), (200, 0)]), walk([(1200, 0), (1400, 0)]))))
    cleaned = clean(track, **LIMITS)
    assert not cleaned.fault.any()
    pieces = smooth(cleaned, modes(cleaned, **SPEEDS), **CUTS)
    assert len(pieces.piece_track) == 2
    # No way is invented between the two places.
    assert not ((pieces.x_m > 230) & (pieces.x_m < 1170)).any()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_order_of_arrival_never_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 120
    track = rng.integers(0, 3, n)
    t = T0 + rng.integers(0, 60, n) * 5.0
    x, y = rng.normal(0, 60, (2, n))
    accuracy = rng.choice([5.0, 20.0, 150.0], n)
    order = rng.permutation(n)
    one = clean(in_order(track, t, x, y, accuracy), **LIMITS)
    two = clean(in_order(track[order], t[order], x[order], y[order], accuracy[order]), **LIMITS)
    for name in ("track", "t_s", "x_m", "y_m", "fault"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_walking_cycling_and_driving_are_told_apart() -> None:
    road = [(0.0, 0.0), (4000.0, 0.0)]
    for mps, code in ((1.3, 0), (3.2, 1), (9.0, 2)):
        track = clean(fixes(walk(road, mps=mps)[:200]), **LIMITS)
        assert set(modes(track, **SPEEDS).tolist()) == {code}


def test_a_teleport_does_not_make_a_walker_a_driver() -> None:
    track = fixes(np.vstack((walk([(0, 0), (300, 0)]), walk([(1200, 0), (1500, 0)]))))
    assert not modes(clean(track, **LIMITS), **SPEEDS).any()


DRIVE = walk([(0, 0), (4000, 0)], mps=8.0)


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        (stand(4000, 0, 240), False),  # a halt
        (walk([(4000, 0), (4150, 0)], mps=1.25), False),  # two minutes at a walker's speed: traffic
        (walk([(4000, 0), (4000, 400)], mps=1.25), True),  # five minutes on foot
    ],
)
def test_only_a_walk_between_two_drives_is_on_foot(between: np.ndarray, kept: bool) -> None:
    on = DRIVE - DRIVE[0] + between[-1]
    track = clean(fixes(np.vstack((DRIVE, between, on))), **LIMITS)
    mode = modes(track, **SPEEDS)
    middle = mode[len(DRIVE) : len(DRIVE) + len(between)]
    assert (middle[15:-15] == (0 if kept else 2)).all()
    pieces = smooth(track, mode, **CUTS)
    assert len(pieces.piece_track) == (3 if kept else 1)


def test_a_vehicle_keeps_its_corners() -> None:
    """8 m/s round a corner: a walker's smoothing would cut it by a block."""
    way = walk([(0, 0), (1200, 0), (1200, 1200)], mps=8.0)
    track = clean(fixes(way), **LIMITS)
    pieces = smooth(track, modes(track, **SPEEDS), **CUTS)
    off = np.hypot(pieces.x_m - 1200, pieces.y_m)
    assert off.min() < 8


def by_the_book(t: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Kalman filter and RTS smoother in matrices, one axis, straight from the text books."""
    state, cov = np.array([z[0], 0.0]), np.diag([SMOOTH_R_M**2, 1.0])
    kept = [(state, cov, state, cov)]
    for k in range(1, len(t)):
        dt = t[k] - t[k - 1]
        turn = np.array([[1, dt], [0, 1]])
        drift = SMOOTH_Q**2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        ahead, ahead_cov = turn @ state, turn @ cov @ turn.T + drift
        gain = ahead_cov[:, 0] / (ahead_cov[0, 0] + SMOOTH_R_M**2)
        state = ahead + gain * (z[k] - ahead[0])
        cov = ahead_cov - np.outer(gain, ahead_cov[0])
        kept.append((state, cov, ahead, ahead_cov))
    smooth_state = kept[-1][0]
    out = [smooth_state[0]]
    for k in range(len(t) - 2, -1, -1):
        state, cov, _, _ = kept[k]
        _, _, ahead, ahead_cov = kept[k + 1]
        turn = np.array([[1, t[k + 1] - t[k]], [0, 1]])
        back = cov @ turn.T @ np.linalg.inv(ahead_cov)
        smooth_state = state + back @ (smooth_state - ahead)
        out.append(smooth_state[0])
    return np.array(out[::-1])


def test_the_batched_smoother_is_the_text_books_for_every_track() -> None:
    rng = np.random.default_rng(3)
    tracks = [rng.normal(0, 10, (n, 2)).cumsum(axis=0) for n in (40, 3, 1, 17)]
    times = [T0 + np.cumsum(rng.uniform(3, 20, len(p))) for p in tracks]
    track = in_order(
        np.repeat(range(4), [len(p) for p in tracks]),
        np.concatenate(times),
        np.concatenate([p[:, 0] for p in tracks]),
        np.concatenate([p[:, 1] for p in tracks]),
    )
    pieces = smooth(track, np.zeros(len(track), np.int64), max_gap_s=300, max_speed_foot_mps=1e6)
    for i, (t, p) in enumerate(zip(times, tracks, strict=True)):
        mine = pieces.piece_track[pieces.piece] == i
        np.testing.assert_allclose(pieces.x_m[mine], by_the_book(t, p[:, 0]), atol=1e-6)
        np.testing.assert_allclose(pieces.y_m[mine], by_the_book(t, p[:, 1]), atol=1e-6)


@pytest.mark.parametrize(
    ("gap_s", "way_m", "pieces"), [(300, 100, 1), (301, 100, 2), (600, 10, 1), (601, 10, 2)]
)
def test_a_track_is_cut_where_the_phone_was_silent_for_too_long(
    gap_s: float, way_m: float, pieces: int
) -> None:
    """Twice as long at one place, where the silence itself is unknown time."""
    t = T0 + np.concatenate((np.arange(0, 100, 5.0), 95 + gap_s + np.arange(0, 100, 5.0)))
    x = np.repeat([0.0, way_m], 20)
    cut = smooth(in_order(np.zeros(40), t, x, np.zeros(40)), np.zeros(40, np.int64), **CUTS)
    assert len(cut.piece_track) == pieces


def test_ticks_lie_on_the_line_between_fixes() -> None:
    track = in_order([0, 0], [T0 + 2, T0 + 22], [0.0, 40.0], [0.0, 0.0])
    ticks = on_clock(smooth(track, np.zeros(2, np.int64), **CUTS))
    assert ticks.t_s.tolist() == [T0 + 5, T0 + 10, T0 + 15, T0 + 20]
    np.testing.assert_allclose(np.diff(ticks.x_m), np.diff(ticks.x_m)[0])
    assert (ticks.gap_s == 20).all()


def test_nothing_comes_of_nothing() -> None:
    empty = clean(in_order([], [], [], []), **LIMITS)
    pieces = smooth(empty, modes(empty, **SPEEDS), **CUTS)
    assert len(empty) == len(pieces) == len(on_clock(pieces)) == 0
