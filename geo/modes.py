"""How a person moved at each fix: on foot, by bicycle, by vehicle. Pure."""

from enum import StrEnum

import numpy as np

from geo.track import Bools, Fixes, Floats, Ints, known_median, rising_clock, runs

# Modes are told apart by the median speed over two minutes, speeds being taken over 20 s so that
# the noise of a phone in a narrow street stays below 1 m/s.
MODE_WINDOW_S = 120.0
MODE_STEP_S = 20.0
MOVING_MPS = 0.5
WALK_BETWEEN_S = 180.0
WALK_BETWEEN_M = 150.0


class Mode(StrEnum):
    """How a person moved."""

    FOOT = "foot"
    BICYCLE = "bicycle"
    VEHICLE = "vehicle"


MODES: tuple[Mode, ...] = (Mode.FOOT, Mode.BICYCLE, Mode.VEHICLE)  # the code of a mode is its index


def modes(fixes: Fixes, *, bicycle_from_mps: float, vehicle_from_mps: float) -> Ints:
    """The mode at each fix, shape (n,), index into `MODES`; unusable fixes count as on foot.

    Median of the moving speeds (over 20 s) within two minutes; a stop takes the mode around it.
    """
    mode = np.zeros(len(fixes), dtype=np.int64)
    good = np.flatnonzero(fixes.usable)
    if len(good) < 2:
        return mode
    track, t = fixes.track[good], fixes.t_s[good]
    key, span = rising_clock(track, t)
    later = np.minimum(np.searchsorted(key, key + MODE_STEP_S), len(good) - 1)
    dt = t[later] - t
    fits = (track[later] == track) & (dt >= MODE_STEP_S) & (dt <= 3 * MODE_STEP_S)
    x, y = fixes.x_m[good], fixes.y_m[good]
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(fits, np.hypot(x[later] - x, y[later] - y) / dt, np.nan)
    speed[~(speed > MOVING_MPS)] = np.nan
    if not (speed > bicycle_from_mps).any():
        return mode
    at = np.arange(0.0, span[-1] + MODE_STEP_S, MODE_STEP_S / 2)
    cell = np.minimum((key / (MODE_STEP_S / 2)).astype(np.int64), len(at) - 1)
    grid = np.full(len(at), np.nan)
    grid[cell] = speed
    half = int(MODE_WINDOW_S / MODE_STEP_S)
    padded = np.pad(grid, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    median = np.full(len(at), np.nan)
    # A median is fast only where half of the window is: the rest stays unknown, on foot.
    fast, known = (_sums_around(v, half) for v in (grid >= bicycle_from_mps, grid >= 0))
    asked = np.flatnonzero((fast > 0) & (2 * fast >= known))
    median[asked] = known_median(windows[asked])
    value = median[cell]
    mode[good[value >= bicycle_from_mps]] = 1
    driven = _without_halts(fixes.take(good), value > vehicle_from_mps)
    mode[good[driven]] = 2
    return mode


def _sums_around(counted: Bools, half: int) -> Ints:
    """How many are true among each and `half` on both sides, (n,)."""
    total = np.concatenate(([0], np.cumsum(counted)))
    at = np.arange(len(counted))
    sums: Ints = total[np.minimum(at + half + 1, len(counted))] - total[np.maximum(at - half, 0)]
    return sums


def _without_halts(fixes: Fixes, driven: Bools) -> Bools:
    """`driven` with the halts and slow stretches between two drives, which are no walks.

    A walk between two drives lasts `WALK_BETWEEN_S` and leads `WALK_BETWEEN_M` away.
    """
    if not driven.any():
        return driven
    begin, end = runs(2 * fixes.track + driven)
    state, track = driven[begin], fixes.track[begin]
    between = np.zeros(len(begin), dtype=np.bool_)
    between[1:-1] = ~state[1:-1] & (track[:-2] == track[1:-1]) & (track[2:] == track[1:-1])
    lasts_s = fixes.t_s[end - 1] - fixes.t_s[begin]
    extent = np.hypot(_extent(fixes.x_m, begin), _extent(fixes.y_m, begin))
    halt = between & ((lasts_s < WALK_BETWEEN_S) | (extent < WALK_BETWEEN_M))
    return driven | np.repeat(halt, end - begin)


def _extent(values: Floats, first: Ints) -> Floats:
    """Largest less smallest value of each stretch, (m,)."""
    extent: Floats = np.maximum.reduceat(values, first) - np.minimum.reduceat(values, first)
    return extent
