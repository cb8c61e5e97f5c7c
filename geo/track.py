"""Positions → cleaned track: each unusable fix gets its reason, none is removed.

Everything here works on many tracks at once: flat arrays sorted by (track, time), one track being
the fixes of one person in the time that is looked at. No fix is ever removed. A fix that cannot be
used carries the reason as a `Fault`, so that a person can appeal a reason and not a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A fix is a jump when it lies further from the median of itself and three neighbours on each side
# (30 s at a fix per 5 s) than this many robust standard deviations (Hampel), and never below the
# floor, which a good phone's own noise reaches.
HAMPEL_NEIGHBOURS = 3
HAMPEL_REACH_S = 90.0
HAMPEL_SIGMAS = 3.0
HAMPEL_FLOOR_M = 20.0
MAD_TO_SIGMA = 1.4826  # for a normal distribution

# A stretch this short that is out and back too fast is set aside as one.
EXCURSION_S = 60.0
EXCURSION_TURNS = 4

# Indoors a phone may take another access point for its own and show that place for minutes: from
# the first to the last such fix at most this long, and with the steps there and back this long.
ELSEWHERE_S = 240.0
ABSENT_S = 480.0
# Fixes of one place lie so far off it at most, indoors too (their root mean square); a longer way
# between two fixes is a step.
SAME_PLACE_M = 40.0
# Nobody walks faster than this for longer; a phone that reports seldom shows a walk as steps, too.
STEP_MPS = 2.5
# Where somebody rests is the mean over so long.
REST_S = 300.0
# Stretches in a row that one absence may consist of.
MOST_PLACES = 3


class Fault(IntFlag):
    """Why a fix is not used. Bits add up; 0 is a good fix."""

    NONE = 0
    NO_TIME = 1  # the phone gave no time: the receive time says nothing about where one was when
    DUPLICATE_TIME = 2  # another fix of the same second is better
    INACCURATE = 4  # the phone itself says it is worse than the limit
    JUMP = 8  # far from the fixes around it
    TOO_FAST = 16  # out and back at a speed that nobody walks, or in one step from a resting place
    MOCK = 32  # the phone says that the place was set by hand
    SYNTHETIC = 64  # made by the app, not measured (anchor of a pause zone)
    OTHER_PHONE = 256  # another phone of the same person moved elsewhere meanwhile


@dataclass(frozen=True, slots=True)
class Fixes:
    """n fixes of several people, sorted by (track, t_s).

    track: number of the track, from 0 upwards · t_s: seconds UTC since the epoch ·
    x_m, y_m: place on one plane · accuracy_m: NaN where unknown · fault: `Fault` bits.
    """

    track: Ints
    t_s: Floats
    x_m: Floats
    y_m: Floats
    accuracy_m: Floats
    fault: Ints

    def __len__(self) -> int:
        return len(self.t_s)

    def take(self, index: Ints | Bools) -> "Fixes":
        """The fixes of an index or mask, in its order."""
        return Fixes(
            self.track[index],
            self.t_s[index],
            self.x_m[index],
            self.y_m[index],
            self.accuracy_m[index],
            self.fault[index],
        )

    @property
    def usable(self) -> Bools:
        """Mask of the fixes without a fault."""
        good: Bools = self.fault == 0
        return good


def known_median(values: Floats) -> Floats:
    """Median of the known values of each row, (n, k) → (n,); NaN where nothing is known.

    What numpy.nanmedian answers, ten times faster for short rows.
    """
    ranked = np.sort(values, axis=1)  # NaN last
    count = (~np.isnan(values)).sum(axis=1)
    row = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    middle: Floats = (ranked[row, low] + ranked[row, high]) / 2
    return middle


def bounds_of(group: Ints, groups: int) -> Ints:
    """First index of each group and the end, shape (groups + 1,), of a never-falling array."""
    return np.searchsorted(group, np.arange(groups + 1), side="left").astype(np.int64)


def in_order(
    track: ArrayLike,
    t_s: ArrayLike,
    x_m: ArrayLike,
    y_m: ArrayLike,
    accuracy_m: ArrayLike | None = None,
    fault: ArrayLike | None = None,
) -> Fixes:
    """Arrays of shape (n,) in any order → `Fixes`.

    Equal times are ordered by accuracy, then place, so that the order of arrival never matters.
    """
    tracks = np.asarray(track, dtype=np.int64)
    times = np.asarray(t_s, dtype=np.float64)
    x = np.asarray(x_m, dtype=np.float64)
    y = np.asarray(y_m, dtype=np.float64)
    n = len(times)
    accuracy = np.full(n, np.nan) if accuracy_m is None else np.asarray(accuracy_m, np.float64)
    faults = np.zeros(n, np.int64) if fault is None else np.asarray(fault, np.int64)
    fixes = Fixes(tracks, times, x, y, accuracy, faults)
    if not n:
        return fixes
    # By person and time first, which most rows are already; the rest only among equal times.
    clock = tracks * (float(np.ptp(times)) + 1.0) + (times - times.min())
    order = np.argsort(clock, kind="stable")
    equal = np.diff(clock[order]) <= 0
    if equal.any():
        tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
        rows = order[tied]
        rank = np.where(np.isnan(accuracy), np.inf, accuracy)[rows]
        inner = np.lexsort((y[rows], x[rows], rank, faults[rows], times[rows], tracks[rows]))
        order[tied] = rows[inner]
    return fixes.take(order)


def clean(fixes: Fixes, *, max_accuracy_m: float, max_speed_foot_mps: float) -> Fixes:
    """The same fixes with the reason added to each one that cannot be used.

    Duplicate times, bad accuracy, jumps (Hampel), stretches that are out and back faster than
    anyone walks, and places that a resting phone shows for minutes without a way there. What the
    phone itself declared (mock, synthetic, …) stands in `fault` already. Source of the order: clean
    before smoothing halves the time given to wrong streets.
    """
    fault = fixes.fault.copy()
    fault[fixes.accuracy_m > max_accuracy_m] |= Fault.INACCURATE
    good = np.flatnonzero(fault == 0)
    if len(good):
        same = np.zeros(len(good), dtype=np.bool_)
        same[1:] = (np.diff(fixes.t_s[good]) <= 0) & (np.diff(fixes.track[good]) == 0)
        fault[good[same]] |= Fault.DUPLICATE_TIME
    good = np.flatnonzero(fault == 0)
    fault[good[_jumps(fixes.take(good))]] |= Fault.JUMP
    good = np.flatnonzero(fault == 0)
    for find in (_elsewhere_at_rest, partial(_excursions, limit_mps=max_speed_foot_mps)):
        for _ in range(EXCURSION_TURNS):
            out = find(fixes.take(good))
            if not out.any():
                break
            fault[good[out]] |= Fault.TOO_FAST
            good = good[~out]
    return replace(fixes, fault=fault)


def rising_clock(track: Ints, t_s: Floats) -> tuple[Floats, Floats]:
    """One rising clock for all tracks, an hour of nothing between two of them, and its ends."""
    new = np.ones(len(t_s), dtype=np.bool_)
    new[1:] = np.diff(track) != 0
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(t_s)) - 1
    length = t_s[last] - t_s[first] + 3600.0
    start = np.concatenate(([0.0], np.cumsum(length)[:-1]))
    number = np.cumsum(new) - 1
    return start[number] + t_s - t_s[first][number], start + length


def _jumps(fixes: Fixes) -> Bools:
    """Hampel test on the plane: mask of the fixes far from the median of their neighbours."""
    n = len(fixes)
    far = np.zeros(n, dtype=np.bool_)
    if n < 3:
        return far
    asked = np.flatnonzero(~_amid(fixes))
    near = np.arange(-HAMPEL_NEIGHBOURS, HAMPEL_NEIGHBOURS + 1) + asked[:, None]
    at = np.clip(near, 0, n - 1)
    # NaN where the neighbour belongs to another track or is too long ago or ahead.
    none = (near != at) | (fixes.track[at] != fixes.track[asked][:, None])
    none |= np.abs(fixes.t_s[at] - fixes.t_s[asked][:, None]) > HAMPEL_REACH_S
    x, y = np.where(none, np.nan, fixes.x_m[at]), np.where(none, np.nan, fixes.y_m[at])
    mx, my = known_median(x), known_median(y)
    off = np.hypot(fixes.x_m[asked] - mx, fixes.y_m[asked] - my)
    spread = known_median(np.hypot(x - mx[:, None], y - my[:, None])) * MAD_TO_SIGMA
    enough = (~none).sum(axis=1) >= 4
    far[asked] = enough & (off > np.maximum(HAMPEL_SIGMAS * spread, HAMPEL_FLOOR_M))
    return far


def _amid(fixes: Fixes) -> Bools:
    """Mask of the fixes that cannot be jumps: most of their neighbours are near on both axes."""
    n = len(fixes)
    reach_m = HAMPEL_FLOOR_M / 1.5  # a little less than the floor's share of one axis
    known, in_x, in_y = (np.ones(n, dtype=np.int64) for _ in range(3))
    for k in range(1, HAMPEL_NEIGHBOURS + 1):
        same = fixes.track[k:] == fixes.track[:-k]
        same &= fixes.t_s[k:] - fixes.t_s[:-k] <= HAMPEL_REACH_S
        beside_x = same & (np.abs(fixes.x_m[k:] - fixes.x_m[:-k]) <= reach_m)
        beside_y = same & (np.abs(fixes.y_m[k:] - fixes.y_m[:-k]) <= reach_m)
        for count, seen in ((known, same), (in_x, beside_x), (in_y, beside_y)):
            count[k:] += seen
            count[:-k] += seen
    amid: Bools = (2 * in_x > known) & (2 * in_y > known)
    return amid


def _excursions(fixes: Fixes, limit_mps: float) -> Bools:
    """Short stretches reached and left faster than the limit while the way past them is not.

    A phone indoors may show another place for three fixes and more; such a stretch is set aside as
    a whole. Of two neighbours only the one with fewer fixes goes; the next turn sees the rest.
    """
    n = len(fixes)
    out = np.zeros(n, dtype=np.bool_)
    if n < 3:
        return out
    new = np.ones(n, dtype=np.bool_)
    new[1:] = (np.diff(fixes.track) != 0) | leaps(fixes, limit_mps)
    first = np.flatnonzero(new)
    last = np.append(first[1:], n) - 1
    if len(first) < 3:
        return out
    size = last - first + 1
    middle = np.arange(1, len(first) - 1)
    before, after = last[middle - 1], first[middle + 1]
    way = np.hypot(fixes.x_m[after] - fixes.x_m[before], fixes.y_m[after] - fixes.y_m[before])
    time = fixes.t_s[after] - fixes.t_s[before]
    brief = fixes.t_s[last[middle]] - fixes.t_s[first[middle]] <= EXCURSION_S
    same = (fixes.track[before] == fixes.track[after]) & (time > 0)
    fits = same & brief & (way <= np.maximum(limit_mps * time, 2 * HAMPEL_FLOOR_M) / 2)
    fits &= (size[middle] <= size[middle - 1]) & (size[middle] <= size[middle + 1])
    chosen = np.zeros(len(first), dtype=np.bool_)
    chosen[middle[fits]] = True
    chosen[1:] &= ~chosen[:-1]
    for k in np.flatnonzero(chosen):
        out[first[k] : last[k] + 1] = True
    return out


def _elsewhere_at_rest(fixes: Fixes) -> Bools:
    """Mask of the fixes that a resting phone shows elsewhere for a while, up to `ELSEWHERE_S`.

    A step is a way of more than `SAME_PLACE_M` between two fixes. Stretches between steps are such
    fixes if each stands still, the stretches before and after them rest at one place, for longer
    than the absence lasts, and nobody walked: every step was faster than `STEP_MPS`, or there was
    one place only, reached and left in one step each. Who walks round the block shows a way: many
    short steps, or several places at a walker's speed.
    """
    n = len(fixes)
    out = np.zeros(n, dtype=np.bool_)
    if n < 3:
        return out
    way = np.hypot(np.diff(fixes.x_m), np.diff(fixes.y_m))
    new = np.ones(n, dtype=np.bool_)
    new[1:] = (np.diff(fixes.track) != 0) | (way > SAME_PLACE_M)
    first = np.flatnonzero(new)
    last = np.append(first[1:], n) - 1
    m = len(first)
    if m < 3:
        return out
    abrupt = np.ones(m, dtype=np.bool_)  # the step that leads to each stretch
    abrupt[1:] = (way > STEP_MPS * np.diff(fixes.t_s))[first[1:] - 1]
    track, begin_s, end_s = fixes.track[first], fixes.t_s[first], fixes.t_s[last]
    places = _Means(fixes)
    stands = places.spread(first, last) <= SAME_PLACE_M
    # Where each stretch rests at its end and at its begin, and whether it does.
    clock, _ = rising_clock(fixes.track, fixes.t_s)
    back = np.maximum(np.searchsorted(clock, clock[last] - REST_S), first)
    ahead = np.minimum(np.searchsorted(clock, clock[first] + REST_S, side="right") - 1, last)
    rested, rests = places.resting(back, last), places.resting(first, ahead)
    tail_x, tail_y = places.of(back, last)
    head_x, head_y = places.of(first, ahead)
    for stretches in range(1, MOST_PLACES + 1):
        before = np.arange(m - stretches - 1)
        after = before + stretches + 1
        there_s = end_s[after - 1] - begin_s[before + 1]
        at_rest_s = end_s[before] - begin_s[before] + end_s[after] - begin_s[after]
        apart = np.hypot(tail_x[before] - head_x[after], tail_y[before] - head_y[after])
        fits = (track[before] == track[after]) & (there_s <= ELSEWHERE_S)
        fits &= (begin_s[after] - end_s[before] <= ABSENT_S) & (at_rest_s >= there_s)
        fits &= rested[before] & rests[after] & (apart <= SAME_PLACE_M)
        steep = abrupt[after]
        for k in range(1, stretches + 1):
            fits &= stands[before + k]
            steep = steep & abrupt[before + k]
        if stretches > 1:
            fits &= steep
        for k in np.flatnonzero(fits).tolist():
            out[first[k + 1] : last[k + stretches] + 1] = True
        if out.any():
            return out
    return out


class _Means:
    """Mean place of any stretch of fixes, from running sums."""

    def __init__(self, fixes: Fixes) -> None:
        # Counted from the first place: the sums of squares keep their digits.
        x, y = fixes.x_m - fixes.x_m[0], fixes.y_m - fixes.y_m[0]
        self.sums = [np.concatenate(([0.0], np.cumsum(v))) for v in (x, y, x * x + y * y)]

    def of(self, first: Ints, last: Ints) -> tuple[Floats, Floats]:
        """Mean of each stretch from `first` to `last`, both included."""
        count = last - first + 1
        x, y = ((total[last + 1] - total[first]) / count for total in self.sums[:2])
        return x, y

    def spread(self, first: Ints, last: Ints) -> Floats:
        """Root mean square distance from the mean."""
        x, y = self.of(first, last)
        square = (self.sums[2][last + 1] - self.sums[2][first]) / (last - first + 1)
        spread: Floats = np.sqrt(np.maximum(square - x * x - y * y, 0.0))
        return spread

    def resting(self, first: Ints, last: Ints) -> Bools:
        """Whether the two halves of each stretch lie at one place."""
        middle = (first + last) // 2
        x, y = self.of(first, middle)
        later_x, later_y = self.of(np.minimum(middle + 1, last), last)
        resting: Bools = np.hypot(later_x - x, later_y - y) <= SAME_PLACE_M
        return resting


def leaps(fixes: Fixes, limit_mps: float | Floats) -> Bools:
    """Between each fix and the next, (n - 1,): further apart than anyone gets in that time.

    Two honest fixes a second apart may lie 40 m apart by noise alone; that is no leap.
    """
    step = np.hypot(np.diff(fixes.x_m), np.diff(fixes.y_m))
    far: Bools = step > np.maximum(limit_mps * np.diff(fixes.t_s), 2 * HAMPEL_FLOOR_M)
    return far


def runs(values: Sequence[int] | NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Start and end (excluded) of each run of equal values of a flat array."""
    array = np.asarray(values)
    if len(array) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    change = np.flatnonzero(array[1:] != array[:-1]) + 1
    return (
        np.concatenate(([0], change)).astype(np.int64),
        np.append(change, len(array)).astype(np.int64),
    )
