"""Matched track → time on each road segment, and visits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.matching import Matched, match
from geo.roads import Roads
from geo.smoothing import TICK_S, Ticks
from geo.stays import Kind
from geo.track import Bools, Floats, Ints, runs

# The matcher needs no more than a point per 30 s of walking to find the way; when one was where on
# it comes of all fixes afterwards. A vehicle passes blocks in that time: a point per 10 s.
THIN_TICKS = 6
THIN_TICKS_DRIVEN = 2


# Further than this from every street a place is off-street.
OFF_STREET_M = 60.0


@dataclass(frozen=True, slots=True)
class Passages:
    """m stretches on one road segment each, in the order walked within a track.

    piece: piece of the track · segment: segment id · enter_s, exit_s: seconds UTC ·
    walked_m: metres of the segment that were walked; a passage interrupted by a parked stay is
    three, the stay with 0 and the two others with what was walked in all.
    """

    piece: Ints
    segment: Ints
    enter_s: Floats
    exit_s: Floats
    walked_m: Floats

    def __len__(self) -> int:
        return len(self.segment)

    def take(self, index: Ints | Bools) -> "Passages":
        """The passages of an index or mask."""
        return Passages(
            self.piece[index],
            self.segment[index],
            self.enter_s[index],
            self.exit_s[index],
            self.walked_m[index],
        )


NOWHERE = Passages(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0)
)


def lay_on_streets(roads: Roads, ticks: Ticks, kind: NDArray[np.uint8]) -> Matched:
    """Match the ticks: thinned to one in 30 s, without parked time and without what is off-street.

    Off-street stretches end a part, so that no way is invented across a park.
    """
    n = len(ticks)
    since = np.arange(n) - ticks.bounds[:-1][ticks.piece]
    until = ticks.bounds[1:][ticks.piece] - 1 - np.arange(n)
    every = np.where(ticks.piece_mode == 2, THIN_TICKS_DRIVEN, THIN_TICKS)[ticks.piece]
    keep = (since % every == 0) | (until == 0)
    still = kind == Kind.PARKED
    still[1:-1] &= still[:-2] & still[2:]  # the two ends of a stay remain
    chosen = np.flatnonzero(keep & ~still)
    x, y = ticks.x_m[chosen], ticks.y_m[chosen]
    piece = ticks.piece[chosen]
    label = np.where(roads.near(x, y, OFF_STREET_M), piece, -1)
    begin, end = runs(label)
    on = label[begin] >= 0
    part_piece = label[begin][on]
    length = (end - begin)[on]
    part = np.repeat(np.arange(len(part_piece)), length)
    near = label >= 0
    driven = (ticks.piece_mode[part_piece] == 2).astype(np.int64)
    return match(roads, part_piece, part, ticks.t_s[chosen][near], x[near], y[near], driven)


def passages(matched: Matched) -> Passages:
    """When each segment was entered and left.

    The way along the part never falls in time, so the moment at each end of an edge follows by
    linear interpolation between the two fixes around it. Half a step to each side instead would
    double the time given to wrong segments.
    """
    parts = len(matched.part_piece)
    point = np.searchsorted(matched.point_part, np.arange(parts + 1))
    edge = np.searchsorted(matched.edge_part, np.arange(parts + 1))
    enter, leave = np.empty(len(matched.edge_segment)), np.empty(len(matched.edge_segment))
    for k in range(parts):
        p, e = slice(point[k], point[k + 1]), slice(edge[k], edge[k + 1])
        at, t = matched.point_along_m[p], matched.point_t_s[p]
        enter[e] = np.interp(matched.edge_begin_m[e], at, t)
        leave[e] = np.interp(matched.edge_end_m[e], at, t)
        if edge[k + 1] > edge[k]:
            enter[edge[k]], leave[edge[k + 1] - 1] = t[0], t[-1]
    # A turn within a segment shows as the same segment twice.
    first, last = runs(matched.edge_part * (2**47) + matched.edge_segment)
    way = np.concatenate(([0.0], np.cumsum(matched.edge_end_m - matched.edge_begin_m)))
    found = Passages(
        matched.part_piece[matched.edge_part[first]],
        matched.edge_segment[first],
        enter[first],
        leave[last - 1],
        way[last] - way[first],
    )
    return found.take(found.exit_s > found.enter_s)


def apart_from_stays(walked: Passages, ticks: Ticks, kind: NDArray[np.uint8]) -> Passages:
    """The same passages, cut where a parked stay begins and ends.

    Otherwise the active minutes of a passage would be thought to spread over the stay within it.
    """
    begin, end = runs(np.where(kind == Kind.PARKED, ticks.piece, -1))
    stay = kind[begin] == Kind.PARKED
    begin, end = begin[stay], end[stay]
    if not len(begin) or not len(walked):
        return walked
    # One rising clock: pieces one after another.
    earliest = min(float(walked.enter_s.min()), float(ticks.t_s.min())) - 1.0
    span = max(float(walked.exit_s.max()), float(ticks.t_s.max())) + TICK_S + 1.0 - earliest
    shift = ticks.piece[begin] * span - earliest
    cut = np.column_stack((ticks.t_s[begin] + shift, ticks.t_s[end - 1] + TICK_S + shift)).ravel()
    own = walked.piece * span - earliest
    low = np.searchsorted(cut, walked.enter_s + own, side="right")
    high = np.searchsorted(cut, walked.exit_s + own, side="left")
    count = np.maximum(high - low, 0) + 1
    index = np.repeat(np.arange(len(walked)), count)
    part = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    at = low[index] + part
    first, last = part == 0, part == count[index] - 1
    enter = np.where(first, walked.enter_s[index], cut[np.maximum(at - 1, 0)] - own[index])
    leave = np.where(last, walked.exit_s[index], cut[np.minimum(at, len(cut) - 1)] - own[index])
    parked = at % 2 == 1  # after the begin of a stay and before its end
    return Passages(
        walked.piece[index],
        walked.segment[index],
        enter,
        leave,
        np.where(parked, 0.0, walked.walked_m[index]),
    )


def segment_at(ticks: Ticks, walked: Passages) -> Ints:
    """Index of the passage that each tick falls into, (n,); -1 off every street."""
    found = np.full(len(ticks), -1, np.int64)
    if not len(walked):
        return found
    # One rising clock: pieces one after another.
    bounds = ticks.bounds
    low = np.full(len(ticks.piece_track), np.inf)
    high = np.full(len(ticks.piece_track), -np.inf)
    np.minimum.at(low, walked.piece, walked.enter_s)
    np.maximum.at(high, walked.piece, walked.exit_s)
    held = np.flatnonzero(np.diff(bounds) > 0)
    low[held] = np.minimum(low[held], ticks.t_s[bounds[held]])
    high[held] = np.maximum(high[held], ticks.t_s[bounds[held + 1] - 1])
    low[~np.isfinite(low)] = 0.0
    high[~np.isfinite(high)] = 0.0
    shift = np.concatenate(([0.0], np.cumsum(high - low + 1.0)[:-1])) - low
    order = np.argsort(walked.enter_s + shift[walked.piece], kind="stable")
    enter = (walked.enter_s + shift[walked.piece])[order]
    leave = (walked.exit_s + shift[walked.piece])[order]
    at = ticks.t_s + shift[ticks.piece]
    i = np.searchsorted(enter, at, side="right") - 1
    inside = (i >= 0) & (at <= leave[np.maximum(i, 0)])
    found[inside] = order[i[inside]]
    return found


def active_seconds(ticks: Ticks, active: Bools, walked: Passages) -> Floats:
    """Active time within each passage, (m,): the integral of `active` over it."""
    if not len(walked):
        return np.empty(0)
    n = len(ticks)
    total = np.concatenate(([0.0], np.cumsum(active * TICK_S)))
    bounds = ticks.bounds

    def upto(t_s: Floats) -> Floats:
        first = bounds[:-1][walked.piece]
        last = bounds[1:][walked.piece]
        start = ticks.t_s[np.minimum(first, n - 1)]
        steps = np.clip((t_s - start) / TICK_S, 0, np.maximum(last - first, 0))
        whole = np.floor(steps).astype(np.int64)
        i = first + whole
        inside = i < last
        part = np.where(inside, (steps - whole) * TICK_S, 0.0)
        value: Floats = total[i] + part * active[np.minimum(i, n - 1)]
        return value

    seconds: Floats = upto(walked.exit_s) - upto(walked.enter_s)
    return seconds


@dataclass(frozen=True, slots=True)
class Visits:
    """v visits to a group of segments (a hotspot): enter, leave, dwell, share of it walked."""

    enter_s: Floats
    exit_s: Floats
    dwell_s: Floats
    share: Floats


def visits(
    walked: Passages,
    active_s: Floats,
    segments: Ints,
    length_m: Floats,
    *,
    min_dwell_s: float,
    min_share: float,
    between_s: float,
) -> Visits:
    """Visits of one person to a hotspot made of `segments` (k,) of `length_m` (k,).

    Passages less than `between_s` apart are one visit; it counts when the active time on the
    hotspot reaches `min_dwell_s` or the distinct metres walked reach `min_share` of its length.
    `walked` holds one person's passages, `active_s` (m,) their active time.
    """
    on = np.isin(walked.segment, segments)
    order = np.argsort(walked.enter_s[on], kind="stable")
    enter, leave = walked.enter_s[on][order], walked.exit_s[on][order]
    segment, way = walked.segment[on][order], walked.walked_m[on][order]
    active = active_s[on][order]
    if not len(enter):
        none = np.empty(0)
        return Visits(none, none, none, none)
    reach = np.maximum.accumulate(leave)
    new = np.ones(len(enter), dtype=np.bool_)
    new[1:] = enter[1:] - reach[:-1] >= between_s
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(enter))
    dwell = np.add.reduceat(active, first)
    total = float(length_m.sum())
    share = np.array(
        [
            sum(
                min(float(way[b:e][segment[b:e] == s].max(initial=0.0)), float(size))
                for s, size in zip(segments, length_m, strict=True)
            )
            / total
            for b, e in zip(first, last, strict=True)
        ]
    )
    keep = (dwell >= min_dwell_s) | (share >= min_share)
    return Visits(enter[first][keep], reach[last - 1][keep], dwell[keep], share[keep])
