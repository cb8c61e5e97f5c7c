"""Two phones of one person at two places: one is carried, the other lies somewhere.

Nobody is at two places. A phone that lies on a desk while the other walks would make a walk of two
hours a day at the desk, if both were read as one track. So while the two disagree the one that
moves less is set aside, and somebody is told to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from geo.track import Bools, Floats, Ints, bounds_of, runs

# Our choice: further apart than two phones of one pocket err, even in a narrow street, and longer
# than a jump lasts.
APART_M = 60.0
APART_S = 180.0
# Where a phone was is known between two fixes no further apart than this.
REACH_S = 300.0


@dataclass(frozen=True, slots=True)
class Apart:
    """A stretch in which two phones of one track were at two places: seconds UTC, how many fixes
    were set aside, and the median distance between the two in metres."""

    track: int
    start_s: float
    end_s: float
    count: int
    metres: float


def phones_apart(
    track: Ints, phone: Ints, t_s: Floats, x_m: Floats, y_m: Floats, tracks: int
) -> tuple[Bools, list[Apart]]:
    """Which fixes are set aside because another phone of the same person moved elsewhere.

    (n,) each, in any order; the answer is in the same order, and the same whatever it was. Between
    two such stretches the choice of the one before holds, before the first that of the first.
    """
    aside = np.zeros(len(t_s), dtype=np.bool_)
    found: list[Apart] = []
    order = np.lexsort((y_m, x_m, t_s, phone, track))
    bounds = bounds_of(track[order], tracks)
    for number in range(tracks):
        mine = order[bounds[number] : bounds[number + 1]]
        if not len(mine) or phone[mine[0]] == phone[mine[-1]]:
            continue
        own = {name: mine[phone[mine] == name] for name in np.unique(phone[mine]).tolist()}
        for one, other in combinations(own, 2):
            for start_s, end_s, still, metres in _choices(own[one], own[other], t_s, x_m, y_m):
                here = still[(t_s[still] >= start_s) & (t_s[still] <= end_s)]
                aside[here] = True
                if len(here) and metres:
                    found.append(Apart(number, start_s, end_s, len(here), metres))
    return aside, found


def _choices(
    one: Ints, other: Ints, t_s: Floats, x_m: Floats, y_m: Floats
) -> Iterator[tuple[float, float, Ints, float]]:
    """From when until when which of two phones (indices in order of time) is set aside, and how far
    apart they are; 0 where they are not, between such stretches."""
    if len(one) < len(other):
        one, other = other, one  # asked at the fixes of the phone that reports more often
    after = np.searchsorted(t_s[other], t_s[one])
    within = (after > 0) & (after < len(other))
    one, after = one[within], after[within]
    left, right = other[after - 1], other[after]
    known = t_s[right] - t_s[left] <= REACH_S
    one, left, right = one[known], left[known], right[known]
    if not len(one):
        return
    share = (t_s[one] - t_s[left]) / np.maximum(t_s[right] - t_s[left], 1e-3)
    off = np.hypot(
        x_m[left] + share * (x_m[right] - x_m[left]) - x_m[one],
        y_m[left] + share * (y_m[right] - y_m[left]) - y_m[one],
    )
    # Both report within one unbroken time; a longer silence of either begins another.
    both = np.cumsum(np.append(0, np.diff(t_s[one]) > REACH_S))
    for k in range(int(both[-1]) + 1):
        shared = np.flatnonzero(both == k)
        times, far = t_s[one[shared]], off[shared]
        begin, end = runs((far > APART_M).astype(np.int64))
        stretches = [
            (float(times[b]), float(times[e - 1]), float(np.median(far[b:e])))
            for b, e in zip(begin.tolist(), end.tolist(), strict=True)
            if far[b] > APART_M and times[e - 1] - times[b] >= APART_S
        ]
        until_s, still = float(times[0]), None
        for start_s, end_s, metres in stretches:
            still_now = min(
                (one, other), key=lambda ids: _spread(ids, start_s, end_s, t_s, x_m, y_m)
            )
            before = still_now if still is None else still
            yield until_s, np.nextafter(start_s, -np.inf), before, 0.0
            yield start_s, end_s, still_now, metres
            until_s, still = float(np.nextafter(end_s, np.inf)), still_now
        if still is not None:
            yield until_s, float(times[-1]), still, 0.0


def _spread(
    ids: Ints, start_s: float, end_s: float, t_s: Floats, x_m: Floats, y_m: Floats
) -> float:
    """How far a phone moved about: the middle half of its places, so that no jump counts."""
    here = ids[(t_s[ids] >= start_s) & (t_s[ids] <= end_s)]
    if len(here) < 2:
        return 0.0
    return float(sum(np.subtract(*np.percentile(v[here], (75, 25))) for v in (x_m, y_m)))
