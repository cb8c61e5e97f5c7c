"""Smoothed track → what each moment was: moving, a stop, parked, or a gap.

The result is one `Kind` per tick of the clock. Kinds say what was seen; what they earn is decided
by the judges.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from geo.smoothing import TICK_S, Smooth, Ticks
from geo.track import Bools, Floats, Ints, bounds_of, runs

# A stay is looked for on every third tick (15 s) and may hold outliers for a minute: both measured
# on simulated officers with parked episodes, 2.5 % mean error of patrol minutes.
STAY_STEP = 3
STAY_OUTLIERS_S = 60.0

# A stay begins when its centre is reached: where the track comes this close, and as much later as
# it took from twice that distance, 30 s at most. The radius itself, or this distance alone, would
# cut walking off both ends and make a stay of nine and a half minutes one of ten.
STAY_EDGE_M = 20.0
ARRIVAL_TICKS = 6

# Slower than this over half a minute is a stop. It only names the moment: both are credited.
STOP_WINDOW_S = 30.0
STOP_MPS = 0.4

# Phones that stand still report every 30 to 60 s; only more than that is a gap.
GAP_FROM_S = 60.0


class Kind(IntEnum):
    """What a moment on the track was."""

    MOVING = 0
    SHORT_STOP = 1
    LONG_STOP = 2  # a stay from `stay_from_s`, shorter than `parked_after_s`: counted
    PARKED = 3  # a stay of `parked_after_s` and more: not patrol
    GAP_CREDITED = 4  # silence that can only have been walked through
    GAP_UNKNOWN = 5  # silence that says nothing


ACTIVE: tuple[Kind, ...] = (Kind.MOVING, Kind.SHORT_STOP, Kind.LONG_STOP, Kind.GAP_CREDITED)


@dataclass(frozen=True, slots=True)
class Stays:
    """m stays: piece, first tick and tick after the last (indices into `Ticks`), centre, length."""

    piece: Ints
    begin: Ints
    end: Ints
    x_m: Floats
    y_m: Floats

    @property
    def length_s(self) -> Floats:
        """Seconds of each stay, shape (m,)."""
        seconds: Floats = (self.end - self.begin) * np.float64(TICK_S)
        return seconds


def find_stays(ticks: Ticks, *, stay_radius_m: float, stay_from_s: float) -> Stays:
    """Stretches of `stay_from_s` and more within `stay_radius_m` of their own centre.

    A window of that length is a stay if all of it, but for a minute of outliers, lies within the
    radius of the window's mean; overlapping windows are one stay, trimmed at both ends to where
    the track comes close to the centre. The test looks both ways in time, so the answer does not
    depend on where one starts.
    """
    n = len(ticks)
    width = round(stay_from_s / (TICK_S * STAY_STEP)) + 1
    outliers = int(STAY_OUTLIERS_S / (TICK_S * STAY_STEP))
    coarse = np.flatnonzero((np.arange(n) - ticks.bounds[:-1][ticks.piece]) % STAY_STEP == 0)
    m = len(coarse) - width + 1
    if m <= 0:
        return _no_stays()
    x, y, piece = ticks.x_m[coarse], ticks.y_m[coarse], ticks.piece[coarse]
    whole = piece[:m] == piece[width - 1 :]
    # Only windows whose two ends lie within a diameter and some can be stays: skip the walkers.
    maybe = np.flatnonzero(whole)
    centre_x, centre_y = _window_mean(x, width)[maybe], _window_mean(y, width)[maybe]
    inside = np.zeros(len(maybe), dtype=np.int64)
    for k in range(width):
        inside += np.hypot(x[maybe + k] - centre_x, y[maybe + k] - centre_y) <= stay_radius_m
        if k == width // 2:  # half of the window seen: drop what cannot reach the number any more
            hope = inside >= k + 1 - outliers
            maybe, inside = maybe[hope], inside[hope]
            centre_x, centre_y = centre_x[hope], centre_y[hope]
    starts = maybe[inside >= width - outliers]
    covered = np.zeros(len(coarse) + 1, dtype=np.int64)
    np.add.at(covered, starts, 1)
    np.add.at(covered, starts + width, -1)
    staying = np.cumsum(covered[:-1]) > 0
    # Two people's stays may touch where one piece ends and the next begins.
    begin, end = runs(np.where(staying, piece, -1))
    keep = staying[begin]
    return _trimmed(ticks, coarse, begin[keep], end[keep], width)


def _trimmed(ticks: Ticks, coarse: Ints, begin: Ints, end: Ints, width: int) -> Stays:
    """Stays from runs of coarse ticks, from arriving at the centre of that end to leaving it."""
    first, last, cx, cy, piece = [], [], [], [], []
    upper = np.append(coarse, len(ticks))
    bounds = ticks.bounds
    for b, e in zip(begin.tolist(), end.tolist(), strict=True):
        lo = int(coarse[b])
        number = int(ticks.piece[lo])
        start, stop = int(bounds[number]), int(bounds[number + 1])
        hi = min(int(upper[e]), stop)
        head = slice(lo, min(hi, lo + width * STAY_STEP))
        tail = slice(max(lo, hi - width * STAY_STEP), hi)
        arrived = _arrived(ticks, head, np.arange(lo, hi), start)
        left = _arrived(ticks, tail, np.arange(hi - 1, lo - 1, -1), stop - 1)
        if left < arrived:
            continue
        first.append(arrived)
        last.append(left + 1)
        cx.append(float(np.median(ticks.x_m[arrived : left + 1])))
        cy.append(float(np.median(ticks.y_m[arrived : left + 1])))
        piece.append(number)
    return Stays(
        np.array(piece, np.int64),
        np.array(first, np.int64),
        np.array(last, np.int64),
        np.array(cx, np.float64),
        np.array(cy, np.float64),
    )


def _arrived(ticks: Ticks, place: slice, at: Ints, border: int) -> int:
    """The tick at which somebody reached the middle of `place`, `at` being the ticks in that order.

    Where the track comes within `STAY_EDGE_M`, and as much later as it took from twice that
    distance; `border` is the piece's end on that side.
    """
    x, y = np.median(ticks.x_m[place]), np.median(ticks.y_m[place])
    step = 1 if len(at) < 2 else int(at[1] - at[0])
    near = np.hypot(ticks.x_m[at] - x, ticks.y_m[at] - y) <= STAY_EDGE_M
    edge = int(np.argmax(near))
    before = np.arange(int(at[edge]), border - step, -step)[: ARRIVAL_TICKS + 1]
    away = np.hypot(ticks.x_m[before] - x, ticks.y_m[before] - y) >= 2 * STAY_EDGE_M
    walked = int(np.argmax(away))  # 0 where nobody came from that far within the time
    return int(at[min(edge + walked, len(at) - 1)])


def kinds(
    ticks: Ticks,
    stays: Stays,
    *,
    stay_from_s: float,
    parked_after_s: float,
    max_gap_s: float,
    gap_speed_mps: float,
) -> NDArray[np.uint8]:
    """What each tick was, shape (n,), codes of `Kind`.

    A gap is credited when it is at most `max_gap_s` long, the way across it is walkable at
    `gap_speed_mps` and both ends are active; between two fixes of one stay it belongs to the stay.
    A longer one is unknown, within a stay too.
    """
    n = len(ticks)
    kind = np.full(n, Kind.MOVING, dtype=np.uint8)
    kind[_stopped(ticks)] = Kind.SHORT_STOP
    for begin, end, length in zip(stays.begin, stays.end, stays.length_s, strict=True):
        if length >= parked_after_s:
            kind[begin:end] = Kind.PARKED
        elif length >= stay_from_s:
            kind[begin:end] = Kind.LONG_STOP
        else:
            kind[begin:end] = Kind.SHORT_STOP
    silent = ticks.gap_s > GAP_FROM_S
    if not silent.any():
        return kind
    begin, end = runs(np.where(silent, ticks.fix, -1))
    for b, e in zip(begin.tolist(), end.tolist(), strict=True):
        if not silent[b]:
            continue
        parked = kind[b:e] == Kind.PARKED
        at_rest = parked.mean() >= 0.5 and ticks.gap_m[b] <= 2 * STAY_EDGE_M
        if ticks.gap_s[b] <= max_gap_s and (at_rest or parked.all()):
            kind[b:e] = Kind.PARKED
            continue
        before = kind[b - 1] if b and ticks.piece[b - 1] == ticks.piece[b] else kind[b]
        after = kind[e] if e < n and ticks.piece[e] == ticks.piece[b] else kind[e - 1]
        walkable = ticks.gap_m[b] <= gap_speed_mps * ticks.gap_s[b]
        ends_active = before != Kind.PARKED and after != Kind.PARKED
        credited = ticks.gap_s[b] <= max_gap_s and walkable and ends_active
        kind[b:e] = Kind.GAP_CREDITED if credited else Kind.GAP_UNKNOWN
    return kind


def parked_fixes(ticks: Ticks, kind: NDArray[np.uint8], track: Smooth) -> Bools:
    """Which fixes of the track were taken while parked, (fixes,): the tick before each tells."""
    parked = np.zeros(len(track), dtype=np.bool_)
    if not len(ticks):
        return parked
    first, last = ticks.bounds[:-1], ticks.bounds[1:] - 1
    held = (last >= first)[track.piece]
    piece = track.piece[held]
    start_s = ticks.t_s[first[piece]]
    step = np.floor((track.t_s[held] - start_s) / TICK_S).astype(np.int64)
    parked[held] = kind[np.clip(first[piece] + step, first[piece], last[piece])] == Kind.PARKED
    return parked


def _stopped(ticks: Ticks) -> Bools:
    """Ticks around which the track moves slower than a stroll."""
    n = len(ticks)
    half = int(STOP_WINDOW_S / TICK_S / 2)
    bounds = bounds_of(ticks.piece, len(ticks.piece_track))
    at = np.arange(n)
    lo = np.maximum(at - half, bounds[:-1][ticks.piece])
    hi = np.minimum(at + half, bounds[1:][ticks.piece] - 1)
    way = np.hypot(ticks.x_m[hi] - ticks.x_m[lo], ticks.y_m[hi] - ticks.y_m[lo])
    slow: Bools = way < STOP_MPS * np.maximum((hi - lo) * TICK_S, TICK_S)
    return slow


def _window_mean(values: Floats, width: int) -> Floats:
    """Mean of each window of `width` values, shape (n - width + 1,)."""
    # Sums of metres from one corner stay exact enough: 10⁷ values of 10⁵ m keep a micrometre.
    total = np.concatenate(([0.0], np.cumsum(values)))
    mean: Floats = (total[width:] - total[:-width]) / width
    return mean


def _no_stays() -> Stays:
    none_i, none_f = np.empty(0, np.int64), np.empty(0, np.float64)
    return Stays(none_i, none_i, none_i, none_f, none_f)
