"""Two people on one phone, and copies of another phone's track.

The same fixes under two names are seen for certain; errors that go together are a hint. Errors of
honest strangers correlate with 0.03 (0.23 at most in a morning), of a copy with 1.00, but of honest
phones in one car with 0.97 too, because the smoother lags behind all of them alike.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geo.smoothing import TICK_S
from geo.together import PairSpans
from geo.track import Bools, Fault, Fixes, Floats, Ints

# One fix under two names: apps round it to six or to seven decimals of a degree, and its time to
# a second.
SAME_M = 0.3
SAME_S = 1.0
SAME_PHONE_FIXES = 10
SAME_PHONE_S = 180.0
SAME_PHONE_SHARE = 0.8  # of the fixes that both have at the same second
SAME_PHONE_BREAK_S = 120.0

# What is left of a pair's time beside a shared phone is chance below this.
CHANCE_S = 300.0

# A correlation asks for as much time, with fixes no rarer than this.
ALIKE_S = 300.0
ALIKE_GAP_S = 20.0


@dataclass(frozen=True, slots=True)
class SharedPhone:
    """Two tracks a < b that report the same fixes from start_s to end_s, seconds UTC; count of
    those fixes."""

    a: int
    b: int
    start_s: float
    end_s: float
    count: int


def shared_phones(fixes: Fixes, pairs: PairSpans) -> list[SharedPhone]:
    """Which of the pairs report the same fixes for minutes on end, and when.

    The same place within 0.3 m at the same second, ten times and for three minutes at least, and
    at four of five moments that both have a fix of. A second account on one phone does that, or a
    copied track; two phones side by side err differently.
    """
    found: list[SharedPhone] = []
    bounds = np.searchsorted(fixes.track, np.arange(int(fixes.track[-1]) + 2 if len(fixes) else 1))
    timed = fixes.fault & Fault.NO_TIME == 0
    for a, b in sorted(set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))):
        one = np.flatnonzero(timed[bounds[a] : bounds[a + 1]]) + bounds[a]
        two = np.flatnonzero(timed[bounds[b] : bounds[b + 1]]) + bounds[b]
        if len(one) < SAME_PHONE_FIXES or len(two) < SAME_PHONE_FIXES:
            continue
        both, same = _same_fix(fixes, one, two)
        at = fixes.t_s[one[both]]
        for lo, hi in _stretches(at[same], SAME_PHONE_BREAK_S):
            begin, end = float(at[same][lo]), float(at[same][hi - 1])
            asked = int(((at >= begin) & (at <= end)).sum())
            if (
                hi - lo >= SAME_PHONE_FIXES
                and end - begin >= SAME_PHONE_S
                and hi - lo >= SAME_PHONE_SHARE * asked
            ):
                begin, end = _to_the_ends(pairs, a, b, begin, end)
                found.append(SharedPhone(a, b, begin, end, hi - lo))
    return found


def _to_the_ends(
    pairs: PairSpans, a: int, b: int, start_s: float, end_s: float
) -> tuple[float, float]:
    """The stretch, drawn out to the end of its pair span where less than five minutes are left:
    so short a time together would be chance."""
    mine = (pairs.a == a) & (pairs.b == b) & (pairs.start_s < end_s) & (pairs.end_s > start_s)
    for begin, end in zip(pairs.start_s[mine].tolist(), pairs.end_s[mine].tolist(), strict=True):
        if start_s - begin < CHANCE_S:
            start_s = min(start_s, begin)
        if end - end_s < CHANCE_S:
            end_s = max(end_s, end)
    return start_s, end_s


def _same_fix(fixes: Fixes, one: Ints, two: Ints) -> tuple[Bools, Bools]:
    """Which of the fixes `one` have one of `two` within a second; which of those lie at its
    place."""
    t, others = fixes.t_s[one], fixes.t_s[two]
    after = np.searchsorted(others, t)
    both = np.zeros(len(one), dtype=np.bool_)
    same = np.zeros(len(one), dtype=np.bool_)
    for at in (np.maximum(after - 1, 0), np.minimum(after, len(two) - 1)):
        close = np.abs(others[at] - t) <= SAME_S
        other = two[at]
        apart = np.hypot(fixes.x_m[other] - fixes.x_m[one], fixes.y_m[other] - fixes.y_m[one])
        both |= close
        same |= close & (apart <= SAME_M)
    return both, same[both]


def _stretches(t_s: Floats, break_s: float) -> list[tuple[int, int]]:
    """Runs of times without a longer break: first index and the one after the last."""
    if not len(t_s):
        return []
    cut = np.flatnonzero(np.diff(t_s) > break_s) + 1
    edges = [0, *cut.tolist(), len(t_s)]
    return list(itertools.pairwise(edges))


def correlation(t_a: Floats, away_a: Floats, t_b: Floats, away_b: Floats) -> float | None:
    """Correlation of two phones' errors on one clock, from times (n,), (m,) and residuals (n, 2),
    (m, 2); None where they share less than five minutes.

    Errors are what is left of a fix when its smoothed place is taken away. A hint, no proof:
    honest phones in one car reach 0.97.
    """
    if not len(t_a) or not len(t_b):
        return None
    clock = np.arange(max(t_a[0], t_b[0]), min(t_a[-1], t_b[-1]), TICK_S)
    near = np.ones(len(clock), dtype=np.bool_)
    errors = []
    for t, away in ((t_a, away_a), (t_b, away_b)):
        at = np.searchsorted(t, clock)
        gap = t[np.minimum(at, len(t) - 1)] - t[np.maximum(at - 1, 0)]
        near &= gap <= ALIKE_GAP_S
        errors.append(np.column_stack([np.interp(clock, t, away[:, axis]) for axis in (0, 1)]))
    one, two = (error[near] for error in errors)
    if len(one) * TICK_S < ALIKE_S:
        return None
    size = float(np.sqrt((one**2).sum() * (two**2).sum()))
    return float((one * two).sum() / size) if size else None


def without_shared(pairs: PairSpans, shared: Sequence[SharedPhone]) -> PairSpans:
    """Pair spans without the time in which one of the two is only the other's phone again.

    The pair itself goes, and the later track of the two goes from every pair while that lasts: a
    third person was with one of them, not with two.
    """
    if not shared:
        return pairs
    rows: list[tuple[int, int, float, float]] = []
    for a, b, start, end in zip(
        pairs.a.tolist(),
        pairs.b.tolist(),
        pairs.start_s.tolist(),
        pairs.end_s.tolist(),
        strict=True,
    ):
        left = [(start, end)]
        for one in shared:
            if one.b in (a, b):
                left = [
                    part
                    for lo, hi in left
                    for part in ((lo, min(hi, one.start_s)), (max(lo, one.end_s), hi))
                    if part[1] > part[0]
                ]
        rows += [(a, b, lo, hi) for lo, hi in left]
    columns = np.array(rows, np.float64).reshape(-1, 4)
    return PairSpans(
        columns[:, 0].astype(np.int64),
        columns[:, 1].astype(np.int64),
        columns[:, 2].copy(),
        columns[:, 3].copy(),
    )
