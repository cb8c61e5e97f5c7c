"""Cleaned track → pieces without a break, smoothed, and put on one clock."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from geo.track import (
    HAMPEL_FLOOR_M,
    SAME_PLACE_M,
    Bools,
    Fixes,
    Floats,
    Ints,
    bounds_of,
    known_median,
    leaps,
)

# The smoother's two constants: a phone in a street errs about 6 to 12 m per axis, and a walker
# changes speed slowly. Larger r or smaller q hurt good phones more than they help bad ones.
SMOOTH_R_M = 10.0
SMOOTH_Q = 0.1  # m/s^1.5, square root of the acceleration's spectral density
SMOOTH_Q_DRIVEN = 3.0  # a vehicle brakes and turns within a second or two
FIRST_SPEED_VARIANCE = 1.0  # m²/s²

# Fixes closer in time are taken as this far apart: the equations keep their digits.
SHORTEST_STEP_S = 0.2

# A leap is a teleport if the medians of this many fixes on both sides could not be walked either.
TELEPORT_FIXES = 5
TELEPORT_WALK_MPS = 2.5

# Two fixes of a vehicle imply a teleport above this; no vehicle of a bureau drives 180 km/h.
VEHICLE_LIMIT_MPS = 50.0

# A silence between two fixes of one place cuts only from so many times the longest gap: who stays
# with a phone that reports seldom stays once. The silence itself is unknown time all the same.
SAME_PLACE_GAPS = 2.0

# All that follows the smoother works on one clock: whole multiples of this in UTC.
TICK_S = 5.0


@dataclass(frozen=True, slots=True)
class Smooth:
    """n smoothed fixes, cut into pieces: within a piece the person moved without a break.

    piece: number of the piece, never falling · piece_track: track of each piece, shape (pieces,) ·
    piece_mode: index into `geo.modes.MODES`, shape (pieces,) · rest as in `Fixes`.
    """

    piece: Ints
    piece_track: Ints
    piece_mode: Ints
    t_s: Floats
    x_m: Floats
    y_m: Floats

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def bounds(self) -> Ints:
        """First index of each piece and the end, shape (pieces + 1,)."""
        return bounds_of(self.piece, len(self.piece_track))


def smooth(
    fixes: Fixes,
    mode: Ints,
    *,
    max_gap_s: float,
    max_speed_foot_mps: float,
) -> Smooth:
    """Cut where the phone was silent, teleported or changed between vehicle and foot; smooth each.

    Constant-velocity Kalman filter with Rauch-Tung-Striebel smoothing per axis (r 10 m, q 0.1 on
    foot and 3 by vehicle, Q = q² [[dt³/3, dt²/2], [dt²/2, dt]]), all pieces at once.
    """
    good = fixes.take(fixes.usable)
    kind = mode[fixes.usable]
    vehicle = kind == 2
    n = len(good)
    if n == 0:
        none_i, none_f = np.empty(0, np.int64), np.empty(0, np.float64)
        return Smooth(none_i, none_i, none_i, none_f, none_f, none_f)
    dt = np.diff(good.t_s)
    limit = np.where(vehicle[1:] & vehicle[:-1], VEHICLE_LIMIT_MPS, max_speed_foot_mps)
    walk = np.where(vehicle[1:] & vehicle[:-1], VEHICLE_LIMIT_MPS, TELEPORT_WALK_MPS)
    teleport = leaps(good, limit)
    teleport &= _elsewhere(good, np.flatnonzero(teleport), walk)
    new = np.ones(n, dtype=np.bool_)
    way = np.hypot(np.diff(good.x_m), np.diff(good.y_m))
    silent = (dt > max_gap_s) & ((dt > SAME_PLACE_GAPS * max_gap_s) | (way > SAME_PLACE_M))
    new[1:] = (np.diff(good.track) != 0) | silent | teleport | (vehicle[1:] != vehicle[:-1])
    piece = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    majority = np.zeros(len(first), dtype=np.int64)
    for code in (1, 2):
        share = np.add.reduceat((kind == code).astype(np.float64), first) / np.diff(
            np.append(first, n)
        )
        majority[share > 0.5] = code
    q = np.where(majority == 2, SMOOTH_Q_DRIVEN, SMOOTH_Q)
    place = _smooth_pieces(good.t_s, np.column_stack((good.x_m, good.y_m)), first, q[piece])
    return Smooth(piece, good.track[first], majority, good.t_s, place[:, 0], place[:, 1])


def _elsewhere(fixes: Fixes, leaped: Ints, walk_mps: Floats) -> Bools:
    """Which of the leaps lead to another place, (n - 1,): the five fixes on both sides stand apart.

    A single jump that the Hampel test let pass is no teleport; a new place that lasts is one.
    """
    n = len(fixes)
    apart = np.zeros(n - 1, dtype=np.bool_)
    if not len(leaped):
        return apart
    step = np.arange(TELEPORT_FIXES)
    middles = []
    for first, around in (
        (leaped, leaped[:, None] - step),
        (leaped + 1, leaped[:, None] + 1 + step),
    ):
        at = np.clip(around, 0, n - 1)
        mine = (around == at) & (fixes.track[at] == fixes.track[first][:, None])
        middles.append(
            [known_median(np.where(mine, v[at], np.nan)) for v in (fixes.x_m, fixes.y_m, fixes.t_s)]
        )
    (x0, y0, t0), (x1, y1, t1) = middles
    far = 2 * HAMPEL_FLOOR_M + walk_mps[leaped] * (t1 - t0)
    apart[leaped] = np.hypot(x1 - x0, y1 - y0) > far
    return apart


def _smooth_pieces(t_s: Floats, z: Floats, first: Ints, q: Floats) -> Floats:
    """What filter and smoother find for flat pieces; z and the result have shape (n, 2), q (n,).

    The smoothed track is the most probable one, so it minimises the squares of what was measured
    (over r²) and of each step's process noise (over Q): linear equations in place and speed of
    neighbouring fixes only. One banded Cholesky solves them for all pieces at once, which gives
    the smoother's answer without its two passes over the fixes (Rauch, Tung and Striebel 1965
    derive theirs from the same minimum).
    """
    n = len(t_s)
    dt = np.maximum(np.diff(t_s), SHORTEST_STEP_S)
    within = np.ones(n - 1)
    within[first[1:] - 1] = 0.0
    q2 = within / q[1:] ** 2
    # The inverse of Q: of place, of place × speed, of speed.
    pp, pv, vv = 12 * q2 / dt**3, -6 * q2 / dt**2, 4 * q2 / dt
    # What a step misses: place after − place before − dt speed before; speed after − before.
    # Unknowns are place and speed in turn; rows of `bands` are the diagonal and the three below.
    bands = np.zeros((4, 2 * n))
    place, speed, between = bands[0, 0::2], bands[0, 1::2], bands[1, 0::2]
    place += 1 / SMOOTH_R_M**2
    speed[first] += 1 / FIRST_SPEED_VARIANCE
    place[1:] += pp
    speed[1:] += vv
    between[1:] += pv
    place[:-1] += pp
    speed[:-1] += dt * dt * pp + 2 * dt * pv + vv
    between[:-1] += dt * pp + pv
    bands[2, 0:-2:2] -= pp
    bands[3, 0:-2:2] -= pv
    bands[1, 1:-1:2] -= dt * pp + pv
    bands[2, 1:-1:2] -= dt * pv + vv
    # Each piece counted from its first fix, so that the sums keep their digits.
    origin = np.repeat(z[first], np.diff(np.append(first, n)), axis=0)
    measured = np.zeros((2 * n, 2))
    measured[0::2] = (z - origin) / SMOOTH_R_M**2
    solved = solveh_banded(
        bands, measured, overwrite_ab=True, overwrite_b=True, lower=True, check_finite=False
    )
    smoothed: Floats = solved[0::2] + origin
    return smoothed


@dataclass(frozen=True, slots=True)
class Ticks:
    """A smoothed track on one clock: every `TICK_S` seconds of UTC that a piece covers.

    piece: piece of the tick, never falling · tick: time divided by the tick length, whole numbers ·
    x_m, y_m · fix: index of the fix before it · gap_s, gap_m: time and way from there to the next
    fix · piece_track, piece_mode: as in `Smooth`.
    """

    piece: Ints
    piece_track: Ints
    piece_mode: Ints
    tick: Ints
    x_m: Floats
    y_m: Floats
    fix: Ints
    gap_s: Floats
    gap_m: Floats

    def __len__(self) -> int:
        return len(self.tick)

    @property
    def t_s(self) -> Floats:
        """The tick's time, seconds UTC."""
        seconds: Floats = self.tick * np.float64(TICK_S)
        return seconds

    @property
    def track(self) -> Ints:
        """The track of each tick."""
        return self.piece_track[self.piece]

    @property
    def bounds(self) -> Ints:
        """First index of each piece and the end, shape (pieces + 1,)."""
        return bounds_of(self.piece, len(self.piece_track))


