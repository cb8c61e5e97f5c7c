"""Cleaned track → pieces without a break, smoothed, and put on one clock."""

from dataclasses import dataclass

import numpy as np

from geo.track import HAMPEL_FLOOR_M, Bools, Fixes, Floats, Ints, bounds_of, leaps

# The smoother's two constants: a phone in a street errs about 6 to 12 m per axis, and a walker
# changes speed slowly. Larger r or smaller q hurt good phones more than they help bad ones.
SMOOTH_R_M = 10.0
SMOOTH_Q = 0.1  # m/s^1.5, square root of the acceleration's spectral density
FIRST_SPEED_VARIANCE = 1.0  # m²/s²

# A leap is a teleport if the medians of this many fixes on both sides could not be walked either.
TELEPORT_FIXES = 5
TELEPORT_WALK_MPS = 2.5

# Two fixes of a vehicle imply a teleport above this; no vehicle of a bureau drives 180 km/h.
VEHICLE_LIMIT_MPS = 50.0

# All that follows the smoother works on one clock: whole multiples of this in UTC.
TICK_S = 5.0


@dataclass(frozen=True, slots=True)
class Smooth:
    """n smoothed fixes, cut into pieces: within a piece the person moved without a break.

    piece: number of the piece, never falling · piece_track: track of each piece, shape (pieces,) ·
    piece_mode: index into `MODES`, shape (pieces,) · rest as in `Fixes`.
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

    Constant-velocity Kalman filter with Rauch-Tung-Striebel smoothing per axis (r 10 m, q 0.1,
    Q = q² [[dt³/3, dt²/2], [dt²/2, dt]]), all pieces in step: the loop runs over the longest
    piece, each turn handles one fix of every piece.
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
    new[1:] = (
        (np.diff(good.track) != 0) | (dt > max_gap_s) | teleport | (vehicle[1:] != vehicle[:-1])
    )
    piece = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    majority = np.zeros(len(first), dtype=np.int64)
    for code in (1, 2):
        share = np.add.reduceat((kind == code).astype(np.float64), first) / np.diff(
            np.append(first, n)
        )
        majority[share > 0.5] = code
    place = _smooth_pieces(good.t_s, np.column_stack((good.x_m, good.y_m)), first)
    return Smooth(piece, good.track[first], majority, good.t_s, place[:, 0], place[:, 1])


def _elsewhere(fixes: Fixes, leaped: Ints, walk_mps: Floats) -> Bools:
    """Which of the leaps lead to another place, (n - 1,): the five fixes on both sides stand apart.

    A single jump that the Hampel test let pass is no teleport; a new place that lasts is one.
    """
    n = len(fixes)
    apart = np.zeros(n - 1, dtype=np.bool_)
    for i in leaped.tolist():
        back = np.arange(max(0, i - TELEPORT_FIXES + 1), i + 1)
        ahead = np.arange(i + 1, min(n, i + 1 + TELEPORT_FIXES))
        back = back[fixes.track[back] == fixes.track[i]]
        ahead = ahead[fixes.track[ahead] == fixes.track[i + 1]]
        way = np.hypot(
            np.median(fixes.x_m[ahead]) - np.median(fixes.x_m[back]),
            np.median(fixes.y_m[ahead]) - np.median(fixes.y_m[back]),
        )
        time = np.median(fixes.t_s[ahead]) - np.median(fixes.t_s[back])
        apart[i] = way > 2 * HAMPEL_FLOOR_M + walk_mps[i] * time
    return apart


def _smooth_pieces(t_s: Floats, z: Floats, first: Ints) -> Floats:
    """Kalman and RTS over flat pieces; z and the result have shape (n, 2)."""
    n = len(t_s)
    length = np.diff(np.append(first, n))
    order = np.argsort(-length, kind="stable")
    start, length = first[order], length[order]
    active = np.searchsorted(-length, -np.arange(int(length[0])), side="left")
    r2, q2 = SMOOTH_R_M**2, SMOOTH_Q**2
    place, speed = np.empty((n, 2)), np.empty((n, 2))
    pp, pv, vv = np.empty(n), np.empty(n), np.empty(n)
    step = np.empty(n)
    step[0] = 0.0
    step[1:] = np.diff(t_s)
    place[start], speed[start] = z[start], 0.0
    pp[start], pv[start], vv[start] = r2, 0.0, FIRST_SPEED_VARIANCE
    for k in range(1, len(active)):
        i = start[: active[k]] + k
        j = i - 1
        dt = step[i]
        a, b, c = _predict(pp[j], pv[j], vv[j], dt, q2)
        ahead = place[j] + speed[j] * dt[:, None]
        gain_p, gain_v = a / (a + r2), b / (a + r2)
        miss = z[i] - ahead
        place[i] = ahead + gain_p[:, None] * miss
        speed[i] = speed[j] + gain_v[:, None] * miss
        pp[i], pv[i], vv[i] = (1 - gain_p) * a, (1 - gain_p) * b, c - gain_v * b
    for k in range(len(active) - 1, 0, -1):
        i = start[: active[k]] + k
        j = i - 1
        dt = step[i]
        a, b, c = _predict(pp[j], pv[j], vv[j], dt, q2)
        det = a * c - b * b
        # G = P F' inverse(predicted P)
        f00, f01, f11 = pp[j] + pv[j] * dt, pv[j], vv[j]
        f10 = pv[j] + vv[j] * dt
        g00, g01 = (f00 * c - f01 * b) / det, (f01 * a - f00 * b) / det
        g10, g11 = (f10 * c - f11 * b) / det, (f11 * a - f10 * b) / det
        miss_p = place[i] - (place[j] + speed[j] * dt[:, None])
        miss_v = speed[i] - speed[j]
        place[j] += g00[:, None] * miss_p + g01[:, None] * miss_v
        speed[j] += g10[:, None] * miss_p + g11[:, None] * miss_v
    return place


def _predict(
    pp: Floats, pv: Floats, vv: Floats, dt: Floats, q2: float
) -> tuple[Floats, Floats, Floats]:
    """Covariance after dt seconds: place, place × speed, speed."""
    return (
        pp + 2 * dt * pv + dt * dt * vv + q2 * dt**3 / 3,
        pv + dt * vv + q2 * dt * dt / 2,
        vv + q2 * dt,
    )


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
