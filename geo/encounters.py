"""Who came near whom, and when: the stretches of two tracks that are worth judging.

Of all pairs of a bureau only few ever meet. Boxes around the places of two minutes find them
without a look at single ticks; distances are measured only where two boxes touch.
"""

from dataclasses import dataclass

import numpy as np

from geo.track import Bools, Floats, Ints

# Two minutes of ticks make one box.
BOX_TICKS = 24


@dataclass(frozen=True, slots=True)
class Clocked:
    """Places of all tracks on one clock: ticks `first` … `first + T - 1`, x_m and y_m (T, tracks),
    NaN where a track's place is unknown."""

    first: int
    x_m: Floats
    y_m: Floats

    @property
    def known(self) -> Bools:
        """Where the place is known, (T, tracks)."""
        return ~np.isnan(self.x_m)


@dataclass(frozen=True, slots=True)
class Encounters:
    """m stretches of rows [begin, end) of the clock in which tracks a < b came near each other."""

    a: Ints
    b: Ints
    begin: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.a)


def encounters(
    clocked: Clocked, *, far_m: float, least: int, apart_rows: int, margin_rows: int
) -> Encounters:
    """Stretches with at least `least` rows within `far_m`, ordered by pair and time.

    Rows near each other that lie more than `apart_rows` apart belong to two stretches; each
    stretch has `margin_rows` more on both sides, so that what is computed in it is the same as if
    the whole clock had been there.
    """
    rows, tracks = clocked.x_m.shape
    a, b, row = near_rows(clocked, far_m)
    if not len(row):
        none = np.empty(0, np.int64)
        return Encounters(none, none, none, none)
    key = np.sort((a * tracks + b) * rows + row)
    pair, row = key // rows, key % rows
    new = np.ones(len(key), dtype=np.bool_)
    new[1:] = (np.diff(pair) != 0) | (np.diff(row) > apart_rows)
    first = np.flatnonzero(new)
    after = np.append(first[1:], len(key))
    first, after = first[after - first >= least], after[after - first >= least]
    return Encounters(
        pair[first] // tracks,
        pair[first] % tracks,
        np.maximum(row[first] - margin_rows, 0),
        np.minimum(row[after - 1] + 1 + margin_rows, rows),
    )


def near_rows(clocked: Clocked, far_m: float) -> tuple[Ints, Ints, Ints]:
    """Each row of the clock in which two tracks a < b are within `far_m`: a, b, row, (k,) each."""
    rows, _ = clocked.x_m.shape
    found = [np.empty((3, 0), np.int64)]
    for begin in range(0, rows, BOX_TICKS):
        x, y = clocked.x_m[begin : begin + BOX_TICKS], clocked.y_m[begin : begin + BOX_TICKS]
        a, b = _boxes_touch(x, y, far_m)
        if not len(a):
            continue
        with np.errstate(invalid="ignore"):
            near = (x[:, a] - x[:, b]) ** 2 + (y[:, a] - y[:, b]) ** 2 <= far_m**2
        row, k = np.nonzero(near)
        found.append(np.stack((np.minimum(a, b)[k], np.maximum(a, b)[k], begin + row)))
    low, high, at = np.concatenate(found, axis=1)
    return low, high, at


def _boxes_touch(x: Floats, y: Floats, far_m: float) -> tuple[Ints, Ints]:
    """Pairs of tracks whose boxes come within `far_m`: a sweep from west to east."""
    left = np.fmin.reduce(x, axis=0)
    there = np.flatnonzero(~np.isnan(left))
    order = there[np.argsort(left[there], kind="stable")]
    left, right = left[order], np.fmax.reduce(x, axis=0)[order]
    low, high = np.fmin.reduce(y, axis=0)[order], np.fmax.reduce(y, axis=0)[order]
    # Everybody between oneself and the last who begins before one's own eastern end.
    reach = np.searchsorted(left, right + far_m, side="right")
    count = reach - np.arange(len(order)) - 1
    one = np.repeat(np.arange(len(order)), count)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    touch = (low[one] <= high[other] + far_m) & (low[other] <= high[one] + far_m)
    return order[one[touch]], order[other[touch]]


def near_places(
    places: tuple[Floats, Floats], others: tuple[Floats, Floats], far_m: float
) -> tuple[Ints, Ints]:
    """Which of some places lie within `far_m` of which others: index of the one, of the other.

    Places are (x_m, y_m) without NaN. Sorted from west to east, so that only a strip is compared.
    """
    order = np.argsort(places[0], kind="stable")
    x, y = places[0][order], places[1][order]
    begin = np.searchsorted(x, others[0] - far_m, side="left")
    count = np.searchsorted(x, others[0] + far_m, side="right") - begin
    other = np.repeat(np.arange(len(others[0])), count)
    one = np.arange(len(other)) - np.repeat(np.cumsum(count) - count - begin, count)
    near = np.hypot(x[one] - others[0][other], y[one] - others[1][other]) <= far_m
    return order[one[near]], other[near]