def on_clock(track: Smooth) -> Ticks:
    """Smoothed pieces → ticks, linear between the two fixes around each tick.

    Pieces shorter than a tick may hold none; they stay numbered.
    """
    bounds = track.bounds
    lower = np.ceil(track.t_s[bounds[:-1]] / TICK_S).astype(np.int64)
    upper = np.floor(track.t_s[bounds[1:] - 1] / TICK_S).astype(np.int64)
    count = np.maximum(upper - lower + 1, 0)
    piece = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    tick = lower[piece] + offset
    # Pieces of different people overlap in time: search on a clock that never falls.
    shift = _piece_shift(track, bounds)
    clock = track.t_s + np.repeat(shift, np.diff(bounds))
    at = tick * TICK_S + shift[piece]
    right = np.searchsorted(clock, at, side="left")
    right = np.clip(right, bounds[:-1][piece], bounds[1:][piece] - 1)
    left = np.maximum(right - 1, bounds[:-1][piece])
    gap = track.t_s[right] - track.t_s[left]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(gap > 0, (tick * TICK_S - track.t_s[left]) / gap, 0.0)
    dx, dy = track.x_m[right] - track.x_m[left], track.y_m[right] - track.y_m[left]
    return Ticks(
        piece,
        track.piece_track,
        track.piece_mode,
        tick,
        track.x_m[left] + part * dx,
        track.y_m[left] + part * dy,
        left.astype(np.int64),
        gap,
        np.hypot(dx, dy),
    )


def _piece_shift(track: Smooth, bounds: Ints) -> Floats:
    """Seconds to add to each piece's times so that all pieces follow one another."""
    begin, end = track.t_s[bounds[:-1]], track.t_s[bounds[1:] - 1]
    length = end - begin + 2 * TICK_S
    shift: Floats = np.concatenate(([0.0], np.cumsum(length)[:-1])) - begin
    return shift
